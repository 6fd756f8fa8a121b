//! error[E0515]: a cursor leaves the function that its database ends with
fn cursor() -> lsm::Result<lsm::Cursor<'static>> {
    let db = lsm::Db::open("db")?;
    db.cursor(..)
}

fn main() {
    let _ = cursor();
}
