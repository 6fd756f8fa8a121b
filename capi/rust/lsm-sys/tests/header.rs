//! The declarations of this crate against lsm.h and lsm.map, which lie beside it in the source tree.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::mem::{offset_of, size_of};
use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs};

use lsm_sys::{lsm_option, lsm_progress, lsm_row, lsm_value};

const RUST: &str = include_str!("../src/lib.rs");

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The header without its comments and preprocessor lines, each run of white space one space.
fn header() -> String {
    let text = read("lsm.h");
    let mut code = String::new();
    let mut rest = text.as_str();
    while let Some((before, comment)) = rest.split_once("/*") {
        code += before;
        rest = comment.split_once("*/").expect("a comment that ends").1;
    }
    code += rest;
    let lines: Vec<&str> = code.lines().filter(|line| !line.starts_with('#')).collect();
    squeeze(&lines.join(" "))
}

fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The name of each function to its declaration in Rust, as the header's prototypes want it.
fn functions_wanted() -> BTreeMap<String, String> {
    let header = header();
    let mut wanted = BTreeMap::new();
    for prototype in header.split("LSM_API ").skip(1) {
        let (head, rest) = prototype.split_once('(').expect("a parameter list");
        let parameters = rest.split_once(");").expect("the end of a prototype").0;
        let (result, name) = split_name(head);
        let parameters: Vec<String> = parameters
            .split(',')
            .filter(|parameter| *parameter != "void")
            .map(|parameter| {
                let (c_type, name) = split_name(parameter);
                format!("{name}: {}", rust_type(c_type))
            })
            .collect();
        let mut declaration = format!("pub fn {name}({})", parameters.join(", "));
        if result != "void" {
            declaration += &format!(" -> {}", rust_type(result));
        }
        wanted.insert(name.to_owned(), declaration);
    }
    assert!(wanted.len() > 50, "the header was not understood: {wanted:?}");
    wanted
}

/// `const void* key` is the type `const void*` and the name `key`.
fn split_name(declared: &str) -> (&str, &str) {
    let declared = declared.trim();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let start = declared.rfind(|c| !is_name(c)).map_or(0, |at| at + 1);
    (declared[..start].trim(), &declared[start..])
}

fn rust_type(c_type: &str) -> String {
    let c_type = c_type.trim();
    let Some(target) = c_type.strip_suffix('*') else {
        return match c_type {
            "size_t" => "usize",
            "int32_t" => "i32",
            "uint32_t" => "u32",
            "uint64_t" => "u64",
            "void" => "c_void",
            "char" => "c_char",
            named => {
                assert!(named.starts_with("lsm_"), "no Rust type is known for {named:?}");
                named
            }
        }
        .to_owned();
    };
    match target.strip_prefix("const ") {
        Some(target) if !target.ends_with('*') => format!("*const {}", rust_type(target)),
        _ => format!("*mut {}", rust_type(target)),
    }
}

/// The name of each function to its declaration in this crate.
fn functions_declared() -> BTreeMap<String, String> {
    let code: Vec<&str> =
        RUST.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = squeeze(&code.join(" "));
    let block = code.split_once("extern \"C\" { ").expect("the block of functions").1;
    block
        .split(';')
        .filter_map(|function| Some(function[function.find("pub fn ")?..].trim().to_owned()))
        .map(|function| {
            let name = function["pub fn ".len()..function.find('(').expect("a list")].to_owned();
            (name, function.replace("( ", "(").replace(", )", ")"))
        })
        .collect()
}

#[test]
fn functions_are_those_of_the_header() {
    let (wanted, declared) = (functions_wanted(), functions_declared());
    for (name, declaration) in &wanted {
        assert_eq!(declared.get(name), Some(declaration), "{name} of lsm.h");
    }
    for name in declared.keys() {
        assert!(wanted.contains_key(name), "{name} is not in lsm.h");
    }
}

#[test]
fn functions_are_those_exported() {
    let map = read("lsm.map");
    let exported: BTreeSet<String> = map
        .lines()
        .filter_map(|line| line.trim().strip_suffix(';'))
        .filter(|name| name.starts_with("lsm_"))
        .map(str::to_owned)
        .collect();
    let declared: BTreeSet<String> = functions_declared().into_keys().collect();
    assert_eq!(declared, exported);
}

/// The name of each constant of the header.
fn constants_wanted() -> BTreeSet<String> {
    let header = header();
    let mut names = BTreeSet::new();
    for body in header.split("enum {").skip(1) {
        let body = body.split_once('}').expect("the end of an enum").0;
        for constant in body.split(',').filter(|constant| constant.contains('=')) {
            names.insert(constant.split('=').next().expect("a name").trim().to_owned());
        }
    }
    assert!(names.len() > 25, "the header was not understood: {names:?}");
    names
}

fn constants_declared() -> BTreeMap<String, u64> {
    RUST.lines()
        .filter_map(|line| line.strip_prefix("pub const "))
        .map(|constant| {
            let (name, rest) = constant.split_once(':').expect("a type");
            let value = rest.split_once('=').expect("a value").1.trim_end_matches(';').trim();
            (name.to_owned(), value.parse().expect("a number"))
        })
        .collect()
}

macro_rules! layout {
    ($name:ident { $($field:ident)* }) => {{
        let mut lines = vec![(format!("sizeof({})", stringify!($name)), size_of::<$name>() as u64)];
        $(lines.push((
            format!("offsetof({}, {})", stringify!($name), stringify!($field)).replace("r#", ""),
            offset_of!($name, $field) as u64,
        ));)*
        lines
    }};
}

/// What a C compiler says about constants and structs is what this crate says.
#[test]
fn constants_and_layouts_are_those_of_the_c_compiler() {
    let declared = constants_declared();
    assert_eq!(declared.keys().cloned().collect::<BTreeSet<_>>(), constants_wanted());

    let mut ours: Vec<(String, u64)> = declared.into_iter().collect();
    ours.extend(layout!(lsm_value { data size pin }));
    ours.extend(layout!(lsm_row { key key_size value value_size }));
    ours.extend(layout!(lsm_option {
        name r#type unit default_value minimum maximum summary
    }));
    ours.extend(layout!(lsm_progress {
        struct_size phase bytes_done bytes_total entries_done
    }));

    let mut program = String::from("#include \"lsm.h\"\n#include <stdio.h>\nint main(void) {\n");
    for (expression, _) in &ours {
        program += &format!("  printf(\"%llu\\n\", (unsigned long long)({expression}));\n");
    }
    program += "  return 0;\n}\n";

    let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join("layout");
    let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
    let mut compilation = Command::new(&compiler)
        .arg("-I")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .args(["-x", "c", "-", "-o"])
        .arg(&binary)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{compiler:?}: {error}"));
    let mut input = compilation.stdin.take().expect("a pipe");
    input.write_all(program.as_bytes()).expect("a compiler that reads");
    drop(input);
    assert!(compilation.wait().expect("a compiler that ends").success());
    let output = Command::new(&binary).output().expect("a program that was just built").stdout;
    let theirs = String::from_utf8(output).expect("numbers");
    let theirs: Vec<u64> = theirs.lines().map(|line| line.parse().expect("a number")).collect();
    assert_eq!(theirs.len(), ours.len());
    for ((expression, our), their) in ours.iter().zip(theirs) {
        assert_eq!(*our, their, "{expression}");
    }
}
