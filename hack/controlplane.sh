#!/usr/bin/env bash
# A real Kubernetes control plane on loopback, for tests, the demo and the benchmark: etcd,
# kube-apiserver and kube-controller-manager (garbage collection, namespaces, service accounts). No
# containers, no kubelet, no root. It touches only its own directory, the build cache and the
# processes it started.
#
# Usage: hack/controlplane.sh COMMAND [--dir DIR] [options]
#
#   build                 find the servers, or build the pinned ones (8 minutes on 2 cores, once)
#   up [-- FLAGS...]      start what is not running, wait until ready, print the exports;
#                         kube-apiserver gets FLAGS
#   down [--purge]        stop this directory's servers; --purge also deletes its state
#   env                   print the exports again, for eval
#   start-apiserver [-- FLAGS...]  start kube-apiserver on its old port; FLAGS replace earlier ones
#   stop-apiserver        end it with SIGTERM and wait
#   kill-apiserver        end it with SIGKILL and wait
#   start-etcd            start etcd on its old port
#   kill-etcd             end it with SIGKILL and wait
#   save --snapshot FILE  save a snapshot of etcd, by etcdctl
#   restore --snapshot FILE [-- FLAGS...]  end all servers, replace etcd's state with the snapshot,
#                         by etcdutl with FLAGS, and start the servers
#   build-backup          build etcdctl and etcdutl, which save and restore need
#   kubeconfig --user NAME [--group GROUP]... [--days N | --expired]
#                         print a kubeconfig with a new client certificate of that user
#
# --dir DIR defaults to ${TMPDIR:-/tmp}/apitoken-controlplane-<user>; each DIR is an instance of
# its own. It holds kubeconfig (admin), ca.crt, ca.key, env, logs/, pids/, etcd/, pki/.
# Environment:
# - KUBEBUILDER_ASSETS, or PATH: if it has kube-apiserver, etcd and kubectl 1.32 or newer, nothing
#   is
#   built.
# - APISERVER_EXTRA_FLAGS: more kube-apiserver flags, separated by spaces.
# - XDG_CACHE_HOME: where builds stay.
set -euo pipefail
umask 077

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=hack/lib/go.sh
. "$here/lib/go.sh"
# shellcheck source=hack/lib/process.sh
. "$here/lib/process.sh"
# shellcheck source=hack/lib/pki.sh
. "$here/lib/pki.sh"

readonly pin="$here/controlplane" backup_pin="$here/etcd"
readonly oldest=1.32
readonly ready_seconds=120

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }

# --- binaries -------------------------------------------------------------------------------------

version_of() {
  case $1 in
    */kubectl) "$1" version --client 2>/dev/null | sed -n 's/^Client Version: v//p' ;;
    *) "$1" --version 2>/dev/null | sed -n 's/^Kubernetes v//p' ;;
  esac
}

# use_binaries WHERE LOOKUP: takes the three that must exist, and the controller manager where
# there is one.
use_binaries() {
  local where=$1 lookup=$2 name path
  for name in etcd kube-apiserver kubectl; do
    path=$("$lookup" "$name") || { missing=$name; return 1; }
    [ "$name" = etcd ] || version_at_least "$(version_of "$path")" "$oldest" ||
      { missing="$name $oldest or newer"; return 1; }
  done
  bin_etcd=$("$lookup" etcd) bin_apiserver=$("$lookup" kube-apiserver) bin_kubectl=$("$lookup" \
    kubectl)
  bin_controllers=$("$lookup" kube-controller-manager || true)
  [ -n "$bin_controllers" ] || say \
    "$where has no kube-controller-manager: owned objects will not be collected."
}

in_assets() { [ -x "$KUBEBUILDER_ASSETS/$1" ] && printf '%s\n' "$KUBEBUILDER_ASSETS/$1"; }
on_path() { type -P "$1"; }
in_cache() { [ -x "$(bin_dir_of "$pin")/$1" ] && printf '%s\n' "$(bin_dir_of "$pin")/$1"; }

find_binaries() {
  if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
    if use_binaries "KUBEBUILDER_ASSETS" in_assets; then return; fi
    say "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS has no $missing; looking further."
  fi
  if type -P kube-apiserver >/dev/null && use_binaries PATH on_path; then return; fi
  use_binaries "$(bin_dir_of "$pin")" in_cache
}

