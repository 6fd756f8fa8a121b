#!/bin/bash
# What a host sees of the library is what lsm.h declares: no function more (no symbol of Abseil,
# zstd or the C++ run time), none less, each under its version; and the library needs nothing but
# the C and C++ run time: no symbol that a host's own zstd or Abseil could answer.
#
#   exports_test.sh lsm.h lsm.map liblsm.so.1 liblsm.a
set -euo pipefail

readonly header=$1 map=$2 shared=$3 archive=$4
failed=0

# The functions that lsm.h declares, one a line.
declared() {
  tr '\n' ' ' < "${header}" | grep -oE 'LSM_API [^;(]*\(' | grep -oE 'lsm_[a-z_]+\($' |
    tr -d '(' | sort
}

# expect_same WHAT: the lines of stdin are the declared functions.
expect_same() {
  if ! diff <(declared) <(sort) > "${TEST_TMPDIR:-/tmp}/difference"; then
    echo "$1 differs from lsm.h (< declared, > there):" >&2
    cat "${TEST_TMPDIR:-/tmp}/difference" >&2
    failed=1
  fi
}

[[ $(declared | wc -l) -ge 55 ]] || { echo "lsm.h could not be read" >&2; exit 1; }

grep -oE '^ *lsm_[a-z_]+;' "${map}" | tr -d ' ;' | expect_same "lsm.map"

# The version node itself is an absolute symbol (A); small letters are local ones.
nm -D --defined-only "${shared}" | awk '$2 ~ /[B-Zuvw]/ { print $3 }' |
  sed 's/@@LSM_1\.[0-9]*$//' |
  expect_same "the dynamic symbols of ${shared##*/}"

nm --extern-only --defined-only "${archive}" | awk 'NF == 3 { print $3 }' |
  expect_same "the global symbols of ${archive##*/}"

dynamic=$(readelf -dW "${shared}")
if ! grep -q 'SONAME.*\[liblsm\.so\.1\]' <<< "${dynamic}"; then
  echo "the soname is not liblsm.so.1" >&2
  failed=1
fi
needed=$(grep -oP 'NEEDED.*\[\K[^]]+' <<< "${dynamic}" |
  grep -vE '^(libstdc\+\+\.so\.6|libm\.so\.6|libgcc_s\.so\.1|libc\.so\.6|ld-linux-.*)$' || true)
if [[ -n ${needed} ]]; then
  echo "liblsm.so.1 needs more than the run time: ${needed}" >&2
  failed=1
fi

# What it asks for is versioned, as all of the run time is; the rest are weak hooks of the compiler.
unversioned=$(nm -D --undefined-only "${shared}" | awk '{ print $2 }' | grep -v '@' |
  grep -vxE '__gmon_start__|_ITM_(de)?registerTMCloneTable' || true)
if [[ -n ${unversioned} ]]; then
  echo "liblsm.so.1 asks the host for: ${unversioned}" >&2
  failed=1
fi
foreign=$(nm --undefined-only "${archive}" | awk '{ print $NF }' |
  grep -E '^(ZSTD|ZDICT|HUF|FSE|HIST|XXH|_ZN[A-Za-z]*(4absl|3lsm))' || true)
if [[ -n ${foreign} ]]; then
  echo "liblsm.a asks the host for: ${foreign}" >&2
  failed=1
fi

exit "${failed}"
