package lsm

import (
	"encoding/binary"
	"iter"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// Row is a key and its value. Its bytes are Go's, and valid until the loop goes on, when the next
// row may take their place: [bytes.Clone] what is to be kept.
type Row struct{ Key, Value []byte }

// opener is what rows can be read from: a DB or a Snapshot.
type opener interface {
	newCursor(lo, hi []byte) (cursorHandle, *DB, error)
}

func (db *DB) newCursor(lo, hi []byte) (cursorHandle, *DB, error) {
	c, err := db.c.newCursor(0, lo, hi)
	return c, db, err
}

// How many rows are fetched at once: what is fetched beyond the last that is read is wasted, and so
// is a crossing for few. A quarter of what was read already bounds both wastes.
const (
	firstScanRows = 16
	minChunkRows  = 16
	maxChunkRows  = 512
	// From so many rows on the buffer is a large one.
	smallChunkRows = 40
	minChunkBytes  = 4 << 10
	maxChunkBytes  = 16 << 10
)

// rows is a cursor with the chunk of rows that was fetched last. It belongs to one goroutine at a
// time, but for close.
type rows struct {
	db *DB
	mu sync.Mutex   // held while C is at the cursor, so that close cannot free it meanwhile
	c  cursorHandle // 0: closed

	buffer  []byte
	chunk   []byte // the rows in the buffer
	hasMore bool   // behind them
	err     error  // behind them
	fetched int    // rows since the seek
}

func (r *rows) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.c == 0 {
		return ErrClosed
	}
	r.c.close()
	r.c = 0
	return nil
}

// seek fetches the first rows from a place on.
func (r *rows) seek(to seekTo, key []byte, maxRows int) {
	r.fetched = 0
	r.load(maxRows, func() chunk { return r.c.seek(to, key, r.buffer, maxRows) })
}

// fetch fetches the next rows, when those that there were are given.
func (r *rows) fetch() {
	maxRows := min(max(r.fetched/4, minChunkRows), maxChunkRows)
	r.load(maxRows, func() chunk { return r.c.fill(r.buffer, maxRows) })
}

func (r *rows) load(maxRows int, fetch func() chunk) {
	r.chunk, r.hasMore, r.err = nil, false, nil
	if len(r.buffer) > 1<<20 || len(r.buffer) < maxChunkBytes && maxRows > smallChunkRows {
		r.buffer = make([]byte, maxChunkBytes)
	} else if r.buffer == nil {
		r.buffer = make([]byte, minChunkBytes)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.c == 0 {
		r.err = ErrClosed
		return
	}
	got := fetch()
	for got.needed != 0 {
		r.buffer = slices.Grow(r.buffer[:0], got.needed)
		r.buffer = r.buffer[:cap(r.buffer)]
		got = r.c.fill(r.buffer, maxRows)
	}
	r.chunk, r.hasMore, r.err = r.buffer[:got.used], got.hasMore, got.err
	r.fetched += got.rows
	runtime.KeepAlive(r.db)
}

// rowAt answers the ends of the key and of the value of the row at an offset of a chunk; the key
// begins eight bytes behind the offset, and the next row where the value ends.
func rowAt(chunk []byte, at int) (keyEnd, end int) {
	sizes := binary.LittleEndian.Uint64(chunk[at:])
	keyEnd = at + 8 + int(uint32(sizes))
	return keyEnd, keyEnd + int(sizes>>32)
}

// scan is the loop behind every Scan and Prefix.
func scan(from opener, lo, hi []byte, backward bool) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		var r rows
		var err error
		if r.c, r.db, err = from.newCursor(lo, hi); err != nil {
			yield(Row{}, err)
			return
		}
		defer r.close()
		to := seekFirst
		if backward {
			to = seekLast
		}
		r.seek(to, nil, firstScanRows)
		for {
			for chunk, at := r.chunk, 0; at < len(chunk); {
				// rowAt and the Row by hand: a call, or a copy of the row, costs more than all else.
				sizes := binary.LittleEndian.Uint64(chunk[at:])
				keyEnd := at + 8 + int(uint32(sizes))
				end := keyEnd + int(sizes>>32)
				if !yield(Row{chunk[at+8 : keyEnd : keyEnd], chunk[keyEnd:end:end]}, nil) {
					return
				}
				at = end
			}
			if r.err != nil {
				yield(Row{}, r.err)
				return
			}
			if !r.hasMore {
				return
			}
			r.fetch()
		}
	}
}

