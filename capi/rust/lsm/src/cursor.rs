//! Iterators of the library: the handle, and the cursor that shows its rows without a copy.

use std::fmt;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::slice;

use lsm_sys as sys;

use crate::error::{check, succeed, Error, ErrorKind, Result};
use crate::range::{edges, KeyRange};
use crate::reader::Reader;

/// A row with nothing in it, to fill buffers with.
pub(crate) const NO_ROW: sys::lsm_row =
    sys::lsm_row { key: ptr::null(), key_size: 0, value: ptr::null(), value_size: 0 };

/// An `lsm_iter` and the calls to it. Bytes of rows hold until the next `&mut` call.
pub(crate) struct RawIter<'a> {
    raw: NonNull<sys::lsm_iter>,
    db: PhantomData<&'a crate::Db>,
}

// SAFETY: an iterator belongs to one thread at a time and may move between threads. It is not Sync.
unsafe impl Send for RawIter<'_> {}

impl<'a> RawIter<'a> {
    pub(crate) fn new<R: KeyRange + ?Sized>(reader: Reader<'a>, range: &R) -> Result<Self> {
        let (lower, upper) = edges(range);
        let mut raw = ptr::null_mut();
        // SAFETY: the handles of a reader are alive, bounds are copied, `raw` may be written.
        succeed(|error| unsafe {
            sys::lsm_iter_create(
                reader.db(),
                reader.snapshot(),
                lower.as_ptr(),
                lower.size(),
                upper.as_ptr(),
                upper.size(),
                &mut raw,
                error,
            )
        })?;
        match NonNull::new(raw) {
            Some(raw) => Ok(Self { raw, db: PhantomData }),
            None => Err(Error::new(ErrorKind::Internal, "lsm_iter_create answered no iterator")),
        }
    }

    /// Makes a call that moves; answers whether it found a row.
    #[inline]
    fn moved(
        &mut self,
        call: impl FnOnce(*mut sys::lsm_iter, *mut *mut sys::lsm_error) -> sys::lsm_status,
    ) -> Result<bool> {
        let raw = self.raw.as_ptr();
        check(|error| call(raw, error)).map(|status| status == sys::LSM_OK)
    }

    pub(crate) fn seek_first(&mut self) -> Result<bool> {
        // SAFETY: the handle is ours and alive; so in the next ones.
        self.moved(|it, error| unsafe { sys::lsm_iter_seek_first(it, error) })
    }

    pub(crate) fn seek_last(&mut self) -> Result<bool> {
        // SAFETY: as above.
        self.moved(|it, error| unsafe { sys::lsm_iter_seek_last(it, error) })
    }

    pub(crate) fn seek(&mut self, key: &[u8]) -> Result<bool> {
        self.moved(|it, error| {
            // SAFETY: as above; the key is read during the call only.
            unsafe { sys::lsm_iter_seek(it, key.as_ptr().cast(), key.len(), error) }
        })
    }

    pub(crate) fn seek_for_prev(&mut self, key: &[u8]) -> Result<bool> {
        self.moved(|it, error| {
            // SAFETY: as above.
            unsafe { sys::lsm_iter_seek_for_prev(it, key.as_ptr().cast(), key.len(), error) }
        })
    }

    #[inline]
    pub(crate) fn next(&mut self) -> Result<bool> {
        // SAFETY: as above.
        self.moved(|it, error| unsafe { sys::lsm_iter_next(it, error) })
    }

    #[inline]
    pub(crate) fn prev(&mut self) -> Result<bool> {
        // SAFETY: as above.
        self.moved(|it, error| unsafe { sys::lsm_iter_prev(it, error) })
    }

    /// The key of the current row, or `None` off a row and after the database was shut down.
    #[inline]
    pub(crate) fn key(&self) -> Option<&[u8]> {
        let mut size = 0;
        // SAFETY: the handle is alive, and this is its only thread; the bytes hold until the next
        // call that takes it by &mut.
        unsafe { borrowed(sys::lsm_iter_key(self.raw.as_ptr(), &mut size), size) }
    }

