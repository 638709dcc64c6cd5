//go:build tools

// Pins the mail server that the tests and the demo send to; hack/mailserver.sh builds it.
// Nothing imports this package: the build tag only makes `go mod tidy` keep the requirement.
package tools

import _ "github.com/axllent/mailpit"
