//go:build tools

// Package helm pins Helm 3; hack/helm.sh builds it.
package helm

import _ "helm.sh/helm/v3/cmd/helm"
