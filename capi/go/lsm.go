// Package lsm is an embedded, ordered, durable key-value store: the Go side of liblsm.
//
//	db, err := lsm.Open("fruit.db")
//	if err != nil {
//		return err
//	}
//	defer db.Close()
//	if err := db.Put([]byte("apple"), []byte("green"), lsm.Sync); err != nil {
//		return err
//	}
//	for row, err := range db.Scan(nil, nil) {
//		if err != nil {
//			return err
//		}
//		fmt.Printf("%s is %s\n", row.Key, row.Value)
//	}
//
// Keys are bytes in bytewise order. The empty key is a key, and nil is the empty key too. In a
// range [lo, hi) a nil bound is open, while one that is empty but not nil is the empty key.
//
// A write that returned nil survives the death of the process, kill -9 included; with [Sync] also
// power loss. Batches are whole or absent.
//
// A [DB] and a [Snapshot] serve any number of goroutines at once; a [Batch] and an [Iterator]
// belong to one at a time. Anything may be closed at any moment from anywhere: calls under way
// finish, and later ones answer [ErrClosed]. Snapshots and iterators that are forgotten are freed with the
// garbage; until then they keep disk space, so close them.
//
// No memory of C's is ever handed out: what a call returns is Go's own.
package lsm

import (
	"iter"
	"runtime"
	"sync/atomic"
)

// WriteOption is given to the calls that write.
type WriteOption uint32

// Sync returns when the write, and all before it, survive power loss.
const Sync WriteOption = 1

func flagsOf(options []WriteOption) WriteOption {
	var flags WriteOption
	for _, option := range options {
		flags |= option
	}
	return flags
}

// Reader is what a [DB] and a [Snapshot] have in common.
type Reader interface {
	Get(key []byte) ([]byte, error)
	GetInto(key, dst []byte) ([]byte, error)
	Has(key []byte) (bool, error)
	Scan(lo, hi []byte) iter.Seq2[Row, error]
	ScanReverse(lo, hi []byte) iter.Seq2[Row, error]
	Prefix(prefix []byte) iter.Seq2[Row, error]
	PrefixReverse(prefix []byte) iter.Seq2[Row, error]
	NewIterator(lo, hi []byte) (*Iterator, error)
}

var (
	_ Reader = (*DB)(nil)
	_ Reader = (*Snapshot)(nil)
)

// DB is an open database.
type DB struct {
	// C never frees it, and answers for ever that it is closed: it needs no lock here.
	c       dbHandle
	cleanup runtime.Cleanup
	// Held by the one compaction that C works on, so that the others wait where their contexts are
	// heard.
	compacting chan struct{}
	// The thread that is inside the progress function of a compaction of this database, or 0.
	progressThread atomic.Int64
}

// Open opens the database in a directory, and makes it where there is none. It fails with
// [ErrLocked] when it is open elsewhere, here or in another process.
func Open(path string, options ...Option) (*DB, error) {
	if err := checkText("path", path); err != nil {
		return nil, err
	}
	for _, option := range options {
		if err := checkText("option", option.Name+option.Value); err != nil {
			return nil, err
		}
	}
	c, err := cOpen(path, options)
	if err != nil {
		return nil, err
	}
	db := &DB{c: c, compacting: make(chan struct{}, 1)}
	// Closing waits for background work, and a cleanup should not wait.
	db.cleanup = runtime.AddCleanup(db, func(c dbHandle) { go c.close() }, c)
	return db, nil
}

// Close closes the database, always, whatever it returns: nil, an error of background work that no
// call has told of yet, or [ErrClosed] the second time. From inside a progress function of this
// database it is [ErrBusy], and the database stays open.
//
// Calls under way finish first. Snapshots and iterators answer [ErrClosed] from then on and are
// still to be closed. The lock is free on return, and when Close returned nil every acknowledged
// write survives power loss.
func (db *DB) Close() error {
	err := db.c.close()
	if err == nil {
		db.cleanup.Stop()
	}
	runtime.KeepAlive(db)
	return err
}

