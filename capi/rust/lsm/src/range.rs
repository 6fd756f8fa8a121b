//! Ranges of keys.

use std::borrow::Cow;
use std::ffi::c_void;
use std::ops::{
    Bound, Range, RangeBounds, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive,
};
use std::ptr;

mod sealed {
    pub trait Sealed {}
}

/// A range of keys: any range that Rust can write, of anything that is bytes.
///
/// `..`, `"a".."b"`, `lower..`, `..=[0xff, 0xff]`, `(Bound<Vec<u8>>, Bound<Vec<u8>>)`. It is what
/// [`RangeBounds`] is to the ordered collections; a trait of its own lets `..` do without the type
/// of the bounds that it does not have.
///
/// A range that begins after its end is an error of the call that takes it.
pub trait KeyRange: sealed::Sealed {
    /// Where the range begins.
    fn start(&self) -> Bound<&[u8]>;
    /// Where the range ends.
    fn end(&self) -> Bound<&[u8]>;
}

macro_rules! key_ranges {
    ($($range:ty),*) => {$(
        impl<K: AsRef<[u8]>> sealed::Sealed for $range {}
        impl<K: AsRef<[u8]>> KeyRange for $range {
            fn start(&self) -> Bound<&[u8]> {
                self.start_bound().map(AsRef::as_ref)
            }
            fn end(&self) -> Bound<&[u8]> {
                self.end_bound().map(AsRef::as_ref)
            }
        }
    )*};
}

key_ranges!(
    Range<K>,
    RangeInclusive<K>,
    RangeFrom<K>,
    RangeTo<K>,
    RangeToInclusive<K>,
    (Bound<K>, Bound<K>)
);

impl sealed::Sealed for RangeFull {}
impl KeyRange for RangeFull {
    fn start(&self) -> Bound<&[u8]> {
        Bound::Unbounded
    }
    fn end(&self) -> Bound<&[u8]> {
        Bound::Unbounded
    }
}

/// A bound as the library takes it: the first key inside or, at the end, the first one beyond;
/// `None` is unbounded.
pub(crate) struct Edge<'a>(Option<Cow<'a, [u8]>>);

impl<'a> Edge<'a> {
    /// Of keys, `key` and a zero byte is the next one after `key`.
    fn after(key: &[u8]) -> Self {
        let mut next = Vec::with_capacity(key.len() + 1);
        next.extend_from_slice(key);
        next.push(0);
        Self(Some(Cow::Owned(next)))
    }

    pub(crate) fn size(&self) -> usize {
        self.0.as_ref().map_or(0, |key| key.len())
    }

    pub(crate) fn as_ptr(&self) -> *const c_void {
        self.0.as_ref().map_or(ptr::null(), |key| key.as_ptr().cast())
    }
}

/// Both bounds of a range as the library takes them.
pub(crate) fn edges<R: KeyRange + ?Sized>(range: &R) -> (Edge<'_>, Edge<'_>) {
    let begin = match range.start() {
        Bound::Included(key) => Edge(Some(Cow::Borrowed(key))),
        Bound::Excluded(key) => Edge::after(key),
        Bound::Unbounded => Edge(None),
    };
    let end = match range.end() {
        Bound::Included(key) => Edge::after(key),
        Bound::Excluded(key) => Edge(Some(Cow::Borrowed(key))),
        Bound::Unbounded => Edge(None),
    };
    (begin, end)
}

/// The keys that begin with some bytes.
pub(crate) struct Prefix<'a> {
    start: &'a [u8],
    end: Option<Vec<u8>>,
}

impl<'a> Prefix<'a> {
    pub(crate) fn new(prefix: &'a [u8]) -> Self {
        let mut end = prefix.to_vec();
        while end.last() == Some(&u8::MAX) {
            end.pop();
        }
        let end = match end.last_mut() {
            Some(last) => {
                *last += 1;
                Some(end)
            }
            None => None,
        };
        Self { start: prefix, end }
    }
}

impl sealed::Sealed for Prefix<'_> {}
impl KeyRange for Prefix<'_> {
    fn start(&self) -> Bound<&[u8]> {
        Bound::Included(self.start)
    }
    fn end(&self) -> Bound<&[u8]> {
        self.end.as_deref().map_or(Bound::Unbounded, Bound::Excluded)
    }
}