    #[inline]
    pub(crate) fn value(&self) -> Option<&[u8]> {
        let mut size = 0;
        // SAFETY: as in key.
        unsafe { borrowed(sys::lsm_iter_value(self.raw.as_ptr(), &mut size), size) }
    }

    /// Fills the front of `rows` from the current row on, and moves beyond them. Answers how many;
    /// 0 is the end. The bytes of the rows hold until the next call that takes this by &mut.
    #[inline]
    pub(crate) fn next_n(&mut self, rows: &mut [sys::lsm_row]) -> Result<usize> {
        let mut count = 0;
        self.moved(|it, error| {
            // SAFETY: as above; `rows` has room for as many as it says.
            unsafe { sys::lsm_iter_next_n(it, rows.as_mut_ptr(), rows.len(), &mut count, error) }
        })?;
        Ok(count)
    }
}

impl Drop for RawIter<'_> {
    fn drop(&mut self) {
        // SAFETY: ours; its last use.
        unsafe { sys::lsm_iter_destroy(self.raw.as_ptr()) };
    }
}

/// # Safety
/// `data` is null or `size` bytes are readable there for as long as the caller says.
#[inline]
unsafe fn borrowed<'a>(data: *const std::ffi::c_void, size: usize) -> Option<&'a [u8]> {
    if data.is_null() {
        return None;
    }
    // SAFETY: as promised.
    Some(unsafe { slice::from_raw_parts(data.cast(), size) })
}

/// A row of a chunk, borrowed from the cursor that gave it.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Row<'a> {
    raw: sys::lsm_row,
    cursor: PhantomData<&'a [u8]>,
}

// SAFETY: it is two borrowed slices of bytes that do not change.
unsafe impl Send for Row<'_> {}
// SAFETY: as above.
unsafe impl Sync for Row<'_> {}

impl<'a> Row<'a> {
    /// Its key.
    #[inline]
    #[must_use]
    pub fn key(&self) -> &'a [u8] {
        // SAFETY: next_n filled the row in; its bytes hold as long as the cursor is not moved, and
        // are never null.
        unsafe { slice::from_raw_parts(self.raw.key.cast(), self.raw.key_size) }
    }

    /// Its value.
    #[inline]
    #[must_use]
    pub fn value(&self) -> &'a [u8] {
        // SAFETY: as in key.
        unsafe { slice::from_raw_parts(self.raw.value.cast(), self.raw.value_size) }
    }
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\" => b\"{}\"", self.key().escape_ascii(), self.value().escape_ascii())
    }
}

/// A place in a range of rows that moves both ways and lends what it stands on, without a copy.
///
/// It sees the database as it stood when the cursor was made. A new cursor stands on no row; moves
/// answer whether they found one. At an end, `next` and `prev` answer `false` until a seek, and so
/// does a range without rows.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let db = lsm::Db::open(folder.path())?;
/// db.put("apple", "red")?;
/// db.put("lemon", "yellow")?;
/// let mut cursor = db.cursor(..)?;
/// let mut found = cursor.seek("b")?;
/// while found {
///     println!("{:?} is {:?}", cursor.key(), cursor.value());
///     found = cursor.next()?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Many rows cost least by the chunk, which is one call into the library:
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let db = lsm::Db::open(folder.path())?;
/// let mut cursor = db.cursor(..)?;
/// let mut bytes = 0;
/// cursor.seek_first()?;
/// while let Some(rows) = cursor.next_chunk(128)? {
///     for row in rows {
///         bytes += row.key().len() + row.value().len();
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A row does not outlive the next move:
///
/// ```compile_fail,E0502
/// # fn keep(db: &lsm::Db) -> lsm::Result<()> {
/// let mut cursor = db.cursor(..)?;
/// cursor.seek_first()?;
/// let key = cursor.key();
/// cursor.next()?;
/// println!("{key:?}");
/// # Ok(())
/// # }
/// ```
pub struct Cursor<'a> {
    iter: RawIter<'a>,
    chunk: Vec<sys::lsm_row>,
}

