//! Counted memory for the bytes of neighbouring rows.
//!
//! An [`Arena`] is filled by one owner, sealed, and then handed out in pieces ([`Bytes`]), each
//! with a reference. The references are counted in advance when it is sealed, so that handing one
//! out costs no atomic operation; what was not handed out is given back in one.
//!
//! Invariants:
//! 1. `references` is the owner's one, those handed out and not dropped, and `spare` of the owner.
//! 2. The bytes change only while the owner's reference is the only one.

use std::mem;
use std::ptr::NonNull;
use std::sync::atomic::{fence, AtomicUsize, Ordering};

use crate::error::{Error, Result};
use crate::value::Bytes;

/// Buffers over this are not kept for the next rows.
const MAX_KEPT: usize = 128 << 10;

pub(crate) struct Shared {
    references: AtomicUsize,
    bytes: Vec<u8>,
}

impl Shared {
    /// # Safety
    /// The caller holds a reference.
    #[inline]
    pub(crate) unsafe fn retain(this: NonNull<Self>) {
        // SAFETY: a reference keeps it alive. As with Arc, one that can be cloned orders the rest.
        unsafe { this.as_ref() }.references.fetch_add(1, Ordering::Relaxed);
    }

    /// # Safety
    /// The caller holds that many references and uses them no more.
    #[inline]
    pub(crate) unsafe fn release(this: NonNull<Self>, references: usize) {
        // SAFETY: the references keep it alive until here.
        let before = unsafe { this.as_ref() }.references.fetch_sub(references, Ordering::Release);
        if before == references {
            // Every use by those who let go earlier happens before the memory goes.
            fence(Ordering::Acquire);
            // SAFETY: it came from a Box, and nobody has a reference any more.
            drop(unsafe { Box::from_raw(this.as_ptr()) });
        }
    }
}

pub(crate) struct Arena {
    /// None until it is first filled.
    shared: Option<NonNull<Shared>>,
    spare: usize,
}

// SAFETY: it is a counted reference to plain bytes.
unsafe impl Send for Arena {}

impl Arena {
    pub(crate) const fn new() -> Self {
        Self { shared: None, spare: 0 }
    }

    /// Begins a new filling, with room for `size` bytes, and answers the buffer for them. What was
    /// handed out stays as it is.
    pub(crate) fn start(&mut self, size: usize) -> Result<&mut Vec<u8>> {
        let spare = mem::take(&mut self.spare);
        if let Some(shared) = self.shared {
            // Acquire, so that reading what was handed out happens before it is overwritten.
            // SAFETY: our own reference keeps it alive.
            let before = unsafe { shared.as_ref() }.references.fetch_sub(spare, Ordering::Acquire);
            // SAFETY: as above; the buffer is looked at by its only holder.
            if before != spare + 1 || unsafe { shared.as_ref() }.bytes.capacity() > MAX_KEPT {
                self.shared = None;
                // SAFETY: our own one, which is forgotten.
                unsafe { Shared::release(shared, 1) };
            }
        }
        let mut shared = *self.shared.get_or_insert_with(|| {
            let shared = Shared { references: AtomicUsize::new(1), bytes: Vec::new() };
            NonNull::from(Box::leak(Box::new(shared)))
        });
        // SAFETY: our reference is the only one, until `seal`.
        let bytes = unsafe { &mut shared.as_mut().bytes };
        bytes.clear();
        bytes.try_reserve(size).map_err(|_| Error::out_of_memory())?;
        Ok(bytes)
    }

    /// Ends the filling, of which `count` pieces will be handed out at most.
    pub(crate) fn seal(&mut self, count: usize) {
        if let Some(shared) = self.shared {
            self.spare = count;
            // SAFETY: our own reference keeps it alive, and is the only one.
            unsafe { shared.as_ref() }.references.store(count + 1, Ordering::Relaxed);
        }
    }

    #[inline]
    pub(crate) fn slice(&self, from: usize, to: usize) -> &[u8] {
        match self.shared {
            // SAFETY: our own reference keeps it alive, and what is sealed does not change.
            Some(shared) => &unsafe { shared.as_ref() }.bytes[from..to],
            None => &[],
        }
    }

    /// Hands out a piece, if there is one left of those that it was sealed for.
    #[inline]
    pub(crate) fn give(&mut self, from: usize, to: usize) -> Option<Bytes> {
        let shared = self.shared?;
        let data = NonNull::from(self.slice(from, to)).cast();
        self.spare = self.spare.checked_sub(1)?;
        // SAFETY: the bytes lie in `shared`, and the piece takes over one of its references.
        Some(unsafe { Bytes::new(data, to - from, shared) })
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        if let Some(shared) = self.shared {
            // SAFETY: these are ours.
            unsafe { Shared::release(shared, self.spare + 1) };
        }
    }
}
