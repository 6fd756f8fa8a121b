# The bindings' part of ./dev, which sources this: their toolchains and their tests. The C++ build
# and its tests need none of it.
# shellcheck shell=bash disable=SC2154  # what ./dev sets

# What a language needs at least, from where it says so itself.
needed_version() {  # rust|go
  case $1 in
    rust) sed -n 's/^rust-version *= *"\(.*\)"/\1/p' capi/rust/Cargo.toml ;;
    go) sed -n 's/^go \([0-9.]*\).*/\1/p' capi/go/go.mod ;;
  esac
}

present_version() {  # rust|go; nothing where it is not here
  case $1 in
    rust)
      ! command -v cargo > /dev/null || rustc --version 2> /dev/null |
        grep -oE '[0-9]+(\.[0-9]+)+' | head -n 1
      ;;
    # GOTOOLCHAIN: the one that is here, not one that it would fetch.
    go)
      ! command -v go > /dev/null || GOTOOLCHAIN=local go env GOVERSION 2> /dev/null |
        grep -oE '[0-9]+(\.[0-9]+)+' | head -n 1
      ;;
  esac
}

at_least() {  # VERSION NEEDED
  [[ -n $1 ]] && printf '%s\n%s\n' "$2" "$1" | sort --check=quiet --version-sort
}

# Prints what keeps the language's tests from running, and what to do; fails if there is something.
toolchain_problem() {  # c|rust|go
  local needed present
  if [[ $1 == c ]]; then
    (ensure_packages "${host_packages[@]}") > /dev/null 2>&1 && return 0
    echo "C: these packages cannot be installed: ${host_packages[*]}"
    return 1
  fi
  if [[ ! -x capi/$1/check.sh ]]; then
    echo "$1: this tree has no capi/$1/check.sh"
    return 1
  fi
  needed=$(needed_version "$1") present=$(present_version "$1")
  at_least "${present}" "${needed}" && return 0
  case $1 in
    rust)
      echo "Rust ${needed} or later is needed, ${present:-none} is here. Its own installer:" \
        "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y"
      ;;
    go)
      echo "Go ${needed} or later is needed, ${present:-none} is here. Its own archive, unpacked:" \
        "https://go.dev/dl, then tar -C /usr/local -xzf go*.linux-amd64.tar.gz"
      ;;
  esac
  return 1
}

# For ./dev setup: from packages where these are new enough, else says what to do.
ensure_toolchains() {
  local language packages candidate problem
  for language in rust go; do
    [[ -x capi/${language}/check.sh ]] || continue
    toolchain_problem "${language}" > /dev/null && continue
    packages=(golang-go)
    [[ ${language} == go ]] || packages=(rustc cargo)
    candidate=$(apt-cache policy "${packages[0]}" |
      sed -n 's/^ *Candidate: *\([0-9]*:\)\?\([0-9.]*\).*/\2/p')
    if at_least "${candidate}" "$(needed_version "${language}")"; then
      ensure_packages "${packages[@]}"
    else
      problem=$(toolchain_problem "${language}" || true)
      note "the packages of ${language} are too old (${candidate:-none}). ${problem}"
    fi
  done
}

with_library() {  # COMMAND…
  PKG_CONFIG_PATH=${PWD}/dist/lib/pkgconfig LD_LIBRARY_PATH=${PWD}/dist/lib "$@"
}

# Adds to the counts of ./dev test, each script once; says plainly what was left out.
test_bindings() {  # c|rust|go…
  local language problem script left_out=()
  if ! build_product; then
    failed=$((failed + 1))
    return
  fi
  local without=()
  for language in rust go; do
    toolchain_problem "${language}" > /dev/null || without+=("${language}")
  done
  export LSM_WITHOUT=${without[*]-}
  for language in "$@"; do
    if ! problem=$(toolchain_problem "${language}"); then
      left_out+=("${problem}")
      continue
    fi
    case ${language} in
      c)
        for script in tests/installed/*_test.{sh,py}; do
          run_check "bindings: ${script#tests/}" with_library "${script}" "${PWD}/dist"
        done
        ;;
      *) run_check "bindings: ${language}" with_library "capi/${language}/check.sh" ;;
    esac
  done
  for problem in "${left_out[@]}"; do
    note "not tested: ${problem}"
  done
}
