#!/usr/bin/env bash
# Shows the operator at work: builds it, starts a local cluster, a mail server, Prometheus and
# Alertmanager, applies the CRDs, the operator's role and the samples, and shows a token about to
# expire by every warning. Then everything stays up until Ctrl-C, which removes it again.
#
# Usage: hack/demo.sh [--once] [--kubeconfig FILE]
#
#   --once             stop after the show; exit 0 only if each warning was seen
#   --kubeconfig FILE  use your own cluster (its current context) instead of a local one. The demo
#                      applies the CRDs, which stay, and works in two namespaces, which it removes
#                      again with everything else that it made
#
# The first run installs Debian packages (hack/install-deps.sh --demo says which) and builds the
# servers and the operator, both at once: eight to nine minutes on two cores. Later runs take half a
# minute. State is in a temporary directory. Without --kubeconfig the demo reads no kubeconfig of
# yours.
# shellcheck disable=SC2317 # functions that step and observe call by name
set -euo pipefail
umask 077

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=hack/lib/process.sh
. "$root/hack/lib/process.sh"

once="" own_kubeconfig=""
while [ "$#" -gt 0 ]; do
  case $1 in
    --once) once=yes; shift ;;
    --kubeconfig) own_kubeconfig=$(realpath -e -- "${2:?--kubeconfig needs a file}"); shift 2 ;;
    --help | -h)
      sed -n '2,/^# shellcheck/{/^# shellcheck/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *) printf 'demo.sh: unknown option %s; see --help\n' "$1" >&2; exit 2 ;;
  esac
done
unset KUBECONFIG

dir=$(mktemp -d "${TMPDIR:-/tmp}/apitoken-demo.XXXXXX") \
  # lib/process.sh keeps its pids and logs here
readonly token=legacy-export                            # manifests/samples: the one about to expire
readonly token_secret=legacy-export-token token_key=api-token
missed=()

# On a cluster of the reader's own every name is one that nobody else has.
if [ -n "$own_kubeconfig" ]; then
  suffix="-$(od -An -N3 -tx1 /dev/urandom | tr -d ' \n')"
  tokens="apitoken-demo$suffix" system="apitoken-demo$suffix-system" account="apitoken-demo$suffix"
else
  suffix="" tokens=demo system=apitoken-system account=apitoken-operator
fi

# --- progress -------------------------------------------------------------------------------------

