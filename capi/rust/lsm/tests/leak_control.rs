//! Leaks on purpose, to show that the leak check of `check.sh` would see one.

#[test]
#[ignore = "leaks"]
fn a_forgotten_value_is_a_leak() {
    let folder = tempfile::tempdir().unwrap();
    let db = lsm::Db::open(folder.path()).unwrap();
    db.put("apple", "red").unwrap();
    std::mem::forget(db.get("apple").unwrap());
    std::mem::forget(db.iter().next());
}
