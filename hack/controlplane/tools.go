//go:build tools

// Pins the programs of the local control plane; hack/controlplane.sh builds them.
// Nothing imports this package: the build tag only makes `go mod tidy` keep the requirements.
package tools

import (
	_ "go.etcd.io/etcd/server/v3"
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
	_ "k8s.io/kubernetes/cmd/kubectl"
)
