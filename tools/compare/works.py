"""What is compared: the works, the databases they start from, and the aims.

Amounts are shares of the rows that the comparison is asked for, so that a quick one does the same
in small.
"""

from typing import List, NamedTuple, Optional, Tuple

ENGINES = ('lsm', 'rocksdb', 'leveldb', 'lmdb')
NAMES = {'lsm': 'lsm', 'rocksdb': 'RocksDB', 'leveldb': 'LevelDB', 'lmdb': 'LMDB'}
OURS = 'lsm'
WITH_LOG = ('lsm', 'rocksdb', 'leveldb')

FULL_ROWS = 3_000_000
KEY_SIZE = 16
LARGE_VALUE = 4096


class Base(NamedTuple):
    """A database that works start from, made by a step of the driver."""
    name: str
    step: str = 'load'
    rows: float = 1  # share of --rows
    value_size: int = 100
    compress: bool = True
    merge: bool = False
    keep: bool = True  # for all works and rounds; otherwise it is made for one work and removed
    needs_full: bool = False


PLAIN = Base('plain', compress=False, merge=True)
PACKED = Base('packed', merge=True)
LARGE = Base('large', rows=1 / 12, value_size=LARGE_VALUE, compress=False, merge=True)


class Work(NamedTuple):
    name: str
    title: str
    step: str
    base: Optional[Base] = None  # None: it starts from nothing
    engines: Tuple[str, ...] = ENGINES
    rows: float = 1        # share of --rows, where there is no base
    operations: float = 1  # share of --rows
    threads: int = 1
    changes: bool = False  # works on a copy of its base
    capped: bool = True    # stops after so many seconds
    once: bool = False     # in the first round only
    compress: bool = True
    value_size: int = 100
    # What the bars and ratios are of: see METRICS in report.py.
    metric: str = 'rate'


def _write(name: str, title: str, step: str, **more) -> Work:
    return Work(name, title, step, capped=more.pop('capped', False), **more)


def _size_works() -> List[Work]:
    works = []
    for factor, label in ((1, '1'), (10, '10'), (100, '100')):
        base = Base(f'size-{label}', step='loadseq', rows=factor / 3, compress=False, merge=True,
                    keep=False, needs_full=factor == 100)
        works.append(Work(f'size-{label}', f'readrandom at {label} × a third of the rows',
                          'readrandom', base, engines=('lsm', 'lmdb'), operations=1 / 3,
                          once=True, compress=False))
    return works


def _reads(base: Base, suffix: str, note: str) -> List[Work]:
    def read(name: str, title: str, step: str, operations: float) -> Work:
        return Work(name + suffix, title + note, step, base, operations=operations,
                    compress=base.compress)
    return [
        read('readrandom', 'readrandom', 'readrandom', 1 / 3),
        read('readmissing', 'readmissing', 'readmissing', 1 / 3),
        read('seek10', 'seek + 10 rows', 'seek10', 1 / 6),
        read('readseq', 'readseq, row by row', 'readseq', 2),
        read('readseqbulk', 'readseq by lsm_iter_next_n', 'readseqbulk', 2),
        read('readreverse', 'readreverse, row by row', 'readreverse', 2),
    ]


def _ycsb() -> List[Work]:
    return [Work(f'ycsb-{letter}', f'YCSB {letter.upper()}, 2 threads', f'ycsb-{letter}', PACKED,
                 operations=1 / 3, threads=2, changes=True) for letter in 'abcdef']


