"""Everything lsm builds on, as Bazel repositories.

Libraries that are linked in (Abseil, zstd) or that the tests need (GoogleTest, Google Benchmark)
are built from source, with our flags, so that sanitizers see into them and liblsm.so depends on
nothing but the C and C++ run time. Libraries that are headers only come from the distribution's
packages, as do the rules Bazel itself needs.
"""

load(
    "//third_party:debian.bzl",
    "bazel_platforms",
    "bazel_rules_cc",
    "empty_coverage_tools",
    "package_headers",
    "source_archive",
)

_BAZEL_PACKAGES = "/usr/share/bazel"

def _bazel_rules():
    """The repositories Bazel 4.2 expects to download, taken from Debian's packages."""
    bazel_platforms(
        name = "platforms",
        path = _BAZEL_PACKAGES + "/platforms",
    )
    bazel_rules_cc(
        name = "rules_cc",
        path = _BAZEL_PACKAGES + "/rules/cc",
    )
    native.local_repository(
        name = "rules_java",
        path = _BAZEL_PACKAGES + "/rules/java",
    )
    native.local_repository(
        name = "rules_proto",
        path = _BAZEL_PACKAGES + "/rules/proto",
    )
    native.local_repository(
        name = "bazel_skylib",
        path = _BAZEL_PACKAGES + "/tools/skylib",
    )
    empty_coverage_tools(name = "remote_coverage_tools")

def lsm_repositories():
    """Declares every external repository of this workspace."""
    _bazel_rules()

    source_archive(
        name = "com_google_absl",
        url = "https://github.com/abseil/abseil-cpp/archive/refs/tags/20220623.1.tar.gz",
        sha256 = "91ac87d30cc6d79f9ab974c51874a704de9c2647c40f6932597329a282217ba8",
        strip_prefix = "abseil-cpp-20220623.1",
        debian_package = "abseil",
        debian_file = "abseil_20220623.1.orig.tar.gz",
        debian_sha256 = "abfe2897f3a30edaa74bc34365afe3c2a3cd012091a97dc7e008f7016adcd5fe",
        debian_strip_prefix = "abseil-20220623.1",
    )
    source_archive(
        name = "com_google_googletest",
        url = "https://github.com/google/googletest/archive/refs/tags/release-1.12.1.tar.gz",
        sha256 = "81964fe578e9bd7c94dfdb09c8e4d6e6759e19967e397dbea48d1c10e45d0df2",
        strip_prefix = "googletest-release-1.12.1",
        debian_package = "googletest",
        debian_file = "googletest_1.12.1.orig.tar.gz",
        debian_sha256 = "81964fe578e9bd7c94dfdb09c8e4d6e6759e19967e397dbea48d1c10e45d0df2",
        debian_strip_prefix = "googletest-release-1.12.1",
    )
    source_archive(
        name = "com_github_google_benchmark",
        url = "https://github.com/google/benchmark/archive/refs/tags/v1.7.1.tar.gz",
        sha256 = "6430e4092653380d9dc4ccb45a1e2dc9259d581f4866dc0759713126056bc1d7",
        strip_prefix = "benchmark-1.7.1",
        debian_package = "benchmark",
        debian_file = "benchmark_1.7.1.orig.tar.gz",
        debian_sha256 = "6430e4092653380d9dc4ccb45a1e2dc9259d581f4866dc0759713126056bc1d7",
        debian_strip_prefix = "benchmark-1.7.1",
    )
    source_archive(
        name = "zstd",
        url = "https://github.com/facebook/zstd/releases/download/v1.5.4/zstd-1.5.4.tar.gz",
        sha256 = "0f470992aedad543126d06efab344dc5f3e171893810455787d38347343a4424",
        strip_prefix = "zstd-1.5.4",
        debian_package = "libzstd",
        debian_file = "libzstd_1.5.4+dfsg2.orig.tar.xz",
        debian_sha256 = "8cf4bbb65e77ec348d052c8d6230eba66d435bddf64c8b5be2fcb16880c19953",
        debian_strip_prefix = "zstd-1.5.4",
        build_file = "//third_party:zstd.BUILD",
    )

    package_headers(
        name = "xxhash",
        package = "libxxhash-dev",
        headers = ["xxhash.h", "xxh3.h"],
        build_file = "//third_party:xxhash.BUILD",
    )
    package_headers(
        name = "cli11",
        package = "libcli11-dev",
        headers = ["CLI"],
        build_file = "//third_party:cli11.BUILD",
    )
    package_headers(
        name = "nlohmann_json",
        package = "nlohmann-json3-dev",
        headers = ["nlohmann"],
        build_file = "//third_party:nlohmann_json.BUILD",
    )
