# Sourced by hack/ruff.sh and hack/proxies.sh, after lib/go.sh: programs in wheels from PyPI, whose
# sums a requirements file pins. It writes only into the build cache outside the tree.
# shellcheck shell=bash

# wheels_dir PIN: where the programs of PIN stay; a changed pin is another directory.
# shellcheck disable=SC2154 # cache_root: by lib/go.sh
wheels_dir() { printf '%s/bin/%s\n' "$cache_root" "$(sha256sum <"$1" | cut -c1-16)"; }

# fetch_wheels NAME PIN DIRECTORY FILE...: installs these files of the wheels in DIRECTORY. Takes
# Debian's pip: the Python on PATH may be another, with wheels of its own.
fetch_wheels() {
  local name=$1 requirements=$2 bin=$3 wheels="$3/wheels"
  shift 3
  [ ! -e "$bin/complete" ] || return 0
  /usr/bin/python3 -m pip --version >/dev/null 2>&1 ||
    die "pip is missing; install python3-pip (hack/install-deps.sh)"
  say "Fetching $name into $bin"
  rm -rf "$wheels"
  /usr/bin/python3 -m pip install --quiet --no-deps --only-binary :all: --require-hashes \
    --no-compile --root-user-action ignore --target "$wheels" -r "$requirements" >&2 ||
    die "$name could not be fetched"
  install -m 755 "${@/#/$wheels/}" "$bin/"
  rm -rf "$wheels"
  : >"$bin/complete"
}
