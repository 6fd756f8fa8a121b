//! error[E0597]: a thread that may outlive the database reads from it
fn main() -> lsm::Result<()> {
    let db = lsm::Db::open("db")?;
    let rows = db.iter();
    let reader = std::thread::spawn(move || rows.count());
    let _ = reader.join();
    Ok(())
}
