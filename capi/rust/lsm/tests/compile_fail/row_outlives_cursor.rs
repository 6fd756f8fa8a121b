//! error[E0505]: a row is used after its cursor is gone
fn main() -> lsm::Result<()> {
    let db = lsm::Db::open("db")?;
    let mut cursor = db.cursor(..)?;
    cursor.seek_first()?;
    let row = cursor.next_chunk(1)?.map(|rows| rows[0]);
    drop(cursor);
    println!("{row:?}");
    Ok(())
}
