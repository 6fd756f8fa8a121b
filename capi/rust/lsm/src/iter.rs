//! The standard iterator over rows, from both ends.
//!
//! One iterator of the library, and so one view, serves both ends. Rows are fetched and copied in
//! batches, one for each end; the library's iterator moves over when the other end needs its next
//! batch, and resumes after the last row that was fetched there. The batches may overlap: what says
//! where the ends meet is the last key that each has given.

use std::fmt;
use std::iter::FusedIterator;
use std::slice;

use lsm_sys as sys;

use crate::arena::Arena;
use crate::cursor::{RawIter, NO_ROW};
use crate::error::{Error, ErrorKind, Result};
use crate::range::KeyRange;
use crate::reader::Reader;
use crate::value::Bytes;

/// The first batch has so many rows at most, and each one twice as many as that before it.
const FIRST_ROWS: usize = 16;
const MAX_ROWS: usize = 128;
/// The bytes of a batch, unless a single row has more.
const MAX_BYTES: usize = 64 << 10;

/// The rows of a range in order, from either end: a [`DoubleEndedIterator`] over `(key, value)`.
///
/// It sees the database as it stood when the iterator was made. A failure comes as the last item:
/// `None` without an `Err` before it means that all rows were given.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let db = lsm::Db::open(folder.path())?;
/// # db.put("apple", "red")?; db.put("lemon", "yellow")?; db.put("pear", "green")?;
/// for row in db.range("b"..).rev() {
///     let (key, value) = row?;
///     println!("{key:?} is {value:?}");
/// }
/// let last = db.iter().next_back().transpose()?;
/// let yellow: lsm::Result<Vec<_>> =
///     db.iter().filter(|row| row.as_ref().map_or(true, |(_, value)| value == "yellow")).collect();
/// # assert_eq!(last.map(|(key, _)| key.to_vec()), Some(b"pear".to_vec()));
/// # assert_eq!(yellow?.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// What it gives is the caller's to keep; [`Cursor`](crate::Cursor) lends rows instead, which saves
/// their copy.
pub struct Iter<'a> {
    /// None when all is given, and where it could not be made.
    source: Option<RawIter<'a>>,
    failure: Option<Error>,
    /// Which end `source` stands at, if any; forward after `fetched`, backward on the last row of
    /// that end's batch.
    place: Option<End>,
    /// Rows of the front end that are fetched but not copied; they hold until `source` moves.
    fetched: Vec<sys::lsm_row>,
    copied: usize,
    front: Batch,
    back: Batch,
}

// SAFETY: the rows of `fetched` point into what `source` keeps and are read through it alone.
unsafe impl Send for Iter<'_> {}

#[derive(Clone, Copy, Eq, PartialEq)]
enum End {
    Front,
    Back,
}

/// What an iterator gives.
type Item = (Bytes, Bytes);

impl<'a> Iter<'a> {
    pub(crate) fn new<R: KeyRange>(reader: Reader<'a>, range: &R) -> Self {
        let (source, failure) = match RawIter::new(reader, range) {
            Ok(source) => (Some(source), None),
            Err(failure) => (None, Some(failure)),
        };
        Self {
            source,
            failure,
            place: None,
            fetched: Vec::new(),
            copied: 0,
            front: Batch::new(),
            back: Batch::new(),
        }
    }

    /// The next row of an end, or none when there is none between the ends.
    #[inline]
    fn take(&mut self, end: End) -> Option<Result<Item>> {
        let (own, _) = self.ends(end);
        if own.is_given() {
            match self.fill(end) {
                Ok(true) => {}
                Ok(false) => return self.finish(),
                Err(error) => {
                    self.finish();
                    return Some(Err(error));
                }
            }
        }
        let (own, other) = self.ends(end);
        let have_met = match (own.next_key(), other.last_key()) {
            (Some(key), Some(limit)) => match end {
                End::Front => key >= limit,
                End::Back => key <= limit,
            },
            _ => false,
        };
        if have_met {
            return self.finish();
        }
        let (own, _) = self.ends(end);
        own.give().map(Ok)
    }

    fn ends(&mut self, end: End) -> (&mut Batch, &mut Batch) {
        match end {
            End::Front => (&mut self.front, &mut self.back),
            End::Back => (&mut self.back, &mut self.front),
        }
    }

    /// Nothing is between the ends any more, or nothing can be found out about it.
    #[cold]
    fn finish(&mut self) -> Option<Result<Item>> {
        self.source = None;
        self.fetched = Vec::new();
        self.copied = 0;
        self.front = Batch::new();
        self.back = Batch::new();
        self.failure.take().map(Err)
    }

    /// Copies the next rows of an end, which has given all it had; answers whether there were any.
    #[cold]
    fn fill(&mut self, end: End) -> Result<bool> {
        match end {
            End::Front => self.fill_front(),
            End::Back => self.fill_back(),
        }
    }

    fn fill_front(&mut self) -> Result<bool> {
        let Some(source) = &mut self.source else { return Ok(false) };
        if self.place != Some(End::Front) {
            self.fetched.clear();
            self.copied = 0;
            let found = match self.front.last_key() {
                None => source.seek_first()?,
                Some(last) => {
                    source.seek(last)? && (source.key() != Some(last) || source.next()?)
                }
            };
            if !found {
                return Ok(false);
            }
            self.place = Some(End::Front);
        }
        if self.copied == self.fetched.len() {
            self.copied = 0;
            self.fetched.clear();
            self.fetched.resize(self.front.next_rows(), NO_ROW);
            let count = source.next_n(&mut self.fetched);
            self.fetched.truncate(*count.as_ref().unwrap_or(&0));
            count?;
        }
        let rows = &self.fetched[self.copied..];
        let (count, keys, values) = fitting(rows);
        let mut filling = self.front.start(keys, values)?;
        for row in &rows[..count] {
            // SAFETY: source filled the row in and has not moved since.
            let (key, value) = unsafe {
                (
                    slice::from_raw_parts(row.key.cast(), row.key_size),
                    slice::from_raw_parts(row.value.cast(), row.value_size),
                )
            };
            filling.push(key, value)?;
        }
        self.front.seal();
        self.copied += count;
        Ok(count > 0)
    }