// SAFETY: the rows of `chunk` are only read through the borrow that next_chunk answers.
unsafe impl Send for Cursor<'_> {}

/// More rows than this are not taken in one call.
const MAX_CHUNK: usize = 4096;

impl<'a> Cursor<'a> {
    pub(crate) fn new<R: KeyRange>(reader: Reader<'a>, range: &R) -> Result<Self> {
        Ok(Self { iter: RawIter::new(reader, range)?, chunk: Vec::new() })
    }

    /// Moves to the first row.
    ///
    /// # Errors
    /// [`Corruption`](ErrorKind::Corruption), [`Io`](ErrorKind::Io),
    /// [`Closed`](ErrorKind::Closed), as all that reads. A damaged place is an error, never an
    /// end.
    pub fn seek_first(&mut self) -> Result<bool> {
        self.iter.seek_first()
    }

    /// Moves to the last row.
    ///
    /// # Errors
    /// As [`seek_first`](Self::seek_first).
    pub fn seek_last(&mut self) -> Result<bool> {
        self.iter.seek_last()
    }

    /// Moves to the first row whose key is `key` or after it.
    ///
    /// # Errors
    /// As [`seek_first`](Self::seek_first); [`TooLarge`](ErrorKind::TooLarge).
    pub fn seek(&mut self, key: impl AsRef<[u8]>) -> Result<bool> {
        self.iter.seek(key.as_ref())
    }

    /// Moves to the last row whose key is `key` or before it.
    ///
    /// # Errors
    /// As [`seek`](Self::seek).
    pub fn seek_for_prev(&mut self, key: impl AsRef<[u8]>) -> Result<bool> {
        self.iter.seek_for_prev(key.as_ref())
    }

    /// Moves to the next row.
    ///
    /// # Errors
    /// As [`seek_first`](Self::seek_first); [`InvalidArgument`](ErrorKind::InvalidArgument) before
    /// any seek.
    // Not Iterator::next: what it shows is lent, not given.
    #[allow(clippy::should_implement_trait)]
    #[inline]
    pub fn next(&mut self) -> Result<bool> {
        self.iter.next()
    }

    /// Moves to the row before.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    #[inline]
    pub fn prev(&mut self) -> Result<bool> {
        self.iter.prev()
    }

    /// The key of the row that it stands on; `None` off a row.
    #[inline]
    #[must_use]
    pub fn key(&self) -> Option<&[u8]> {
        self.iter.key()
    }

    /// The value of the row that it stands on; `None` off a row.
    #[inline]
    #[must_use]
    pub fn value(&self) -> Option<&[u8]> {
        self.iter.value()
    }

    /// Lends up to `max` rows, from the current one on, and moves to the first row not lent. They
    /// may be fewer (where a damaged place follows, or 4096 are reached); only `None` is the end.
    ///
    /// # Errors
    /// As [`next`](Self::next); [`InvalidArgument`](ErrorKind::InvalidArgument) for a `max` of 0.
    pub fn next_chunk(&mut self, max: usize) -> Result<Option<&[Row<'_>]>> {
        let max = max.min(MAX_CHUNK);
        if self.chunk.len() < max {
            self.chunk.resize(max, NO_ROW);
        }
        let count = self.iter.next_n(&mut self.chunk[..max])?;
        if count == 0 {
            return Ok(None);
        }
        let rows: *const Row<'_> = self.chunk.as_ptr().cast();
        // SAFETY: Row is transparent over lsm_row, `count` of them were filled in, and as long as
        // the answer borrows the cursor, nobody moves it.
        Ok(Some(unsafe { slice::from_raw_parts(rows, count) }))
    }
}

impl fmt::Debug for Cursor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key().map(|key| key.escape_ascii().to_string());
        f.debug_struct("Cursor").field("key", &key).finish()
    }
}
