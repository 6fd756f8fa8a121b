//! Why a call failed.

use std::error;
use std::ffi::{c_char, CStr, OsStr};
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;

use lsm_sys as sys;

/// What the calls of this crate answer.
pub type Result<T> = std::result::Result<T, Error>;

/// Which sort of failure it was.
///
/// A key that is not there and the end of a range are no failures: they are [`None`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The call was wrong; the message says what is accepted.
    InvalidArgument,
    /// The files are damaged: see [`Error::file`] and [`Error::offset`].
    Corruption,
    /// The system refused: see [`Error::errno`].
    Io,
    /// The disk or the quota is full; works again when there is room.
    NoSpace,
    /// The database is open elsewhere.
    Locked,
    /// A write on a database that was opened read-only, or became so.
    ReadOnly,
    /// The database has been closed by [`Db::shutdown`](crate::Db::shutdown).
    Closed,
    /// Not now, for example from inside a progress closure.
    Busy,
    /// Cancelled by its progress closure.
    Aborted,
    /// Reserved for transactions.
    Conflict,
    /// Memory ran out; nothing was changed.
    OutOfMemory,
    /// A key, a value or a batch is over its limit.
    TooLarge,
    /// Written by a newer version of the format.
    Unsupported,
    /// `error_if_exists`, and a database is there.
    Exists,
    /// A bug in the library; please report the message.
    Internal,
    /// A status of a library that is newer than this crate.
    Other(i32),
}

impl ErrorKind {
    fn of(status: sys::lsm_status) -> Self {
        match status {
            sys::LSM_INVALID_ARGUMENT => Self::InvalidArgument,
            sys::LSM_CORRUPTION => Self::Corruption,
            sys::LSM_IO_ERROR => Self::Io,
            sys::LSM_NO_SPACE => Self::NoSpace,
            sys::LSM_LOCKED => Self::Locked,
            sys::LSM_READ_ONLY => Self::ReadOnly,
            sys::LSM_CLOSED => Self::Closed,
            sys::LSM_BUSY => Self::Busy,
            sys::LSM_ABORTED => Self::Aborted,
            sys::LSM_CONFLICT => Self::Conflict,
            sys::LSM_OUT_OF_MEMORY => Self::OutOfMemory,
            sys::LSM_TOO_LARGE => Self::TooLarge,
            sys::LSM_UNSUPPORTED => Self::Unsupported,
            sys::LSM_EXISTS => Self::Exists,
            sys::LSM_INTERNAL => Self::Internal,
            other => Self::Other(other),
        }
    }
}

/// Why a call failed: its kind, a message that says what was expected and what to do, and, where
/// they are known, the system's errno and the file and offset at fault.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("none");
/// let error = lsm::Options::new().read_only(true).open(path).unwrap_err();
/// assert_eq!(error.kind(), lsm::ErrorKind::Io);
/// assert_eq!(error.errno(), Some(2)); // ENOENT
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Error(Box<Details>);

#[derive(Clone)]
struct Details {
    kind: ErrorKind,
    message: String,
    errno: Option<i32>,
    file: Option<PathBuf>,
    offset: Option<u64>,
    is_retryable: bool,
}

impl Error {
    /// Takes over what a call left in its `lsm_error**`.
    ///
    /// # Safety
    /// `raw` is null or an error that nobody else frees.
    #[cold]
    pub(crate) unsafe fn take(status: sys::lsm_status, raw: *mut sys::lsm_error) -> Self {
        // SAFETY: the accessors take null too; what they point to lives until lsm_error_free.
        let details = unsafe {
            Details {
                kind: ErrorKind::of(status),
                message: text(if raw.is_null() {
                    sys::lsm_status_name(status)
                } else {
                    sys::lsm_error_message(raw)
                }),
                errno: Some(sys::lsm_error_errno(raw)).filter(|errno| *errno != 0),
                file: path(sys::lsm_error_file(raw)),
                offset: Some(sys::lsm_error_offset(raw)).filter(|offset| *offset != u64::MAX),
                is_retryable: sys::lsm_error_retryable(raw) != 0,
            }
        };
        // SAFETY: the caller gave it away.
        unsafe { sys::lsm_error_free(raw) };
        Self(Box::new(details))
    }

