//! What each call answers, where nothing fails.

use std::collections::HashMap;
use std::fs;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use lsm::{Bytes, CompactionStyle, Compression, Cursor, Db, Iter, Options, Snapshot, WriteBatch};
use tempfile::TempDir;

fn open() -> (TempDir, Db) {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(folder.path().join("db")).unwrap();
    (folder, db)
}

fn keys(iter: impl IntoIterator<Item = lsm::Result<(Bytes, Bytes)>>) -> Vec<String> {
    iter.into_iter().map(|row| String::from_utf8(row.unwrap().0.into()).unwrap()).collect()
}

#[test]
fn puts_are_got_and_deletes_are_gone() {
    let (_folder, db) = open();
    db.put("apple", "red").unwrap();
    db.synced().put(b"lemon", vec![b'y'; 3000]).unwrap();
    db.put("", "").unwrap();
    assert_eq!(db.get("apple").unwrap().unwrap(), "red");
    assert_eq!(db.get("lemon").unwrap().unwrap().len(), 3000);
    assert_eq!(db.get("").unwrap().unwrap(), "");
    assert_eq!(db.get("pear").unwrap(), None);
    db.delete("apple").unwrap();
    db.synced().delete("nothing").unwrap();
    assert_eq!(db.get("apple").unwrap(), None);
    db.close().unwrap();
}

#[test]
fn get_into_reuses_and_grows_its_buffer() {
    let (_folder, db) = open();
    db.put("small", "s").unwrap();
    db.put("large", vec![b'l'; 5000]).unwrap();
    let mut buffer = Vec::new();
    assert!(db.get_into("large", &mut buffer).unwrap());
    assert_eq!(buffer, vec![b'l'; 5000]);
    let place = buffer.as_ptr();
    assert!(db.get_into("small", &mut buffer).unwrap());
    assert_eq!((buffer.as_slice(), buffer.as_ptr()), (&b"s"[..], place));
    assert!(!db.get_into("none", &mut buffer).unwrap());
    assert!(buffer.is_empty());
}

#[test]
fn values_and_rows_outlive_the_database() {
    let (folder, db) = open();
    db.put("small", "s").unwrap();
    db.put("large", vec![b'l'; 100_000]).unwrap();
    db.flush().unwrap();
    let (small, large) = (db.get("small").unwrap().unwrap(), db.get("large").unwrap().unwrap());
    let (key, value) = db.iter().next().unwrap().unwrap();
    db.delete_range(..).unwrap();
    db.compact().unwrap();
    db.close().unwrap();
    lsm::destroy(folder.path().join("db")).unwrap();
    assert_eq!(small, "s");
    assert_eq!(large, vec![b'l'; 100_000]);
    assert_eq!((&*key, value.len()), (&b"large"[..], 100_000));
}

#[test]
fn batches_are_one_write() {
    let (_folder, db) = open();
    db.put("b", "old").unwrap();
    let mut batch = WriteBatch::new();
    db.write(&batch).unwrap();
    assert!(batch.is_empty());
    batch.put("a", "1").unwrap();
    batch.delete_range("a".."c").unwrap();
    batch.put("c", "3").unwrap();
    batch.delete("d").unwrap();
    assert_eq!(batch.len(), 4);
    assert!(batch.size() > 0);
    db.synced().write(&batch).unwrap();
    assert_eq!(keys(db.iter()), ["c"]);
    batch.clear();
    assert_eq!((batch.len(), db.write(&batch).is_ok()), (0, true));
}

#[test]
fn every_kind_of_range_is_taken() {
    let (_folder, db) = open();
    for key in ["a", "b", "b\0", "c", "d"] {
        db.put(key, key).unwrap();
    }
    assert_eq!(keys(db.range(..)), ["a", "b", "b\0", "c", "d"]);
    assert_eq!(keys(db.range("b".."c")), ["b", "b\0"]);
    assert_eq!(keys(db.range("b"..="c")), ["b", "b\0", "c"]);
    assert_eq!(keys(db.range("b"..="b")), ["b"]);
    assert_eq!(keys(db.range("c"..)), ["c", "d"]);
    assert_eq!(keys(db.range(.."b")), ["a"]);
    assert_eq!(keys(db.range(..="b")), ["a", "b"]);
    assert_eq!(keys(db.range(""..="")), [""; 0]);
    assert_eq!(keys(db.range((Bound::Excluded("b"), Bound::Included("c")))), ["b\0", "c"]);
    assert_eq!(keys(db.range(vec![b'c']..vec![b'd'])), ["c"]);
    assert_eq!(keys(db.range([b'c']..[b'd'])), ["c"]);
    assert_eq!(keys(db.range(&b"c"[..]..)), ["c", "d"]);
    assert_eq!(keys(&db), ["a", "b", "b\0", "c", "d"]);
    db.delete_range("b"..="b").unwrap();
    db.delete_range("c"..).unwrap();
    assert_eq!(keys(db.iter()), ["a", "b\0"]);
}