WORKS: List[Work] = [
    _write('fillrandom', 'fillrandom', 'fillrandom'),
    _write('fillseq', 'fillseq', 'fillseq'),
    _write('fillbatch', 'batches of 100, rows', 'fillbatch'),
    _write('fillsync', 'fillsync', 'fillsync', operations=1 / 150, capped=True),
    _write('fillsync-8', 'fillsync, 8 threads', 'fillsync', operations=1 / 75, threads=8,
           capped=True),
    _write('fillrandom-2', 'fillrandom, 2 threads', 'fillrandom', threads=2),
    _write('overwrite', 'overwrite, then settle', 'overwrite', base=PACKED, operations=20 / 3,
           changes=True, once=True, engines=('lsm', 'rocksdb')),
    *_reads(PLAIN, '', ', uncompressed'),
    *_reads(PACKED, '-zstd', ', zstd'),
    Work('readwhilewriting', 'readwhilewriting, 20 k puts/s', 'readwhilewriting', PACKED,
         operations=1 / 3, changes=True),
    _write('fill4k', 'fillrandom, values of 4 KiB', 'fillrandom', rows=1 / 12,
           operations=1 / 12, value_size=LARGE_VALUE),
    Work('read4k', 'readrandom, values of 4 KiB', 'readrandom', LARGE, operations=1 / 6,
         compress=False, value_size=LARGE_VALUE),
    Work('readwhilecompacting', 'get p99.9 while compacting', 'readwhilecompacting', PACKED,
         engines=WITH_LOG, changes=True, capped=False, metric='p99_9'),
    *_ycsb(),
    _write('memory', 'anonymous memory, fill and read', 'fillandread', engines=WITH_LOG,
           metric='memory', once=True),
    Work('open', 'open a clean database', 'open', PLAIN, compress=False, metric='seconds'),
    Work('open-large', 'open a clean database of 10 GB', 'open',
         Base('open-large', step='loadseq', rows=10e9 / 4112 / FULL_ROWS, value_size=LARGE_VALUE,
              compress=False, keep=False),
         engines=('lsm',), once=True, compress=False, value_size=LARGE_VALUE, metric='seconds'),
    Work('replay', 'replay of a log', 'open', Base('replay', step='leave', keep=False),
         engines=WITH_LOG, once=True, metric='replay_rate'),
    *_size_works(),
]

# Disk after settle is measured where the bases are made.
DISK = 'disk'


class Aim(NamedTuple):
    """Ours is to be `factor` times as good as another's, or within a limit."""
    work: str
    title: str
    metric: str = 'rate'
    against: str = ''          # an engine, 'best' (of the peers) or nothing
    factor: float = 1
    limit: Optional[float] = None  # absolute, where there is nobody to be against
    other_work: str = ''       # of `against`, where it is not the same


def _ycsb_aims() -> List[Aim]:
    return [Aim(f'ycsb-{letter}', f'YCSB {letter.upper()}', against='best') for letter in 'abcdef']


AIMS: List[Aim] = [
    Aim('fillrandom', 'fillrandom', against='rocksdb', factor=10),
    Aim('fillrandom', 'fillrandom', against='leveldb', factor=5),
    Aim('fillseq', 'fillseq', against='leveldb', factor=3),
    Aim('fillbatch', 'batches of 100', against='leveldb', factor=5),
    Aim('fillsync', 'fillsync', against='rocksdb', factor=1.4),
    Aim('fillsync-8', 'fillsync, 8 threads to one', against='lsm', factor=4,
        other_work='fillsync'),
    Aim('fillrandom-2', 'fillrandom, 2 threads', against='leveldb', factor=8),
    Aim('overwrite', 'overwrite', against='rocksdb', factor=8),
    Aim('overwrite', 'overwrite, bytes written', 'written', against='rocksdb', factor=1 / 0.6),
    Aim('overwrite', 'overwrite, worst put', 'max', limit=0.1),
    Aim('readrandom', 'readrandom, uncompressed', against='lmdb', factor=1.5),
    Aim('readrandom-zstd', 'readrandom, zstd', against='lmdb', factor=1.2),
    Aim('readmissing', 'readmissing', against='lmdb', factor=3),
    Aim('seek10', 'seek + 10 rows', against='lmdb', factor=1.2),
    Aim('readseqbulk', 'readseq by lsm_iter_next_n', against='lmdb', factor=1.2),
    Aim('readseq', 'readseq, row by row', against='lmdb'),
    Aim('readreverse', 'readreverse, row by row', against='lmdb'),
    Aim('readwhilewriting', 'readwhilewriting', against='lmdb', factor=1.2),
    Aim('fill4k', '4 KiB fillrandom', against='rocksdb', factor=6),
    Aim('read4k', '4 KiB readrandom', against='lmdb'),
    Aim('readwhilecompacting', 'get while compacting, p99.9', 'p99_9', against='rocksdb',
        factor=2),
    *_ycsb_aims(),
    Aim(DISK, 'disk after settle, zstd', 'disk', against='rocksdb'),
    Aim('memory', 'anonymous memory', 'memory', against='rocksdb'),
    Aim('open-large', 'open a clean database of 10 GB', 'seconds', limit=0.05),
    Aim('replay', 'replay', 'replay_rate', limit=400e6),
]
