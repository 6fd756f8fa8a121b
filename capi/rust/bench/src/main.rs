//! What a call from Rust costs, a row: the same works through lsm and through other stores.
//!
//!     lsm-bench --engine NAME --dir DIR [--rows N] [--works a,b,...]
//!
//! Prints one JSON object a line. The data and the works are those of the benchmark of the
//! bindings: key i is 16 hex digits, value i the key repeated to 100 bytes.

#[cfg(feature = "peers")]
mod peers;
mod stores;

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[cfg(feature = "peers")]
use peers::{Fjall, Redb};
use stores::{Lsm, LsmIter, Store};

const USAGE: &str = "usage: lsm-bench --engine lsm|lsm-iter|fjall|redb --dir DIR [--rows N] \
                     [--works put,batch_put,get_hit,get_miss,scan_100,scan_all]";
const WORKS: [&str; 6] = ["put", "batch_put", "get_hit", "get_miss", "scan_100", "scan_all"];

const REPEATS: usize = 5;
const BATCH: u64 = 100;
const GETS: u64 = 200_000;
const SCANS: u64 = 2_000;
const SCAN_ROWS: usize = 100;

type Outcome<T> = Result<T, Box<dyn Error>>;
/// What is measured: answers how many rows it saw, and the sum of their first bytes.
type Work<'a, S> = (&'static str, &'a dyn Fn(&S) -> Outcome<(u64, u64)>);

/// The finaliser of splitmix64 on its i-th state.
fn mix(i: u64) -> u64 {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut z = i.wrapping_mul(STEP).wrapping_add(STEP);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn key(i: u64) -> [u8; 16] {
    let number = mix(i);
    std::array::from_fn(|at| b"0123456789abcdef"[(number >> (60 - 4 * at) & 15) as usize])
}

fn value(key: &[u8; 16]) -> [u8; 100] {
    let mut value = [0; 100];
    for part in value.chunks_mut(key.len()) {
        part.copy_from_slice(&key[..part.len()]);
    }
    value
}

struct Args {
    engine: String,
    folder: PathBuf,
    rows: u64,
    works: Vec<String>,
}

fn parse() -> Outcome<Args> {
    let mut args = Args {
        engine: String::new(),
        folder: PathBuf::new(),
        rows: 1_000_000,
        works: WORKS.map(str::to_owned).to_vec(),
    };
    let mut words = env::args().skip(1);
    while let Some(word) = words.next() {
        let given = words.next().ok_or(USAGE)?;
        match word.as_str() {
            "--engine" => args.engine = given,
            "--dir" => args.folder = given.into(),
            "--rows" => args.rows = given.parse()?,
            "--works" => args.works = given.split(',').map(str::to_owned).collect(),
            _ => return Err(USAGE.into()),
        }
    }
    let is_known = args.works.iter().all(|work| WORKS.contains(&work.as_str()));
    if args.folder.as_os_str().is_empty() || args.rows == 0 || !is_known {
        return Err(USAGE.into());
    }
    Ok(args)
}

fn main() -> Outcome<()> {
    let args = parse()?;
    match args.engine.as_str() {
        "lsm" => run::<Lsm>(&args),
        "lsm-iter" => run::<LsmIter>(&args),
        #[cfg(feature = "peers")]
        "fjall" => run::<Fjall>(&args),
        #[cfg(feature = "peers")]
        "redb" => run::<Redb>(&args),
        _ => Err(USAGE.into()),
    }
}

fn run<S: Store>(args: &Args) -> Outcome<()> {
    fresh(&args.folder)?;
    let mut store = S::open(&args.folder)?;
    let rows = args.rows;
    let wanted = |work: &str| args.works.iter().any(|name| name == work);
    let print = |work: &str, nanos: f64| {
        println!(
            "{{\"language\":\"rust\",\"engine\":\"{}\",\"work\":\"{work}\",\"rows\":{rows},\
             \"ns_per_row\":{nanos:.1}}}",
            args.engine
        );
    };

    // The others need the rows, so these two are always done.
    let nanos = timed(rows, || {
        for i in 0..rows {
            let key = key(i);
            store.put(&key, &value(&key))?;
        }
        Ok(())
    })?;
    if wanted("put") {
        print("put", nanos);
    }
    if wanted("batch_put") {
        let nanos = timed(rows, || {
            for start in (0..rows).step_by(BATCH as usize) {
                let keys = (start..rows.min(start + BATCH)).map(key);
                store.put_all(keys.map(|key| (key, value(&key))))?;
            }
            Ok(())
        })?;
        print("batch_put", nanos);
    }
    store.settle()?;

    let hit = |store: &S| {
        let mut sum = 0;
        for j in 0..GETS {
            sum += u64::from(store.get(&key(mix(j + (1 << 40)) % rows))?.ok_or("a lost row")?);
        }
        Ok((GETS, sum))
    };
    let miss = |store: &S| {
        let mut found = 0;
        for j in 0..GETS {
            found += u64::from(store.get(&key(rows + j))?.is_some());
        }
        Ok((GETS, found))
    };
    let scan = |store: &S| {
        let (mut count, mut sum) = (0, 0);
        for j in 0..SCANS {
            let from = key(mix(j + (1 << 41)) % rows);
            let (rows, bytes) = store.scan(&from, SCAN_ROWS)?;
            count += rows;
            sum += bytes;
        }
        Ok((count, sum))
    };
    let scan_all = |store: &S| {
        let (count, sum) = store.scan_all()?;
        if count != rows {
            return Err(format!("{count} rows in place of {rows}").into());
        }
        Ok((count, sum))
    };
    let works: [Work<'_, S>; 4] =
        [("get_hit", &hit), ("get_miss", &miss), ("scan_100", &scan), ("scan_all", &scan_all)];
    for (work, body) in works {
        if wanted(work) {
            let mut times = Vec::new();
            let mut sums = Vec::new();
            for _ in 0..REPEATS {
                let start = Instant::now();
                let (count, sum) = body(&store)?;
                times.push(start.elapsed().as_nanos() as f64 / count as f64);
                sums.push(sum);
            }
            if sums.iter().any(|sum| *sum != sums[0]) || (work == "get_miss" && sums[0] != 0) {
                return Err(format!("{work} answers now one thing, now another").into());
            }
            times.sort_by(f64::total_cmp);
            print(work, times[REPEATS / 2]);
        }
    }
    drop(store);
    fs::remove_dir_all(&args.folder)?;
    Ok(())
}

fn fresh(folder: &Path) -> Outcome<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(fs::create_dir_all(folder)?)
}

fn timed(rows: u64, body: impl FnOnce() -> Outcome<()>) -> Outcome<f64> {
    let start = Instant::now();
    body()?;
    Ok(start.elapsed().as_nanos() as f64 / rows as f64)
}
