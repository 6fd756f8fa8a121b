#!/bin/bash
# Holds the library to what 1.0 promised: 1.0.abi (its functions and their types, as abidw tells
# them), 1.0/lsm/lsm.h (its header, whose constants are compared one by one).
#
#   abi.sh check LIBRARY [HEADER MAP]   fails on whatever a program of 1.0 could notice
#   abi.sh freeze LIBRARY               takes into 1.0 what was added to it; refuses to change or to
#                                       drop anything
set -euo pipefail

mode=${1:?check or freeze}
library=$(realpath "${2:?a liblsm.so.1}")
readonly mode library
folder=$(dirname "${BASH_SOURCE[0]}")
header=$(realpath "${3:-${folder}/../lsm.h}")
map=$(realpath "${4:-${folder}/../lsm.map}")
cd "${folder}"
scratch=$(mktemp -d)
trap 'rm -rf "${scratch}"' EXIT
readonly header map scratch frozen_header=1.0/lsm/lsm.h frozen=1.0.abi

fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
ok() { printf 'ok: %s\n' "$*"; }

declared() {  # HEADER: the functions that it declares, one a line
  tr '\n' ' ' < "$1" | grep -oE 'LSM_API [^;(]*\(' | grep -oE 'lsm_[a-z0-9_]+\($' | tr -d '(' |
    sort
}

# The functions of the released node, or of the node that is to be released.
listed() {
  sed -n '/^LSM_1\.0 {/,/^}/p' "${map}" | grep -oE '^ *lsm_[a-z0-9_]+;' | tr -d ' ;' | sort
}

# NAME = value of every constant of 1.0, as HEADER has them.
constants() {  # HEADER
  {
    printf '#include "%s"\n#include <stdio.h>\nint main(void) {\n' "$(realpath "$1")"
    grep -oE '^ *enum \{.*\}|^ *LSM_[A-Z0-9_]+ =' "${frozen_header}" | grep -oE 'LSM_[A-Z0-9_]+' |
      grep -v '^LSM_VERSION' | sort -u |
      sed 's/.*/  printf("%s = %lld\\n", "&", (long long)&);/'
    printf '  return 0;\n}\n'
  } > "${scratch}/constants.c"
  cc -std=c11 "${scratch}/constants.c" -o "${scratch}/constants" ||
    fail "$1 lacks a constant of 1.0"
  "${scratch}/constants"
}

dump() {  # what the library exports, as far as its header tells of it
  # A folder with the header alone; given as --header-file, abidw 2.2 takes its types for private.
  install -D --mode=644 "${header}" "${scratch}/public/lsm.h"
  abidw --exported-interfaces-only --headers-dir "${scratch}/public" --drop-private-types \
    --no-corpus-path --no-comp-dir-path --no-show-locs --type-id-style hash \
    --out-file "${scratch}/now.abi" "${library}"
  # The public structs must be there with their fields, or the comparison would be blind.
  local type
  for type in lsm_value lsm_row lsm_option lsm_progress; do
    grep -qE "<class-decl name='${type}' size-in-bits='[0-9]+'" "${scratch}/now.abi" ||
      fail "${library} has no debug information about ${type}"
  done
}

# What was there is as it was. Nothing is said of what was added.
compare() {
  local status=0
  abidiff --no-added-syms --suppressions lsm.abignore "${frozen}" "${scratch}/now.abi" \
    > "${scratch}/difference" || status=$?
  if [[ ${status} -ne 0 ]]; then
    cat "${scratch}/difference" >&2
    fail "a program of 1.0 would notice this (abidiff: ${status})"
  fi
  ok "the functions and types of 1.0 are as they were"

  constants "${frozen_header}" > "${scratch}/constants_then"
  constants "${header}" > "${scratch}/constants_now"
  [[ $(wc -l < "${scratch}/constants_then") -ge 20 ]] || fail "the constants could not be read"
  diff "${scratch}/constants_then" "${scratch}/constants_now" >&2 || fail "a constant has changed"
  ok "the $(wc -l < "${scratch}/constants_now") constants of 1.0 are as they were"

  local gone
  gone=$(comm -23 <(declared "${frozen_header}") <(declared "${header}"))
  [[ -z ${gone} ]] || fail "lsm.h no longer declares ${gone}"
  gone=$(comm -23 <(declared "${frozen_header}") <(listed))
  [[ -z ${gone} ]] || fail "lsm.map no longer lists under LSM_1.0: ${gone}"
}

check() {
  dump
  compare
  local missing
  missing=$(comm -13 <(declared "${frozen_header}") <(listed))
  [[ -z ${missing} ]] || fail "lsm.map lists under LSM_1.0 what is not frozen: ${missing}
If 1.0 is not released yet, ./dev abi --freeze takes it in; else it belongs into a new node."
  missing=$(comm -23 <(declared "${frozen_header}") \
    <(grep -oE 'lsm_[a-z0-9_]+\(' program_1_0.c | tr -d '(' | sort -u))
  [[ -z ${missing} ]] || fail "program_1_0.c does not call ${missing}"
  ok "program_1_0.c calls all $(declared "${frozen_header}" | wc -l) functions of 1.0"
}

freeze() {
  dump
  if [[ -e ${frozen} ]]; then
    compare
  fi
  local later
  later=$(comm -23 <(declared "${header}") <(listed))
  [[ -z ${later} ]] || fail "1.0 is released: lsm.h has what is later: ${later}"
  cp "${scratch}/now.abi" "${frozen}"
  install -D --mode=644 "${header}" "${frozen_header}"
  ok "1.0 has $(declared "${frozen_header}" | wc -l) functions"
}

case ${mode} in
  check | freeze) "${mode}" ;;
  *) echo "abi.sh: check or freeze" >&2 && exit 2 ;;
esac
