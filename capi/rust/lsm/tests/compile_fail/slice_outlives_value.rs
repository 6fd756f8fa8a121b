//! error[E0505]: the bytes of a value are used after it was released
fn main() -> lsm::Result<()> {
    let db = lsm::Db::open("db")?;
    if let Some(value) = db.get("a")? {
        let bytes: &[u8] = &value;
        drop(value);
        println!("{bytes:?}");
    }
    Ok(())
}
