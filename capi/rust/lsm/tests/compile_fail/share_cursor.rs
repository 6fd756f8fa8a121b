//! error[E0277]: two threads use one cursor
fn main() -> lsm::Result<()> {
    let db = lsm::Db::open("db")?;
    let cursor = db.cursor(..)?;
    std::thread::scope(|scope| {
        scope.spawn(|| cursor.key().is_some());
        scope.spawn(|| cursor.key().is_some());
    });
    Ok(())
}