// Iterator is a cursor over the rows of a range, in one consistent view of the moment it was made.
// A new one stands before its first row: Next goes to the first row, and Prev to the last.
//
//	it, err := db.NewIterator(nil, nil)
//	if err != nil {
//		return err
//	}
//	defer it.Close()
//	for ok := it.Seek(from); ok; ok = it.Next() {
//		use(it.Key(), it.Value())
//	}
//	return it.Err()
//
// Every move tells whether it arrived on a row. After one that did not, Err tells whether that was
// the end of the range, nil, or a failure; Next and Prev then stay there until another move. An
// iterator belongs to one goroutine at a time; Close may come from any.
type Iterator struct {
	rows     rows
	cleanup  runtime.Cleanup
	closed   atomic.Bool
	row      Row
	next     int // the offset in the chunk of the row behind it
	valid    bool
	placed   bool // by a first move
	backward bool // the way the rows of the chunk go
}

// NewIterator makes an iterator over [lo, hi); a nil bound is open. It is to be closed.
func (db *DB) NewIterator(lo, hi []byte) (*Iterator, error) { return newIterator(db, lo, hi) }

func newIterator(from opener, lo, hi []byte) (*Iterator, error) {
	c, db, err := from.newCursor(lo, hi)
	if err != nil {
		return nil, err
	}
	it := &Iterator{rows: rows{db: db, c: c}}
	it.cleanup = runtime.AddCleanup(it, cursorHandle.close, c)
	return it, nil
}

// Close frees the iterator; the second time it returns [ErrClosed].
func (it *Iterator) Close() error {
	it.closed.Store(true)
	it.cleanup.Stop()
	return it.rows.close()
}

// First moves to the first row.
func (it *Iterator) First() bool { return it.seek(seekFirst, nil) }

// Last moves to the last row.
func (it *Iterator) Last() bool { return it.seek(seekLast, nil) }

// Seek moves to the first row whose key is >= key.
func (it *Iterator) Seek(key []byte) bool { return it.seek(seekKey, key) }

// SeekForPrev moves to the last row whose key is <= key.
func (it *Iterator) SeekForPrev(key []byte) bool { return it.seek(seekForPrev, key) }

// Next moves to the next row.
func (it *Iterator) Next() bool {
	switch {
	case !it.placed:
		return it.First()
	case it.valid && it.backward:
		// The chunk goes the other way.
		return it.seek(seekKey, it.row.Key) && it.step()
	}
	return it.valid && it.step()
}

// Prev moves to the row before.
func (it *Iterator) Prev() bool {
	switch {
	case !it.placed:
		return it.Last()
	case it.valid && !it.backward:
		return it.seek(seekForPrev, it.row.Key) && it.step()
	}
	return it.valid && it.step()
}

// Valid tells whether the iterator stands on a row.
func (it *Iterator) Valid() bool { return it.valid }

// Key is the key of the row, valid until the next move; off a row, nil.
func (it *Iterator) Key() []byte { return it.row.Key }

// Value is the value of the row, valid until the next move; off a row, nil.
func (it *Iterator) Value() []byte { return it.row.Value }

// Err is the failure of the last move, or nil.
func (it *Iterator) Err() error {
	if it.valid {
		return nil
	}
	return it.rows.err
}

func (it *Iterator) seek(to seekTo, key []byte) bool {
	it.placed = true
	it.backward = to == seekLast || to == seekForPrev
	// One row: a seek is often all.
	it.rows.seek(to, key, 1)
	it.next = 0
	return it.arrive()
}

// step goes one row on in the direction of the chunk.
func (it *Iterator) step() bool {
	if it.next == len(it.rows.chunk) && it.rows.hasMore {
		it.rows.fetch()
		it.next = 0
	}
	return it.arrive()
}

// arrive stands on the next row of the chunk, if there is one.
func (it *Iterator) arrive() bool {
	if it.closed.Load() {
		it.rows.chunk, it.rows.hasMore, it.rows.err, it.next = nil, false, ErrClosed, 0
	}
	if it.valid = it.next < len(it.rows.chunk); !it.valid {
		it.row = Row{}
		return false
	}
	keyEnd, end := rowAt(it.rows.chunk, it.next)
	it.row.Key = it.rows.chunk[it.next+8 : keyEnd : keyEnd]
	it.row.Value = it.rows.chunk[keyEnd:end:end]
	it.next = end
	return true
}
