//! error[E0507]: one of several owners closes the database
fn main() -> lsm::Result<()> {
    let db = std::sync::Arc::new(lsm::Db::open("db")?);
    db.close()
}
