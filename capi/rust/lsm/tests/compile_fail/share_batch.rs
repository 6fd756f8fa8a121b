//! error[E0277]: two threads write one batch
fn main() -> lsm::Result<()> {
    let db = lsm::Db::open("db")?;
    let batch = lsm::WriteBatch::new();
    std::thread::scope(|scope| {
        scope.spawn(|| db.write(&batch).is_ok());
        scope.spawn(|| db.write(&batch).is_ok());
    });
    Ok(())
}
