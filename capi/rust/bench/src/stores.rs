//! What is measured of a store, and lsm opened with its defaults but no compression.

use std::path::Path;

use lsm::{Compression, Db, Options, WriteBatch};

use crate::Outcome;

/// Rows seen, and the first bytes of keys and values summed.
pub type Seen = (u64, u64);

pub trait Store: Sized {
    fn open(folder: &Path) -> Outcome<Self>;
    fn put(&mut self, key: &[u8; 16], value: &[u8; 100]) -> Outcome<()>;
    fn put_all(&mut self, rows: impl Iterator<Item = ([u8; 16], [u8; 100])>) -> Outcome<()>;
    /// Flushes and compacts until nothing is left to do.
    fn settle(&mut self) -> Outcome<()>;
    /// The first byte of the value.
    fn get(&self, key: &[u8; 16]) -> Outcome<Option<u8>>;
    fn scan(&self, from: &[u8; 16], limit: usize) -> Outcome<Seen>;
    fn scan_all(&self) -> Outcome<Seen>;
}

pub fn look(seen: &mut Seen, key: &[u8], value: &[u8]) {
    seen.0 += 1;
    seen.1 += u64::from(key[0]) + u64::from(value[0]);
}

pub struct Lsm {
    db: Db,
    batch: WriteBatch,
}

impl Store for Lsm {
    fn open(folder: &Path) -> Outcome<Self> {
        let db = Options::new().compression(Compression::None).open(folder)?;
        Ok(Self { db, batch: WriteBatch::new() })
    }

    fn put(&mut self, key: &[u8; 16], value: &[u8; 100]) -> Outcome<()> {
        Ok(self.db.put(key, value)?)
    }

    fn put_all(&mut self, rows: impl Iterator<Item = ([u8; 16], [u8; 100])>) -> Outcome<()> {
        self.batch.clear();
        for (key, value) in rows {
            self.batch.put(key, value)?;
        }
        Ok(self.db.write(&self.batch)?)
    }

    fn settle(&mut self) -> Outcome<()> {
        self.db.compact()?;
        Ok(self.db.wait_idle()?)
    }

    fn get(&self, key: &[u8; 16]) -> Outcome<Option<u8>> {
        Ok(self.db.get(key)?.map(|value| value[0]))
    }

    fn scan(&self, from: &[u8; 16], limit: usize) -> Outcome<Seen> {
        let mut seen = (0, 0);
        let mut cursor = self.db.cursor(from..)?;
        cursor.seek_first()?;
        for row in cursor.next_chunk(limit)?.unwrap_or_default() {
            look(&mut seen, row.key(), row.value());
        }
        Ok(seen)
    }

    fn scan_all(&self) -> Outcome<Seen> {
        let mut seen = (0, 0);
        let mut cursor = self.db.cursor(..)?;
        cursor.seek_first()?;
        while let Some(rows) = cursor.next_chunk(256)? {
            for row in rows {
                look(&mut seen, row.key(), row.value());
            }
        }
        Ok(seen)
    }
}

/// lsm, scanned with the standard iterator, whose rows are the caller's to keep.
pub struct LsmIter(Lsm);

impl Store for LsmIter {
    fn open(folder: &Path) -> Outcome<Self> {
        Lsm::open(folder).map(Self)
    }

    fn put(&mut self, key: &[u8; 16], value: &[u8; 100]) -> Outcome<()> {
        self.0.put(key, value)
    }

    fn put_all(&mut self, rows: impl Iterator<Item = ([u8; 16], [u8; 100])>) -> Outcome<()> {
        self.0.put_all(rows)
    }

    fn settle(&mut self) -> Outcome<()> {
        self.0.settle()
    }

    fn get(&self, key: &[u8; 16]) -> Outcome<Option<u8>> {
        self.0.get(key)
    }

    fn scan(&self, from: &[u8; 16], limit: usize) -> Outcome<Seen> {
        let mut seen = (0, 0);
        for row in self.0.db.range(from..).take(limit) {
            let (key, value) = row?;
            look(&mut seen, &key, &value);
        }
        Ok(seen)
    }

    fn scan_all(&self) -> Outcome<Seen> {
        let mut seen = (0, 0);
        for row in &self.0.db {
            let (key, value) = row?;
            look(&mut seen, &key, &value);
        }
        Ok(seen)
    }
}
