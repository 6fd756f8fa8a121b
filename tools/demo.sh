#!/bin/bash
# The engine at work on real data: the machine's own package catalogue goes in, is looked up,
# scanned, changed, compacted, verified and dumped. Every command below is a process of its own, so
# each one reopens the database. Every answer is checked; a wrong one ends the demo with 1.
#
# usage: tools/demo.sh [DIRECTORY]
#
# The database is removed at the end, unless a DIRECTORY for it (a new one) is given.
set -euo pipefail
export LC_ALL=C

lsm=${LSM:-$(dirname "${BASH_SOURCE[0]}")/../dist/bin/lsm}
[[ -x ${lsm} ]] || { echo "demo: ${lsm} is not built; run ./dev build" >&2; exit 1; }

scratch=$(mktemp -d)
trap 'rm -rf "${scratch}"' EXIT
db=${1:-${scratch}/catalogue.db}
if [[ -e ${db} ]]; then
  echo "demo: ${db} exists already; name a directory that does not" >&2
  exit 1
fi

step() { printf '\n==> %s\n' "$*"; }
show() { printf '    $ lsm %s\n' "$(printf '%q ' "$@" | sed "s|${scratch}/||g")"; }
run() { show "$@"; "${lsm}" "$@"; }
check() {  # WHAT EXPECTED ACTUAL
  if [[ $2 != "$3" ]]; then
    printf 'demo: WRONG: %s: expected %q, got %q\n' "$1" "$2" "$3" >&2
    exit 1
  fi
  printf '    ok: %s\n' "$1"
}

# ---- The data, as `lsm load` reads it: KEY TAB VALUE, escaped ----

# For awk: `text` as load reads it. Not gsub, in whose replacements awks differ about backslashes.
readonly awk_escape='
  function replaced(text, old, new,    parts, i, result, n) {
    n = split(text, parts, old)
    result = parts[1]
    for (i = 2; i <= n; i++) result = result new parts[i]
    return result
  }
  function escaped(text) { return replaced(replaced(text, "\\", "\\\\"), "\t", "\\x09") }
'

# One stanza a package; its lines become one line.
stanzas_to_rows() {
  awk "${awk_escape}"'
    function flush() { if (name != "") print name "\t" stanza; name = stanza = "" }
    /^$/ { flush(); next }
    { if ($1 == "Package:") name = $2; stanza = stanza escaped($0) "\\x0a" }
    END { flush() }'
}

