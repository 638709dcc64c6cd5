//go:build tools

// Package helm pins Helm 4; hack/helm.sh builds it.
package helm

import _ "helm.sh/helm/v4/cmd/helm"