seconds_since() { awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.1f s", to - from }'; }
passed() { printf '✓ %s (%s)\n' "$1" "$(seconds_since "$2")"; }

# step TITLE COMMAND...: runs it with its output in a log and what it says on stderr in sight;
# gives up where it fails.
step() {
  local title=$1 begin=$EPOCHREALTIME code
  shift
  printf '· %s\n' "$title"
  set +e
  ( set -e; "$@" ) >"$dir/step.log"
  code=$?
  set -e
  if [ "$code" -ne 0 ]; then
    printf '✗ %s\n' "$title"
    tail -n 30 "$dir/step.log"
    exit 1
  fi
  passed "$title" "$begin"
}

# observe TITLE SECONDS COMMAND...: asks until COMMAND succeeds and shows what it printed;
# remembers what never did.
observe() {
  local title=$1 begin=$EPOCHREALTIME deadline=$((SECONDS + $2)) shown
  shift 2
  until shown=$("$@" 2>"$dir/observe.log"); do
    if [ "$SECONDS" -ge "$deadline" ]; then
      printf '✗ %s: not seen\n' "$title"
      sed 's/^/    /' "$dir/observe.log"
      missed+=("$title")
      return 0
    fi
    sleep 0.2
  done
  passed "$title" "$begin"
  printf '%s\n' "$shown" | sed 's/^/    /'
}

# --- building -------------------------------------------------------------------------------------

install_dependencies() {
  "$root/hack/install-deps.sh" --demo >&2
}

build_operator() {
  cmake -S "$root" --preset release 2>&1 &&
    cmake --build "$root/build/release" --target apitoken-operator kubectl-apitoken 2>&1
}

# kubectl comes with the control plane; a reader with a cluster of their own may have one already.
build_servers() {
  if [ -z "$own_kubeconfig" ] || ! type -P kubectl; then "$root/hack/controlplane.sh" build \
    >"$dir/bin"; fi
  "$root/hack/mailserver.sh" build
}

# Both at once: the one compiles while the other downloads or links. The servers' build has a
# process group of its own, which ends with this one.
build_all() {
  local servers failed=""
  set -m
  build_servers &
  servers=$!
  set +m
  # shellcheck disable=SC2064 # this pid
  trap "kill -- -$servers 2>/dev/null || true" EXIT
  build_operator || failed=yes
  wait "$servers" || failed=yes
  [ -z "$failed" ]
}

# --- servers --------------------------------------------------------------------------------------

start_cluster() {
  "$root/hack/controlplane.sh" up --dir "$dir/cluster"
  cp "$dir/cluster/kubeconfig" "$dir/kubeconfig"
}

use_cluster() {
  kubectl --kubeconfig "$own_kubeconfig" config view --raw --minify --flatten >"$dir/kubeconfig"
  kube version
}

start_mail() {
  new_password >"$dir/password"
  "$root/hack/mailserver.sh" start --dir "$dir/mail" --tls starttls \
    --auth "tokens:$(<"$dir/password")"
}

new_password() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

# Our own prometheus.yml with the ports of this run, and seconds in place of half minutes.
start_prometheus() {
  sed -e 's/_interval: 30s/_interval: 1s/' -e \
    "s|- rules.yaml|- $root/manifests/prometheus/rules.yaml|" \
    -e "s/127.0.0.1:9093/127.0.0.1:$alertmanager_port/" \
      -e "s/127.0.0.1:8080/127.0.0.1:$metrics_port/" \
    "$root/manifests/prometheus/prometheus.yml" >"$dir/prometheus.yml"
  spawn prometheus prometheus --config.file "$dir/prometheus.yml" \
    --storage.tsdb.path "$dir/prometheus" \
    --web.listen-address "127.0.0.1:$prometheus_port"
  wait_until 30 prometheus curl -fsS "$prometheus_url/-/ready"
}

start_alertmanager() {
  printf '{route: {receiver: nobody, group_wait: 1s}, receivers: [{name: nobody}]}\n' \
    >"$dir/alertmanager.yml"
  spawn alertmanager prometheus-alertmanager --config.file "$dir/alertmanager.yml" \
    --storage.path "$dir/alertmanager" \
    --web.listen-address "127.0.0.1:$alertmanager_port" --cluster.listen-address ""
  wait_until 30 alertmanager curl -fsS "$alertmanager_url/-/ready"
}

# --- the operator ---------------------------------------------------------------------------------

kube() { kubectl --kubeconfig "$dir/kubeconfig" --request-timeout=20s "$@"; }

served() { kube get apitokens,tokenexpiryconfigs -A; }

apply_crds() {
  kube apply -f "$root/crds"
  local deadline=$((SECONDS + 60))
  until served >"$dir/served.log" 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || { cat "$dir/served.log" >&2; return 1; }
    sleep 0.2
  done
}

renamed_rbac() {
  sed -e "s/apitoken-system/$system/" \
    -e "s/name: apitoken-operator/name: $account/" "$root/manifests/rbac/operator.yaml"
}

# The operator gets the service account of manifests/rbac and nothing more, as its pod would.
operator_kubeconfig() {
  local to="$dir/operator.kubeconfig"
  kube create token "$account" -n "$system" --duration 24h >"$dir/operator.token"
  cp "$dir/kubeconfig" "$to"
  kubectl --kubeconfig "$to" config unset users
  kubectl --kubeconfig "$to" config set users.operator.tokenFile "$dir/operator.token"
  kubectl --kubeconfig "$to" config set-context --current --user operator
}

operator_ready() { curl -fsS "http://127.0.0.1:$health_port/readyz"; }

start_operator() {
  renamed_rbac | kube apply -f -
  kube create namespace "$tokens"
  operator_kubeconfig
  spawn operator "$root/build/release/apitoken-operator" --kubeconfig "$dir/operator.kubeconfig" \
    --leader-elect \
    --operator-namespace "$system" --namespaces "$tokens" \
    --metrics-bind-address "127.0.0.1:$metrics_port" \
      --health-probe-bind-address "127.0.0.1:$health_port"
  wait_until 30 operator operator_ready
}

# Door 1 of the portal, with the kubeconfig of the demo, until the demo ends.
start_portal() {
  spawn portal "$root/build/release/kubectl-apitoken" web --kubeconfig "$dir/kubeconfig" \
    --namespace "$tokens" --idle 720h
  wait_until 20 portal portal_address
}

portal_address() {
  grep -m 1 -oE 'http://127\.0\.0\.1:[0-9]+/#key=[A-Za-z0-9_-]+' "$dir/logs/portal.log"
}

# The samples as they stand, but for the address, login and CA of our mail server, and a digest
# that waits for a second.
apply_samples() {
  local sample name
  # shellcheck source=/dev/null
  . "$dir/mail/env"
  kube -n "$system" create secret generic smtp --from-literal=username=tokens \
    --from-file=password="$dir/password" \
    --from-literal=server="$SMTP_HOST:$SMTP_PORT"
  kube -n "$system" create secret generic smtp-ca --from-file=ca.crt="$SMTP_CA"
  for sample in "$root"/manifests/samples/{,trying/}tokenexpiryconfig-*.yaml; do
    name=$(kubectl --kubeconfig "$dir/kubeconfig" create --dry-run=client -f "$sample" \
      -o 'jsonpath={.metadata.name}')
    KUBECONFIG=/dev/null kubectl patch --local -f "$sample" --type merge -o yaml -p "{
      \"metadata\": {\"name\": \"$name$suffix\"},
      \"spec\": {
        \"digest\": \"1s\",
        \"namespaceSelector\": {\"matchLabels\": {\"kubernetes.io/metadata.name\": \"$tokens\"}},
        \"smtp\": {\"server\": \"$SMTP_HOST:$SMTP_PORT\", \"tls\": \"StartTLS\",
                   \"caSecret\": \"smtp-ca\"}}}" | kube apply -f -
    printf '%s\n' "$name$suffix" >>"$dir/configs"
  done
  for sample in "$root"/manifests/samples/{,trying/}apitoken-*.yaml; do kube -n "$tokens" apply \
    -f "$sample"; done
}

# --- what is there to see: each prints its evidence, and fails while there is none ----------------

json() { python3 -c "import json, sys; d = json.load(sys.stdin); $1"; }
of_token() { kube -n "$tokens" get apitoken "$token" -o "jsonpath={$1}"; }
of_secret() { kube -n "$tokens" get secret "$token_secret" -o "jsonpath={$1}"; }

# The value itself is not shown: its hash must be the one that the ApiToken's status vouches for.
see_secret() {
  local hash length
  hash="sha256:$(of_secret ".data.$token_key" | base64 -d | sha256sum | cut -d' ' -f1)"
  length=$(of_secret ".data.$token_key" | base64 -d | wc -c)
  [ "$length" -gt 0 ] && [ "$hash" = "$(of_token .status.tokenHash)" ] || return 1
  kube -n "$tokens" get secret "$token_secret"
  printf 'key %s holds %s characters that hash to the status.tokenHash of ApiToken %s\n' \
    "$token_key" "$length" "$token"
}

see_annotation() {
  local expiry
  expiry=$(of_secret '.metadata.annotations.apitoken\.dev/expires-at')
  [ -n "$expiry" ] && [ "$expiry" = "$(of_token .status.expiresAt)" ] || return 1
  printf 'apitoken.dev/expires-at: %s\n' "$expiry"
}

see_apitokens() {
  local table
  table=$(kube -n "$tokens" get apitokens)
  grep -Eq "^$token .* True +ExpiringSoon " <<<"$table" &&
    [ "$(grep -c ' True ' <<<"$table")" -eq 4 ] || return 1
  printf '%s\n' "$table"
}

see_event() {
  local event
  event=$(kube -n "$tokens" get events --field-selector \
    "involvedObject.name=$token,reason=ExpiringSoon,type=Warning" \
    -o 'custom-columns=TYPE:.type,REASON:.reason,OBJECT:.involvedObject.name,MESSAGE:.message')
  grep -q "^Warning " <<<"$event" || return 1
  printf '%s\n' "$event"
}

see_metric() {
  local page
  page=$(curl -fsS "http://127.0.0.1:$metrics_port/metrics")
  grep -E "^apitoken_(expiration|warning)_timestamp_seconds\{.*name=\"$token\"" <<<"$page" &&
    grep -E '^apitokens_expiring\{' <<<"$page"
}

see_scraped_metric() {
  local expiry="apitoken_expiration_timestamp_seconds{namespace=\"$tokens\",name=\"$token\"}"
  curl -fsS "$prometheus_url/api/v1/query" \
    --data-urlencode "query=$expiry - time()" | json '
left = float(d["data"]["result"][0]["value"][1])
print("by its clock the token has", round(left), "seconds left")'
}

see_alert() {
  curl -fsS "$prometheus_url/api/v1/alerts" | json "
a = next(a for a in d['data']['alerts']
         if a['labels'].get('name') == '$token' and a['state'] == 'firing')
print(a['labels']['alertname'], 'fires:', a['annotations']['summary'])"
}

see_alertmanager() {
  curl -fsS "$alertmanager_url/api/v2/alerts?active=true" | json "
a = next(a for a in d if a['labels'].get('name') == '$token')
print(a['labels']['alertname'], 'is', a['status']['state'] + ', severity', a['labels']['severity'])"
}

see_mail() {
  local id
  id=$(curl -fsS "$mail_url/api/v1/messages" | json 'print(d["messages"][0]["ID"])')
  curl -fsS "$mail_url/api/v1/message/$id" | json "
print('From:    ', d['From']['Address'])
print('To:      ', ', '.join(a['Address'] for a in d['To']))
print('Subject: ', d['Subject'])
print('\n'.join('| ' + line for line in d['Text'].splitlines()[:20]))
sys.exit(None if '$token' in d['Text'] else 'it does not name $token')"
}

# The list is a stream without an end: two seconds of it are enough.
see_portal() {
  local address rows
  address=$(portal_address)
  rows=$(curl -sN --max-time 2 --header "Authorization: Portal ${address#*key=}" \
    --header 'X-Apitoken-Portal: 1' "${address%%/#*}/api/tokens?ns=$tokens" || true)
  grep -qF "\"$token\"" <<<"$rows" || { printf '%s\n' "$rows" >&2; return 1; }
  printf '%s lists %s\n' "${address%%/#*}/tokens" "$token"
}

show() {
  printf '\nApiToken %s has 20 minutes to live. Who would notice?\n\n' "$token"
  observe "the Secret" 30 see_secret
  observe "its annotation" 10 see_annotation
  observe "kubectl get apitokens" 20 see_apitokens
  observe "the Event" 20 see_event
  observe "the metric" 20 see_metric
  observe "the metric in Prometheus" 30 see_scraped_metric
  observe "the alert that fires" 30 see_alert
  observe "the alert in Alertmanager" 30 see_alertmanager
  observe "the mail that arrived" 60 see_mail
  observe "the portal" 20 see_portal
}

# --- the end --------------------------------------------------------------------------------------

remove_from_own_cluster() {
  [ -n "$own_kubeconfig" ] && [ -s "$dir/kubeconfig" ] || return 0
  printf 'Removing what the demo made in your cluster. The CRDs stay;\n'
  printf 'kubectl delete -f crds/ removes them with every ApiToken.\n'
  [ ! -s "$dir/configs" ] || xargs -r kubectl --kubeconfig "$dir/kubeconfig" delete \
    --ignore-not-found tokenexpiryconfig <"$dir/configs"
  kube delete --ignore-not-found --wait=false namespace "$tokens" "$system"
  kube delete --ignore-not-found clusterrole,clusterrolebinding "$account"
}

clean_up() {
  trap '' INT TERM
  [ -n "$once" ] || printf '\nStopping everything\n'
  stop portal
  stop operator
  remove_from_own_cluster || printf \
    'demo.sh: some of it could not be removed; look for namespaces %s, %s\n' "$tokens" "$system" >&2
  stop prometheus
  stop alertmanager
  "$root/hack/mailserver.sh" stop --dir "$dir/mail" || true
  "$root/hack/controlplane.sh" down --dir "$dir/cluster" || true
  rm -rf "$dir"
}

print_usage() {
  cat <<TEXT

It stays up until Ctrl-C. In another terminal:
  export KUBECONFIG=$dir/kubeconfig
  export PATH=\$PATH:$(dirname "$(type -P kubectl)")
  kubectl -n $tokens get apitokens
  kubectl -n $tokens describe apitoken $token
  kubectl -n $tokens get secret ci-deploy -o jsonpath='{.data.token}' | base64 -d
  kubectl -n $tokens delete secret ci-deploy       # it comes back: same expiry, new value
  # Renew the token:
  kubectl -n $tokens annotate --overwrite apitoken $token \\
    apitoken.dev/rotate-requested-at=\$(date -u +%FT%TZ)

  Portal          $(portal_address)
  Mail            $mail_url
  Prometheus      $prometheus_url/alerts
  Alertmanager    amtool --alertmanager.url $alertmanager_url alert
                  (Debian's has no web page; API at /api/v2)
  Metrics         http://127.0.0.1:$metrics_port/metrics
  Operator's log  $dir/logs/operator.log
TEXT
}

printf 'The apitoken-operator demo%s\n\n' "${own_kubeconfig:+ on the cluster of $own_kubeconfig}"
trap clean_up EXIT
trap 'exit 130' INT TERM
alertmanager_port=$(free_port) prometheus_port=$(free_port) metrics_port=$(free_port) \
  health_port=$(free_port)
alertmanager_url=http://127.0.0.1:$alertmanager_port \
  prometheus_url=http://127.0.0.1:$prometheus_port

step "Debian packages" install_dependencies
step "cluster, mail server and operator, built (release)" build_all
[ ! -s "$dir/bin" ] || PATH="$PATH:$(<"$dir/bin")"
if [ -n "$own_kubeconfig" ]; then step "your cluster" use_cluster; else step "local cluster" \
  start_cluster; fi
step "mail server" start_mail
# shellcheck source=/dev/null
mail_url=$(. "$dir/mail/env" && printf '%s' "$MAILPIT_URL")
step "Alertmanager" start_alertmanager
step "Prometheus" start_prometheus
step "CRDs" apply_crds
step "operator, with the role of manifests/rbac and no more" start_operator
step "samples" apply_samples
step "portal, by kubectl apitoken web" start_portal
show

if [ "${#missed[@]}" -gt 0 ]; then
  printf '\nNot observed: %s\n' "$(printf '%s; ' "${missed[@]}" | sed 's/; $//')"
  [ -z "$once" ] || { tail -n 20 "$dir/logs/operator.log"; exit 1; }
else
  printf '\nEach thing was observed.\n'
fi
[ -z "$once" ] || exit 0
print_usage
while pid_of operator >/dev/null; do sleep 1; done
printf 'The operator ended by itself. The end of its log:\n'
tail -n 20 "$dir/logs/operator.log"
exit 1