rows=${scratch}/rows.tsv
find_data() {
  if command -v apt-cache > /dev/null; then
    apt-cache dumpavail 2> /dev/null | stanzas_to_rows > "${rows}" || true
    if [[ ! -s ${rows} && ${EUID} -eq 0 ]]; then
      echo '    no package lists yet: apt-get update'
      apt-get update -qq > /dev/null 2>&1 || true
      apt-cache dumpavail 2> /dev/null | stanzas_to_rows > "${rows}" || true
    fi
    what="the package catalogue (apt-cache dumpavail): name and stanza"
    [[ -s ${rows} ]] && return
  fi
  local words
  for words in /usr/share/dict/words /usr/share/dict/*; do
    [[ -s ${words} ]] || continue
    awk "${awk_escape}"'{ print escaped($0) "\tword number " NR }' "${words}" > "${rows}"
    what="the word list ${words}: word and line number"
    return
  done
  if command -v dpkg > /dev/null; then
    dpkg --status 2> /dev/null | stanzas_to_rows > "${rows}" || true
    dpkg-query --show --showformat='${Package}\t${Version} ${Architecture}\n' >> "${rows}"
    what="the installed packages (dpkg-query): name and version"
    [[ -s ${rows} ]] && return
  fi
  echo 'demo: neither apt, nor a word list in /usr/share/dict, nor dpkg: nothing to load' >&2
  exit 1
}

step "Real data"
find_data
# Of a key that stands there twice the last row counts.
awk -F '\t' '{ last[$1] = $0 } END { for (key in last) print last[key] }' "${rows}" |
  sort -t $'\t' -k 1,1 > "${scratch}/expected.tsv"
cut -f 1 "${scratch}/expected.tsv" > "${scratch}/expected.keys"
row_count=$(wc -l < "${scratch}/expected.keys")
printf '    %s\n    %d lines, %d keys, %d bytes\n' "${what}" "$(wc -l < "${rows}")" "${row_count}" \
  "$(wc -c < "${rows}")"

key_at() { sed -n "$1p" "${scratch}/expected.keys"; }  # LINE
first=$(key_at 1)
middle=$(key_at $((row_count / 2)))
last=$(key_at "${row_count}")
prefix=python3-
grep -q "^${prefix}" "${scratch}/expected.keys" || prefix=${middle:0:2}

step "Load them in bulk"
run load "${db}" "${rows}"
check "as many rows as keys" "${row_count}" "$("${lsm}" scan "${db}" --count)"

step "Get single rows"
for key in "${first}" "${middle}" "${last}"; do
  expected=$(awk -F '\t' -v key="${key}" '$1 == key { print $2 }' "${scratch}/expected.tsv")
  show get "${db}" "${key}"
  check "the value of ${key}" "$(printf '%b' "${expected}" | cksum)" \
    "$("${lsm}" get "${db}" "${key}" --raw | cksum)"
done
status=0
show get "${db}" "no such key"
"${lsm}" get "${db}" "no such key" || status=$?
check "an absent key exits with 1" 1 "${status}"

step "Scan all keys in order, and those with a prefix"
show scan "${db}" --keys-only
check "the keys, in order" "$(cksum < "${scratch}/expected.keys")" \
  "$("${lsm}" scan "${db}" --keys-only | cksum)"
run scan "${db}" --prefix "${prefix}" --keys-only --limit 3
check "keys that begin with ${prefix}" "$(grep -c "^${prefix}" "${scratch}/expected.keys")" \
  "$("${lsm}" scan "${db}" --prefix "${prefix}" --count)"

step "Overwrite"
run put "${db}" "${middle}" 'overwritten by hand'
check "the new value, read by a new process" 'overwritten by hand' \
  "$("${lsm}" get "${db}" "${middle}")"
awk -F '\t' -v prefix="${prefix}" 'index($1, prefix) == 1 { print $1 "\tchanged in bulk" }' \
  "${scratch}/expected.tsv" > "${scratch}/changes.tsv"
run load "${db}" "${scratch}/changes.tsv"
check "every row with the prefix changed" "$(wc -l < "${scratch}/changes.tsv")" \
  "$("${lsm}" scan "${db}" --prefix "${prefix}" | grep -c 'changed in bulk$')"
check "and no row more than before" "${row_count}" "$("${lsm}" scan "${db}" --count)"

step "Delete"
run delete "${db}" "${last}"
status=0
"${lsm}" get "${db}" "${last}" || status=$?
check "the deleted key is gone" 1 "${status}"
check "one row less" $((row_count - 1)) "$("${lsm}" scan "${db}" --count)"

step "The tree as it stands"
run stats "${db}"
run levels "${db}"

step "Compact it by hand"
run flush "${db}"
run compact "${db}" --dry-run
"${lsm}" export "${db}" "${scratch}/before.tsv" 2> /dev/null
run compact "${db}"
"${lsm}" export "${db}" "${scratch}/after.tsv" 2> /dev/null
check "the same rows before and after" "$(cksum < "${scratch}/before.tsv")" \
  "$(cksum < "${scratch}/after.tsv")"
run levels "${db}"

step "Export into another database, byte for byte the same"
show export "${db}" --format binary '|' lsm load copy.db --format binary
"${lsm}" export "${db}" --format binary | "${lsm}" load "${scratch}/copy.db" --format binary
check "the copy exports the same" "$(cksum < "${scratch}/after.tsv")" \
  "$("${lsm}" export "${scratch}/copy.db" | cksum)"

step "Verify every byte of it"
run verify "${db}"

step "Look into a table"
number=$("${lsm}" levels "${db}" --json | sed -n 's/.*"number": \([0-9]*\).*/\1/p' |
  head -n 1)
table=$(printf '%s/%06d.sst' "${db}" "${number}")
run sst info "${table}"
run sst dump "${table}" --keys-only --limit 5
run sst dump "${table}" --blocks --limit 5

step "A damaged byte is found and told, not read"
cp "${table}" "${scratch}/damaged.sst"
printf '\377' | dd of="${scratch}/damaged.sst" bs=1 seek=100 conv=notrunc status=none
status=0
run sst verify "${scratch}/damaged.sst" || status=$?
check "corruption exits with 3" 3 "${status}"

printf "\nAll answers right: %d rows loaded, looked up, scanned, changed, compacted, verified.\n" \
  "${row_count}"
