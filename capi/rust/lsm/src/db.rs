//! An open database.

use std::ffi::CStr;
use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::ControlFlow;
use std::path::Path;
use std::ptr::{self, NonNull};

use lsm_sys as sys;

use crate::error::{succeed, Error, ErrorKind, Result};
use crate::options::c_text;
use crate::progress;
use crate::range::{edges, Prefix};
use crate::reader::Reader;
use crate::{Cursor, Iter, KeyRange, Options, Progress, Snapshot, Value, WriteBatch};

/// An open database, for any number of threads at once: share a `&Db`, or an
/// [`Arc<Db>`](std::sync::Arc).
///
/// Dropping it closes it. What reads from it borrows it, so that it cannot be closed while they are
/// there; [`Value`]s and [`Bytes`](crate::Bytes) stay readable.
///
/// A write that returned survives the death of the process at once; those made through
/// [`synced`](Self::synced) survive power loss too.
pub struct Db {
    raw: NonNull<sys::lsm_db>,
}

// SAFETY: a database serves any number of threads at once, lsm_close included.
unsafe impl Send for Db {}
// SAFETY: as above.
unsafe impl Sync for Db {}

impl Db {
    /// Opens the database in a directory with the default options, making it where there is none.
    ///
    /// # Errors
    /// As [`Options::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Options::new().open(path)
    }

    /// # Safety
    /// `raw` came from `lsm_open` and is closed by nobody else.
    pub(crate) unsafe fn from_raw(raw: NonNull<sys::lsm_db>) -> Self {
        Self { raw }
    }

    #[inline]
    pub(crate) fn raw(&self) -> *mut sys::lsm_db {
        self.raw.as_ptr()
    }

    #[inline]
    fn reader(&self) -> Reader<'_> {
        Reader::now(self)
    }

    /// Closes the database and tells of what failed in the background and was not told yet. The log
    /// is synced: every acknowledged write survives power loss if this returns `Ok`.
    ///
    /// # Errors
    /// The error of something that failed earlier, or of syncing; the database is closed all the
    /// same.
    pub fn close(self) -> Result<()> {
        ManuallyDrop::new(self).shutdown()
    }

    /// Closes the database while others still hold it: calls under way finish, and from then on all
    /// that is done with it, its snapshots, iterators and cursors is
    /// [`Closed`](ErrorKind::Closed). Its lock is free on return.
    ///
    /// For servers that end while some thread may still read; [`close`](Self::close) is for
    /// everybody else.
    ///
    /// # Errors
    /// As [`close`](Self::close); [`Closed`](ErrorKind::Closed) the second time;
    /// [`Busy`](ErrorKind::Busy) from inside a progress closure, and then it stays open.
    pub fn shutdown(&self) -> Result<()> {
        // SAFETY: the handle answers for the rest of the process.
        succeed(|error| unsafe { sys::lsm_close(self.raw(), error) })
    }

    // ---- Writing ----

    /// Stores a value under a key, in place of the one there.
    ///
    /// # Errors
    /// [`TooLarge`](ErrorKind::TooLarge) for a key of over 65535 bytes or a value of 1 GiB and
    /// over, [`ReadOnly`](ErrorKind::ReadOnly), [`NoSpace`](ErrorKind::NoSpace),
    /// [`Io`](ErrorKind::Io), [`Corruption`](ErrorKind::Corruption), and
    /// [`Busy`](ErrorKind::Busy) from inside a progress closure. A write that failed is not
    /// visible.
    #[inline]
    pub fn put(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<()> {
        self.unsynced().put(key, value)
    }

    /// Removes a key; one that is not there is fine too.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    #[inline]
    pub fn delete(&self, key: impl AsRef<[u8]>) -> Result<()> {
        self.unsynced().delete(key)
    }

    /// Removes every key of a range, atomically and whatever their number.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let db = lsm::Db::open(folder.path())?;
    /// db.delete_range("2023-01".."2024-01")?;
    /// db.delete_range(..)?; // everything
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`put`](Self::put); [`InvalidArgument`](ErrorKind::InvalidArgument) for a range that
    /// begins after its end.
    pub fn delete_range(&self, range: impl KeyRange) -> Result<()> {
        self.unsynced().delete_range(range)
    }

    /// Applies a batch: all of it or nothing, also when the power goes. The batch is unchanged and
    /// may be written again.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    #[inline]
    pub fn write(&self, batch: &WriteBatch) -> Result<()> {
        self.unsynced().write(batch)
    }

    /// The same writes, which return when they and all before them survive power loss.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let db = lsm::Db::open(folder.path())?;
    /// db.synced().put("apple", "red")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn synced(&self) -> Synced<'_> {
        Synced { db: self, flags: sys::LSM_SYNC }
    }

    #[inline]
    fn unsynced(&self) -> Synced<'_> {
        Synced { db: self, flags: 0 }
    }

    // ---- Reading ----

    /// Finds a key's value, without copying it where that can be done.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let db = lsm::Db::open(folder.path())?;
    /// db.put("apple", "red")?;
    /// if let Some(value) = db.get("apple")? {
    ///     println!("{} bytes: {value:?}", value.len());
    /// }
    /// assert_eq!(db.get("lemon")?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`TooLarge`](ErrorKind::TooLarge) for a key of over 65535 bytes,
    /// [`Io`](ErrorKind::Io), [`Corruption`](ErrorKind::Corruption),
    /// [`OutOfMemory`](ErrorKind::OutOfMemory).
    #[inline]
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Value>> {
        self.reader().get(key.as_ref())
    }

    /// Copies a key's value into a buffer of yours, which keeps its memory from one call to the
    /// next, and tells whether the key is there; the buffer is empty if not.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    #[inline]
    pub fn get_into(&self, key: impl AsRef<[u8]>, buffer: &mut Vec<u8>) -> Result<bool> {
        self.reader().get_into(key.as_ref(), buffer)
    }

    /// All rows in order, from either end.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        self.range(..)
    }

    /// The rows of a range in order, from either end.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let db = lsm::Db::open(folder.path())?;
    /// for row in db.range("a".."c") {
    ///     let (key, value) = row?;
    ///     println!("{key:?} is {value:?}");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn range(&self, range: impl KeyRange) -> Iter<'_> {
        Iter::new(self.reader(), &range)
    }

    /// The rows whose keys begin with `prefix`.
    #[must_use]
    pub fn prefix(&self, prefix: impl AsRef<[u8]>) -> Iter<'_> {
        self.range(Prefix::new(prefix.as_ref()))
    }

    /// A cursor over a range, which lends rows without a copy.
    ///
    /// # Errors
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for a range that begins after its end,
    /// [`Io`](ErrorKind::Io), [`Corruption`](ErrorKind::Corruption).
    pub fn cursor(&self, range: impl KeyRange) -> Result<Cursor<'_>> {
        Cursor::new(self.reader(), &range)
    }

    /// Keeps the database readable as it stands now.
    ///
    /// # Errors
    /// [`OutOfMemory`](ErrorKind::OutOfMemory), [`Closed`](ErrorKind::Closed).
    pub fn snapshot(&self) -> Result<Snapshot<'_>> {
        Snapshot::new(self)
    }

    // ---- Upkeep ----

    /// Writes what is in memory to tables. Every write acknowledged before survives power loss on
    /// return.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn flush(&self) -> Result<()> {
        // SAFETY: the handle is alive.
        succeed(|error| unsafe { sys::lsm_flush(self.raw(), error) })
    }

    /// Merges all into one sorted run and drops what no reader can see.
    ///
    /// # Errors
    /// As [`compact_range`](Self::compact_range).
    pub fn compact(&self) -> Result<()> {
        progress::run_silent(|listener, payload, error| {
            let none = ptr::null();
            // SAFETY: the handle is alive.
            unsafe {
                sys::lsm_compact_range(self.raw(), none, 0, none, 0, listener, payload, error)
            }
        })
    }

    /// Merges a range of keys into one sorted run and drops what no reader can see, telling
    /// `progress` how far it is; [`ControlFlow::Break`] from there cancels.
    ///
    /// `progress` runs on this thread and may read the database. If it panics, the compaction is
    /// cancelled and the panic goes on from here.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// # let folder = tempfile::tempdir()?;
    /// # let db = lsm::Db::open(folder.path())?;
    /// db.compact_range("a".."c", |progress| {
    ///     println!("{} of {} bytes", progress.bytes_done, progress.bytes_total);
    ///     ControlFlow::Continue(())
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Aborted`](ErrorKind::Aborted) when `progress` cancelled, and nothing is lost;
    /// [`Busy`](ErrorKind::Busy) from inside a progress closure;
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for a range that begins after its end; as
    /// [`put`](Self::put).
    pub fn compact_range(
        &self,
        range: impl KeyRange,
        progress: impl FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<()> {
        let (begin, end) = edges(&range);
        progress::run(progress, |listener, payload, error| {
            // SAFETY: the handle is alive; listener and payload belong together.
            unsafe {
                sys::lsm_compact_range(
                    self.raw(),
                    begin.as_ptr(),
                    begin.size(),
                    end.as_ptr(),
                    end.size(),
                    listener,
                    payload,
                    error,
                )
            }
        })
    }

    /// Waits until no background work is pending.
    ///
    /// # Errors
    /// The error that stopped background work; [`Busy`](ErrorKind::Busy) from inside a progress
    /// closure.
    pub fn wait_idle(&self) -> Result<()> {
        // SAFETY: the handle is alive.
        succeed(|error| unsafe { sys::lsm_wait_idle(self.raw(), error) })
    }

    /// Reads a property: `stats`, `levels`, `memory` (each JSON) or `estimate-keys` (a number).
    ///
    /// # Errors
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for an unknown name; the message lists the
    /// known ones.
    pub fn property(&self, name: &str) -> Result<String> {
        let name = c_text(name)?;
        let mut text = ptr::null_mut();
        // SAFETY: the handle is alive, the name ends with a NUL, `text` may be written.
        succeed(|error| unsafe { sys::lsm_property(self.raw(), name.as_ptr(), &mut text, error) })?;
        if text.is_null() {
            return Err(Error::new(ErrorKind::Internal, "lsm_property answered nothing"));
        }
        // SAFETY: it ends with a NUL and is ours until it is freed.
        let property = unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
        // SAFETY: ours; its last use.
        unsafe { sys::lsm_string_free(text) };
        Ok(property)
    }
}

impl Drop for Db {
    fn drop(&mut self) {
        // SAFETY: the handle answers for the rest of the process; a second close changes nothing.
        unsafe { sys::lsm_close(self.raw(), ptr::null_mut()) };
    }
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db").finish_non_exhaustive()
    }
}

impl<'a> IntoIterator for &'a Db {
    type Item = <Iter<'a> as Iterator>::Item;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// The writes of a [`Db`] that return when they survive power loss: see [`Db::synced`].
#[derive(Clone, Copy, Debug)]
pub struct Synced<'a> {
    db: &'a Db,
    flags: u32,
}

impl Synced<'_> {
    /// As [`Db::put`].
    ///
    /// # Errors
    /// As [`Db::put`].
    #[inline]
    pub fn put(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<()> {
        let (key, value) = (key.as_ref(), value.as_ref());
        // SAFETY: the handle is alive; so in the next ones. The bytes are read during the call.
        succeed(|error| unsafe {
            sys::lsm_put(
                self.db.raw(),
                key.as_ptr().cast(),
                key.len(),
                value.as_ptr().cast(),
                value.len(),
                self.flags,
                error,
            )
        })
    }

    /// As [`Db::delete`].
    ///
    /// # Errors
    /// As [`Db::put`].
    #[inline]
    pub fn delete(&self, key: impl AsRef<[u8]>) -> Result<()> {
        let key = key.as_ref();
        // SAFETY: as in put.
        succeed(|error| unsafe {
            sys::lsm_delete(self.db.raw(), key.as_ptr().cast(), key.len(), self.flags, error)
        })
    }

    /// As [`Db::delete_range`].
    ///
    /// # Errors
    /// As [`Db::delete_range`].
    pub fn delete_range(&self, range: impl KeyRange) -> Result<()> {
        let (begin, end) = edges(&range);
        // SAFETY: as in put.
        succeed(|error| unsafe {
            sys::lsm_delete_range(
                self.db.raw(),
                begin.as_ptr(),
                begin.size(),
                end.as_ptr(),
                end.size(),
                self.flags,
                error,
            )
        })
    }

    /// As [`Db::write`].
    ///
    /// # Errors
    /// As [`Db::put`].
    #[inline]
    pub fn write(&self, batch: &WriteBatch) -> Result<()> {
        let empty;
        let raw = if batch.raw().is_null() {
            // It answers as any empty batch would, a closed database included.
            empty = WriteBatch::made_empty()?;
            empty.raw()
        } else {
            batch.raw()
        };
        // SAFETY: both handles are alive; a batch is not Sync, so this is its only thread.
        succeed(|error| unsafe { sys::lsm_write(self.db.raw(), raw, self.flags, error) })
    }
}
