#!/bin/bash
# usage: run_python_test.sh TEST.py PATH-OF-LSM
exec python3 "$(dirname "${BASH_SOURCE[0]}")/$1" "$2"
