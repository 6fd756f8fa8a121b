//! What fails arrives as an error, with the place that is at fault.

use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

use lsm::{Db, Error, ErrorKind, Options, WriteBatch};

fn tables(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sst"))
        .collect();
    found.sort();
    found
}

/// A database of one table, a byte of which is not what it was.
fn damaged(folder: &Path) -> PathBuf {
    let db = Options::new().compression(lsm::Compression::None).open(folder).unwrap();
    for i in 0..5000u32 {
        db.put(i.to_be_bytes(), [7; 100]).unwrap();
    }
    db.compact().unwrap();
    db.close().unwrap();
    let table = tables(folder).pop().unwrap();
    let mut bytes = fs::read(&table).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&table, bytes).unwrap();
    table
}

fn assert_blames(error: &Error, table: &Path) {
    assert_eq!(error.kind(), ErrorKind::Corruption, "{error}");
    let file = error.file().unwrap();
    assert_eq!(file.file_name(), table.file_name());
    assert!(error.offset().unwrap() <= fs::metadata(table).unwrap().len());
    assert!(!error.is_retryable());
    assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
}

#[test]
fn a_flipped_byte_is_told_with_file_and_offset() {
    let folder = tempfile::tempdir().unwrap();
    let table = damaged(folder.path());
    assert_blames(&lsm::verify(folder.path()).unwrap_err(), &table);
    assert_blames(&lsm::verify(&table).unwrap_err(), &table);

    let db = Db::open(folder.path()).unwrap();
    let bad: Vec<Error> = (0..5000u32).filter_map(|i| db.get(i.to_be_bytes()).err()).collect();
    assert!(!bad.is_empty() && bad.len() < 1000, "{} keys", bad.len());
    assert_blames(&bad[0], &table);

    // From both ends, the rows before the damage come first, then the error, then nothing.
    let (mut rows, mut errors) = (0, Vec::new());
    for row in db.iter() {
        match row {
            Ok((key, _)) => {
                assert!(errors.is_empty());
                assert_eq!(*key, u32::to_be_bytes(rows));
                rows += 1;
            }
            Err(error) => errors.push(error),
        }
    }
    assert_eq!(errors.len(), 1);
    assert_blames(&errors[0], &table);
    let mut behind = 0;
    for row in db.iter().rev() {
        match row {
            Ok(_) => behind += 1,
            Err(error) => errors.push(error),
        }
    }
    assert_eq!(errors.len(), 2);
    assert_blames(&errors[1], &table);
    assert!(rows > 0 && behind > 0 && rows + behind < 5000, "{rows} and {behind}");

    let mut cursor = db.cursor(..).unwrap();
    assert!(cursor.seek_first().unwrap());
    let error = loop {
        match cursor.next_chunk(128) {
            Ok(rows) => assert!(rows.is_some(), "the damage looked like the end"),
            Err(error) => break error,
        }
    };
    assert_blames(&error, &table);
    assert_blames(&cursor.next().unwrap_err(), &table);
    assert_eq!(cursor.key(), None);
}

#[test]
fn openings_that_cannot_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");

    let error = Options::new().create_if_missing(false).open(&path).unwrap_err();
    assert_eq!((error.kind(), error.errno()), (ErrorKind::Io, Some(2)));
    let error = Db::open(path.join("deeper")).unwrap_err();
    assert_eq!((error.kind(), error.errno()), (ErrorKind::Io, Some(2)));
    let error = Db::open("a\0b").unwrap_err();
    assert_eq!(
        (error.kind(), error.file(), error.offset()),
        (ErrorKind::InvalidArgument, None, None)
    );

    let error = Options::new().set("no_such", 1).open(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("memory_budget"), "{error}");
    let error = Options::new().memory_budget(5).open(&path).unwrap_err();
    assert!(error.message().contains("1MiB"), "{error}");
    let error = Options::new().set("compression", "z\0").open(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(!path.exists());

    let db = Db::open(&path).unwrap();
    let error = Db::open(&path).unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Locked, true));
    assert_eq!(lsm::destroy(&path).unwrap_err().kind(), ErrorKind::Locked);
    drop(db);
    let error = Options::new().error_if_exists(true).open(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists);
    let db = Options::new().read_only(true).open(&path).unwrap();
    assert_eq!(db.put("a", "b").unwrap_err().kind(), ErrorKind::ReadOnly);
    assert_eq!(db.write(&WriteBatch::new()).is_err(), db.flush().is_err());
}

