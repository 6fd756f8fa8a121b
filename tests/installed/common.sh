# shellcheck shell=bash disable=SC2034  # what is set here is for those who source it
# What the scripts in this folder share. Each is told the prefix of an installation, prints "ok: "
# and a sentence for each thing that holds, and stops at the first that does not.

set -euo pipefail

[[ -d ${1:-}/include/lsm ]] || { echo "usage: $0 PREFIX [ARGUMENT...]" >&2; exit 2; }
prefix=$(realpath "$1")
here=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
root=$(realpath "${here}/../..")
scratch=$(mktemp -d)
trap 'rm -rf "${scratch}"' EXIT
readonly prefix here root scratch

export PKG_CONFIG_PATH=${prefix}/lib/pkgconfig
unset DESTDIR LD_LIBRARY_PATH
readonly warnings=(-Wall -Wextra -Wpedantic -Werror)

ok() { printf 'ok: %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }

# Runs an example in a folder of its own and compares what it prints.
expect_output() {  # TITLE EXAMPLE PROGRAM
  local folder
  folder=$(mktemp -d -p "${scratch}")
  (cd "${folder}" && "$3" > printed 2> errors) || fail "$1: $3 failed: $(cat "${folder}/errors")"
  diff "${root}/capi/examples/$2.expected" "${folder}/printed" || fail "$1: other output"
  ok "$1"
}
