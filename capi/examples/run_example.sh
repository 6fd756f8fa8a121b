#!/bin/bash
# An example prints what it is expected to print, also the second time, when its database is there.
#
#   run_example.sh PROGRAM EXPECTED
set -euo pipefail

program=$(realpath "$1")
expected=$(realpath "$2")
cd "${TEST_TMPDIR}"
for _ in 1 2; do
  diff "${expected}" <("${program}" example.db)
done
