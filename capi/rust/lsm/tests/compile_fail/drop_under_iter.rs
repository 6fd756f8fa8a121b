//! error[E0505]: the database is dropped while an iterator over it lives
fn main() -> lsm::Result<()> {
    let db = lsm::Db::open("db")?;
    let mut rows = db.iter();
    drop(db);
    rows.next();
    Ok(())
}
