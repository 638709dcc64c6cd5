//go:build tools

// Pins the programs that save and restore etcd; hack/controlplane.sh builds them.
// Nothing imports this package: the build tag only makes `go mod tidy` keep the requirements.
package tools

import (
	_ "go.etcd.io/etcd/etcdctl/v3"
	_ "go.etcd.io/etcd/etcdutl/v3"
)
