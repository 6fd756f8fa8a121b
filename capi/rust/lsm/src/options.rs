//! How to open a database.

use std::ffi::{c_char, CStr, CString};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::{self, NonNull};
use std::time::Duration;

use lsm_sys as sys;

use crate::error::{succeed, Error, ErrorKind, Result};
use crate::Db;

/// How to open a database. As with [`std::fs::OpenOptions`], setters follow one another and
/// [`open`](Self::open) ends the line:
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// use lsm::{Compression, Options};
///
/// let db = Options::new()
///     .memory_budget(256 << 20)
///     .compression(Compression::ZstdLevel(6))
///     .set("table_size", "32MiB")
///     .open(folder.path())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// What is not set keeps its default; a value that is not accepted is an error of `open`, which
/// names the bounds. Every option may differ from the one that the files were written with.
/// [`Options::table`] lists all, with types, units, defaults and bounds.
#[derive(Clone, Debug, Default)]
pub struct Options {
    settings: Vec<(String, String)>,
}

/// How blocks of tables are compressed; one that does not shrink stays raw.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    None,
    /// With zstd at its default level.
    Zstd,
    /// With zstd at this level, from -7 to 19.
    ZstdLevel(i32),
}

/// When tables are merged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CompactionStyle {
    /// Tiered levels over a leveled last one.
    Lazy,
    /// Least space.
    Leveled,
    /// Least writing.
    Tiered,
}

macro_rules! plain {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {$(
        $(#[$doc])*
        pub fn $name(&mut self, $name: $type) -> &mut Self {
            self.set(stringify!($name), $name)
        }
    )*};
}

impl Options {
    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self { settings: Vec::new() }
    }

    /// Opens the database in a directory, recovering what its log holds. The directory is made
    /// where it is missing, but not its parents.
    ///
    /// # Errors
    /// [`Io`](ErrorKind::Io) with ENOENT where no database is and none is to be made,
    /// [`Locked`](ErrorKind::Locked) where it is open elsewhere, also in this process,
    /// [`Exists`](ErrorKind::Exists), [`Unsupported`](ErrorKind::Unsupported),
    /// [`Corruption`](ErrorKind::Corruption), [`NoSpace`](ErrorKind::NoSpace), and
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for an option.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Db> {
        let path = c_path(path.as_ref())?;
        let options = RawOptions::new(self)?;
        let mut db = ptr::null_mut();
        // SAFETY: the path ends with a NUL, the options are ours, and `db` may be written.
        succeed(|error| unsafe { sys::lsm_open(path.as_ptr(), options.0, &mut db, error) })?;
        match NonNull::new(db) {
            // SAFETY: lsm_open gave it to us.
            Some(db) => Ok(unsafe { Db::from_raw(db) }),
            None => Err(Error::new(ErrorKind::Internal, "lsm_open answered no database")),
        }
    }

    /// Sets any option by its name. Sizes take a unit (`"64MiB"`), durations too (`"10ms"`).
    pub fn set(&mut self, name: impl Into<String>, value: impl fmt::Display) -> &mut Self {
        self.settings.push((name.into(), value.to_string()));
        self
    }

    plain! {
        /// Make the database (and its directory, not the parents) where there is none. By default
        /// true.
        create_if_missing: bool;
        /// Refuse to open a database that is already there.
        error_if_exists: bool;
        /// Open beside other readers and change no file; the log is replayed in memory.
        read_only: bool;
        /// Read tables through a memory map; false reads into private memory, so that a failing
        /// disk is an error instead of a SIGBUS.
        mmap_reads: bool;
        /// The cap over memtables, block cache, and index and filters that are not mapped, in
        /// bytes.
        memory_budget: u64;
        /// The size at which a memtable is flushed to a table, in bytes. By default a sixth of
        /// `memory_budget`, at most 64 MiB.
        write_buffer_size: u64;
        /// The cap of the cache of decompressed blocks, in bytes. By default what `memory_budget`
        /// leaves.
        block_cache_size: u64;
        /// The uncompressed size at which a data block of a table is closed, in bytes.
        block_size: u64;
        /// The size at which a compaction closes a table and starts the next, in bytes.
        table_size: u64;
        /// How blocks are compressed.
        compression: Compression;
        /// The average size of the Bloom filters, which are spread over the levels so that lookups
        /// of absent keys cost least; 0 builds none.
        filter_bits_per_key: f64;
        /// When tables are merged.
        compaction_style: CompactionStyle;
        /// How many times larger each level is than the one above it, from 2 to 64.
        size_ratio: u32;
        /// How many threads compact, from 1 to 64; one more flushes.
        background_threads: u32;
        /// How many table files are kept open at most.
        max_open_tables: u32;
    }

    /// How often the log is synced without being asked, in whole microseconds; zero leaves it to
    /// the system.
    pub fn wal_sync_interval(&mut self, interval: Duration) -> &mut Self {
        let micros = interval.as_nanos().div_ceil(1000);
        self.set("wal_sync_interval", format_args!("{micros}us"))
    }

    /// The table of options of the library that is linked, for command lines and printed
    /// references.
    ///
    /// ```
    /// for option in lsm::Options::table() {
    ///     println!("--{} ({}): {}", option.name, option.default_value, option.summary);
    /// }
    /// ```
    pub fn table() -> impl Iterator<Item = OptionInfo> {
        // SAFETY: no conditions.
        let count = unsafe { sys::lsm_option_count() };
        (0..count).filter_map(|index| {
            // SAFETY: any index is allowed; the row is static where it is not null.
            let raw = unsafe { sys::lsm_option_info(index).as_ref() }?;
            // SAFETY: the strings of a row are static and end with a NUL.
            Some(unsafe {
                OptionInfo {
                    name: static_text(raw.name),
                    kind: static_text(raw.r#type),
                    unit: static_text(raw.unit),
                    default_value: static_text(raw.default_value),
                    minimum: static_text(raw.minimum),
                    maximum: static_text(raw.maximum),
                    summary: static_text(raw.summary),
                }
            })
        })
    }
}

/// One row of the table of options.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct OptionInfo {
    /// As [`Options::set`] takes it.
    pub name: &'static str,
    /// `bool`, `size`, `duration`, `number` or `choice`.
    pub kind: &'static str,
    /// Of a number without a suffix: `bytes`, `microseconds`...; or empty.
    pub unit: &'static str,
    /// As [`Options::set`] takes it.
    pub default_value: &'static str,
    /// The smallest value accepted; empty where there is no order.
    pub minimum: &'static str,
    /// The largest.
    pub maximum: &'static str,
    /// One sentence; of a choice it names the choices.
    pub summary: &'static str,
}

