//! Many threads, databases that are shut down under their readers, and closures that panic.

use std::ops::ControlFlow;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{mpsc, Arc};
use std::thread;

use lsm::{Db, ErrorKind, Options, WriteBatch};

const ROWS: u32 = 20_000;

fn filled(db: &Db) {
    let mut batch = WriteBatch::new();
    for i in 0..ROWS {
        batch.put(i.to_be_bytes(), [i as u8; 100]).unwrap();
    }
    db.write(&batch).unwrap();
}

#[test]
fn threads_share_a_database_by_reference() {
    let folder = tempfile::tempdir().unwrap();
    let db = Options::new().write_buffer_size(64 << 10).open(folder.path()).unwrap();
    thread::scope(|scope| {
        for writer in 0..3u8 {
            let db = &db;
            scope.spawn(move || {
                for i in 0..2000u32 {
                    db.put([&[writer], &i.to_be_bytes()[..]].concat(), i.to_string()).unwrap();
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..20 {
                let snapshot = db.snapshot().unwrap();
                let counts = (snapshot.iter().count(), snapshot.iter().rev().count());
                assert_eq!(counts.0, counts.1);
            }
        });
    });
    assert_eq!(db.iter().filter(|row| row.is_ok()).count(), 6000);
}

#[test]
fn a_shutdown_under_readers_is_an_error_to_each() {
    for seed in 0..8 {
        let folder = tempfile::tempdir().unwrap();
        let db = Arc::new(Db::open(folder.path()).unwrap());
        filled(&db);
        if seed % 2 == 0 {
            db.flush().unwrap();
        }
        let started = AtomicU32::new(0);
        let start = || started.fetch_add(1, Ordering::SeqCst);
        thread::scope(|scope| {
            scope.spawn(|| {
                start();
                // The rows of one view are right until they end in an error.
                loop {
                    let mut next = 0;
                    for row in db.range(.."z") {
                        match row {
                            Ok((key, value)) => {
                                assert_eq!(*key, u32::to_be_bytes(next));
                                assert_eq!(*value, [next as u8; 100]);
                                next += 1;
                            }
                            Err(error) => return assert_eq!(error.kind(), ErrorKind::Closed),
                        }
                    }
                    assert_eq!(next, ROWS);
                }
            });
            scope.spawn(|| {
                start();
                while let Ok(mut cursor) = db.cursor(.."z") {
                    let mut sum = 0;
                    cursor.seek_first().ok();
                    while let Ok(Some(rows)) = cursor.next_chunk(100) {
                        // Rows that were lent stay readable, whoever closes meanwhile.
                        sum += rows.iter().map(|row| u64::from(row.value()[99])).sum::<u64>();
                    }
                    assert!(sum <= u64::from(ROWS) * 255);
                    let mut found = cursor.seek_last();
                    while found.is_ok_and(|found| found) {
                        assert!(cursor.value().is_none_or(|value| value.len() == 100));
                        found = cursor.prev();
                    }
                }
            });
            scope.spawn(|| {
                let snapshot = db.snapshot().unwrap();
                start();
                let error = loop {
                    match snapshot.get(7u32.to_be_bytes()) {
                        Ok(value) => assert_eq!(value.unwrap(), [7; 100]),
                        Err(error) => break error,
                    }
                };
                assert_eq!(error.kind(), ErrorKind::Closed);
            });
            scope.spawn(|| {
                start();
                let error = (0u32..).find_map(|i| db.put(b"z", i.to_be_bytes()).err()).unwrap();
                assert_eq!(error.kind(), ErrorKind::Closed);
            });
            while started.load(Ordering::SeqCst) < 4 {
                thread::yield_now();
            }
            db.shutdown().unwrap();
            // The lock is free, though all the others still hold their handles.
            let again = Db::open(folder.path()).unwrap();
            assert_eq!(again.range(..[0xff]).count(), ROWS as usize + again_has_z(&again));
        });
        assert_eq!(db.shutdown().unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(db.get("z").unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(db.write(&WriteBatch::new()).unwrap_err().kind(), ErrorKind::Closed);
        assert!(db.iter().next().unwrap().is_err());
    }
}

fn again_has_z(db: &Db) -> usize {
    usize::from(db.get("z").unwrap().is_some())
}

#[test]
fn rows_that_are_lent_stay_readable_after_a_shutdown() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(folder.path()).unwrap();
    filled(&db);
    db.compact().unwrap();
    let mut cursor = db.cursor(..).unwrap();
    cursor.seek_first().unwrap();
    let rows = cursor.next_chunk(4096).unwrap().unwrap();
    db.shutdown().unwrap();
    for (row, i) in rows.iter().zip(0u32..) {
        assert_eq!((row.key(), row.value()), (&i.to_be_bytes()[..], &[i as u8; 100][..]));
    }
    assert_eq!(cursor.next().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(cursor.key(), None);
}

#[test]
fn both_ends_of_an_iterator_are_told_of_a_shutdown() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(folder.path()).unwrap();
    filled(&db);
    let mut rows = db.iter();
    rows.next().unwrap().unwrap();
    rows.next_back().unwrap().unwrap();
    db.shutdown().unwrap();
    let mut given = 0;
    let error = loop {
        match rows.next_back().unwrap() {
            Ok(_) => given += 1,
            Err(error) => break error,
        }
    };
    // What was fetched before is given; only then comes the error, and after it nothing.
    assert!(given < 200);
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert!(rows.next().is_none() && rows.next_back().is_none());
}

#[test]
fn a_panic_in_a_progress_closure_goes_on_in_the_caller() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let db = Db::open(&path).unwrap();
    filled(&db);
    let mut calls = 0;
    let panicked = panic::catch_unwind(AssertUnwindSafe(|| {
        db.compact_range(.., |_| {
            calls += 1;
            panic!("of the closure")
        })
    }));
    assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"of the closure"));
    assert_eq!(calls, 1);
    // The compaction was cancelled, and the database works on.
    db.put("a", "b").unwrap();
    db.compact_range(.., |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(db.iter().count(), ROWS as usize + 1);
    db.close().unwrap();

    let panicked =
        panic::catch_unwind(|| lsm::verify_with_progress(&path, |_| panic::panic_any(17)));
    assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&17));
    lsm::verify(&path).unwrap();
}

#[test]
fn a_compaction_is_cancelled_from_another_thread() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(folder.path()).unwrap();
    filled(&db);
    let (tell, told) = mpsc::channel();
    let (is_cancelled, db) = (AtomicBool::new(false), &db);
    thread::scope(|scope| {
        let compaction = scope.spawn(|| {
            db.compact_range(.., move |progress| {
                tell.send(progress.phase).ok();
                ControlFlow::Continue(())
            })
            .and_then(|()| {
                db.compact_range(.., |_| match is_cancelled.load(Ordering::SeqCst) {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                })
            })
        });
        told.recv().unwrap();
        is_cancelled.store(true, Ordering::SeqCst);
        if let Err(error) = compaction.join().unwrap() {
            assert_eq!(error.kind(), ErrorKind::Aborted);
        }
    });
    assert_eq!(db.iter().count(), ROWS as usize);
}
