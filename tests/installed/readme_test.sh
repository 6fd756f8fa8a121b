#!/bin/bash
# The programs of the README run as they stand there: in C, and in Rust and Go where these are here.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

export LD_LIBRARY_PATH=${prefix}/lib
readonly expected=$'apple is red\nfruit/apple\nfruit/lemon'

block() {  # LANGUAGE: the program of that language
  sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/p" "${root}/README.md" | sed '/^```/d'
}

expect() {  # TITLE COMMAND…: in the current folder
  local title=$1 printed
  shift
  printed=$("$@" 2> "${scratch}/errors") || fail "${title}: $(cat "${scratch}/errors")"
  [[ ${printed} == "${expected}" ]] || fail "${title} printed: ${printed}"
  ok "${title}"
}

mkdir "${scratch}/c" && cd "${scratch}/c"
block c > hello.c
read -ra flags <<< "$(pkg-config --cflags --libs lsm)"
cc -std=c11 "${warnings[@]}" hello.c "${flags[@]}" -o hello
expect "README, C" ./hello

# LSM_WITHOUT names the languages whose tools are not here, or too old.
if [[ " ${LSM_WITHOUT-} " == *" rust "* ]]; then
  echo "not tried: README, Rust"
else
  cargo new --quiet --vcs none "${scratch}/hello-rust" && cd "${scratch}/hello-rust"
  cargo add --quiet lsm --path "${root}/capi/rust/lsm"
  block rust > src/main.rs
  expect "README, Rust" cargo run --quiet
fi

if [[ " ${LSM_WITHOUT-} " == *" go "* ]]; then
  echo "not tried: README, Go"
else
  mkdir "${scratch}/hello-go" && cd "${scratch}/hello-go"
  go mod init hello 2> /dev/null
  go mod edit -require lsm@v0.0.0 -replace "lsm=${root}/capi/go"
  block go > main.go
  expect "README, Go" go run .
fi
