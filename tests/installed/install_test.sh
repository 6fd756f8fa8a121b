#!/bin/bash
# An installation can be found and linked in every way that it promises, wherever it lies.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# ---- A tree of its own, staged elsewhere than where it says it goes ----

stage() {  # PREFIX LIBDIR: what the given installation was made from, under ${scratch}/stage
  mkdir -p "${scratch}/built/capi" "${scratch}/built/tools"
  cp "${prefix}/lib/liblsm.so.1" "${prefix}/lib/liblsm.a" "${scratch}/built/capi/"
  cp "${prefix}/bin/lsm" "${scratch}/built/tools/"
  DESTDIR=${scratch}/stage "${root}/tools/package/install.sh" --prefix "$1" --libdir "$2" \
    --from "${scratch}/built"
}

stage /opt/lsm lib
readonly tree=${scratch}/stage/opt/lsm
[[ ! -e /opt/lsm ]] || fail "DESTDIR was not respected"
version=$("${tree}/bin/lsm" --version)
version=${version#lsm }
for file in include/lsm/lsm.h lib/liblsm.so lib/liblsm.so.1 "lib/liblsm.so.${version}" \
  lib/liblsm.a lib/pkgconfig/lsm.pc lib/cmake/lsm/lsm-config.cmake \
  lib/cmake/lsm/lsm-config-version.cmake \
  bin/lsm share/man/man1/lsm.1 share/man/man3/lsm.3 share/bash-completion/completions/lsm \
  share/zsh/site-functions/_lsm share/fish/vendor_completions.d/lsm.fish; do
  [[ -s ${tree}/${file} ]] || fail "${file} was not installed"
done
[[ $(readlink "${tree}/lib/liblsm.so") == liblsm.so.1 ]] || fail "liblsm.so is another link"
[[ $(readlink "${tree}/lib/liblsm.so.1") == "liblsm.so.${version}" ]] ||
  fail "liblsm.so.1 is another link"
(cd "${prefix}" && find . -type f -o -type l | sort) > "${scratch}/given"
(cd "${tree}" && find . -type f -o -type l | sort) > "${scratch}/staged"
comm -13 "${scratch}/given" "${scratch}/staged" > "${scratch}/more"
[[ ! -s ${scratch}/more ]] || fail "${prefix} lacks $(cat "${scratch}/more")"
ok "every file is in place, under DESTDIR"

# Nothing in it says where it was built or staged, or it could not be moved.
readonly texts=("${tree}/lib/pkgconfig" "${tree}/lib/cmake" "${tree}/share")
if grep -rlF -e "${scratch}" -e "${root}" "${texts[@]}"; then
  fail "an installed file names where it was made"
fi
ok "no installed file names where it was made"

# ---- pkg-config ----

export PKG_CONFIG_PATH=${tree}/lib/pkgconfig
readonly examples=${root}/capi/examples
read -ra cflags <<< "$(pkg-config --cflags lsm)"
read -ra libs <<< "$(pkg-config --libs lsm)"
read -ra static_libs <<< "$(pkg-config --libs --static lsm)"
[[ $(pkg-config --modversion lsm) == "${version}" ]] || fail "lsm.pc has another version"
pkg-config --exists 'lsm >= 1.0' || fail "lsm.pc does not satisfy lsm >= 1.0"

export LD_LIBRARY_PATH=${tree}/lib
for source in "${examples}"/*.c; do
  name=$(basename "${source}" .c)
  cc -std=c11 "${warnings[@]}" "${source}" "${cflags[@]}" "${libs[@]}" -o "${scratch}/${name}"
  expect_output "pkg-config, C11, example ${name}" "${name}" "${scratch}/${name}"
done

# The header from C++, the examples' own code being C.
for standard in c++11 c++20; do
  sed 's/uint64_t\* calls = payload;/uint64_t* calls = static_cast<uint64_t*>(payload);/' \
    "${examples}/compact.c" > "${scratch}/compact.cc"
  g++ -std="${standard}" "${warnings[@]}" "${scratch}/compact.cc" "${cflags[@]}" "${libs[@]}" \
    -o "${scratch}/compact_cpp"
  expect_output "pkg-config, ${standard}" compact "${scratch}/compact_cpp"
done
unset LD_LIBRARY_PATH

cc -std=c11 "${warnings[@]}" "${examples}/compact.c" "${cflags[@]}" \
  "${static_libs[@]/#-llsm/-l:liblsm.a}" -o "${scratch}/archive"
! ldd "${scratch}/archive" | grep -q liblsm || fail "the archive was not what was linked"
expect_output "pkg-config, the archive in a dynamic program" compact "${scratch}/archive"

cc -std=c11 -static "${warnings[@]}" "${examples}/compact.c" "${cflags[@]}" "${static_libs[@]}" \
  -o "${scratch}/static"
file_type=$(ldd "${scratch}/static" 2>&1 || true)
[[ ${file_type} == *"not a dynamic executable"* ]] || fail "not static: ${file_type}"
expect_output "pkg-config, a static program" compact "${scratch}/static"

# ---- CMake ----

readonly project=${scratch}/project
mkdir "${project}"
cp "${examples}/scan.c" "${project}/"
sed 's/uint64_t\* calls = payload;/uint64_t* calls = static_cast<uint64_t*>(payload);/' \
  "${examples}/compact.c" > "${project}/compact.cc"
cat > "${project}/CMakeLists.txt" <<'PROJECT'
cmake_minimum_required(VERSION 3.13)
project(host LANGUAGES C)
find_package(lsm 1.0 REQUIRED)
find_package(lsm 2.0 QUIET)
if(lsm_FOUND)
  message(FATAL_ERROR "version 2.0 was found")
endif()
find_package(lsm 1 REQUIRED)
add_executable(shared scan.c)
target_link_libraries(shared lsm::lsm)
add_executable(archive scan.c)
target_link_libraries(archive lsm::static)
enable_language(CXX)
add_executable(shared_cpp compact.cc)
target_link_libraries(shared_cpp lsm::lsm)
PROJECT
cmake_builds() {  # FOLDER PREFIX
  if ! { cmake -S "${project}" -B "$1" -DCMAKE_PREFIX_PATH="$2" && cmake --build "$1"; } \
    > "${scratch}/cmake.log" 2>&1; then
    cat "${scratch}/cmake.log" >&2
    fail "CMake could not build a project"
  fi
}
cmake_builds "${project}/out" "${tree}"
expect_output "CMake, lsm::lsm" scan "${project}/out/shared"
expect_output "CMake, lsm::static" scan "${project}/out/archive"
expect_output "CMake, lsm::lsm from C++" compact "${project}/out/shared_cpp"
! ldd "${project}/out/archive" | grep -q liblsm || fail "lsm::static is not static"

# ---- Another libdir ----

rm -r "${scratch}/stage"
libdir=lib/$(cc -print-multiarch)
stage /usr "${libdir}"
export PKG_CONFIG_PATH=${scratch}/stage/usr/${libdir}/pkgconfig
read -ra flags <<< "$(pkg-config --cflags --libs lsm)"
cc -std=c11 "${examples}/scan.c" "${flags[@]}" -o "${scratch}/libdir"
LD_LIBRARY_PATH=${scratch}/stage/usr/${libdir} \
  expect_output "pkg-config under ${libdir}" scan "${scratch}/libdir"
cmake_builds "${project}/other" "${scratch}/stage/usr"
expect_output "CMake under ${libdir}" scan "${project}/other/shared"
