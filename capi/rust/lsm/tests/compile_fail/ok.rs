//! compiles
// What the other files do wrong, done right.

use std::sync::Arc;
use std::thread;

fn main() -> lsm::Result<()> {
    let db = Arc::new(lsm::Db::open("db")?);
    let value = db.get("a")?;
    let row = db.iter().next().transpose()?;
    let iter = db.snapshot()?.iter();
    thread::scope(|scope| {
        scope.spawn(|| db.snapshot().map(|snapshot| snapshot.iter().count()));
        scope.spawn(move || iter.count());
    });
    let mut cursor = db.cursor(..)?;
    cursor.seek_first()?;
    let key = cursor.key().map(<[u8]>::to_vec);
    cursor.next()?;
    let other = Arc::clone(&db);
    let reader = thread::spawn(move || other.get("a").map(|value| value.is_some()));
    drop(cursor);
    let _ = reader.join();
    drop(db);
    println!("{value:?} {row:?} {key:?}");
    Ok(())
}