// Put stores a value under a key, in place of the one there.
func (db *DB) Put(key, value []byte, options ...WriteOption) error {
	err := db.c.put(key, value, flagsOf(options))
	runtime.KeepAlive(db)
	return err
}

// Delete removes a key; one that is not there is no error.
func (db *DB) Delete(key []byte, options ...WriteOption) error {
	err := db.c.delete(key, flagsOf(options))
	runtime.KeepAlive(db)
	return err
}

// DeleteRange removes every key in [lo, hi), atomically and whatever their number. A nil bound is
// open: DeleteRange(nil, nil) empties the database.
func (db *DB) DeleteRange(lo, hi []byte, options ...WriteOption) error {
	err := db.c.deleteRange(lo, hi, flagsOf(options))
	runtime.KeepAlive(db)
	return err
}

// Write applies a batch atomically: all of it or nothing, also after a crash. The batch is
// unchanged and can be written again.
func (db *DB) Write(batch *Batch, options ...WriteOption) error {
	if batch == nil {
		return fail(ErrInvalidArgument, "the batch is nil")
	}
	if batch.err != nil {
		return batch.err
	}
	err := db.c.write(batch.ops, flagsOf(options))
	runtime.KeepAlive(db)
	return err
}

// Get returns a copy of a key's value, or [ErrNotFound].
func (db *DB) Get(key []byte) ([]byte, error) {
	value, err := db.get(0, key)
	runtime.KeepAlive(db)
	return value, err
}

// GetInto appends a key's value to dst and returns the extended slice, without an allocation where
// its capacity suffices. On a failure, [ErrNotFound] among them, it returns dst as it was.
//
//	buffer, err = db.GetInto(key, buffer[:0])
func (db *DB) GetInto(key, dst []byte) ([]byte, error) {
	value, err := db.getInto(0, key, dst)
	runtime.KeepAlive(db)
	return value, err
}

// Has tells whether a key is there.
func (db *DB) Has(key []byte) (bool, error) {
	size, err := db.c.get(0, key, nil)
	runtime.KeepAlive(db)
	return err == nil && size >= 0, err
}

// Scan gives the rows of [lo, hi) in order, in one consistent view of the moment the loop begins.
// A nil bound is open.
//
//	for row, err := range db.Scan(lo, hi) {
//		if err != nil {
//			return err
//		}
//		use(row.Key, row.Value)
//	}
//
// A failure comes as the last pair, with an empty row: only a loop that ends without an error has
// seen all. The bytes of a row are valid until the next; see [Row].
func (db *DB) Scan(lo, hi []byte) iter.Seq2[Row, error] {
	return scan(db, lo, hi, false)
}

// ScanReverse is [DB.Scan] from the last row of [lo, hi) to the first.
func (db *DB) ScanReverse(lo, hi []byte) iter.Seq2[Row, error] { return scan(db, lo, hi, true) }

// Prefix is [DB.Scan] of the keys that begin with prefix.
func (db *DB) Prefix(prefix []byte) iter.Seq2[Row, error] {
	lo, hi := PrefixRange(prefix)
	return scan(db, lo, hi, false)
}

// PrefixReverse is [DB.ScanReverse] of the keys that begin with prefix.
func (db *DB) PrefixReverse(prefix []byte) iter.Seq2[Row, error] {
	lo, hi := PrefixRange(prefix)
	return scan(db, lo, hi, true)
}

// PrefixRange returns the bounds of the keys that begin with prefix. hi is nil where there is no
// key above all of them.
func PrefixRange(prefix []byte) (lo, hi []byte) {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			hi = append([]byte(nil), prefix[:i+1]...)
			hi[i]++
			break
		}
	}
	return append([]byte{}, prefix...), hi
}

// Version is the version of the C library, such as "1.0.0".
func Version() string { return cVersion() }

// Destroy deletes a database: the files that it knows, then the directory if nothing else is in it.
// Where nothing is there it returns nil; where it is open, [ErrLocked].
func Destroy(path string) error {
	if err := checkText("path", path); err != nil {
		return err
	}
	return cDestroy(path)
}
