#!/bin/bash
# A host may have its own zstd and Abseil, of any version: neither do its calls reach ours, nor ours
# its. The host's library has every function that is inside of ours, under the same names; each ends
# the process when it is called.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

readonly archive=${prefix}/lib/liblsm.a

# The functions of others that the archive holds; the engine's own names are nobody else's.
nm --defined-only "${archive}" |
  awk '$2 ~ /[tTwW]/ { print $3 }' |
  grep -E '^(ZSTD|ZDICT|HUF|FSE|HIST|XXH|COVER|_ZN[A-Za-z]*4absl)' |
  grep -vE '[.@]|^ZSTD_versionNumber$' | sort -u > "${scratch}/names"
[[ $(grep -c ^ZSTD_ "${scratch}/names") -ge 50 ]] || fail "the functions of zstd were not found"
[[ $(grep -c 4absl "${scratch}/names") -ge 50 ]] || fail "the functions of Abseil were not found"

{
  printf '.text\n.globl ZSTD_versionNumber\n.type ZSTD_versionNumber, @function\n'
  # shellcheck disable=SC2016  # the dollar is the assembler's
  printf 'ZSTD_versionNumber: movl $4711, %%eax\n ret\n'
  # With the hooks that zstd calls where a host defines them.
  printf '%s\n' ZSTD_trace_{compress,decompress}_{begin,end} | sort -u - "${scratch}/names" |
    sed 's/.*/.globl &\n.type &, @function\n&: ud2/'
  printf '.section .note.GNU-stack,"",@progbits\n'
} > "${scratch}/foreign.s"
cc -c "${scratch}/foreign.s" -o "${scratch}/foreign.o"
cc -shared "${scratch}/foreign.o" -o "${scratch}/libforeign.so"
readonly host=${here}/foreign_zstd_host.c
readonly compile=(cc -std=c11 "${warnings[@]}" "${host}" -I"${prefix}/include")

runs() {  # TITLE PROGRAM
  LD_LIBRARY_PATH=${prefix}/lib:${scratch} "$2" "${scratch}/${2##*/}.db" || fail "$1"
  local table=("${scratch}/${2##*/}.db"/*.sst)
  "${prefix}/bin/lsm" sst info "${table[0]}" | grep -q zstd || fail "$1: nothing was compressed"
  ok "$1"
}

"${compile[@]}" -L"${scratch}" -lforeign -L"${prefix}/lib" -llsm -o "${scratch}/before"
runs "the host's library before liblsm.so" "${scratch}/before"
"${compile[@]}" -L"${prefix}/lib" -llsm -L"${scratch}" -lforeign -o "${scratch}/after"
runs "the host's library after liblsm.so" "${scratch}/after"
"${compile[@]}" "${scratch}/foreign.o" -rdynamic -L"${prefix}/lib" -llsm -o "${scratch}/inside"
runs "the functions in the program itself, liblsm.so" "${scratch}/inside"
"${compile[@]}" "${scratch}/foreign.o" "${archive}" -rdynamic -lstdc++ -lm -o "${scratch}/archive"
runs "the functions in the program itself, liblsm.a" "${scratch}/archive"
"${compile[@]}" "${archive}" "${scratch}/foreign.o" -static -lstdc++ -lm -o "${scratch}/static"
runs "all in one static program" "${scratch}/static"
