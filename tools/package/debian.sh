#!/bin/bash
# Builds the Debian packages from an installation tree, with dpkg-deb:
#
#   debian.sh FOLDER    leaves liblsm1, liblsm-dev and lsm-tools there
#
# Three, as Debian does it: a program needs liblsm1 alone, and a later liblsm2 can be installed
# beside it. (The name lsm is taken: Debian has another program of that name.)
set -euo pipefail

folder=$(realpath -m "${1:?a folder for the packages}")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
external=$(realpath bazel-bin)
external=${external%%/execroot/*}/external
architecture=$(dpkg --print-architecture)
libdir=lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
scratch=$(mktemp -d)
trap 'rm -rf "${scratch}"' EXIT
readonly folder external architecture libdir scratch
readonly maintainer='The lsm maintainers <maintainers@lsm.invalid>'
readonly all=${scratch}/all
rm -f "${folder}"/{liblsm1,liblsm-dev,lsm-tools}_*.deb

DESTDIR=${all} tools/package/install.sh --prefix /usr --libdir "${libdir}"
version=$("${all}/usr/bin/lsm" --version)
version=${version#lsm }
# A package is not moved, and the compiler searches these folders by itself: pkg-config leaves them
# out when it knows them.
sed -i 's|^prefix=.*|prefix=/usr|' "${all}/usr/${libdir}/pkgconfig/lsm.pc"
install -d "${all}/usr/share/zsh/vendor-completions"
mv "${all}/usr/share/zsh/site-functions/_lsm" "${all}/usr/share/zsh/vendor-completions/_lsm"
rm -r "${all}/usr/share/zsh/site-functions"
mv "${all}/usr/share/doc/lsm" "${all}/usr/share/doc/liblsm-dev"
gzip -9n "${all}"/usr/share/man/man?/*
strip --strip-unneeded --remove-section=.comment --remove-section=.note \
  "${all}/usr/${libdir}/liblsm.so.${version}" "${all}/usr/bin/lsm"
strip --strip-debug --enable-deterministic-archives "${all}/usr/${libdir}/liblsm.a"

# ---- What goes where ----

take() {  # PACKAGE PATH…: from all
  local package=$1 path
  shift
  for path in "$@"; do
    install -d "${scratch}/${package}/$(dirname "${path}")"
    mv "${all}/${path}" "${scratch}/${package}/${path}"
  done
}
take liblsm1 "usr/${libdir}/liblsm.so.1" "usr/${libdir}/liblsm.so.${version}"
take liblsm-dev usr/include "usr/${libdir}" usr/share/man/man3 usr/share/doc/liblsm-dev
take lsm-tools usr/bin usr/share
if [[ -n $(find "${all}" ! -type d) ]]; then
  find "${all}" ! -type d >&2
  echo "debian.sh: these are in no package" >&2
  exit 1
fi

# ---- What dpkg is told ----

# The licences of what is linked in have to come along.
copyright() {
  printf 'lsm %s\n\n' "${version}"
  if [[ -f LICENSE ]]; then cat LICENSE; else echo 'Its licence is not stated yet.'; fi
  printf '\n---- Abseil, which is linked in ----\n\n'
  printf 'Copyright The Abseil Authors. Under the Apache License, Version 2.0, which is in\n'
  printf '/usr/share/common-licenses/Apache-2.0.\n'
  local part
  for part in "Zstandard:${external}/zstd/LICENSE" xxHash:/usr/share/doc/libxxhash-dev/copyright \
    CLI11:/usr/share/doc/libcli11-dev/copyright \
    "JSON for Modern C++:/usr/share/doc/nlohmann-json3-dev/copyright"; do
    printf '\n---- %s, which is linked in ----\n\n' "${part%%:*}"
    cat "${part#*:}"
  done
}

# What a program needs of the C and C++ run time, found by dpkg-shlibdeps.
run_time_of() {  # FILE
  mkdir -p "${scratch}/source/debian"
  printf 'Source: lsm\n\nPackage: lsm\nArchitecture: any\n' > "${scratch}/source/debian/control"
  (cd "${scratch}/source" && dpkg-shlibdeps -O "$1" 2> /dev/null) | sed 's/^shlibs:Depends=//'
}

build() {  # PACKAGE SECTION DEPENDS SUMMARY DESCRIPTION
  local root=${scratch}/$1 documents
  documents=${root}/usr/share/doc/$1
  install -d "${root}/DEBIAN" "${documents}"
  copyright > "${documents}/copyright"
  printf 'lsm (%s) unstable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- %s  %s\n' \
    "${version}" "${maintainer}" "$(git log -1 --format=%cD)" |
    gzip -9n > "${documents}/changelog.gz"
  find "${root}" -type d -exec chmod 755 {} +
  {
    printf 'Package: %s\nSource: lsm\nVersion: %s\nArchitecture: %s\nMaintainer: %s\n' \
      "$1" "${version}" "${architecture}" "${maintainer}"
    printf 'Installed-Size: %s\n' "$(du -sk --exclude=DEBIAN "${root}" | cut -f1)"
    printf 'Depends: %s\nSection: %s\nPriority: optional\nMulti-Arch: %s\n' "$3" "$2" \
      "$(if [[ $1 == lsm-tools ]]; then echo foreign; else echo same; fi)"
    printf 'Description: %s\n' "$4"
    fold --spaces --width=78 <<< "$5" | sed -e 's/ *$//' -e 's/^/ /'
  } > "${root}/DEBIAN/control"
  (cd "${root}" && find usr -type f -print0 | sort -z | xargs -0 md5sum) > "${root}/DEBIAN/md5sums"
  install -d "${folder}"
  dpkg-deb --root-owner-group --build "${root}" \
    "${folder}/$1_${version}_${architecture}.deb" > /dev/null
  echo "${folder}/$1_${version}_${architecture}.deb"
}

readonly what='lsm is an embedded, ordered, durable key-value store: a log-structured merge tree'
install -d "${scratch}/liblsm1/DEBIAN"
echo 'activate-noawait ldconfig' > "${scratch}/liblsm1/DEBIAN/triggers"
echo "liblsm 1 liblsm1 (>= ${version%.*})" > "${scratch}/liblsm1/DEBIAN/shlibs"
build liblsm1 libs "$(run_time_of "${scratch}/liblsm1/usr/${libdir}/liblsm.so.${version}")" \
  "embedded, ordered, durable key-value store" \
  "${what} behind a small, stable C ABI. This is the shared library."
build liblsm-dev libdevel "liblsm1 (= ${version})" \
  "embedded, ordered, durable key-value store (development files)" \
  "${what} behind a small, stable C ABI. These are the header, the archive, examples, and what \
pkg-config and CMake need to find them."
build lsm-tools database "$(run_time_of "${scratch}/lsm-tools/usr/bin/lsm")" \
  "embedded, ordered, durable key-value store (command-line tool)" \
  "${what}. This is the command lsm, which loads, reads, compacts, verifies and dumps what the \
library wrote."

# ---- They can be installed, used and removed, in a root of their own ----

readonly machine=${scratch}/machine
in_machine() {
  dpkg --root="${machine}" --force-not-root --force-depends --force-script-chrootless \
    --log=/dev/null "$@" > "${scratch}/dpkg.log" 2>&1 || { cat "${scratch}/dpkg.log" >&2; exit 1; }
}
mkdir -p "${machine}"/var/lib/dpkg/{info,updates,triggers}
touch "${machine}/var/lib/dpkg/status"
in_machine --install "${folder}"/{liblsm1,liblsm-dev,lsm-tools}_*.deb
[[ $("${machine}/usr/bin/lsm" --version) == "lsm ${version}" ]]
export PKG_CONFIG_PATH=${machine}/usr/${libdir}/pkgconfig
read -ra flags <<< "$(PKG_CONFIG_SYSROOT_DIR=${machine} pkg-config --cflags --libs lsm)"
cc -std=c11 "${machine}/usr/share/doc/liblsm-dev/examples/scan.c" "${flags[@]}" -o "${scratch}/scan"
LD_LIBRARY_PATH=${machine}/usr/${libdir} "${scratch}/scan" "${scratch}/scan.db" |
  diff capi/examples/scan.expected -
in_machine --purge lsm-tools liblsm-dev liblsm1
left=$(find "${machine}" ! -type d ! -path "${machine}/var/lib/dpkg/*")
[[ -z ${left} ]] || { echo "debian.sh: left behind after removal: ${left}" >&2; exit 1; }
