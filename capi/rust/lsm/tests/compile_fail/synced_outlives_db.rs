//! error[E0505]: the database is closed while somebody may still write
fn main() -> lsm::Result<()> {
    let db = lsm::Db::open("db")?;
    let synced = db.synced();
    db.close()?;
    synced.put("a", "b")
}
