//! error[E0499]: rows of a chunk are used after the next chunk was taken
fn main() -> lsm::Result<()> {
    let db = lsm::Db::open("db")?;
    let mut cursor = db.cursor(..)?;
    cursor.seek_first()?;
    let mut all = Vec::new();
    while let Some(rows) = cursor.next_chunk(10)? {
        all.extend(rows.iter().map(|row| row.key()));
    }
    println!("{all:?}");
    Ok(())
}
