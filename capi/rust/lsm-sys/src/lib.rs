//! The functions, types and constants of `lsm.h`, as C has them.
//!
//! The header is the reference: conventions first, then each function with its codes, ownership,
//! thread safety and durability. The declarations are checked in, so that building them takes
//! nothing but pkg-config; a test compares every one with the header. Rust programs want the safe
//! crate `lsm`, which is built on this one.

#![no_std]
#![allow(non_camel_case_types)]
#![deny(missing_docs)]

use core::ffi::{c_char, c_void};
use core::marker::{PhantomData, PhantomPinned};

/// The major version of the header that this crate was written from.
pub const LSM_VERSION_MAJOR: u32 = 1;
/// The minor version of that header.
pub const LSM_VERSION_MINOR: u32 = 0;
/// The patch level of that header.
pub const LSM_VERSION_PATCH: u32 = 0;

/// What a call answers: 0, 1 and 2 are answers, all others failures. A later library may add codes.
pub type lsm_status = i32;

/// Done.
pub const LSM_OK: lsm_status = 0;
/// The key is not there.
pub const LSM_NOT_FOUND: lsm_status = 1;
/// The iterator is past its range.
pub const LSM_END: lsm_status = 2;
/// The call was wrong; the message says what is accepted.
pub const LSM_INVALID_ARGUMENT: lsm_status = 10;
/// The files are damaged.
pub const LSM_CORRUPTION: lsm_status = 11;
/// The system refused.
pub const LSM_IO_ERROR: lsm_status = 12;
/// The disk or the quota is full; works again when there is room.
pub const LSM_NO_SPACE: lsm_status = 13;
/// The database is open elsewhere.
pub const LSM_LOCKED: lsm_status = 14;
/// A write on a database that was opened `read_only`, or became so.
pub const LSM_READ_ONLY: lsm_status = 15;
/// The database has been closed.
pub const LSM_CLOSED: lsm_status = 16;
/// Not now, for example from inside a progress callback.
pub const LSM_BUSY: lsm_status = 17;
/// Cancelled by its progress callback.
pub const LSM_ABORTED: lsm_status = 18;
/// Reserved for transactions.
pub const LSM_CONFLICT: lsm_status = 19;
/// Memory ran out.
pub const LSM_OUT_OF_MEMORY: lsm_status = 20;
/// Over a limit, or over the buffer's capacity.
pub const LSM_TOO_LARGE: lsm_status = 21;
/// Written by a newer version of the format.
pub const LSM_UNSUPPORTED: lsm_status = 22;
/// `error_if_exists`, and a database is there.
pub const LSM_EXISTS: lsm_status = 23;
/// A bug in the library.
pub const LSM_INTERNAL: lsm_status = 99;

/// Write flag: return when the write and all before it survive power loss.
pub const LSM_SYNC: u32 = 1;

/// The most bytes of a key.
pub const LSM_KEY_SIZE_MAX: usize = 65535;
/// The most bytes of a value.
pub const LSM_VALUE_SIZE_MAX: usize = 1073741823;
/// The most that `lsm_batch_size` of a batch may be.
pub const LSM_BATCH_SIZE_MAX: usize = 2147483647;

/// Operation of `lsm_write_encoded`: key, value.
pub const LSM_OP_PUT: u32 = 1;
/// Operation of `lsm_write_encoded`: key, and a value of size 0.
pub const LSM_OP_DELETE: u32 = 2;
/// Operation of `lsm_write_encoded`: begin, end.
pub const LSM_OP_DELETE_RANGE: u32 = 3;

/// `lsm_compact_range`: writing what is in memory to a table.
pub const LSM_PHASE_FLUSH: u32 = 0;
/// `lsm_compact_range`: merging tables.
pub const LSM_PHASE_MERGE: u32 = 1;
/// `lsm_verify`: reading and checking.
pub const LSM_PHASE_VERIFY: u32 = 2;

macro_rules! handles {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[repr(C)]
        pub struct $name {
            opaque: [u8; 0],
            // Neither Send nor Sync nor Unpin: only the library knows what it is.
            marker: PhantomData<(*mut u8, PhantomPinned)>,
        }
    )*};
}

handles! {
    /// Why a call failed.
    lsm_error
    /// How to open.
    lsm_options
    /// An open database.
    lsm_db
    /// The database as it stood at one moment.
    lsm_snapshot
    /// Several writes that become one.
    lsm_batch
    /// A cursor over a range.
    lsm_iter
    /// The result of a scan.
    lsm_rows
}

