//! error[E0502]: a borrowed key is used after the cursor has moved
fn main() -> lsm::Result<()> {
    let db = lsm::Db::open("db")?;
    let mut cursor = db.cursor(..)?;
    cursor.seek_first()?;
    let key = cursor.key();
    cursor.next()?;
    println!("{key:?}");
    Ok(())
}
