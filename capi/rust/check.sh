#!/bin/bash
# All that is to be checked of the Rust binding, a line for each thing that passed; stops at the
# first that fails. `./dev bindings rust` runs it.
#
#   PKG_CONFIG_PATH=PREFIX/lib/pkgconfig capi/rust/check.sh
#
# The leak check needs a nightly toolchain and says so where there is none.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
readonly log=$(mktemp)
trap 'rm -f "${log}"' EXIT

die() { printf 'rust: %s\n' "$*" >&2; exit 1; }

check() {  # WHAT COMMAND…
  local what=$1
  shift
  if ! "$@" > "${log}" 2>&1; then
    cat "${log}" >&2
    die "${what}: failed: $*"
  fi
  echo "rust: ${what}"
}

for tool in cargo cc pkg-config; do
  command -v "${tool}" > /dev/null || die "${tool} is not here"
done
cargo fmt --version > /dev/null 2>&1 || die "rustfmt is not here: rustup component add rustfmt"
cargo clippy --version > /dev/null 2>&1 || die "clippy is not here: rustup component add clippy"
pkg-config --exists lsm ||
  die "pkg-config does not know lsm: set PKG_CONFIG_PATH to PREFIX/lib/pkgconfig"
# Through a variable of its own too, so that the tests find the library that was linked.
library=$(pkg-config --variable=libdir lsm)
export LD_LIBRARY_PATH=${library}${LD_LIBRARY_PATH:+:${LD_LIBRARY_PATH}}

check "format" cargo fmt --all --check
check "clippy" cargo clippy --locked --all-targets -- --deny warnings
check "clippy of the benchmark" \
  cargo clippy --locked --package lsm-bench --no-default-features -- --deny warnings
check "tests, with liblsm.so" cargo test --locked --tests
check "documentation has no broken links" \
  env RUSTDOCFLAGS=--deny=warnings cargo doc --locked --no-deps
check "examples of the documentation and of README.md" cargo test --locked --doc
check "tests, with liblsm.a" \
  cargo test --locked --package lsm --features static --target-dir target/static \
  --test api --test errors --test threads
is_linked() { ldd target/static/debug/deps/api-* 2> /dev/null | grep -q liblsm; }
! is_linked || die "the feature static linked liblsm.so"
echo "rust: the feature static needs no liblsm.so"

if cargo +nightly --version > /dev/null 2>&1; then
  check "no leaks (LeakSanitizer)" \
    env RUSTFLAGS=-Zsanitizer=leak cargo +nightly test --locked --package lsm \
    --target x86_64-unknown-linux-gnu --target-dir target/leaks \
    --test api --test errors --test threads
  # A check that finds nothing must be one that can.
  RUSTFLAGS=-Zsanitizer=leak cargo +nightly test --locked --package lsm \
    --target x86_64-unknown-linux-gnu --target-dir target/leaks \
    --test leak_control -- --ignored > "${log}" 2>&1 || true
  if ! grep -q "LeakSanitizer: .* leaked" "${log}"; then
    cat "${log}" >&2
    die "LeakSanitizer did not see what was leaked on purpose"
  fi
else
  echo "rust: SKIPPED: leaks, which take a nightly toolchain (rustup toolchain install nightly)"
fi
