#!/bin/bash
# The replay of a target with a bug ends by it.
set -uo pipefail
said=$("$1" 2>&1)
status=$?
if [[ ${status} -eq 0 || ${said} != *"content[5]"* ]]; then
  echo "the planted bug was not found; exit code ${status}: ${said}"
  exit 1
fi
