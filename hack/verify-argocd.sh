#!/usr/bin/env bash
# Checks that manifests/argocd/argocd-cm.yaml, which is what people apply, holds the health checks
# next to it, which have the layout of Argo CD's own repository. Run by hand and by hack/test.sh.
# Changes nothing, except with --write, which makes argocd-cm.yaml.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../manifests/argocd"

render() {
  local script kind
  cat <<'HEADER'
# Health checks for Argo CD. Made by hack/verify-argocd.sh --write; edit the health.lua files.
#   kubectl -n argocd patch configmap argocd-cm --type merge \
#     --patch-file manifests/argocd/argocd-cm.yaml
data:
HEADER
  for script in apitoken.dev/*/health.lua; do
    kind=$(basename "$(dirname "$script")")
    printf '  resource.customizations.health.apitoken.dev_%s: |\n' "$kind"
    sed 's/^./    &/' "$script"
  done
}

case ${1:-} in
  --write) render >argocd-cm.yaml ;;
  '')
    render | diff -u argocd-cm.yaml - || {
      printf 'verify-argocd: run hack/verify-argocd.sh --write\n' >&2
      exit 1
    }
    ;;
  *) printf 'Usage: hack/verify-argocd.sh [--write]\n' >&2; exit 2 ;;
esac
