#!/bin/bash
# Finds a library's source archive, checks its sum, keeps it, and prints where it is.
#
#   fetch_source.sh CACHE URL SHA256 PACKAGE FILE SHA256
#
# In this order: the archive kept in CACHE; upstream's release at URL; FILE of the distribution's
# source package PACKAGE. The two archives hold the same version but may be packed differently, so
# each has a sum of its own. Bytes whose sum differs are never used.
set -euo pipefail

readonly cache=$1 url=$2 url_sha256=$3 package=$4 debian_file=$5 debian_sha256=$6
# Upstream calls its archives by version only (1.2.3.tar.gz); in the cache the package's name stands
# before it.
upstream_file=${package}-$(basename "${url}")
readonly upstream_file

scratch=$(mktemp -d)
trap 'rm -rf "${scratch}"' EXIT
mkdir -p "${cache}"

has_sum() {  # FILE SHA256
  [[ -f $1 ]] && echo "$2  $1" | sha256sum --check --status
}

keep() {  # FILE NAME: renamed into place, so that nobody sees half a file
  cp "$1" "${cache}/.$2.$$"
  mv "${cache}/.$2.$$" "${cache}/$2"
  echo "${cache}/$2"
}

fetch_upstream() {
  command -v curl > /dev/null || return 1
  curl --fail --silent --show-error --location --connect-timeout 5 --max-time 120 \
    --output "${scratch}/${upstream_file}" "${url}"
}

# The machine's package sources usually name binaries only (deb). They are copied to a scratch
# folder as deb-src, and apt works on that folder alone: nothing of the machine's configuration
# changes, and root is not needed. Mirrors, proxies and keys are those the machine uses anyway.
fetch_debian() {
  local list
  mkdir -p "${scratch}"/{sources,lists/partial,cache/archives/partial,out}
  for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [[ -f ${list} ]] || continue
    sed -n 's/^deb[[:space:]]/deb-src /p' "${list}" > "${scratch}/sources/$(basename "${list}")"
  done
  for list in /etc/apt/sources.list.d/*.sources; do
    [[ -f ${list} ]] || continue
    sed 's/^Types:.*/Types: deb-src/' "${list}" > "${scratch}/sources/$(basename "${list}")"
  done
  local options=(
    -o Dir::Etc::sourcelist=/dev/null
    -o Dir::Etc::sourceparts="${scratch}/sources"
    -o Dir::State::Lists="${scratch}/lists"
    -o Dir::Cache="${scratch}/cache"
    -o APT::Sandbox::User=
    -o Acquire::Languages=none
    -o Acquire::Retries=2
    -qq
  )
  # A dead third-party source must not stand in the way: what counts is whether the package is
  # found.
  apt-get "${options[@]}" update || true
  cd "${scratch}/out"
  apt-get "${options[@]}" source --download-only "${package}" && [[ -f ${debian_file} ]]
}

if has_sum "${cache}/${upstream_file}" "${url_sha256}"; then
  echo "${cache}/${upstream_file}"
elif has_sum "${cache}/${debian_file}" "${debian_sha256}"; then
  echo "${cache}/${debian_file}"
elif fetch_upstream 2> "${scratch}/upstream.log" &&
  has_sum "${scratch}/${upstream_file}" "${url_sha256}"; then
  keep "${scratch}/${upstream_file}" "${upstream_file}"
elif (fetch_debian) > "${scratch}/debian.log" 2>&1 &&
  has_sum "${scratch}/out/${debian_file}" "${debian_sha256}"; then
  keep "${scratch}/out/${debian_file}" "${debian_file}"
else
  {
    echo "wanted ${url} (sha256 ${url_sha256}):"
    cat "${scratch}/upstream.log"
    echo "or ${debian_file} (sha256 ${debian_sha256}) of the source package ${package}:"
    tail -n 20 "${scratch}/debian.log"
    echo "To help by hand, put either file into ${cache} as ${upstream_file} or ${debian_file}."
  } >&2
  exit 1
fi
