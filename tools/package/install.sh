#!/bin/bash
# Lays out what was built as an installation: for ./dev build (under dist/), ./dev install and
# ./dev package.
#
#   install.sh --prefix DIR [--libdir lib] [--from bazel-bin]
#
# DIR is absolute; DESTDIR, from the environment, is put before it. The tree can be moved: lsm.pc
# and the CMake package find their neighbours from where they lie.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."

prefix='' libdir=lib from=bazel-bin
while [[ $# -gt 0 ]]; do
  case $1 in
    --prefix) prefix=$2 ;;
    --libdir) libdir=$2 ;;
    --from) from=$2 ;;
    *) echo "install.sh: $1 is no option" >&2 && exit 2 ;;
  esac
  shift 2
done
[[ ${prefix} == /* ]] || { echo "install.sh: --prefix must be an absolute path" >&2; exit 2; }

readonly root=${DESTDIR:-}${prefix%/}
readonly lib=${root}/${libdir}
readonly share=${root}/share
readonly templates=tools/package

header_version() {  # MAJOR|MINOR|PATCH
  sed -n "s/.*LSM_VERSION_$1 *= *\([0-9]\+\).*/\1/p" capi/lsm.h
}
major=$(header_version MAJOR)
version=${major}.$(header_version MINOR).$(header_version PATCH)

# From lib to the prefix: ".." once a component.
up=$(sed 's/[^/]\+/../g' <<< "${libdir}")

fill_in() {  # TEMPLATE TARGET
  install -d "$(dirname "$2")"
  sed -e "s|@VERSION@|${version}|g" -e "s|@MAJOR@|${major}|g" -e "s|@LIBDIR@|${libdir}|g" \
    -e "s|@UP@|${up}|g" "$1" > "$2.partial"
  chmod 644 "$2.partial"
  mv "$2.partial" "$2"
}

write() {  # TARGET: from standard input
  install -D --mode=644 /dev/stdin "$1"
}

# Newer library files take the place of older ones of the same major version.
install -d "${lib}"
find "${lib}" -maxdepth 1 -name "liblsm.so.${major}.*" ! -name "liblsm.so.${version}" -delete
install -D --mode=644 capi/lsm.h "${root}/include/lsm/lsm.h"
install -D --mode=644 "${from}/capi/liblsm.so.${major}" "${lib}/liblsm.so.${version}"
install -D --mode=644 "${from}/capi/liblsm.a" "${lib}/liblsm.a"
ln -sfn "liblsm.so.${version}" "${lib}/liblsm.so.${major}"
ln -sfn "liblsm.so.${major}" "${lib}/liblsm.so"
install -D --mode=755 "${from}/tools/lsm" "${root}/bin/lsm"

fill_in "${templates}/lsm.pc.in" "${lib}/pkgconfig/lsm.pc"
fill_in "${templates}/lsm-config.cmake.in" "${lib}/cmake/lsm/lsm-config.cmake"
fill_in "${templates}/lsm-config-version.cmake.in" "${lib}/cmake/lsm/lsm-config-version.cmake"

# What is told about the commands, the tool tells itself.
readonly tool=${root}/bin/lsm
"${tool}" manual | write "${share}/man/man1/lsm.1"
python3 -B "${templates}/library_manual.py" capi/lsm.h "${version}" |
  write "${share}/man/man3/lsm.3"
"${tool}" completion bash | write "${share}/bash-completion/completions/lsm"
"${tool}" completion zsh | write "${share}/zsh/site-functions/_lsm"
"${tool}" completion fish | write "${share}/fish/vendor_completions.d/lsm.fish"

for example in capi/examples/*.c; do
  [[ ! -e ${example} ]] || install -D --mode=644 -t "${share}/doc/lsm/examples" "${example}"
done
