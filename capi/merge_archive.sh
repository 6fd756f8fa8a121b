#!/bin/bash
# Merges static archives into one that shows only the symbols it is asked to keep, for
# host_libraries.bzl.
#
# From the environment: LD, NM, OBJCOPY, AR (tools), WHOLE (archives taken whole), AS_NEEDED
# (archives from which only what is called is taken), KEEP (a wildcard of symbols), OUT (the archive
# to write).
set -euo pipefail

readonly object=${OUT}.o

# COMDAT groups are dissolved: the host's linker would drop ours in favour of a namesake of its own.
# shellcheck disable=SC2086  # lists of paths without spaces
"${LD}" -r --force-group-allocation -o "${object}" \
  --whole-archive ${WHOLE} --no-whole-archive --start-group ${AS_NEEDED} --end-group

# Static variables of inline functions are STB_GNU_UNIQUE, which objcopy hides only once they are
# weak.
"${NM}" --defined-only "${object}" | awk '$2 == "u" { print $3 }' > "${OUT}.unique"
"${OBJCOPY}" --weaken-symbols="${OUT}.unique" "${object}"
"${OBJCOPY}" --wildcard --keep-global-symbol="${KEEP}" "${object}"

"${NM}" --extern-only --defined-only --portability "${object}" | while read -r symbol _; do
  # shellcheck disable=SC2053  # KEEP is a pattern
  if [[ ${symbol} != ${KEEP} ]]; then
    echo "a host would see ${symbol}" >&2
    exit 1
  fi
done

rm -f "${OUT}"
"${AR}" rcsD "${OUT}" "${object}"
rm "${object}" "${OUT}.unique"
