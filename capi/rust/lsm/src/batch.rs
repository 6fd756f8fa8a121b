//! Several writes that become one.

use std::fmt;
use std::ptr;

use lsm_sys as sys;

use crate::error::{succeed, Error, Result};
use crate::range::{edges, KeyRange};

/// Several writes that are done together or not at all, also when the power goes in between.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let db = lsm::Db::open(folder.path())?;
/// let mut batch = lsm::WriteBatch::new();
/// batch.put("account/1", "70")?;
/// batch.put("account/2", "30")?;
/// batch.delete("transfer/17")?;
/// db.write(&batch)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct WriteBatch {
    /// Null until the first write is added.
    raw: *mut sys::lsm_batch,
}

// SAFETY: a batch may move between threads. It is not Sync: even counting is for one at a time.
unsafe impl Send for WriteBatch {}

impl WriteBatch {
    /// An empty batch. It takes memory when the first write is added.
    #[must_use]
    pub const fn new() -> Self {
        Self { raw: ptr::null_mut() }
    }

    /// Adds a put; of several writes to one key the last wins. Key and value are copied.
    ///
    /// # Errors
    /// [`TooLarge`](crate::ErrorKind::TooLarge) for the key, the value or the batch, and
    /// [`OutOfMemory`](crate::ErrorKind::OutOfMemory); the batch is as it was.
    #[inline]
    pub fn put(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<()> {
        let (key, value) = (key.as_ref(), value.as_ref());
        let raw = self.made()?;
        // SAFETY: a batch that is ours alone; the bytes are read during the call only.
        succeed(|error| unsafe {
            sys::lsm_batch_put(
                raw,
                key.as_ptr().cast(),
                key.len(),
                value.as_ptr().cast(),
                value.len(),
                error,
            )
        })
    }

    /// Adds a delete; of a key that is not there, it does nothing.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn delete(&mut self, key: impl AsRef<[u8]>) -> Result<()> {
        let key = key.as_ref();
        let raw = self.made()?;
        // SAFETY: as in put.
        succeed(|error| unsafe {
            sys::lsm_batch_delete(raw, key.as_ptr().cast(), key.len(), error)
        })
    }

    /// Adds the removal of a range of keys: of those in the database and of those that were put
    /// earlier in the batch.
    ///
    /// # Errors
    /// As [`put`](Self::put); [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a range
    /// that begins after its end.
    pub fn delete_range(&mut self, range: impl KeyRange) -> Result<()> {
        let (begin, end) = edges(&range);
        let raw = self.made()?;
        // SAFETY: as in put.
        succeed(|error| unsafe {
            sys::lsm_batch_delete_range(
                raw,
                begin.as_ptr(),
                begin.size(),
                end.as_ptr(),
                end.size(),
                error,
            )
        })
    }

    /// Empties the batch and keeps its memory for the next use.
    pub fn clear(&mut self) {
        // SAFETY: ours alone, or null, which is allowed.
        unsafe { sys::lsm_batch_clear(self.raw) };
    }

    /// How many writes it holds; the removal of an empty range is none.
    #[must_use]
    pub fn len(&self) -> usize {
        // SAFETY: ours alone, or null, which is allowed.
        unsafe { sys::lsm_batch_count(self.raw) }
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes it takes in the log, at most 2 GiB - 1.
    #[must_use]
    pub fn size(&self) -> usize {
        // SAFETY: ours alone, or null, which is allowed.
        unsafe { sys::lsm_batch_size(self.raw) }
    }

    /// An empty batch that the library knows.
    pub(crate) fn made_empty() -> Result<Self> {
        let mut batch = Self::new();
        batch.made()?;
        Ok(batch)
    }

    /// Null where nothing was ever added.
    pub(crate) fn raw(&self) -> *const sys::lsm_batch {
        self.raw
    }

    #[inline]
    fn made(&mut self) -> Result<*mut sys::lsm_batch> {
        if self.raw.is_null() {
            // SAFETY: no conditions.
            self.raw = unsafe { sys::lsm_batch_create() };
            if self.raw.is_null() {
                return Err(Error::out_of_memory());
            }
        }
        Ok(self.raw)
    }
}

impl Default for WriteBatch {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for WriteBatch {
    fn drop(&mut self) {
        // SAFETY: ours alone, or null, which is allowed; the last use.
        unsafe { sys::lsm_batch_destroy(self.raw) };
    }
}

impl fmt::Debug for WriteBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteBatch").field("len", &self.len()).field("size", &self.size()).finish()
    }
}
