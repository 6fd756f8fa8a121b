#!/bin/bash
# Runs the end-to-end tests of the tool: cli_test.py PATH-OF-LSM
exec python3 "$(dirname "${BASH_SOURCE[0]}")/cli_test.py" "$@"
