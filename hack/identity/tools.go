//go:build tools

// Keeps oauth2-proxy among the requirements; hack/identity.sh builds it beside the provider.
package main

import _ "github.com/oauth2-proxy/oauth2-proxy/v7"
