//! Misuse does not compile: each file of `compile_fail/` begins with the error that it must give,
//! or with "compiles" where it shows what the others leave out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::{env, fs};

type Findings = BTreeMap<String, BTreeSet<String>>;

/// A crate with each file as a program of its own.
fn make_crate(folder: &Path) -> Findings {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let programs = folder.join("src/bin");
    let _ = fs::remove_dir_all(&programs);
    fs::create_dir_all(&programs).unwrap();
    let manifest = format!(
        "[package]\nname = \"misuse\"\nedition = \"2021\"\n\n\
         [dependencies]\nlsm = {{ path = {here:?} }}\n\n\
         [workspace]\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    let lock = here.join("../Cargo.lock");
    if lock.exists() {
        fs::copy(lock, folder.join("Cargo.lock")).unwrap();
    }

    let mut expected = Findings::new();
    for entry in fs::read_dir(here.join("tests/compile_fail")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let first = text.lines().next().unwrap().trim_start_matches("//! ");
        if first != "compiles" {
            let code = first.split(':').next().unwrap().to_owned();
            assert!(code.starts_with("error[E"), "{name}: begins with {first:?}");
            expected.insert(name.clone(), BTreeSet::from([code]));
        }
        fs::copy(&path, programs.join(name + ".rs")).unwrap();
    }
    expected
}

#[test]
fn misuse_does_not_compile() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("misuse");
    let expected = make_crate(&folder);
    assert!(expected.len() > 8);

    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["check", "--offline", "--bins", "--keep-going", "--message-format=short"])
        .current_dir(&folder)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&output.stderr);

    // src/bin/name.rs:5:3: error[E0505]: cannot move...
    let mut found = Findings::new();
    for line in report.lines().filter_map(|line| line.strip_prefix("src/bin/")) {
        let (name, rest) = line.split_once(".rs:").unwrap();
        if let Some(error) = rest.find("error") {
            let code = rest[error..].split(':').next().unwrap();
            found.entry(name.to_owned()).or_default().insert(code.to_owned());
        }
    }
    assert_eq!(found, expected, "{report}");
}
