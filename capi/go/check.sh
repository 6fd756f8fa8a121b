#!/bin/bash
# Everything that is asked of the Go package, and of its benchmark's sources: prints a line for each
# thing that passed and ends at the first that did not.
#
# Needs go and a C compiler; PKG_CONFIG_PATH names the folder of lsm.pc, and the folder above it is
# where the library is looked for at run time.
set -euo pipefail
cd "$(dirname "$0")"

for tool in go cc pkg-config; do
  command -v "${tool}" > /dev/null || { echo "go: ${tool} is missing; install it" >&2; exit 1; }
done
readonly needed=1.24
version=$(go env GOVERSION)
version=${version#go}
if [[ $(printf '%s\n' "${needed}" "${version}" | sort -V | head -n 1) != "${needed}" ]]; then
  echo "go: go ${needed} or newer is needed, this is ${version}" >&2
  exit 1
fi
if ! pkg-config --exists lsm; then
  echo "go: pkg-config finds no lsm.pc; set PKG_CONFIG_PATH" >&2
  exit 1
fi
library=$(pkg-config --variable=libdir lsm)
export LD_LIBRARY_PATH=${library}${LD_LIBRARY_PATH:+:${LD_LIBRARY_PATH}}

output=$(mktemp)
trap 'rm -f "${output}"' EXIT

# passes WHAT COMMAND...: runs it, silently unless it fails.
passes() {
  local what=$1
  shift
  if ! "$@" > "${output}" 2>&1; then
    cat "${output}" >&2
    echo "go: ${what} failed: $*" >&2
    exit 1
  fi
  echo "go: ${what} passed"
}

is_formatted() { [[ -z $(gofmt -l . | tee /dev/stderr) ]]; }

# The programs in README.md, as a reader would paste them.
readme_runs() {
  local folder
  folder=$(mktemp -d)
  sed -n '/^```go$/,/^```$/p' README.md | sed '/^```/d' > "${folder}/main.go"
  (
    here=$PWD
    cd "${folder}"
    go mod init hello
    go mod edit -require=lsm@v0.0.0 -replace=lsm="${here}"
    go run .
  )
  rm -r "${folder}"
}

passes "gofmt" is_formatted
passes "vet" go vet ./...
passes "tests, examples, cgocheck=1" env GODEBUG=cgocheck=1 go test -count=1 ./...
passes "race detector" go test -count=1 -short -race ./...
passes "tests linked statically" go test -count=1 -short -tags lsm_static ./...
passes "the program in README.md" readme_runs
if [[ ${1:-} == --all ]]; then
  passes "GOEXPERIMENT=cgocheck2" env GOEXPERIMENT=cgocheck2 go test -count=1 -short ./...
  passes "fuzzing for a minute" go test -run '^$' -fuzz Model -fuzztime 60s .
  passes "vet of the benchmark" bash -c 'cd bench && go vet ./...'
fi
