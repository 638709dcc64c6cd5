# Sourced by hack/controlplane.sh and hack/mailserver.sh: finds a Go that can build the pinned
# servers, and the cache outside the tree that keeps what was built. It changes nothing on the
# system and never writes into the tree; the only thing it fetches is a Go toolchain, through Go's
# own module proxy.
# shellcheck shell=bash

readonly go_wanted=1.26.0      # the `go` line of hack/controlplane/go.mod
readonly go_fetched=1.26.8     # the toolchain to fetch where only an older Go exists
readonly cache_root="${XDG_CACHE_HOME:-$HOME/.cache}/apitoken-operator"

say() { printf '%s\n' "$*" >&2; }
die() { say "${0##*/}: $*"; exit 1; }

# version_at_least HAVE WANTED: true where HAVE is the same or newer.
version_at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# The directory of the binaries that belong to one pinned module: a changed pin is another
# directory.
bin_dir_of() {
  printf '%s/bin/%s\n' "$cache_root" \
    "$(cat "$1/go.mod" "$1/go.sum" | sha256sum | cut -c1-16)"
}

go_version_of() {
  GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null |
    sed -n 's/^go\([0-9.]*\).*/\1/p'
}

# Every Go on this machine, PATH first, as "version path" lines.
installed_gos() {
  local path version
  for path in "$(command -v go || true)" "$cache_root/go$go_fetched/bin/go" /usr/local/go/bin/go \
    /usr/lib/go-*/bin/go; do
    [ -x "$path" ] || continue
    version=$(go_version_of "$path")
    [ -z "$version" ] || printf '%s %s\n' "$version" "$path"
  done
}

# A Go before 1.21 cannot switch toolchains itself, but it can download the toolchain, which is an
# ordinary module whose sum it checks. Modules carry no file modes, so chmod follows.
# https://go.dev/doc/toolchain
fetch_toolchain() {
  local old_go=$1 target="$cache_root/go$go_fetched" module source
  module="golang.org/toolchain@v0.0.1-go$go_fetched.$("$old_go" env GOOS)-$("$old_go" env GOARCH)"
  say "Fetching Go $go_fetched through the Go module proxy into $target (once, about 70 MB)"
  source=$("$old_go" mod download -json "$module" | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p')
  [ -d "$source" ] || return 1
  rm -rf "$target" "$target.partial"
  cp -r "$source" "$target.partial"
  chmod -R u+w "$target.partial"
  find "$target.partial/bin" "$target.partial/pkg/tool" -type f -exec chmod +x {} +
  mv "$target.partial" "$target"
}

# Sets go_bin, exports GOTOOLCHAIN where the Go found has to switch to a newer one; says what to
# install if none will do.
find_go() {
  local gos found version path
  gos=$(installed_gos)
  while read -r version path; do
    if [ -n "$version" ] && version_at_least "$version" "$go_wanted"; then go_bin=$path; return; fi
  done <<<"$gos"
  found=$(sort -rV <<<"$gos" | head -n 1)
  if [ -n "$found" ]; then
    go_bin=${found#* }
    if version_at_least "${found%% *}" 1.21; then
      say "Go ${found%% *} at $go_bin: letting it fetch Go $go_fetched (GOTOOLCHAIN)"
      export GOTOOLCHAIN=go$go_fetched
      return
    fi
    if mkdir -p "$cache_root" && fetch_toolchain "$go_bin"; then
      go_bin="$cache_root/go$go_fetched/bin/go"; return; fi
    say "Go ${found%% *} at $go_bin is too old, and Go $go_fetched could not be fetched with it."
  else
    say "Go is not installed."
  fi
  say "Building the servers needs Go $go_wanted. Install any of these, then run this again:"
  say "  - Go $go_wanted or newer from https://go.dev/dl/, with its bin directory on PATH"
  say "  - any Go from 1.21 on, which then fetches $go_wanted by itself"
  say "  - Debian's own: hack/install-deps.sh (or: apt-get install golang-go)"
  say "Or avoid the build: set KUBEBUILDER_ASSETS to a directory with kube-apiserver, etcd and"
  say "kubectl 1.32 or newer (setup-envtest)."
  exit 1
}

# build_locked DIR FUNCTION: runs FUNCTION unless another process is at it, in which case waits for
# that one.
build_locked() {
  mkdir -p "$1"
  ( flock 9; "$2" "$1" ) 9>"$1/.lock"
}
