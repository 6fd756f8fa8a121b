//! The database against a BTreeMap.

use std::collections::BTreeMap;
use std::ops::Bound;

use lsm::{Bytes, Compression, Db, Iter, Options, Snapshot, WriteBatch};
use proptest::collection::vec;
use proptest::prelude::*;

type Map = BTreeMap<Vec<u8>, Vec<u8>>;
type Range = (Bound<Vec<u8>>, Bound<Vec<u8>>);

#[derive(Clone, Debug)]
enum Write {
    Put(Vec<u8>, Vec<u8>),
    Delete(Vec<u8>),
    DeleteRange(Range),
}

#[derive(Clone, Debug)]
enum Step {
    Write(Write, bool),
    Batch(Vec<Write>),
    Get(Vec<u8>),
    /// Which end each row is taken from.
    Iterate(Range, Vec<bool>),
    Prefix(Vec<u8>),
    Cursor(Range, Vec<Move>),
    Snapshot,
    Flush,
    Compact(Range),
    Reopen,
}

#[derive(Clone, Debug)]
enum Move {
    First,
    Last,
    Seek(Vec<u8>),
    SeekForPrev(Vec<u8>),
    Next,
    Prev,
    Chunk(usize),
}

/// Few enough that they meet, with the bytes that order and prefixes stumble over.
fn key() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![Just(0u8), Just(1), Just(b'a'), Just(b'b'), Just(0xff)];
    vec(byte, 0..4)
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let size = prop_oneof![4 => 0..20usize, 1 => 500..3000usize];
    (size, any::<u8>()).prop_map(|(size, byte)| vec![byte; size])
}

fn bound() -> impl Strategy<Value = Bound<Vec<u8>>> {
    prop_oneof![
        2 => key().prop_map(Bound::Included),
        2 => key().prop_map(Bound::Excluded),
        1 => Just(Bound::Unbounded),
    ]
}

/// Ranges that a BTreeMap takes.
fn range() -> impl Strategy<Value = Range> {
    (bound(), bound()).prop_map(|(start, end)| {
        let is_backwards = match (&start, &end) {
            (Bound::Excluded(start), Bound::Excluded(end)) => start >= end,
            (Bound::Included(start), Bound::Excluded(end))
            | (Bound::Excluded(start), Bound::Included(end))
            | (Bound::Included(start), Bound::Included(end)) => start > end,
            _ => false,
        };
        if is_backwards {
            (Bound::Unbounded, end)
        } else {
            (start, end)
        }
    })
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        6 => (key(), value()).prop_map(|(key, value)| Write::Put(key, value)),
        2 => key().prop_map(Write::Delete),
        1 => range().prop_map(Write::DeleteRange),
    ]
}

fn a_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        1 => Just(Move::First),
        1 => Just(Move::Last),
        2 => key().prop_map(Move::Seek),
        2 => key().prop_map(Move::SeekForPrev),
        4 => Just(Move::Next),
        4 => Just(Move::Prev),
        1 => (1..9usize).prop_map(Move::Chunk),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (write(), any::<bool>()).prop_map(|(write, sync)| Step::Write(write, sync)),
        4 => vec(write(), 0..30).prop_map(Step::Batch),
        4 => key().prop_map(Step::Get),
        4 => (range(), vec(any::<bool>(), 0..60)).prop_map(|(range, ends)| {
            Step::Iterate(range, ends)
        }),
        1 => key().prop_map(Step::Prefix),
        3 => (range(), vec(a_move(), 1..20)).prop_map(|(range, moves)| Step::Cursor(range, moves)),
        1 => Just(Step::Snapshot),
        1 => Just(Step::Flush),
        1 => range().prop_map(Step::Compact),
        1 => Just(Step::Reopen),
    ]
}

fn apply(map: &mut Map, write: &Write) {
    match write {
        Write::Put(key, value) => drop(map.insert(key.clone(), value.clone())),
        Write::Delete(key) => drop(map.remove(key)),
        Write::DeleteRange(range) => {
            let gone: Vec<_> = map.range(range.clone()).map(|(key, _)| key.clone()).collect();
            gone.iter().for_each(|key| drop(map.remove(key)));
        }
    }
}

