//! error[E0505]: the database is closed while a snapshot of it lives
fn main() -> lsm::Result<()> {
    let db = lsm::Db::open("db")?;
    let snapshot = db.snapshot()?;
    db.close()?;
    snapshot.get("a")?;
    Ok(())
}
