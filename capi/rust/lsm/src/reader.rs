//! Reads, which a database and its snapshots have in common.

use std::mem::MaybeUninit;
use std::ptr;

use lsm_sys as sys;

use crate::error::{check, Error, ErrorKind, Result};
use crate::{Db, Value};

/// Where reads come from: the database as it is now, or as a snapshot has it.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    db: &'a Db,
    snapshot: *const sys::lsm_snapshot,
}

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) fn now(db: &'a Db) -> Self {
        Self { db, snapshot: ptr::null() }
    }

    /// # Safety
    /// `snapshot` is alive as long as the reader is used.
    #[inline]
    pub(crate) unsafe fn at(db: &'a Db, snapshot: *const sys::lsm_snapshot) -> Self {
        Self { db, snapshot }
    }

    pub(crate) fn db(self) -> *mut sys::lsm_db {
        self.db.raw()
    }

    pub(crate) fn snapshot(self) -> *const sys::lsm_snapshot {
        self.snapshot
    }

    #[inline]
    pub(crate) fn get(self, key: &[u8]) -> Result<Option<Value>> {
        let mut value = MaybeUninit::uninit();
        // SAFETY: the handles are alive, the key is read during the call, `value` may be written.
        let status = check(|error| unsafe {
            sys::lsm_get(
                self.db(),
                self.snapshot,
                key.as_ptr().cast(),
                key.len(),
                value.as_mut_ptr(),
                error,
            )
        })?;
        // SAFETY: on LSM_OK the value was filled in and is ours.
        Ok((status == sys::LSM_OK).then(|| unsafe { Value::new(value.assume_init()) }))
    }

    pub(crate) fn get_into(self, key: &[u8], buffer: &mut Vec<u8>) -> Result<bool> {
        buffer.clear();
        loop {
            let mut size = 0;
            // SAFETY: as in get; the buffer has room for its capacity.
            let answer = check(|error| unsafe {
                sys::lsm_get_into(
                    self.db(),
                    self.snapshot,
                    key.as_ptr().cast(),
                    key.len(),
                    buffer.as_mut_ptr().cast(),
                    buffer.capacity(),
                    &mut size,
                    error,
                )
            });
            match answer {
                Ok(sys::LSM_OK) => {
                    // SAFETY: the call filled in that many bytes of the capacity.
                    unsafe { buffer.set_len(size) };
                    return Ok(true);
                }
                Ok(_) => return Ok(false),
                // It was the buffer that is too small; by the next try the value may have grown.
                Err(error) if error.kind() == ErrorKind::TooLarge && size > buffer.capacity() => {
                    buffer.try_reserve(size).map_err(|_| Error::out_of_memory())?;
                }
                Err(error) => return Err(error),
            }
        }
    }
}
