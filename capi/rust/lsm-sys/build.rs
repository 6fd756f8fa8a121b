//! Finds liblsm with pkg-config. The feature `static` links liblsm.a.
//!
//! The link lines are written here, not by the pkg-config crate, because that links what lies under
//! /usr dynamically even where the archive was asked for.

use std::env;

fn main() {
    println!("cargo:rerun-if-env-changed=DOCS_RS");
    if env::var_os("DOCS_RS").is_some() {
        return;
    }
    let is_static = env::var_os("CARGO_FEATURE_STATIC").is_some();
    let found = pkg_config::Config::new()
        .atleast_version("1.0")
        .cargo_metadata(false)
        .env_metadata(true)
        .statik(is_static)
        .probe("lsm");
    let library = match found {
        Ok(library) => library,
        Err(error) => {
            eprintln!("{error}");
            eprintln!(
                "\nlsm-sys: pkg-config does not know `lsm`. Install liblsm and, where it is not \
                 in a system folder,\nset PKG_CONFIG_PATH=PREFIX/lib/pkgconfig"
            );
            std::process::exit(1);
        }
    };
    for path in &library.link_paths {
        println!("cargo:rustc-link-search=native={}", path.display());
        let archive = path.join("liblsm.a");
        if is_static && archive.exists() {
            println!("cargo:rerun-if-changed={}", archive.display());
        }
    }
    for name in &library.libs {
        let kind = if is_static && name == "lsm" { "static" } else { "dylib" };
        println!("cargo:rustc-link-lib={kind}={name}");
    }
    // For the build scripts of crates that compile C against lsm.h.
    if let Some(path) = library.include_paths.first() {
        println!("cargo:include={}", path.display());
    }
}
