//! The database as it stood at one moment.

use std::fmt;
use std::ptr::{self, NonNull};

use lsm_sys as sys;

use crate::error::{succeed, Error, ErrorKind, Result};
use crate::range::Prefix;
use crate::reader::Reader;
use crate::{Cursor, Db, Iter, KeyRange, Value};

/// The database as it stood when [`Db::snapshot`] was called. While it lives, what it sees keeps
/// its disk space. Iterators and cursors that were made with it may outlive it.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let db = lsm::Db::open(folder.path())?;
/// db.put("apple", "green")?;
/// let before = db.snapshot()?;
/// db.put("apple", "red")?;
/// assert_eq!(before.get("apple")?.as_deref(), Some(&b"green"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It does not outlive the database:
///
/// ```compile_fail,E0505
/// # fn keep(db: lsm::Db) -> lsm::Result<()> {
/// let snapshot = db.snapshot()?;
/// db.close()?;
/// snapshot.get("apple")?;
/// # Ok(())
/// # }
/// ```
pub struct Snapshot<'a> {
    db: &'a Db,
    raw: NonNull<sys::lsm_snapshot>,
}

// SAFETY: a snapshot serves any number of threads and may be released by any.
unsafe impl Send for Snapshot<'_> {}
// SAFETY: as above.
unsafe impl Sync for Snapshot<'_> {}

impl<'a> Snapshot<'a> {
    pub(crate) fn new(db: &'a Db) -> Result<Self> {
        let mut raw = ptr::null_mut();
        // SAFETY: the database handle is alive, `raw` may be written.
        succeed(|error| unsafe { sys::lsm_snapshot_create(db.raw(), &mut raw, error) })?;
        match NonNull::new(raw) {
            Some(raw) => Ok(Self { db, raw }),
            None => Err(Error::new(ErrorKind::Internal, "lsm_snapshot_create answered none")),
        }
    }

    fn reader(&self) -> Reader<'a> {
        // SAFETY: ours, and alive for as long as the calls below.
        unsafe { Reader::at(self.db, self.raw.as_ptr()) }
    }

    /// As [`Db::get`].
    ///
    /// # Errors
    /// As [`Db::get`].
    #[inline]
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Value>> {
        self.reader().get(key.as_ref())
    }

    /// As [`Db::get_into`].
    ///
    /// # Errors
    /// As [`Db::get`].
    #[inline]
    pub fn get_into(&self, key: impl AsRef<[u8]>, buffer: &mut Vec<u8>) -> Result<bool> {
        self.reader().get_into(key.as_ref(), buffer)
    }

    /// As [`Db::iter`].
    #[must_use]
    pub fn iter(&self) -> Iter<'a> {
        self.range(..)
    }

    /// As [`Db::range`].
    #[must_use]
    pub fn range(&self, range: impl KeyRange) -> Iter<'a> {
        Iter::new(self.reader(), &range)
    }

    /// As [`Db::prefix`].
    #[must_use]
    pub fn prefix(&self, prefix: impl AsRef<[u8]>) -> Iter<'a> {
        self.range(Prefix::new(prefix.as_ref()))
    }

    /// As [`Db::cursor`].
    ///
    /// # Errors
    /// As [`Db::cursor`].
    pub fn cursor(&self, range: impl KeyRange) -> Result<Cursor<'a>> {
        Cursor::new(self.reader(), &range)
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        // SAFETY: ours; its last use.
        unsafe { sys::lsm_snapshot_release(self.raw.as_ptr()) };
    }
}

impl fmt::Debug for Snapshot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").finish_non_exhaustive()
    }
}

impl<'a> IntoIterator for &Snapshot<'a> {
    type Item = <Iter<'a> as Iterator>::Item;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}