fn rows(iter: Iter<'_>) -> Vec<(Vec<u8>, Vec<u8>)> {
    iter.map(|row| row.map(|(key, value)| (key.into(), value.into())).unwrap()).collect()
}

/// Takes rows from the ends that are asked for, then the rest from the front; both iterators must
/// give the same at each step.
fn iterate<'m>(
    mut ours: Iter<'_>,
    mut model: impl DoubleEndedIterator<Item = (&'m Vec<u8>, &'m Vec<u8>)>,
    ends: impl IntoIterator<Item = bool>,
) {
    for from_front in ends.into_iter().chain(std::iter::repeat(true)) {
        let (our, expected) = match from_front {
            true => (ours.next(), model.next()),
            false => (ours.next_back(), model.next_back()),
        };
        let our = our.map(Result::unwrap);
        assert_eq!(
            our.as_ref().map(|(key, value)| (&**key, &**value)),
            expected.map(|(k, v)| { (k.as_slice(), v.as_slice()) })
        );
        if our.is_none() {
            assert!(ours.next().is_none() && ours.next_back().is_none());
            return;
        }
    }
}

fn walk(db: &Db, map: &Map, range: &Range, moves: &[Move]) {
    let all: Vec<(&Vec<u8>, &Vec<u8>)> = map.range(range.clone()).collect();
    let mut cursor = db.cursor(range.clone()).unwrap();
    // Where it stands, or at neither row.
    let mut at: Option<usize> = None;
    let mut is_placed = false;
    for a_move in moves {
        is_placed |= !matches!(a_move, Move::Next | Move::Prev | Move::Chunk(_));
        if !is_placed {
            continue;
        }
        let found = match a_move {
            Move::First => {
                at = (!all.is_empty()).then_some(0);
                cursor.seek_first()
            }
            Move::Last => {
                at = all.len().checked_sub(1);
                cursor.seek_last()
            }
            Move::Seek(key) => {
                at = all.iter().position(|row| row.0 >= key);
                cursor.seek(key)
            }
            Move::SeekForPrev(key) => {
                at = all.iter().rposition(|row| row.0 <= key);
                cursor.seek_for_prev(key)
            }
            Move::Next => {
                at = at.map(|at| at + 1).filter(|at| *at < all.len());
                cursor.next()
            }
            Move::Prev => {
                at = at.and_then(|at| at.checked_sub(1));
                cursor.prev()
            }
            Move::Chunk(max) => {
                let chunk = cursor.next_chunk(*max).unwrap();
                let count = chunk.map_or(0, <[_]>::len);
                let from = at.unwrap_or(all.len());
                assert_eq!(count, (*max).min(all.len() - from));
                for (row, expected) in chunk.unwrap_or_default().iter().zip(&all[from..]) {
                    assert_eq!((row.key(), row.value()), (&expected.0[..], &expected.1[..]));
                }
                at = at.map(|at| at + count).filter(|at| *at < all.len());
                Ok(at.is_some())
            }
        };
        assert_eq!(found.unwrap(), at.is_some(), "{a_move:?}");
        assert_eq!(cursor.key(), at.map(|at| all[at].0.as_slice()), "{a_move:?}");
        assert_eq!(cursor.value(), at.map(|at| all[at].1.as_slice()));
    }
}

fn check_snapshot(snapshot: &Snapshot<'_>, map: &Map) {
    iterate(snapshot.iter(), map.iter(), [false, true, true, false]);
    for (key, value) in map.iter().take(5) {
        assert_eq!(snapshot.get(key).unwrap().unwrap(), value);
    }
}