    /// A failure that was seen on this side.
    #[cold]
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Details {
            kind,
            message: message.into(),
            errno: None,
            file: None,
            offset: None,
            is_retryable: kind == ErrorKind::OutOfMemory,
        }))
    }

    #[cold]
    pub(crate) fn out_of_memory() -> Self {
        Self::new(ErrorKind::OutOfMemory, "memory ran out; nothing was changed")
    }

    /// Which sort of failure it was.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What happened, what was expected and what to do, in one line.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The system's errno behind the failure, if a system call failed.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        self.0.errno
    }

    /// The file at fault, if one is to blame.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.0.file.as_deref()
    }

    /// The offset in that file, in bytes, if a place is known.
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        self.0.offset
    }

    /// Whether the same call may succeed later with nothing changed: no space, locked, out of
    /// memory, too many open files.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.is_retryable
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("errno", &self.0.errno)
            .field("file", &self.0.file)
            .field("offset", &self.0.offset)
            .field("is_retryable", &self.0.is_retryable)
            .finish()
    }
}

impl error::Error for Error {}

impl From<Error> for io::Error {
    /// The error in the terms of the standard library, with this one inside.
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::InvalidArgument | ErrorKind::TooLarge => io::ErrorKind::InvalidInput,
            ErrorKind::Corruption => io::ErrorKind::InvalidData,
            ErrorKind::Locked | ErrorKind::Busy => io::ErrorKind::WouldBlock,
            ErrorKind::ReadOnly => io::ErrorKind::PermissionDenied,
            ErrorKind::Aborted => io::ErrorKind::Interrupted,
            ErrorKind::OutOfMemory => io::ErrorKind::OutOfMemory,
            ErrorKind::Unsupported => io::ErrorKind::Unsupported,
            ErrorKind::Exists => io::ErrorKind::AlreadyExists,
            _ => match error.errno() {
                Some(errno) => io::Error::from_raw_os_error(errno).kind(),
                None => io::ErrorKind::Other,
            },
        };
        Self::new(kind, error)
    }
}

/// Runs a call, which is handed the place for its error, and answers its status unless that is a
/// failure.
#[inline]
pub(crate) fn check(
    call: impl FnOnce(*mut *mut sys::lsm_error) -> sys::lsm_status,
) -> Result<sys::lsm_status> {
    let mut error = ptr::null_mut();
    let status = call(&mut error);
    if (sys::LSM_OK..=sys::LSM_END).contains(&status) {
        return Ok(status);
    }
    // SAFETY: a call that fails leaves an error of its own there.
    Err(unsafe { Error::take(status, error) })
}

/// As [`check`], for calls whose only answer is that they succeeded.
#[inline]
pub(crate) fn succeed(
    call: impl FnOnce(*mut *mut sys::lsm_error) -> sys::lsm_status,
) -> Result<()> {
    check(call).map(|_| ())
}

/// # Safety
/// `raw` is null or ends with a NUL.
unsafe fn text(raw: *const c_char) -> String {
    if raw.is_null() {
        return String::new();
    }
    // SAFETY: as promised.
    unsafe { CStr::from_ptr(raw) }.to_string_lossy().into_owned()
}

/// # Safety
/// `raw` is null or ends with a NUL.
unsafe fn path(raw: *const c_char) -> Option<PathBuf> {
    if raw.is_null() {
        return None;
    }
    // SAFETY: as promised.
    let bytes = unsafe { CStr::from_ptr(raw) }.to_bytes();
    Some(PathBuf::from(OsStr::from_bytes(bytes)))
}
