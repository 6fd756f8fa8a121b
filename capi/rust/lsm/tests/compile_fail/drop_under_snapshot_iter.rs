//! error[E0505]: the iterator of a snapshot may outlive it, but not the database
fn main() -> lsm::Result<()> {
    let db = lsm::Db::open("db")?;
    let mut rows = db.snapshot()?.iter();
    drop(db);
    rows.next();
    Ok(())
}
