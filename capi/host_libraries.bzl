"""The two forms in which a host links the engine: liblsm.so.1 and liblsm.a.

Both show the functions of the C ABI and nothing else, so that a host which uses Abseil or zstd of
another version works, and both need nothing but the C and C++ run time.
"""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

def _static_archives(linking_context):
    """The static archives of a linking context, those to be taken whole apart from the others."""
    whole = []
    as_needed = []
    for linker_input in linking_context.linker_inputs.to_list():
        for library in linker_input.libraries:
            archive = library.pic_static_library or library.static_library
            if archive and library.alwayslink:
                whole.append(archive)
            elif archive:
                as_needed.append(archive)
    return whole, as_needed

def _self_contained_archive_impl(ctx):
    toolchain = find_cpp_toolchain(ctx)
    merged = cc_common.merge_cc_infos(cc_infos = [dep[CcInfo] for dep in ctx.attr.deps])
    whole, as_needed = _static_archives(merged.linking_context)
    archive = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.run(
        executable = ctx.executable._merge,
        inputs = depset(whole + as_needed, transitive = [toolchain.all_files]),
        outputs = [archive],
        env = {
            "AR": toolchain.ar_executable,
            "AS_NEEDED": " ".join([file.path for file in as_needed]),
            "KEEP": ctx.attr.keep,
            "LD": toolchain.ld_executable,
            "NM": toolchain.nm_executable,
            "OBJCOPY": toolchain.objcopy_executable,
            "OUT": archive.path,
            "PATH": "/usr/bin:/bin",
            "WHOLE": " ".join([file.path for file in whole]),
        },
        mnemonic = "SelfContainedArchive",
        progress_message = "Merging %s" % ctx.label,
    )
    return [DefaultInfo(
        files = depset([archive]),
        runfiles = ctx.runfiles(files = [archive]),
    )]

_self_contained_archive = rule(
    implementation = _self_contained_archive_impl,
    doc = "One archive of `deps` and all they need; only symbols matching `keep` are global.",
    attrs = {
        "deps": attr.label_list(providers = [CcInfo]),
        "keep": attr.string(mandatory = True, doc = "A shell wildcard."),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
        "_merge": attr.label(
            default = "//capi:merge_archive.sh",
            allow_single_file = True,
            executable = True,
            cfg = "exec",
        ),
    },
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)

def host_libraries(name, capi, exports):
    """Defines lib<name>.so.1 and lib<name>.a.

    Args:
      name: the soname is lib<name>.so.1, and every function starts with <name>_.
      capi: the cc_library of the C ABI; `alwayslink`, as nobody in this tree calls its functions.
      exports: the version script that lists the functions.
    """
    shared = "lib%s.so.1" % name
    native.cc_binary(
        name = shared,
        additional_linker_inputs = [exports],
        linkopts = [
            "-Wl,--version-script=$(location %s)" % exports,
            "-Wl,-soname,%s" % shared,
            "-Wl,--exclude-libs,ALL",
            "-Wl,--gc-sections",
            "-Wl,-z,defs,-z,relro,-z,now",
        ],
        linkshared = 1,
        visibility = ["//visibility:public"],
        deps = [capi],
    )
    _self_contained_archive(
        name = "lib%s.a" % name,
        keep = name + "_*",
        visibility = ["//visibility:public"],
        deps = [capi],
    )