#[test]
fn prefixes_end_where_they_should() {
    let (_folder, db) = open();
    let all: [&[u8]; 6] = [b"a", b"a\xff", b"a\xff\xff", b"b", b"\xff", b"\xff\xff\x01"];
    for key in all {
        db.put(key, "").unwrap();
    }
    let found = |prefix: &[u8]| -> Vec<Vec<u8>> {
        db.prefix(prefix).map(|row| row.unwrap().0.into()).collect()
    };
    for prefix in all.iter().copied().chain([&b""[..], b"a\xff\xff\xff", b"c"]) {
        let wanted: Vec<_> = all.iter().filter(|key| key.starts_with(prefix)).collect();
        assert_eq!(found(prefix), wanted.into_iter().copied().collect::<Vec<_>>(), "{prefix:?}");
    }
}

#[test]
fn snapshots_see_what_was() {
    let (_folder, db) = open();
    db.put("a", "1").unwrap();
    let before = db.snapshot().unwrap();
    let rows = before.iter();
    db.put("a", "2").unwrap();
    db.put("b", "2").unwrap();
    db.compact().unwrap();
    assert_eq!(before.get("a").unwrap().unwrap(), "1");
    assert_eq!(before.get("b").unwrap(), None);
    let mut buffer = Vec::new();
    assert!(before.get_into("a", &mut buffer).unwrap());
    assert_eq!(buffer, b"1");
    assert_eq!(keys(before.prefix("a")), ["a"]);
    assert_eq!(keys(before.range("b"..)), [""; 0]);
    let mut cursor = before.cursor(..).unwrap();
    drop(before);
    assert_eq!(keys(rows), ["a"]);
    assert!(cursor.seek_last().unwrap());
    assert_eq!(cursor.value(), Some(&b"1"[..]));
    assert_eq!(keys(db.iter()), ["a", "b"]);
}

#[test]
fn cursors_move_both_ways() {
    let (_folder, db) = open();
    for key in ["a", "c", "e"] {
        db.put(key, key.to_uppercase()).unwrap();
    }
    let mut cursor = db.cursor("b"..).unwrap();
    assert_eq!((cursor.key(), cursor.value()), (None, None));
    assert!(cursor.seek_first().unwrap());
    assert_eq!((cursor.key(), cursor.value()), (Some(&b"c"[..]), Some(&b"C"[..])));
    assert!(cursor.next().unwrap());
    assert!(cursor.prev().unwrap());
    assert_eq!(cursor.key(), Some(&b"c"[..]));
    assert!(!cursor.prev().unwrap());
    assert_eq!(cursor.key(), None);
    assert!(cursor.seek_for_prev("d").unwrap());
    assert_eq!(cursor.key(), Some(&b"c"[..]));
    assert!(!cursor.seek_for_prev("a").unwrap());
    assert!(cursor.seek("d").unwrap());
    assert_eq!(cursor.key(), Some(&b"e"[..]));
    assert!(!cursor.seek("f").unwrap());
    assert!(cursor.seek_last().unwrap());
    assert_eq!(cursor.value(), Some(&b"E"[..]));
}

#[test]
fn chunks_lend_every_row_once() {
    let (_folder, db) = open();
    for i in 0..1000u32 {
        db.put(i.to_be_bytes(), i.to_string()).unwrap();
    }
    for max in [1, 7, 1000, usize::MAX] {
        let mut cursor = db.cursor(..).unwrap();
        assert!(cursor.seek(10u32.to_be_bytes()).unwrap());
        let mut expected = 10u32;
        while let Some(rows) = cursor.next_chunk(max).unwrap() {
            assert!(rows.len() <= max);
            for row in rows {
                assert_eq!(row.key(), expected.to_be_bytes());
                assert_eq!(row.value(), expected.to_string().as_bytes());
                expected += 1;
            }
        }
        assert_eq!(expected, 1000);
        assert!(cursor.next_chunk(max).unwrap().is_none());
    }
}

