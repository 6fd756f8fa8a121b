"""Repository rules for machines with the whole net and for those with only a package mirror."""

def _cache_dir(ctx):
    """Where archives stay, so that the next clone needs no net."""
    base = ctx.os.environ.get("XDG_CACHE_HOME", "")
    if not base:
        base = ctx.os.environ.get("HOME", "/root") + "/.cache"
    return base + "/lsm"

def _source_archive_impl(ctx):
    result = ctx.execute([
        ctx.path(Label("//third_party:fetch_source.sh")),
        _cache_dir(ctx),
        ctx.attr.url,
        ctx.attr.sha256,
        ctx.attr.debian_package,
        ctx.attr.debian_file,
        ctx.attr.debian_sha256,
    ])
    if result.return_code != 0:
        fail("no sources for {}:\n{}".format(ctx.name, result.stderr))
    archive = ctx.path(result.stdout.strip())
    from_debian = archive.basename == ctx.attr.debian_file
    ctx.symlink(archive, archive.basename)
    ctx.extract(
        archive.basename,
        stripPrefix = ctx.attr.debian_strip_prefix if from_debian else ctx.attr.strip_prefix,
    )
    ctx.delete(archive.basename)
    if ctx.attr.build_file:
        ctx.symlink(ctx.attr.build_file, "BUILD.bazel")

source_archive = repository_rule(
    implementation = _source_archive_impl,
    doc = """A library's sources: upstream's release, else the source package of the same version.

Both are pinned by their SHA-256; fetch_source.sh says how they are found.""",
    attrs = {
        "url": attr.string(mandatory = True),
        "sha256": attr.string(mandatory = True),
        "strip_prefix": attr.string(mandatory = True),
        "debian_package": attr.string(mandatory = True),
        "debian_file": attr.string(mandatory = True),
        "debian_sha256": attr.string(mandatory = True),
        "debian_strip_prefix": attr.string(mandatory = True),
        "build_file": attr.label(doc = "For sources that bring none."),
    },
    environ = ["XDG_CACHE_HOME", "HOME"],
)

def _package_headers_impl(ctx):
    for header in ctx.attr.headers:
        installed = ctx.path("/usr/include/" + header)
        if not installed.exists:
            fail("{} is missing: run ./dev setup, or install the package {}".format(
                installed,
                ctx.attr.package,
            ))
        ctx.symlink(installed, "include/" + header)
    ctx.symlink(ctx.attr.build_file, "BUILD.bazel")

package_headers = repository_rule(
    implementation = _package_headers_impl,
    doc = "A library of headers only, as installed by a package of the distribution.",
    attrs = {
        "package": attr.string(mandatory = True),
        "headers": attr.string_list(mandatory = True, doc = "Names under /usr/include."),
        "build_file": attr.label(mandatory = True),
    },
    local = True,
)

def _require(ctx, path):
    if not ctx.path(path).exists:
        fail("{} is missing: run ./dev setup".format(path))

def _link_all(ctx, directory, into, without = []):
    for entry in ctx.path(directory).readdir():
        if entry.basename not in without:
            ctx.symlink(entry, into + entry.basename)

_CONSTRAINT_VALUE = """
constraint_value(
    name = "%s",
    constraint_setting = ":cpu",
)
"""

def _bazel_platforms_impl(ctx):
    _require(ctx, ctx.attr.path)
    _link_all(ctx, ctx.attr.path, "", without = ["cpu"])
    cpus = ctx.read(ctx.attr.path + "/cpu/BUILD")
    for cpu in ["wasm32", "wasm64"]:
        if "\"%s\"" % cpu not in cpus:
            cpus += _CONSTRAINT_VALUE % cpu
    ctx.file("cpu/BUILD", cpus)

bazel_platforms = repository_rule(
    implementation = _bazel_platforms_impl,
    doc = "The bazel-platforms package, plus processors that Abseil selects on and it knows not.",
    attrs = {"path": attr.string(mandatory = True)},
    local = True,
)

def _bazel_rules_cc_impl(ctx):
    _require(ctx, ctx.attr.path)
    rules_impl = "cc/private/rules_impl"
    _link_all(ctx, ctx.attr.path, "", without = ["cc", "WORKSPACE"])
    _link_all(ctx, ctx.attr.path + "/cc", "cc/", without = ["private"])
    _link_all(ctx, ctx.attr.path + "/cc/private", "cc/private/", without = ["rules_impl"])
    for entry in ctx.path(ctx.attr.path + "/" + rules_impl).readdir():
        text = ctx.read(entry)
        text = text.replace(", \"use_cpp_toolchain\"", "")
        text = text.replace("use_cpp_toolchain()", "[\"@bazel_tools//tools/cpp:toolchain_type\"]")
        ctx.file(rules_impl + "/" + entry.basename, text)
    ctx.file("WORKSPACE", "workspace(name = \"rules_cc\")\n")

bazel_rules_cc = repository_rule(
    implementation = _bazel_rules_cc_impl,
    doc = "The bazel-rules-cc package, without the use_cpp_toolchain() that Bazel 4.2 lacks.",
    attrs = {"path": attr.string(mandatory = True)},
    local = True,
)

def _empty_coverage_tools_impl(ctx):
    ctx.file("BUILD", """filegroup(
    name = "coverage_report_generator",
    visibility = ["//visibility:public"],
)
""")

empty_coverage_tools = repository_rule(
    implementation = _empty_coverage_tools_impl,
    doc = "Stands in for a download that every cc_test asks for and only `bazel coverage` uses.",
    attrs = {},
)