/// A value found by `lsm_get`, released by `lsm_value_release`.
#[repr(C)]
#[derive(Debug)]
pub struct lsm_value {
    /// The first byte; never null, also of an empty value.
    pub data: *const c_void,
    /// How many bytes.
    pub size: usize,
    /// The library's.
    pub pin: *mut c_void,
}

/// A row of `lsm_rows_data` or `lsm_iter_next_n`, borrowed.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct lsm_row {
    /// The first byte of the key; never null.
    pub key: *const c_void,
    /// How many bytes of key.
    pub key_size: usize,
    /// The first byte of the value; never null.
    pub value: *const c_void,
    /// How many bytes of value.
    pub value_size: usize,
}

/// One row of the table of options. All strings are static and never null; later versions may add
/// fields at the end.
#[repr(C)]
#[derive(Debug)]
pub struct lsm_option {
    /// As `lsm_options_set` takes it.
    pub name: *const c_char,
    /// `bool`, `size`, `duration`, `number` or `choice`.
    pub r#type: *const c_char,
    /// Of a number without a suffix: `bytes`, `microseconds`...; or empty.
    pub unit: *const c_char,
    /// As `lsm_options_set` takes it.
    pub default_value: *const c_char,
    /// The smallest value accepted; empty where there is no order.
    pub minimum: *const c_char,
    /// The largest.
    pub maximum: *const c_char,
    /// One sentence; of a choice it names the choices.
    pub summary: *const c_char,
}

/// What a progress callback is told.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct lsm_progress {
    /// The size of this struct in the library: fields beyond it are absent.
    pub struct_size: u32,
    /// `LSM_PHASE_...`.
    pub phase: u32,
    /// Never more than `bytes_total`; only grows within a phase.
    pub bytes_done: u64,
    /// May be an estimate that grows.
    pub bytes_total: u64,
    /// Only grows within a phase.
    pub entries_done: u64,
}

/// Told how a long call is getting on, on the thread that made the call; answers 0 to go on,
/// anything else to cancel. It must not unwind.
pub type lsm_progress_fn =
    Option<unsafe extern "C" fn(payload: *mut c_void, progress: *const lsm_progress) -> i32>;