#[test]
fn arguments_that_cannot_be() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(folder.path()).unwrap();
    let long = vec![b'k'; lsm::MAX_KEY_SIZE + 1];
    let kind = |result: lsm::Result<()>| result.unwrap_err().kind();

    assert_eq!(kind(db.put(&long, "")), ErrorKind::TooLarge);
    assert_eq!(kind(db.delete(&long)), ErrorKind::TooLarge);
    assert_eq!(kind(db.get(&long).map(drop)), ErrorKind::TooLarge);
    assert_eq!(kind(db.get_into(&long, &mut Vec::new()).map(drop)), ErrorKind::TooLarge);
    db.put(&long[1..], "").unwrap();
    assert_eq!(db.range(&long[1..]..=&long[1..]).count(), 1);

    assert_eq!(kind(db.delete_range("b".."a")), ErrorKind::InvalidArgument);
    assert_eq!(kind(db.cursor("b".."a").map(drop)), ErrorKind::InvalidArgument);
    let mut rows = db.range("b".."a");
    assert_eq!(rows.next().unwrap().unwrap_err().kind(), ErrorKind::InvalidArgument);
    assert!(rows.next().is_none());
    let mut rows = db.range("b".."a").rev();
    assert_eq!(rows.next().unwrap().unwrap_err().kind(), ErrorKind::InvalidArgument);
    assert!(rows.next().is_none());

    let mut batch = WriteBatch::new();
    assert_eq!(kind(batch.put(&long, "")), ErrorKind::TooLarge);
    assert_eq!(kind(batch.delete(&long)), ErrorKind::TooLarge);
    assert_eq!(kind(batch.delete_range("b".."a")), ErrorKind::InvalidArgument);
    assert!(batch.is_empty());

    let mut cursor = db.cursor(..).unwrap();
    assert_eq!(kind(cursor.next().map(drop)), ErrorKind::InvalidArgument);
    assert_eq!(kind(cursor.seek(&long).map(drop)), ErrorKind::TooLarge);
    cursor.seek_first().unwrap();
    assert_eq!(kind(cursor.next_chunk(0).map(drop)), ErrorKind::InvalidArgument);

    let error = db.property("no-such").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("estimate-keys"), "{error}");
    assert_eq!(kind(db.property("a\0").map(drop)), ErrorKind::InvalidArgument);
}

/// Set where the test below runs a second time, on a disk of a few megabytes.
const SMALL_DISK: &str = "LSM_TEST_SMALL_DISK";

#[test]
fn a_full_disk_is_told() {
    if let Some(disk) = env::var_os(SMALL_DISK) {
        return fill(Path::new(&disk));
    }
    // In a mount namespace of its own, which needs no rights where the kernel allows it.
    let folder = tempfile::tempdir().unwrap();
    let mount = "mount -t tmpfs -o size=24m none \"$1\" || exit 77; shift; exec \"$@\"";
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"])
        .arg(folder.path())
        .arg(env::current_exe().unwrap())
        .args(["--exact", "a_full_disk_is_told"])
        .env(SMALL_DISK, folder.path())
        .output();
    match output {
        Ok(output) if output.status.success() => {}
        Ok(output) if String::from_utf8_lossy(&output.stdout).contains("running 1 test") => {
            panic!("{}", String::from_utf8_lossy(&output.stdout));
        }
        other => eprintln!("SKIPPED: no small file system could be mounted here: {other:?}"),
    }
}

fn fill(disk: &Path) {
    let db = Options::new()
        .write_buffer_size(256 << 10)
        .compression(lsm::Compression::None)
        .open(disk.join("db"))
        .unwrap();
    let error = (0u32..1_000_000)
        .find_map(|i| db.put(i.to_be_bytes(), [7; 4000]).err())
        .expect("the disk to be full");
    assert_eq!(error.kind(), ErrorKind::NoSpace, "{error}");
    assert!(error.is_retryable());
    assert!(db.get(0u32.to_be_bytes()).unwrap().is_some());
    let rows = db.iter().map(|row| row.map(drop)).collect::<lsm::Result<Vec<()>>>().unwrap();
    assert!(rows.len() > 1000);
}

#[test]
fn errors_are_errors() {
    let error = Db::open("a\0b").unwrap_err();
    assert_eq!(error.message(), error.to_string());
    assert!(error.source().is_none());
    assert!(format!("{error:?}").contains("InvalidArgument"));
    assert_eq!(io::Error::from(error.clone()).kind(), io::ErrorKind::InvalidInput);

    let folder = tempfile::tempdir().unwrap();
    let missing = Options::new().read_only(true).open(folder.path().join("no")).unwrap_err();
    let error = io::Error::from(missing);
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    let inner = error.into_inner().unwrap().downcast::<Error>().unwrap();
    assert_eq!(inner.kind(), ErrorKind::Io);
}
