# Sourced by hack/image.sh and hack/plugin.sh: builds the programs of a release for this machine's
# architecture or for another one, and copies into a folder the libraries that a program loads, each
# with its licence. Asks dpkg and readelf, and runs no built program, so the architecture may be a
# foreign one. The script that sources this sets root (the tree), arch (as dpkg names it), into (the
# folder) and contents (a file: package<TAB>path of all that was taken).
# shellcheck shell=bash disable=SC2154,SC2034

native=$(dpkg --print-architecture)
readonly native
say() { printf '%s\n' "$*" >&2; }
die() { say "${0##*/}: $*"; exit 1; }

# use_architecture NAME: sets arch, triplet and preset.
use_architecture() {
  arch=$1
  case $arch in
    amd64) triplet=x86_64-linux-gnu ;;
    arm64) triplet=aarch64-linux-gnu ;;
    *) die "architecture $arch: must be amd64 or arm64" ;;
  esac
  preset=release
  [ "$arch" = "$native" ] || preset="release-$arch"
  command -v "$triplet-readelf" >/dev/null ||
    die "no $triplet-readelf; hack/in-debian.sh --cross $arch makes a system that has it"
}

# build_programs NAME...: prints the folder that has them. Two runs at a time must not build in one
# directory. OPERATOR_BIN names a built operator, with the other programs beside it.
build_programs() {
  if [ -n "${OPERATOR_BIN:-}" ]; then dirname "$OPERATOR_BIN"; return; fi
  mkdir -p "$root/build"
  {
    flock 9
    cmake -S "$root" --preset "$preset" >&2
    cmake --build "$root/build/$preset" --target "$@" \
      -j "${CMAKE_BUILD_PARALLEL_LEVEL:-2}" >&2
  } 9>"$root/build/.release.lock"
  printf '%s\n' "$root/build/$preset"
}

version_of_tree() {
  sed -n 's/^project(apitoken-operator VERSION \([0-9.]*\).*/\1/p' "$root/CMakeLists.txt"
}

needed_by() { "$triplet-readelf" --dynamic --wide "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]$/\1/p'; }
loader_of() {
  "$triplet-readelf" --program-headers --wide "$1" |
    sed -n 's/.*Requesting program interpreter: \(.*\)\]$/\1/p'
}

# "soname path" of each library that the program loads, and of those that these load; the loader is
# named by the program.
libraries_of() {
  local loader waiting=("$1") file soname path
  local -A seen=()
  loader=$(loader_of "$1")
  printf '%s %s\n' "${loader##*/}" "$loader"
  seen[${loader##*/}]=1
  while [ "${#waiting[@]}" -gt 0 ]; do
    file=${waiting[0]}
    waiting=("${waiting[@]:1}")
    while read -r soname; do
      [ -z "${seen[$soname]:-}" ] || continue
      seen[$soname]=1
      path=$(library "$soname") || return 1
      printf '%s %s\n' "$soname" "$path"
      waiting+=("$path")
    done < <(needed_by "$file")
  done
}

library() {
  local folder
  for folder in "/usr/lib/$triplet" "/lib/$triplet" "/usr/lib/$triplet/nss"; do
    if [ -e "$folder/$1" ]; then printf '%s\n' "$folder/$1"; return; fi
  done
  die "no library $1 for $arch in /usr/lib/$triplet"
}

# find_packages FILE...: notes in package_of which Debian package each file came with, by one
# question to dpkg. It knows some files under the name that they had before /usr was merged. A
# package of a foreign architecture is named with it.
declare -A package_of=()
find_packages() {
  local paths file line
  mapfile -t paths < <(realpath -- "$@")
  while read -r line; do
    file=${line##*: }
    package_of[/usr${file#/usr}]=${line%%[:,] *}
  done < <(dpkg-query -S "${paths[@]}" "${paths[@]#/usr}" 2>/dev/null)
}

# take FILE TARGET MODE: copies a file that find_packages was asked about, and notes its package.
take() {
  local package file
  file=$(realpath -- "$1")
  package=${package_of[/usr${file#/usr}]:-}
  [ -n "$package" ] || die "$1 belongs to no Debian package"
  install -D -m "$3" "$1" "$into/$2"
  printf '%s\t%s\n' "$package" "$2" >>"$contents"
}

# take_libraries PROGRAM: under the paths of a root file system.
take_libraries() {
  local list paths soname path
  [ -x "$1" ] || die "no program $1"
  list=$(libraries_of "$1") || die "a library of $1 is missing"
  mapfile -t paths < <(cut -d' ' -f2 <<<"$list")
  find_packages "${paths[@]}"
  while read -r soname path; do
    case $soname in
      ld-*) take "$path" "usr/${path#/}" 755 ;;
      *) take "$path" "usr/lib/$triplet/$soname" 644 ;;
    esac
  done <<<"$list"
}

packages_so_far() { cut -f1 "$contents" | sort -u; }

# The long texts that Debian's copyright files refer to.
take_licences() {
  local packages path texts
  mapfile -t packages < <(packages_so_far)
  mapfile -t texts < <(printf '/usr/share/doc/%s/copyright\n' "${packages[@]%%:*}" |
    xargs grep -ohE '/usr/share/common-licenses/[A-Za-z]+(-[0-9]([0-9.]*[0-9])?)?' | sort -u)
  find_packages "${texts[@]}"
  for path in "${texts[@]}"; do
    [ ! -f "$path" ] || take "$path" "${path#/}" 644
  done
}

take_copyrights() {
  local packages package name
  mapfile -t packages < <(packages_so_far)
  for package in "${packages[@]}"; do
    name=${package%%:*}
    install -D -m 644 "/usr/share/doc/$name/copyright" "$into/usr/share/doc/$name/copyright"
    printf '%s\t%s\n' "$package" "usr/share/doc/$name/copyright" >>"$contents"
  done
}

# Of this project and of the pages' libraries.
take_own_licences() {
  mkdir -p "$(dirname "$into/$1")"
  cat "$root/LICENSE" "$root/portal/vendor/LICENSES" >"$into/$1"
  chmod 644 "$into/$1"
}

# archive FILE TAR-FLAGS...: names in one order, one time, one owner.
archive() {
  local to=$1
  shift
  tar --create --file "$to" --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner \
    --format=gnu "$@"
}

# The commit, and the time that everything made from it carries.
use_commit() {
  revision=$(git -C "$root" rev-parse HEAD 2>/dev/null || printf unknown)
  epoch=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || printf 0)}
  created=$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ)
}
