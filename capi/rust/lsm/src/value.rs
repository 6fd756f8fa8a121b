//! Bytes that the database gives: the value of a get, and what rows consist of.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::ptr::NonNull;
use std::slice;

use lsm_sys as sys;

/// The value that a get found. Its bytes may lie in the engine's own memory, where they stay as
/// they are until this is dropped, also when the key is written again and after the database is
/// closed.
///
/// It is bytes: a `&Value` serves wherever a `&[u8]` does.
///
/// A large value that is kept for long keeps the table or the memtable around it; what is to stay
/// for good is better copied (`value.to_vec()`).
pub struct Value {
    data: NonNull<u8>,
    raw: sys::lsm_value,
}

// SAFETY: a value does not change, may be read by many threads and released by any.
unsafe impl Send for Value {}
// SAFETY: as above.
unsafe impl Sync for Value {}

impl Value {
    /// # Safety
    /// `raw` was filled by `lsm_get` and is released by nobody else.
    #[inline]
    pub(crate) unsafe fn new(raw: sys::lsm_value) -> Self {
        let data = NonNull::new(raw.data.cast_mut().cast()).unwrap_or(NonNull::dangling());
        Self { data, raw }
    }
}

impl Drop for Value {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: it is ours, and this is its last use.
        unsafe { sys::lsm_value_release(&mut self.raw) };
    }
}

impl Deref for Value {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: lsm_get answered that many bytes there, readable until the release.
        unsafe { slice::from_raw_parts(self.data.as_ptr(), self.raw.size) }
    }
}

/// Bytes of a row of an [`Iter`](crate::Iter): cheap to clone, to keep and to send elsewhere.
///
/// It is bytes: a `&Bytes` serves wherever a `&[u8]` does.
///
/// The keys of neighbouring rows share one allocation of up to 64 KiB, which goes with the last of
/// them, and so do the values; what is to stay for good of a few rows out of many is better copied
/// (`key.to_vec()`).
pub struct Bytes {
    data: NonNull<u8>,
    size: usize,
    shared: NonNull<crate::arena::Shared>,
}

// SAFETY: the bytes do not change while they are shared, and the counter is atomic.
unsafe impl Send for Bytes {}
// SAFETY: as above.
unsafe impl Sync for Bytes {}

impl Bytes {
    /// # Safety
    /// The bytes lie in `shared` and do not change as long as this, which takes over one of its
    /// references, lives.
    #[inline]
    pub(crate) unsafe fn new(
        data: NonNull<u8>,
        size: usize,
        shared: NonNull<crate::arena::Shared>,
    ) -> Self {
        Self { data, size, shared }
    }
}

impl Clone for Bytes {
    #[inline]
    fn clone(&self) -> Self {
        // SAFETY: this holds a reference.
        unsafe { crate::arena::Shared::retain(self.shared) };
        Self { ..*self }
    }
}

impl Drop for Bytes {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this holds a reference and is not used again.
        unsafe { crate::arena::Shared::release(self.shared, 1) };
    }
}

impl Deref for Bytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: as new was promised.
        unsafe { slice::from_raw_parts(self.data.as_ptr(), self.size) }
    }
}

macro_rules! bytes {
    ($($name:ty),*) => {$(
        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                self
            }
        }

        impl Borrow<[u8]> for $name {
            fn borrow(&self) -> &[u8] {
                self
            }
        }

        impl From<$name> for Vec<u8> {
            fn from(bytes: $name) -> Self {
                bytes.to_vec()
            }
        }

        impl fmt::Debug for $name {
            /// As a byte string: `b"yellow\x00"`.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "b\"{}\"", self.escape_ascii())
            }
        }

        impl<T: AsRef<[u8]> + ?Sized> PartialEq<T> for $name {
            fn eq(&self, other: &T) -> bool {
                **self == *other.as_ref()
            }
        }

        impl Eq for $name {}

        impl<T: AsRef<[u8]> + ?Sized> PartialOrd<T> for $name {
            fn partial_cmp(&self, other: &T) -> Option<Ordering> {
                (**self).partial_cmp(other.as_ref())
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                (**self).cmp(other)
            }
        }

        impl Hash for $name {
            /// As a slice does, so that maps of it can be asked with a slice.
            fn hash<H: Hasher>(&self, state: &mut H) {
                (**self).hash(state);
            }
        }
    )*};
}

bytes!(Value, Bytes);
