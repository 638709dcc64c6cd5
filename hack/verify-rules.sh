#!/usr/bin/env bash
# Checks the alerts: prometheusrule.yaml has the groups of rules.yaml, promtool accepts them, their
# tests pass, and each alert has its runbook. Run by hand and by hack/test.sh; needs promtool
# (Debian: prometheus). Changes nothing, except with --write, which makes prometheusrule.yaml from
# rules.yaml.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly rules=manifests/prometheus/rules.yaml
readonly prometheusrule=manifests/prometheus/prometheusrule.yaml
readonly runbooks=docs/runbooks

fail() {
  echo "verify-rules: $*" >&2
  exit 1
}

render_prometheusrule() {
  cat <<'HEADER'
# The alerts of rules.yaml for clusters with the Prometheus operator. Made by hack/verify-rules.sh
# --write; edit rules.yaml.
#
# - Your Prometheus must select it: add the labels of its spec.ruleSelector (kube-prometheus-stack:
#   release: <name>).
# - With `honorLabels: true` in the ServiceMonitor or PodMonitor the alerts have the token's
#   namespace as their label namespace. Otherwise that is the operator's, the token's is
#   exported_namespace, and the texts still name the token's.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: apitoken-operator
  namespace: apitoken-system
  labels:
    app.kubernetes.io/part-of: apitoken-operator
spec:
HEADER
  sed -n '/^groups:/,$p' "$rules" | sed 's/^./  &/'
}

case "${1:-}" in
  --write)
    render_prometheusrule >"$prometheusrule"
    ;;
  '')
    diff -u "$prometheusrule" <(render_prometheusrule) ||
      fail "$prometheusrule differs from $rules; run hack/verify-rules.sh --write"
    ;;
  *)
    fail "usage: hack/verify-rules.sh [--write]"
    ;;
esac

command -v promtool >/dev/null || fail "promtool is missing; on Debian: apt install prometheus"
promtool check rules --lint-fatal "$rules"
promtool check config "$(dirname "$rules")/prometheus.yml"
promtool test rules "$(dirname "$rules")"/*_test.yaml

alerts=$(sed -n 's/^ *- alert: *//p' "$rules" | sort -u)
for alert in $alerts; do
  [[ -s $runbooks/$alert.md ]] || fail "alert $alert has no page $runbooks/$alert.md"
  grep -q "runbook_url: https://.*/$runbooks/$alert\.md$" "$rules" ||
    fail "alert $alert has no runbook_url to $runbooks/$alert.md"
done
for page in "$runbooks"/*.md; do
  grep -qx "$(basename "$page" .md)" <<<"$alerts" || fail "$page belongs to no alert"
done
echo "verify-rules: $(wc -w <<<"$alerts") alerts, each checked, tested and with a runbook"