extern "C" {
    /// Returns the library's version as text, such as "1.0.0".
    pub fn lsm_version() -> *const c_char;

    /// Returns the library's version as a number, major * 1000000 + minor * 1000 + patch.
    pub fn lsm_version_number() -> u32;

    /// Returns the name of a status, such as "LSM_NOT_FOUND".
    pub fn lsm_status_name(status: lsm_status) -> *const c_char;

    /// Returns the status that the failed call returned.
    pub fn lsm_error_code(error: *const lsm_error) -> lsm_status;

    /// Returns what happened, what was expected and what to do, in one line.
    pub fn lsm_error_message(error: *const lsm_error) -> *const c_char;

    /// Returns the system's errno behind the failure.
    pub fn lsm_error_errno(error: *const lsm_error) -> i32;

    /// Returns the path of the file at fault.
    pub fn lsm_error_file(error: *const lsm_error) -> *const c_char;

    /// Returns the offset in that file, in bytes.
    pub fn lsm_error_offset(error: *const lsm_error) -> u64;

    /// Tells whether the same call may succeed later with nothing changed: no space, locked, out of
    /// memory, too many open files.
    pub fn lsm_error_retryable(error: *const lsm_error) -> i32;

    /// Frees an error.
    pub fn lsm_error_free(error: *mut lsm_error);

    /// Returns how many options there are.
    pub fn lsm_option_count() -> usize;

    /// Returns one row of the table of options, for command lines, builders and printed references.
    pub fn lsm_option_info(index: usize) -> *const lsm_option;

    /// Makes a set of options that hold their defaults.
    pub fn lsm_options_create() -> *mut lsm_options;

    /// Frees a set of options; databases opened with it are not affected.
    pub fn lsm_options_destroy(options: *mut lsm_options);

    /// Sets one option by name; the table is lsm_option_info.
    pub fn lsm_options_set(
        options: *mut lsm_options,
        name: *const c_char,
        value: *const c_char,
        error: *mut *mut lsm_error,
    ) -> lsm_status;

    /// Opens the database in a directory, recovering what the log holds.
    pub fn lsm_open(
        path: *const c_char,
        options: *const lsm_options,
        out: *mut *mut lsm_db,
        error: *mut *mut lsm_error,
    ) -> lsm_status;

    /// Closes a database, always, whatever it returns.
    pub fn lsm_close(db: *mut lsm_db, error: *mut *mut lsm_error) -> lsm_status;

    /// Stores a value under a key, in place of the one there.
    pub fn lsm_put(
        db: *mut lsm_db,
        key: *const c_void,
        key_size: usize,
        value: *const c_void,
        value_size: usize,
        flags: u32,
        error: *mut *mut lsm_error,
    ) -> lsm_status;

    /// Removes a key; one that is not there is LSM_OK too.
    pub fn lsm_delete(
        db: *mut lsm_db,
        key: *const c_void,
        key_size: usize,
        flags: u32,
        error: *mut *mut lsm_error,
    ) -> lsm_status;

    /// Removes every key in [begin, end), atomically and whatever their number.
    pub fn lsm_delete_range(
        db: *mut lsm_db,
        begin: *const c_void,
        begin_size: usize,
        end: *const c_void,
        end_size: usize,
        flags: u32,
        error: *mut *mut lsm_error,
    ) -> lsm_status;

    /// Finds a key's value without copying it where that can be done.
    pub fn lsm_get(
        db: *mut lsm_db,
        snapshot: *const lsm_snapshot,
        key: *const c_void,
        key_size: usize,
        out: *mut lsm_value,
        error: *mut *mut lsm_error,
    ) -> lsm_status;

    /// Copies a key's value into your buffer, so that nothing needs releasing.
    pub fn lsm_get_into(
        db: *mut lsm_db,
        snapshot: *const lsm_snapshot,
        key: *const c_void,
        key_size: usize,
        buffer: *mut c_void,
        capacity: usize,
        value_size: *mut usize,
        error: *mut *mut lsm_error,
    ) -> lsm_status;

    /// Lets go of a value and zeroes the struct, so that releasing twice is harmless.
    pub fn lsm_value_release(value: *mut lsm_value);

    /// Makes an empty batch.
    pub fn lsm_batch_create() -> *mut lsm_batch;

    /// Frees a batch.
    pub fn lsm_batch_destroy(batch: *mut lsm_batch);

    /// Empties a batch and keeps its memory for the next use.
    pub fn lsm_batch_clear(batch: *mut lsm_batch);

    /// Adds a put to a batch; of several writes to one key the last wins.
    pub fn lsm_batch_put(
        batch: *mut lsm_batch,
        key: *const c_void,
        key_size: usize,
        value: *const c_void,
        value_size: usize,
        error: *mut *mut lsm_error,
    ) -> lsm_status;

    /// Adds a delete to a batch.
    pub fn lsm_batch_delete(
        batch: *mut lsm_batch,
        key: *const c_void,
        key_size: usize,
        error: *mut *mut lsm_error,
    ) -> lsm_status;

    /// Adds the removal of [begin, end) to a batch: of keys that are in the database and of keys that
    /// were put earlier in the batch.
    pub fn lsm_batch_delete_range(
        batch: *mut lsm_batch,
        begin: *const c_void,
        begin_size: usize,
        end: *const c_void,
        end_size: usize,
        error: *mut *mut lsm_error,
    ) -> lsm_status;

    /// Returns how many writes a batch holds.
    pub fn lsm_batch_count(batch: *const lsm_batch) -> usize;

    /// Returns how many bytes a batch takes in the log, the figure that LSM_BATCH_SIZE_MAX bounds.
    pub fn lsm_batch_size(batch: *const lsm_batch) -> usize;

    /// Applies a batch atomically: all of it or nothing, also after a crash.
    pub fn lsm_write(
        db: *mut lsm_db,
        batch: *const lsm_batch,
        flags: u32,
        error: *mut *mut lsm_error,
    ) -> lsm_status;

    /// Applies a batch that the caller encoded in its own memory, in one call: for languages in
    /// which a call costs more than a copy.
    pub fn lsm_write_encoded(
        db: *mut lsm_db,
        ops: *const c_void,
        size: usize,
        flags: u32,
        error: *mut *mut lsm_error,
    ) -> lsm_status;

    /// Keeps the database readable as it stands now.
    pub fn lsm_snapshot_create(
        db: *mut lsm_db,
        out: *mut *mut lsm_snapshot,
        error: *mut *mut lsm_error,
    ) -> lsm_status;

    /// Lets go of a snapshot; iterators made with it are not affected.
    pub fn lsm_snapshot_release(snapshot: *mut lsm_snapshot);

    /// Reads the rows of [begin, end) in one call and one consistent view.
    pub fn lsm_scan(
        db: *mut lsm_db,
        snapshot: *const lsm_snapshot,
        begin: *const c_void,
        begin_size: usize,
        end: *const c_void,
        end_size: usize,
        limit: u64,
        out: *mut *mut lsm_rows,
        error: *mut *mut lsm_error,
    ) -> lsm_status;

    /// Returns the rows of a scan, in order.
    pub fn lsm_rows_data(rows: *const lsm_rows, count: *mut usize) -> *const lsm_row;

    /// Frees the rows of a scan and their bytes.
    pub fn lsm_rows_free(rows: *mut lsm_rows);

    /// Makes an iterator over [lower, upper), whose view is fixed here and outlives the snapshot.
    pub fn lsm_iter_create(
        db: *mut lsm_db,
        snapshot: *const lsm_snapshot,
        lower: *const c_void,
        lower_size: usize,
        upper: *const c_void,
        upper_size: usize,
        out: *mut *mut lsm_iter,
        error: *mut *mut lsm_error,
    ) -> lsm_status;

    /// Frees an iterator.
    pub fn lsm_iter_destroy(it: *mut lsm_iter);

    /// Moves to the first row.
    pub fn lsm_iter_seek_first(it: *mut lsm_iter, error: *mut *mut lsm_error) -> lsm_status;

    /// Moves to the last row.
    pub fn lsm_iter_seek_last(it: *mut lsm_iter, error: *mut *mut lsm_error) -> lsm_status;

    /// Moves to the first row whose key is >= key; a key below the lower bound is taken for that bound.
    pub fn lsm_iter_seek(
        it: *mut lsm_iter,
        key: *const c_void,
        key_size: usize,
        error: *mut *mut lsm_error,
    ) -> lsm_status;

    /// Moves to the last row whose key is <= key; a key beyond the upper bound finds the last row.
    pub fn lsm_iter_seek_for_prev(
        it: *mut lsm_iter,
        key: *const c_void,
        key_size: usize,
        error: *mut *mut lsm_error,
    ) -> lsm_status;

    /// Moves to the next row.
    pub fn lsm_iter_next(it: *mut lsm_iter, error: *mut *mut lsm_error) -> lsm_status;

    /// Moves to the row before.
    pub fn lsm_iter_prev(it: *mut lsm_iter, error: *mut *mut lsm_error) -> lsm_status;

    /// Returns the key of the row that the iterator is on.
    pub fn lsm_iter_key(it: *const lsm_iter, size: *mut usize) -> *const c_void;

    /// Returns the value of the row that the iterator is on.
    pub fn lsm_iter_value(it: *const lsm_iter, size: *mut usize) -> *const c_void;

    /// Gives many rows in one call, from the current one on, and moves to the first row not given.
    pub fn lsm_iter_next_n(
        it: *mut lsm_iter,
        rows: *mut lsm_row,
        capacity: usize,
        count: *mut usize,
        error: *mut *mut lsm_error,
    ) -> lsm_status;

    /// Writes what is in memory to tables.
    pub fn lsm_flush(db: *mut lsm_db, error: *mut *mut lsm_error) -> lsm_status;

    /// Merges [begin, end) into one sorted run and drops what no reader can see.
    pub fn lsm_compact_range(
        db: *mut lsm_db,
        begin: *const c_void,
        begin_size: usize,
        end: *const c_void,
        end_size: usize,
        progress: lsm_progress_fn,
        payload: *mut c_void,
        error: *mut *mut lsm_error,
    ) -> lsm_status;

    /// Waits until no background work is pending.
    pub fn lsm_wait_idle(db: *mut lsm_db, error: *mut *mut lsm_error) -> lsm_status;

    /// Reads a property: "stats", "levels", "memory" (each JSON) or "estimate-keys" (a number).
    pub fn lsm_property(
        db: *mut lsm_db,
        name: *const c_char,
        out: *mut *mut c_char,
        error: *mut *mut lsm_error,
    ) -> lsm_status;

    /// Frees a string that this library gave.
    pub fn lsm_string_free(string: *mut c_char);

    /// Reads every byte of a closed database, or of one table file, and checks all that can be checked.
    /// It changes no file. A database that crashed is sound if opening would recover it.
    pub fn lsm_verify(
        path: *const c_char,
        progress: lsm_progress_fn,
        payload: *mut c_void,
        error: *mut *mut lsm_error,
    ) -> lsm_status;

    /// Deletes a database: the files that it knows, then the directory if nothing else is in it.
    pub fn lsm_destroy(path: *const c_char, error: *mut *mut lsm_error) -> lsm_status;
}
