#!/bin/bash
# The library keeps what 1.0 promised; the guard that says so notices every kind of breach; and the
# program of 1.0 runs.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

readonly guard=${root}/capi/abi/abi.sh
"${guard}" check "${prefix}/lib/liblsm.so.1"

# ---- The guard itself, shown libraries that differ ----

# A library of functions that do nothing, from a header: what they promise, and nothing else.
stub() {  # FOLDER with lsm.h and lsm.map
  {
    echo '#include "lsm.h"'
    # lsm_status lsm_flush(lsm_db* db, lsm_error** error) { __builtin_trap(); }
    awk '/^LSM_API/ { on = 1 } on { print } /;$/ { on = 0 }' "$1/lsm.h" | tr '\n' ' ' |
      sed -e 's/LSM_API/\n/g' | sed -e '/./!d' -e 's/; *$/ { __builtin_trap(); }/'
  } > "$1/stub.c"
  cc -std=c11 -g -shared -fPIC -Wno-unused-parameter "$1/stub.c" -o "$1/liblsm.so.1" \
    -Wl,-soname,liblsm.so.1 "-Wl,--version-script=$1/lsm.map"
}

# What the guard says of a library whose header or map was edited.
try() {  # EXPECTED-STATUS TITLE FILE SED-SCRIPT [FILE SED-SCRIPT]
  local expected=$1 title=$2 folder status=0
  folder=$(mktemp -d -p "${scratch}")
  cp "${root}/capi/lsm.h" "${root}/capi/lsm.map" "${folder}/"
  shift 2
  while [[ $# -gt 0 ]]; do
    cp "${folder}/$1" "${folder}/before"
    sed -i -E "$2" "${folder}/$1"
    ! cmp -s "${folder}/before" "${folder}/$1" || fail "${title}: nothing was edited"
    shift 2
  done
  stub "${folder}"
  "${guard}" check "${folder}/liblsm.so.1" "${folder}/lsm.h" "${folder}/lsm.map" \
    > "${folder}/said" 2>&1 || status=$?
  if [[ ${status} -ne ${expected} ]]; then
    cat "${folder}/said" >&2
    fail "the guard on ${title}: ${status} instead of ${expected}"
  fi
  ok "the guard on ${title}: $(if [[ ${status} -eq 0 ]]; then echo fine; else echo refused; fi)"
}

try 0 "a comment" lsm.h 's/and what to do, in one line/and what to do/'
try 0 "a new function in a new node" lsm.h \
  's/^LSM_API lsm_status lsm_flush/LSM_API void lsm_new(void);\n&/' \
  lsm.map '$ a LSM_1.1 { global: lsm_new; } LSM_1.0;'
try 0 "a new status" lsm.h 's/LSM_EXISTS = 23,/&\n  LSM_NEW = 24,/'
try 0 "a field at the end of lsm_option" lsm.h 's/^} lsm_option;/  const char* more;\n&/'
try 0 "a field at the end of lsm_progress" lsm.h 's/^} lsm_progress;/  uint64_t more;\n&/'
try 1 "a new function in the released node" lsm.h \
  's/^LSM_API lsm_status lsm_flush/LSM_API void lsm_new(void);\n&/' \
  lsm.map 's/^ *lsm_flush;/&\n    lsm_new;/'
try 1 "a function that went" lsm.h 's/^LSM_API lsm_status lsm_flush.*//' lsm.map '/lsm_flush;/ d'
try 1 "a function that is no longer exported" lsm.map '/lsm_flush;/ d'
try 1 "a function under another version" lsm.map \
  '/lsm_flush;/ d; $ a LSM_1.1 { global: lsm_flush; } LSM_1.0;'
try 1 "a parameter of another type" lsm.h \
  's/(lsm_options_set\(.*) const char\* value/\1 uint32_t value/'
try 1 "a parameter more" lsm.h 's/(lsm_status lsm_flush\(lsm_db\* db,)/\1 uint32_t flags,/'
try 1 "a result of another type" lsm.h 's/uint32_t lsm_version_number/uint64_t lsm_version_number/'
try 1 "a field at the end of lsm_row" lsm.h 's/^} lsm_row;/  uint64_t more;\n&/'
try 1 "fields of lsm_value in another order" lsm.h \
  '/^  const void\* data;$/ d; s/^  size_t size;$/&\n  const void* data;/'
try 1 "a field amid lsm_option" lsm.h 's/^  const char\* minimum;.*/  const char* amid;\n&/'
try 1 "a callback with another parameter" lsm.h \
  's/(lsm_progress_fn\)\()void\* payload/\1uint64_t payload/'
try 1 "a constant of another value" lsm.h 's/LSM_BUSY = 17/LSM_BUSY = 117/'
try 1 "a constant that went" lsm.h 's/LSM_PHASE_VERIFY = 2/LSM_PHASE_CHECK = 2/'

# ---- The program of 1.0 ----

cc -std=c11 "${warnings[@]}" -I"${root}/capi/abi/1.0" "${root}/capi/abi/program_1_0.c" \
  -L"${prefix}/lib" -llsm -o "${scratch}/program_1_0"
said=$(LD_LIBRARY_PATH=${prefix}/lib "${scratch}/program_1_0" "${scratch}/program_1_0.db")
ok "${said}"