#[test]
fn bytes_are_values_of_their_own() {
    let (_folder, db) = open();
    for i in 0..300u32 {
        db.put(i.to_be_bytes(), vec![i as u8; 1000]).unwrap();
    }
    let all: Vec<(Bytes, Bytes)> = db.iter().collect::<lsm::Result<_>>().unwrap();
    let few: Vec<Bytes> = all.iter().step_by(7).map(|(_, value)| value.clone()).collect();
    let map: HashMap<Bytes, Bytes> = all.into_iter().collect();
    let other = thread::spawn(move || few.iter().map(|value| u64::from(value[999])).sum::<u64>());
    assert_eq!(other.join().unwrap(), (0..300u64).step_by(7).map(|i| i % 256).sum());
    assert_eq!(map.get(&299u32.to_be_bytes()[..]).map(|value| value[0]), Some(43));
    assert_eq!(format!("{:?}", map.keys().max().unwrap()), r#"b"\x00\x00\x01+""#);
}

#[test]
fn compaction_tells_of_its_progress_and_can_be_cancelled() {
    let (_folder, db) = open();
    for i in 0..20_000u32 {
        db.put(i.to_be_bytes(), [7; 100]).unwrap();
    }
    let mut calls = 0;
    db.compact_range(.., |progress| {
        calls += 1;
        assert!(progress.bytes_done <= progress.bytes_total);
        assert!(db.get(1u32.to_be_bytes()).unwrap().is_some());
        assert_eq!(db.put("x", "").unwrap_err().kind(), lsm::ErrorKind::Busy);
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(calls > 0);
    db.put("x", "").unwrap();
    let error = db.compact_range("a".., |_| ControlFlow::Break(())).unwrap_err();
    assert_eq!(error.kind(), lsm::ErrorKind::Aborted);
    db.compact().unwrap();
    assert_eq!(db.iter().count(), 20_001);
}

#[test]
fn upkeep_of_open_and_closed_databases() {
    let (folder, db) = open();
    let path = folder.path().join("db");
    db.put("a", "1").unwrap();
    db.flush().unwrap();
    db.wait_idle().unwrap();
    for name in ["stats", "levels", "memory"] {
        assert!(db.property(name).unwrap().starts_with(['{', '[']), "{name}");
    }
    assert_eq!(db.property("estimate-keys").unwrap(), "1");
    db.close().unwrap();
    lsm::verify(&path).unwrap();
    let mut calls = 0;
    lsm::verify_with_progress(&path, |_| {
        calls += 1;
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(calls > 0);
    let error = lsm::verify_with_progress(&path, |_| ControlFlow::Break(())).unwrap_err();
    assert_eq!(error.kind(), lsm::ErrorKind::Aborted);
    lsm::destroy(&path).unwrap();
    assert!(!path.exists());
    lsm::destroy(&path).unwrap();
}

#[test]
fn each_option_has_a_setter() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::new();
    options
        .create_if_missing(true)
        .error_if_exists(false)
        .read_only(false)
        .mmap_reads(true)
        .memory_budget(64 << 20)
        .write_buffer_size(1 << 20)
        .block_cache_size(1 << 20)
        .block_size(4096)
        .table_size(8 << 20)
        .compression(Compression::ZstdLevel(-7))
        .filter_bits_per_key(9.5)
        .compaction_style(CompactionStyle::Leveled)
        .size_ratio(8)
        .background_threads(2)
        .wal_sync_interval(Duration::from_nanos(1))
        .max_open_tables(100);
    options.open(folder.path()).unwrap().put("a", "b").unwrap();

    for compression in [Compression::None, Compression::Zstd] {
        options.compression(compression).open(folder.path()).unwrap();
    }
    for style in [CompactionStyle::Lazy, CompactionStyle::Tiered] {
        options.compaction_style(style).open(folder.path()).unwrap();
    }
    let set = format!("{options:?}");
    for option in Options::table() {
        assert!(set.contains(&format!("{:?}", option.name)), "{} has no setter", option.name);
        options.set(option.name, option.default_value);
        assert!(!option.summary.is_empty());
    }
    assert_eq!(Options::table().filter(|option| option.kind == "bool").count(), 4);
    let db = options.open(folder.path()).unwrap();
    assert_eq!(db.get("a").unwrap().unwrap(), "b");
}

#[test]
fn versions_agree() {
    let numbers: Vec<u32> = lsm::version().split('.').map(|part| part.parse().unwrap()).collect();
    assert_eq!(numbers[0], 1);
}

#[test]
fn what_may_cross_threads_does() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    fn plain<T: Send + Sync + 'static>() {}
    plain::<Db>();
    plain::<Arc<Db>>();
    plain::<lsm::Value>();
    plain::<Bytes>();
    plain::<lsm::Error>();
    plain::<Options>();
    send::<WriteBatch>();
    send::<Iter<'_>>();
    send::<Cursor<'_>>();
    send::<Snapshot<'_>>();
    sync::<Snapshot<'_>>();
    sync::<lsm::Row<'_>>();
}

#[test]
fn the_log_of_a_forgotten_database_is_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let (live, copy) = (folder.path().join("live"), folder.path().join("copy"));
    let db = Db::open(&live).unwrap();
    db.put("a", "1").unwrap();
    fs::create_dir(&copy).unwrap();
    for entry in fs::read_dir(&live).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
    }
    let replayed = Db::open(&copy).unwrap();
    assert_eq!(replayed.get("a").unwrap().unwrap(), "1");
}