pinned_version() { sed -n "s|^[[:space:]]*$1 v\([0-9.]*\).*|\1|p" "$pin/go.mod" | head -n 1; }

build_into() {
  local bin=$1 version package name
  version=$(pinned_version k8s.io/kubernetes)
  for package in go.etcd.io/etcd/server/v3 \
    k8s.io/kubernetes/cmd/{kubectl,kube-apiserver,kube-controller-manager}; do
    name=${package##*/}
    [ "$name" != v3 ] || name=etcd
    [ ! -x "$bin/$name" ] || continue
    [ -n "${go_bin:-}" ] || find_go
    say "Building $name ($package) into $bin"
    ( cd "$pin" && CGO_ENABLED=0 GOWORK=off GOFLAGS=-mod=readonly "$go_bin" build -trimpath \
      -buildvcs=false \
      -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=v$version \
        -X k8s.io/component-base/version.gitMajor=${version%%.*} \
        -X k8s.io/component-base/version.gitMinor=$(cut -d. -f2 <<<"$version")" \
      -o "$bin/.$name.partial" "$package" ) || die "building $name failed"
    mv "$bin/.$name.partial" "$bin/$name"
  done
}

build() {
  if find_binaries; then return; fi
  build_locked "$(bin_dir_of "$pin")" build_into
  find_binaries || die "no $missing after the build"
}

build_backup_into() {
  local bin=$1 name
  for name in etcdctl etcdutl; do
    [ ! -x "$bin/$name" ] || continue
    [ -n "${go_bin:-}" ] || find_go
    say "Building $name into $bin"
    ( cd "$backup_pin" && CGO_ENABLED=0 GOWORK=off GOFLAGS=-mod=readonly "$go_bin" build -trimpath \
      -buildvcs=false -ldflags '-s -w' -o "$bin/.$name.partial" "go.etcd.io/etcd/$name/v3" ) ||
      die "building $name failed"
    mv "$bin/.$name.partial" "$bin/$name"
  done
}

# Sets backup_bin, the directory of etcdctl and etcdutl.
build_backup() {
  backup_bin=$(bin_dir_of "$backup_pin")
  build_locked "$backup_bin" build_backup_into
}

# --- one instance ---------------------------------------------------------------------------------

# keep_port NAME FILE: the port this instance used before, unless it never ran or another process
# now has it.
keep_port() {
  local name=$1 file="$dir/ports/$2" port=""
  [ ! -r "$file" ] || port=$(<"$file")
  if ! pid_of "$name" >/dev/null; then
    if [ -z "$port" ] || (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      port=$(free_port); fi
  fi
  printf '%s\n' "$port" >"$file"
}

port() { printf '%s\n' "$(<"$dir/ports/$1")"; }

make_certificates() {
  local kubernetes_names=DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc
  [ ! -e "$dir/pki/complete" ] || return 0
  make_ca "$dir/ca"
  sign "$dir/ca" "$dir/pki/apiserver" "/CN=kube-apiserver" serverAuth "-1 hour" "+10 years" \
    "IP:127.0.0.1,IP:10.0.0.1,DNS:localhost,$kubernetes_names"
  sign "$dir/ca" "$dir/pki/admin" "/O=system:masters/CN=admin" clientAuth "-1 hour" "+10 years"
  new_key "$dir/pki/service-account.key"
  openssl ec -in "$dir/pki/service-account.key" -pubout \
    -out "$dir/pki/service-account.pub" 2>/dev/null
  : >"$dir/pki/complete"
}

# print_kubeconfig USER PREFIX: with the certificate and key embedded.
print_kubeconfig() {
  cat <<YAML
apiVersion: v1
kind: Config
clusters:
- name: local
  cluster:
    server: https://127.0.0.1:$(port apiserver)
    certificate-authority-data: $(base64 -w0 "$dir/ca.crt")
users:
- name: "$1"
  user:
    client-certificate-data: $(base64 -w0 "$2.crt")
    client-key-data: $(base64 -w0 "$2.key")
contexts:
- name: local
  context: {cluster: local, user: "$1"}
current-context: local
YAML
}

write_env() {
  {
    printf 'export KUBECONFIG=%q\n' "$dir/kubeconfig"
    printf 'export KUBE_APISERVER_URL=https://127.0.0.1:%s\n' "$(port apiserver)"
    printf 'export KUBE_CA=%q\n' "$dir/ca.crt"
    printf 'export ETCD_URL=http://127.0.0.1:%s\n' "$(port etcd)"
    printf 'export CONTROLPLANE_DIR=%q\n' "$dir"
    # shellcheck disable=SC2016 # the reader's PATH, when evaluated
    [ "$(type -P kubectl)" = "$bin_kubectl" ] ||
      printf 'export PATH=%q:"$PATH"\n' "$(dirname "$bin_kubectl")"
  } >"$dir/env"
}

etcd_answers() { curl -fsS -m 2 "http://127.0.0.1:$(port etcd)/readyz"; }

etcd_peer() { printf 'http://127.0.0.1:%s\n' "$(port etcd-peer)"; }

start_etcd() {
  pid_of etcd >/dev/null || spawn etcd "$bin_etcd" --data-dir "$dir/etcd" --unsafe-no-fsync \
    --log-level warn \
    --quota-backend-bytes 8589934592 \
    --listen-client-urls "http://127.0.0.1:$(port etcd)" \
      --advertise-client-urls "http://127.0.0.1:$(port etcd)" \
    --listen-peer-urls "$(etcd_peer)" --initial-advertise-peer-urls "$(etcd_peer)" \
    --initial-cluster "default=$(etcd_peer)"
  wait_until "$ready_seconds" etcd etcd_answers
}

kubectl_here() { "$bin_kubectl" --kubeconfig "$dir/kubeconfig" --request-timeout=5s "$@"; }

start_apiserver() {
  local extra=() environment=()
  [ ! -s "$dir/apiserver.flags" ] || mapfile -t extra <"$dir/apiserver.flags"
  read -r -a environment <<<"${APISERVER_EXTRA_FLAGS:-}"
  pid_of kube-apiserver >/dev/null || spawn kube-apiserver "$bin_apiserver" \
    --etcd-servers "http://127.0.0.1:$(port etcd)" \
    --bind-address 127.0.0.1 --advertise-address 127.0.0.1 --secure-port "$(port apiserver)" \
    --endpoint-reconciler-type none --service-cluster-ip-range 10.0.0.0/24 \
    --tls-cert-file "$dir/pki/apiserver.crt" --tls-private-key-file "$dir/pki/apiserver.key" \
      --cert-dir "$dir/pki" \
    --client-ca-file "$dir/ca.crt" --authorization-mode RBAC \
      --disable-admission-plugins ServiceAccount \
    --service-account-key-file "$dir/pki/service-account.pub" \
    --service-account-signing-key-file "$dir/pki/service-account.key" \
    --shutdown-watch-termination-grace-period 1s \
    --service-account-issuer https://kubernetes.default.svc.cluster.local \
    "${environment[@]}" "${extra[@]}"
  wait_until "$ready_seconds" kube-apiserver kubectl_here get --raw /readyz
}

# The default service account exists once the controllers have begun their work.
start_controllers() {
  [ -n "$bin_controllers" ] || return 0
  pid_of kube-controller-manager >/dev/null || spawn kube-controller-manager "$bin_controllers" \
    --kubeconfig "$dir/kubeconfig" --leader-elect=false --secure-port 0 \
    --service-account-private-key-file "$dir/pki/service-account.key" --root-ca-file "$dir/ca.crt" \
    --kube-api-qps 200 --kube-api-burst 400 \
    --controllers garbage-collector-controller,namespace-controller,serviceaccount-controller \
    --controllers serviceaccount-token-controller,clusterrole-aggregation-controller \
    --controllers resourcequota-controller,root-ca-certificate-publisher-controller \
    --controllers validatingadmissionpolicy-status-controller
  wait_until "$ready_seconds" kube-controller-manager kubectl_here \
    -n default get serviceaccount default
}

save_flags() { [ "$#" -eq 0 ] || printf '%s\n' "$@" >"$dir/apiserver.flags"; }

up() {
  mkdir -p "$dir/ports" "$dir/pki"
  [ -O "$dir" ] || die "$dir belongs to another user"
  build
  exec 9>"$dir/.lock"
  flock 9
  keep_port etcd etcd
  keep_port etcd etcd-peer
  keep_port kube-apiserver apiserver
  make_certificates
  print_kubeconfig admin "$dir/pki/admin" >"$dir/kubeconfig"
  save_flags "$@"
  write_env
  start_etcd
  start_apiserver
  start_controllers
  cat "$dir/env"
}

save() {
  [ -n "$snapshot" ] || die "save needs --snapshot FILE"
  build_backup
  "$backup_bin/etcdctl" --endpoints "http://127.0.0.1:$(port etcd)" snapshot save "$snapshot" >&2
}

# As Kubernetes asks for: all API servers end before, and the controllers start again after it.
# https://kubernetes.io/docs/tasks/administer-cluster/configure-upgrade-etcd/#restoring-an-etcd-cluster
restore() {
  [ -r "$snapshot" ] || die "restore needs --snapshot FILE, and can read no file '$snapshot'"
  build_backup
  stop kube-controller-manager
  stop kube-apiserver
  stop etcd
  rm -rf "$dir/etcd"
  "$backup_bin/etcdutl" snapshot restore "$snapshot" --data-dir "$dir/etcd" --name default \
    --initial-cluster "default=$(etcd_peer)" --initial-advertise-peer-urls "$(etcd_peer)" "$@" >&2
  start_etcd
  start_apiserver
  start_controllers
}

down() {
  [ -d "$dir" ] || return 0
  [ -O "$dir" ] || die "$dir belongs to another user"
  exec 9>"$dir/.lock"
  flock 9
  stop kube-controller-manager
  stop kube-apiserver
  stop etcd
  [ -z "$purge" ] || purge_state
}

# Removes what `up` makes, by name; a file of anyone else's keeps the directory.
purge_state() {
  rm -rf "$dir"/{etcd,logs,pids,pki,ports}
  rm -f "$dir"/{kubeconfig,env,ca.crt,ca.key,apiserver.flags,.lock}
  rmdir --ignore-fail-on-non-empty "$dir"
}

existing() {
  [ -r "$dir/env" ] ||
    die "nothing was started in $dir; run: hack/controlplane.sh up --dir $dir"
}

mint_kubeconfig() {
  local subject="" start="-1 hour" end="+$days days" work group
  [ -n "$user" ] || die "kubeconfig needs --user NAME"
  [ -z "$expired" ] || { start="-2 days" end="-1 day"; }
  for group in "${groups[@]}"; do subject+="/O=$(subject_value "$group")"; done
  work=$(mktemp -d)
  sign "$dir/ca" "$work/user" "$subject/CN=$(subject_value "$user")" clientAuth "$start" "$end"
  print_kubeconfig "$user" "$work/user"
  rm -rf "$work"
}

# --- command line ---------------------------------------------------------------------------------

dir="${TMPDIR:-/tmp}/apitoken-controlplane-$(id -un)"
purge="" user="" days=365 expired="" missing="" snapshot="" groups=()
command=${1:---help}
[ "$#" -eq 0 ] || shift
while [ "$#" -gt 0 ]; do
  case $1 in
    --dir) dir=${2:?--dir needs a directory}; shift 2 ;;
    --purge) purge=yes; shift ;;
    --user) user=${2:?--user needs a name}; shift 2 ;;
    --group) groups+=("${2:?--group needs a name}"); shift 2 ;;
    --days) days=${2:?--days needs a number}; shift 2 ;;
    --expired) expired=yes; shift ;;
    --snapshot) snapshot=${2:?--snapshot needs a file}; shift 2 ;;
    --help | -h) usage; exit 0 ;;
    --) shift; break ;;
    *) die "unknown option $1; see --help" ;;
  esac
done
dir=$(realpath -m -- "$dir")

case $command in
  build) build; dirname "$bin_apiserver" ;;
  up) up "$@" ;;
  down) down ;;
  env) existing; cat "$dir/env" ;;
  start-apiserver) existing; build; save_flags "$@"; start_apiserver ;;
  stop-apiserver) existing; stop kube-apiserver ;;
  kill-apiserver) existing; stop kube-apiserver KILL ;;
  start-etcd) existing; build; start_etcd ;;
  kill-etcd) existing; stop etcd KILL ;;
  save) existing; save ;;
  restore) existing; build; restore "$@" ;;
  build-backup) build_backup ;;
  kubeconfig) existing; mint_kubeconfig ;;
  --help | -h | help) usage ;;
  *) die "unknown command $command; see --help" ;;
esac