    fn fill_back(&mut self) -> Result<bool> {
        let Some(source) = &mut self.source else { return Ok(false) };
        let mut found = if self.place == Some(End::Back) {
            source.prev()?
        } else {
            match self.back.last_key() {
                None => source.seek_last()?,
                Some(last) => {
                    source.seek_for_prev(last)? && (source.key() != Some(last) || source.prev()?)
                }
            }
        };
        self.fetched.clear();
        self.copied = 0;
        self.place = Some(End::Back);
        let max_rows = self.back.next_rows();
        let mut filling = self.back.start(0, 0)?;
        while found {
            let (Some(key), Some(value)) = (source.key(), source.value()) else {
                // Shut down between the move and here.
                return Err(Error::new(ErrorKind::Closed, "the database has been closed"));
            };
            filling.push(key, value)?;
            if filling.rows() >= max_rows || filling.bytes() >= MAX_BYTES {
                break;
            }
            // The rows before a damaged place are given first; asking again fails again.
            found = source.prev().unwrap_or(false);
        }
        self.back.seal();
        Ok(!self.back.is_given())
    }
}

/// How many of the rows go into one batch, and the bytes of their keys and values.
fn fitting(rows: &[sys::lsm_row]) -> (usize, usize, usize) {
    let (mut count, mut keys, mut values) = (0, 0, 0);
    for row in rows {
        if count > 0 && keys + values + row.key_size + row.value_size > MAX_BYTES {
            break;
        }
        count += 1;
        keys += row.key_size;
        values += row.value_size;
    }
    (count, keys, values)
}

impl Iterator for Iter<'_> {
    type Item = Result<Item>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.take(End::Front)
    }

    fn last(mut self) -> Option<Self::Item> {
        self.next_back()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        self.take(End::Back)
    }
}

impl FusedIterator for Iter<'_> {}

impl fmt::Debug for Iter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").finish_non_exhaustive()
    }
}

/// Rows copied for one end, in the order in which it gives them.
struct Batch {
    keys: Arena,
    values: Arena,
    /// Where the key and the value of each row end.
    ends: Vec<(usize, usize)>,
    given: usize,
    /// Where the key and the value of the next row begin.
    at: (usize, usize),
    /// How many rows to fetch next.
    appetite: usize,
}

impl Batch {
    fn new() -> Self {
        Self {
            keys: Arena::new(),
            values: Arena::new(),
            ends: Vec::new(),
            given: 0,
            at: (0, 0),
            appetite: FIRST_ROWS,
        }
    }

    fn next_rows(&mut self) -> usize {
        let rows = self.appetite;
        self.appetite = (rows * 2).min(MAX_ROWS);
        rows
    }

    /// Whether it has given all that it had.
    #[inline]
    fn is_given(&self) -> bool {
        self.given == self.ends.len()
    }

    /// Begins anew, with room for so many bytes. REQUIRES: `seal` before rows are taken.
    fn start(&mut self, keys: usize, values: usize) -> Result<Filling<'_>> {
        self.ends.clear();
        self.given = 0;
        self.at = (0, 0);
        let (keys, values) = (self.keys.start(keys)?, self.values.start(values)?);
        Ok(Filling { keys, values, ends: &mut self.ends })
    }

    fn seal(&mut self) {
        self.keys.seal(self.ends.len());
        self.values.seal(self.ends.len());
    }

    /// The key that it gave last.
    #[inline]
    fn last_key(&self) -> Option<&[u8]> {
        let last = self.given.checked_sub(1)?;
        let from = last.checked_sub(1).map_or(0, |before| self.ends[before].0);
        Some(self.keys.slice(from, self.ends[last].0))
    }

    #[inline]
    fn next_key(&self) -> Option<&[u8]> {
        Some(self.keys.slice(self.at.0, self.ends.get(self.given)?.0))
    }

    #[inline]
    fn give(&mut self) -> Option<Item> {
        let end = *self.ends.get(self.given)?;
        let row = (self.keys.give(self.at.0, end.0)?, self.values.give(self.at.1, end.1)?);
        self.at = end;
        self.given += 1;
        Some(row)
    }
}

/// A batch while rows are added.
struct Filling<'a> {
    keys: &'a mut Vec<u8>,
    values: &'a mut Vec<u8>,
    ends: &'a mut Vec<(usize, usize)>,
}

impl Filling<'_> {
    fn rows(&self) -> usize {
        self.ends.len()
    }

    fn bytes(&self) -> usize {
        self.keys.len() + self.values.len()
    }

    #[inline]
    fn push(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        append(self.keys, key)?;
        append(self.values, value)?;
        self.ends.push((self.keys.len(), self.values.len()));
        Ok(())
    }
}

#[inline]
fn append(bytes: &mut Vec<u8>, more: &[u8]) -> Result<()> {
    bytes.try_reserve(more.len()).map_err(|_| Error::out_of_memory())?;
    bytes.extend_from_slice(more);
    Ok(())
}
