package lsm

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"
)

func TestUseAfterClose(t *testing.T) {
	db := openTemp(t)
	putAll(t, db, "a=1", "b=2")
	snapshot, err := db.Snapshot()
	check(t, err)
	it, err := snapshot.NewIterator(nil, nil)
	check(t, err)
	check(t, db.Close())
	checkIs(t, db.Close(), ErrClosed)

	_, get := db.Get([]byte("a"))
	_, into := db.GetInto([]byte("a"), nil)
	_, has := db.Has([]byte("a"))
	_, snap := db.Snapshot()
	_, iterator := db.NewIterator(nil, nil)
	_, old := snapshot.Get([]byte("a"))
	_, oldIterator := snapshot.NewIterator(nil, nil)
	_, property := db.Property("stats")
	_, stats := db.Stats()
	for i, err := range []error{
		get, into, has, snap, iterator, old, oldIterator, property, stats, db.Put(nil, nil),
		db.Delete(nil), db.DeleteRange(nil, nil), db.Write(new(Batch)), db.Flush(), db.WaitIdle(),
		db.Compact(t.Context(), nil, nil, nil),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("call %d answers %v", i, err)
		}
	}
	for _, scanned := range []Reader{db, snapshot} {
		for _, err := range scanned.Scan(nil, nil) {
			checkIs(t, err, ErrClosed)
		}
	}
	if it.Next() {
		t.Error("the iterator goes on")
	}
	checkIs(t, it.Err(), ErrClosed)
	check(t, it.Close())
	check(t, snapshot.Close())
	checkIs(t, snapshot.Close(), ErrClosed)
	_, err = snapshot.Get(nil)
	checkIs(t, err, ErrClosed)
	_, err = snapshot.Has(nil)
	checkIs(t, err, ErrClosed)
	_, err = snapshot.GetInto(nil, nil)
	checkIs(t, err, ErrClosed)
}

// fine lets pass what may happen to a call while others close what it uses.
func fine(err error) bool {
	return err == nil || errors.Is(err, ErrClosed) || errors.Is(err, ErrNotFound)
}

// Everything is closed by others while everything is used: no call may do anything but work or
// answer ErrClosed.
func TestCloseWhileOthersWork(t *testing.T) {
	for round := range 10 {
		db := openTemp(t, small...)
		for i := range 2000 {
			check(t, db.Put(fmt.Appendf(nil, "%04d", i), make([]byte, 50)))
		}
		snapshot, err := db.Snapshot()
		check(t, err)
		it, err := snapshot.NewIterator(nil, nil)
		check(t, err)
		var workers sync.WaitGroup
		work := func(call func(i int) error) {
			workers.Add(1)
			go func() {
				defer workers.Done()
				for i := range 100_000 {
					err := call(i)
					if !fine(err) {
						t.Errorf("a call answers %v", err)
					}
					if errors.Is(err, ErrClosed) {
						return
					}
				}
			}()
		}
		key := func(i int) []byte { return fmt.Appendf(nil, "%04d", i%2000) }
		work(func(i int) error { _, err := db.Get(key(i)); return err })
		work(func(i int) error { _, err := snapshot.Get(key(i)); return err })
		work(func(i int) error { return db.Put(key(i), key(i)) })
		work(func(i int) error {
			var batch Batch
			batch.DeleteRange(key(i), nil)
			return db.Write(&batch)
		})
		work(func(int) error {
			for _, err := range db.Scan(nil, nil) {
				if err != nil {
					return err
				}
			}
			return nil
		})
		work(func(int) error {
			for _, err := range snapshot.ScanReverse(nil, nil) {
				if err != nil {
					return err
				}
			}
			return nil
		})
		work(func(int) error {
			for it.First(); it.Next(); {
			}
			return it.Err()
		})
		work(func(int) error {
			other, err := db.NewIterator(nil, nil)
			if err == nil {
				other.Seek(key(7))
				err = errors.Join(other.Err(), other.Close())
			}
			return err
		})
		work(func(int) error { return db.Compact(t.Context(), nil, nil, func(Progress) {}) })
		time.Sleep(time.Duration(round) * 3 * time.Millisecond)
		for _, closes := range []func() error{it.Close, snapshot.Close, db.Close, db.Close} {
			workers.Add(1)
			go func() {
				defer workers.Done()
				if err := closes(); !fine(err) {
					t.Errorf("a close answers %v", err)
				}
			}()
		}
		workers.Wait()
	}
}

// What is forgotten is freed with the garbage: snapshots, iterators, and the lock of a database.
func TestForgottenHandlesAreFreed(t *testing.T) {
	before := children.Load()
	path := t.TempDir() + "/db"
	func() {
		db, err := Open(path)
		check(t, err)
		for range 10 {
			if _, err := db.Snapshot(); err != nil {
				t.Fatal(err)
			}
			it, err := db.NewIterator(nil, nil)
			check(t, err)
			it.First()
		}
	}()
	for range 1000 {
		runtime.GC()
		db, err := Open(path)
		if err == nil && children.Load() == before {
			check(t, db.Close())
			return
		}
		if err == nil {
			check(t, db.Close())
		} else {
			checkIs(t, err, ErrLocked)
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d handles are left", children.Load()-before)
}
