//! Stores of others, opened with their defaults, but no compression and no sync a write.

use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions};
use redb::{Durability, ReadableDatabase, TableDefinition};

use crate::stores::{look, Seen, Store};
use crate::Outcome;

pub struct Fjall {
    db: Database,
    rows: Keyspace,
}

impl Store for Fjall {
    fn open(folder: &Path) -> Outcome<Self> {
        let db = Database::builder(folder).open()?;
        let rows = db.keyspace("rows", KeyspaceCreateOptions::default)?;
        Ok(Self { db, rows })
    }

    fn put(&mut self, key: &[u8; 16], value: &[u8; 100]) -> Outcome<()> {
        Ok(self.rows.insert(key, value)?)
    }

    fn put_all(&mut self, rows: impl Iterator<Item = ([u8; 16], [u8; 100])>) -> Outcome<()> {
        let mut batch = self.db.batch();
        for (key, value) in rows {
            batch.insert(&self.rows, key, value);
        }
        Ok(batch.commit()?)
    }

    fn settle(&mut self) -> Outcome<()> {
        self.rows.rotate_memtable_and_wait()?;
        Ok(self.rows.major_compact()?)
    }

    fn get(&self, key: &[u8; 16]) -> Outcome<Option<u8>> {
        Ok(self.rows.get(key)?.map(|value| value[0]))
    }

    fn scan(&self, from: &[u8; 16], limit: usize) -> Outcome<Seen> {
        let mut seen = (0, 0);
        for row in self.rows.range(from.as_slice()..).take(limit) {
            let (key, value) = row.into_inner()?;
            look(&mut seen, &key, &value);
        }
        Ok(seen)
    }

    fn scan_all(&self) -> Outcome<Seen> {
        let mut seen = (0, 0);
        for row in self.rows.iter() {
            let (key, value) = row.into_inner()?;
            look(&mut seen, &key, &value);
        }
        Ok(seen)
    }
}

const ROWS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("rows");

pub struct Redb(redb::Database);

impl Store for Redb {
    fn open(folder: &Path) -> Outcome<Self> {
        Ok(Self(redb::Database::create(folder.join("rows.redb"))?))
    }

    fn put(&mut self, key: &[u8; 16], value: &[u8; 100]) -> Outcome<()> {
        self.put_all([(*key, *value)].into_iter())
    }

    fn put_all(&mut self, rows: impl Iterator<Item = ([u8; 16], [u8; 100])>) -> Outcome<()> {
        let mut write = self.0.begin_write()?;
        write.set_durability(Durability::None)?;
        {
            let mut table = write.open_table(ROWS)?;
            for (key, value) in rows {
                table.insert(key.as_slice(), value.as_slice())?;
            }
        }
        Ok(write.commit()?)
    }

    fn settle(&mut self) -> Outcome<()> {
        let mut write = self.0.begin_write()?;
        write.set_durability(Durability::Immediate)?;
        write.commit()?;
        self.0.compact()?;
        Ok(())
    }

    fn get(&self, key: &[u8; 16]) -> Outcome<Option<u8>> {
        let table = self.0.begin_read()?.open_table(ROWS)?;
        let value = table.get(key.as_slice())?;
        Ok(value.map(|value| value.value()[0]))
    }

    fn scan(&self, from: &[u8; 16], limit: usize) -> Outcome<Seen> {
        let mut seen = (0, 0);
        let table = self.0.begin_read()?.open_table(ROWS)?;
        for row in table.range(from.as_slice()..)?.take(limit) {
            let (key, value) = row?;
            look(&mut seen, key.value(), value.value());
        }
        Ok(seen)
    }

    fn scan_all(&self) -> Outcome<Seen> {
        let mut seen = (0, 0);
        let table = self.0.begin_read()?.open_table(ROWS)?;
        for row in table.range::<&[u8]>(..)? {
            let (key, value) = row?;
            look(&mut seen, key.value(), value.value());
        }
        Ok(seen)
    }
}