impl fmt::Display for Compression {
    /// As the option is written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Zstd => f.write_str("zstd"),
            Self::ZstdLevel(level) => write!(f, "zstd:{level}"),
        }
    }
}

impl fmt::Display for CompactionStyle {
    /// As the option is written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lazy => "lazy",
            Self::Leveled => "leveled",
            Self::Tiered => "tiered",
        })
    }
}

/// Options as the library holds them. Null for the defaults.
struct RawOptions(*mut sys::lsm_options);

impl RawOptions {
    fn new(options: &Options) -> Result<Self> {
        if options.settings.is_empty() {
            return Ok(Self(ptr::null_mut()));
        }
        // SAFETY: no conditions.
        let raw = Self(unsafe { sys::lsm_options_create() });
        if raw.0.is_null() {
            return Err(Error::out_of_memory());
        }
        for (name, value) in &options.settings {
            let (c_name, c_value) = (c_text(name)?, c_text(value)?);
            // SAFETY: the options are ours, and both strings end with a NUL.
            succeed(|error| unsafe {
                sys::lsm_options_set(raw.0, c_name.as_ptr(), c_value.as_ptr(), error)
            })?;
        }
        Ok(raw)
    }
}

impl Drop for RawOptions {
    fn drop(&mut self) {
        // SAFETY: ours, or null, which is allowed; the last use.
        unsafe { sys::lsm_options_destroy(self.0) };
    }
}

/// # Safety
/// `raw` is static and ends with a NUL.
unsafe fn static_text(raw: *const c_char) -> &'static str {
    // SAFETY: as promised.
    unsafe { CStr::from_ptr(raw) }.to_str().unwrap_or_default()
}

pub(crate) fn c_text(text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| {
        Error::new(ErrorKind::InvalidArgument, format!("{text:?} holds a zero byte; it may not"))
    })
}

pub(crate) fn c_path(path: &Path) -> Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| {
        let message = format!("the path {path:?} holds a zero byte; it may not");
        Error::new(ErrorKind::InvalidArgument, message)
    })
}