/// The steps up to a Reopen; answers those left.
fn run<'s>(db: &Db, map: &mut Map, mut steps: &'s [Step]) -> &'s [Step] {
    let mut snapshots: Vec<(Snapshot<'_>, Map)> = Vec::new();
    let mut buffer = Vec::new();
    while let Some((step, rest)) = steps.split_first() {
        steps = rest;
        match step {
            Step::Write(write, is_synced) => {
                match (write, is_synced) {
                    (Write::Put(key, value), false) => db.put(key, value),
                    (Write::Put(key, value), true) => db.synced().put(key, value),
                    (Write::Delete(key), false) => db.delete(key),
                    (Write::Delete(key), true) => db.synced().delete(key),
                    (Write::DeleteRange(range), false) => db.delete_range(range.clone()),
                    (Write::DeleteRange(range), true) => db.synced().delete_range(range.clone()),
                }
                .unwrap();
                apply(map, write);
            }
            Step::Batch(writes) => {
                let mut batch = WriteBatch::new();
                for write in writes {
                    match write {
                        Write::Put(key, value) => batch.put(key, value),
                        Write::Delete(key) => batch.delete(key),
                        Write::DeleteRange(range) => batch.delete_range(range.clone()),
                    }
                    .unwrap();
                    apply(map, write);
                }
                // The removal of an empty range is no write.
                assert!(batch.len() <= writes.len());
                db.write(&batch).unwrap();
            }
            Step::Get(key) => {
                assert_eq!(db.get(key).unwrap().as_deref(), map.get(key).map(Vec::as_slice));
                let found = db.get_into(key, &mut buffer).unwrap();
                assert_eq!(found.then_some(&buffer), map.get(key));
            }
            Step::Iterate(range, ends) => {
                iterate(db.range(range.clone()), map.range(range.clone()), ends.iter().copied());
            }
            Step::Prefix(prefix) => {
                let expected: Vec<_> = map.iter().filter(|row| row.0.starts_with(prefix)).collect();
                let ours = rows(db.prefix(prefix));
                assert_eq!(ours.iter().map(|row| (&row.0, &row.1)).collect::<Vec<_>>(), expected);
            }
            Step::Cursor(range, moves) => walk(db, map, range, moves),
            Step::Snapshot => snapshots.push((db.snapshot().unwrap(), map.clone())),
            Step::Flush => db.flush().unwrap(),
            Step::Compact(range) => {
                let go_on = |_: &lsm::Progress| std::ops::ControlFlow::Continue(());
                db.compact_range(range.clone(), go_on).unwrap();
            }
            Step::Reopen => break,
        }
    }
    for (snapshot, map) in &snapshots {
        check_snapshot(snapshot, map);
    }
    steps
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn it_answers_as_a_map_does(steps in vec(step(), 1..120)) {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options::new();
        options.write_buffer_size(4096).block_size(256).compression(Compression::None);
        let (mut map, mut left) = (Map::new(), steps.as_slice());
        while !left.is_empty() {
            let db = options.open(folder.path()).unwrap();
            left = run(&db, &mut map, left);
            db.close().unwrap();
        }
        let db = options.open(folder.path()).unwrap();
        iterate(db.iter(), map.iter(), []);
        drop(db);
        lsm::verify(folder.path()).unwrap();
    }

    /// Runs from either end that cross many batches; some rows are larger than a batch may be.
    #[test]
    fn the_ends_of_long_ranges_meet(
        count in 0..1500u32,
        large in vec(0..1500u32, 0..6),
        runs in vec((any::<bool>(), 1..400usize), 0..12),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(folder.path()).unwrap();
        let mut map = Map::new();
        for i in 0..count {
            let size = if large.contains(&i) { 70_000 } else { i as usize % 200 };
            let (key, value) = (i.to_be_bytes().to_vec(), vec![i as u8; size]);
            db.put(&key, &value).unwrap();
            map.insert(key, value);
        }
        let rows = db.iter();
        db.delete_range(..).unwrap();  // the view is that of before
        let ends = runs.into_iter().flat_map(|(end, times)| std::iter::repeat(end).take(times));
        iterate(rows, map.iter(), ends);
    }
}

/// What an iterator gave is not touched by what it gives later.
#[test]
fn rows_that_are_kept_stay_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(folder.path()).unwrap();
    for i in 0..5000u32 {
        db.put(i.to_be_bytes(), i.to_string()).unwrap();
    }
    for step in [1, 2, 50, 127, 128, 129, 1000] {
        let mut kept: Vec<(u32, (Bytes, Bytes))> = Vec::new();
        let mut rows = db.iter();
        for i in 0..2500u32 {
            let (front, back) = (rows.next().unwrap().unwrap(), rows.next_back().unwrap().unwrap());
            if i % step == 0 {
                kept.push((i, front));
                kept.push((4999 - i, back));
            }
        }
        assert!(rows.next().is_none());
        drop(rows);
        for (i, (key, value)) in kept {
            assert_eq!((&*key, &*value), (&i.to_be_bytes()[..], i.to_string().as_bytes()));
        }
    }
}
