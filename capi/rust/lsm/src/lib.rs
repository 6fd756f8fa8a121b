//! lsm: an embedded, ordered, durable key-value store. This is the safe binding of liblsm.
//!
//! ```
//! use lsm::{Db, WriteBatch};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("fruit.db");
//! let db = Db::open(path)?;
//! db.put("apple", "green")?;
//!
//! let mut batch = WriteBatch::new();
//! batch.put("fig", "purple")?;
//! batch.put("lemon", "yellow")?;
//! db.synced().write(&batch)?; // survives power loss on return
//!
//! assert_eq!(db.get("fig")?.as_deref(), Some(&b"purple"[..]));
//! for row in db.range("b"..) {
//!     let (key, value) = row?;
//!     println!("{key:?} is {value:?}");
//! }
//! db.close()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! * Keys and values are bytes; whatever is `AsRef<[u8]>` serves as one. Keys are ordered bytewise;
//!   integers keep their order in big-endian form (`u64::to_be_bytes`).
//! * [`Db`] is `Send` and `Sync`: many threads use it by reference. Dropping it closes it.
//! * A key that is not there is `None`; all that fails is an [`Error`] with a kind, and where it is
//!   known the file and the offset. Nothing in here panics but what your closures raise.
//! * Ranges are those of Rust ([`KeyRange`]): `..`, `"a".."b"`, `lower..`, `..=upper`.
//! * [`Iter`] gives rows to keep, from both ends; [`Cursor`] lends them without a copy.
//! * Values, snapshots, iterators, cursors and batches free what they hold when they are dropped.
//!
//! The library is found with pkg-config; the feature `static` links `liblsm.a` instead of
//! `liblsm.so`.

#![deny(missing_docs)]
#![deny(unsafe_op_in_unsafe_fn)]
#![warn(clippy::undocumented_unsafe_blocks)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod arena;
mod batch;
mod cursor;
mod db;
mod error;
mod iter;
mod options;
mod progress;
mod range;
mod reader;
mod snapshot;
mod value;

use std::ffi::CStr;
use std::ops::ControlFlow;
use std::path::Path;

use lsm_sys as sys;

pub use batch::WriteBatch;
pub use cursor::{Cursor, Row};
pub use db::{Db, Synced};
pub use error::{Error, ErrorKind, Result};
pub use iter::Iter;
pub use options::{CompactionStyle, Compression, OptionInfo, Options};
pub use progress::{Phase, Progress};
pub use range::KeyRange;
pub use snapshot::Snapshot;
pub use value::{Bytes, Value};

/// The most bytes of a key.
pub const MAX_KEY_SIZE: usize = sys::LSM_KEY_SIZE_MAX;
/// The most bytes of a value.
pub const MAX_VALUE_SIZE: usize = sys::LSM_VALUE_SIZE_MAX;
/// The most that [`WriteBatch::size`] may be.
pub const MAX_BATCH_SIZE: usize = sys::LSM_BATCH_SIZE_MAX;

/// The version of the library that is linked, such as `1.0.0`.
#[must_use]
pub fn version() -> &'static str {
    // SAFETY: static, and ends with a NUL.
    unsafe { CStr::from_ptr(sys::lsm_version()) }.to_str().unwrap_or_default()
}

/// Reads every byte of a closed database, or of one table file, and checks all that can be checked.
/// It changes no file. A database that crashed is sound if opening would recover it.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # lsm::Db::open(folder.path())?.put("apple", "red")?;
/// lsm::verify(folder.path())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Corruption`](ErrorKind::Corruption) with the first damage found, also for a file that is no
/// table; [`Io`](ErrorKind::Io) with ENOENT where nothing is; [`Locked`](ErrorKind::Locked) when a
/// writer has it open; [`Unsupported`](ErrorKind::Unsupported) for a newer format.
pub fn verify(path: impl AsRef<Path>) -> Result<()> {
    let path = options::c_path(path.as_ref())?;
    progress::run_silent(|listener, payload, error| {
        // SAFETY: the path ends with a NUL.
        unsafe { sys::lsm_verify(path.as_ptr(), listener, payload, error) }
    })
}

/// As [`verify`], telling `progress` how far it is; [`ControlFlow::Break`] from there cancels. If
/// `progress` panics, the panic goes on from here.
///
/// # Errors
/// As [`verify`]; [`Aborted`](ErrorKind::Aborted) when `progress` cancelled.
pub fn verify_with_progress(
    path: impl AsRef<Path>,
    progress: impl FnMut(&Progress) -> ControlFlow<()>,
) -> Result<()> {
    let path = options::c_path(path.as_ref())?;
    progress::run(progress, |listener, payload, error| {
        // SAFETY: the path ends with a NUL; listener and payload belong together.
        unsafe { sys::lsm_verify(path.as_ptr(), listener, payload, error) }
    })
}

/// Deletes a database: the files that it knows, then the directory if nothing else is in it. Where
/// nothing is, there is nothing to do.
///
/// # Errors
/// [`Locked`](ErrorKind::Locked) when it is open;
/// [`InvalidArgument`](ErrorKind::InvalidArgument), and nothing is removed, where the database is
/// another engine's; [`Io`](ErrorKind::Io).
pub fn destroy(path: impl AsRef<Path>) -> Result<()> {
    let path = options::c_path(path.as_ref())?;
    // SAFETY: the path ends with a NUL.
    error::succeed(|error| unsafe { sys::lsm_destroy(path.as_ptr(), error) })
}

/// The examples of the README are compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
