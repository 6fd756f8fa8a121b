package lsm

import (
	"iter"
	"runtime"
	"sync"
)

// Snapshot is the database as it stood at one moment. While it lives, what it sees keeps its disk
// space. It serves any number of goroutines at once.
type Snapshot struct {
	db *DB
	// Held while C reads the snapshot, so that Close cannot free it meanwhile.
	mu      sync.RWMutex
	c       snapshotHandle // 0: closed
	cleanup runtime.Cleanup
}

// Snapshot keeps the database readable as it stands now, until the snapshot is closed.
func (db *DB) Snapshot() (*Snapshot, error) {
	c, err := db.c.newSnapshot()
	if err != nil {
		return nil, err
	}
	s := &Snapshot{db: db, c: c}
	s.cleanup = runtime.AddCleanup(s, snapshotHandle.release, c)
	return s, nil
}

// Close lets go of the snapshot, when reads of it that are under way have finished. Iterators made
// with it are not affected. The second time it returns [ErrClosed].
func (s *Snapshot) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c == 0 {
		return ErrClosed
	}
	s.cleanup.Stop()
	s.c.release()
	s.c = 0
	return nil
}

// Get is [DB.Get] as of the snapshot.
func (s *Snapshot) Get(key []byte) ([]byte, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.c == 0 {
		return nil, ErrClosed
	}
	return s.db.get(s.c, key)
}

// GetInto is [DB.GetInto] as of the snapshot.
func (s *Snapshot) GetInto(key, dst []byte) ([]byte, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.c == 0 {
		return dst, ErrClosed
	}
	return s.db.getInto(s.c, key, dst)
}

// Has is [DB.Has] as of the snapshot.
func (s *Snapshot) Has(key []byte) (bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.c == 0 {
		return false, ErrClosed
	}
	size, err := s.db.c.get(s.c, key, nil)
	return err == nil && size >= 0, err
}

// Scan is [DB.Scan] as of the snapshot.
func (s *Snapshot) Scan(lo, hi []byte) iter.Seq2[Row, error] { return scan(s, lo, hi, false) }

// ScanReverse is [DB.ScanReverse] as of the snapshot.
func (s *Snapshot) ScanReverse(lo, hi []byte) iter.Seq2[Row, error] { return scan(s, lo, hi, true) }

// Prefix is [DB.Prefix] as of the snapshot.
func (s *Snapshot) Prefix(prefix []byte) iter.Seq2[Row, error] {
	lo, hi := PrefixRange(prefix)
	return scan(s, lo, hi, false)
}

// PrefixReverse is [DB.PrefixReverse] as of the snapshot.
func (s *Snapshot) PrefixReverse(prefix []byte) iter.Seq2[Row, error] {
	lo, hi := PrefixRange(prefix)
	return scan(s, lo, hi, true)
}

// NewIterator is [DB.NewIterator] as of the snapshot, which the iterator may outlive.
func (s *Snapshot) NewIterator(lo, hi []byte) (*Iterator, error) {
	return newIterator(s, lo, hi)
}

func (s *Snapshot) newCursor(lo, hi []byte) (cursorHandle, *DB, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.c == 0 {
		return 0, nil, ErrClosed
	}
	c, err := s.db.c.newCursor(s.c, lo, hi)
	return c, s.db, err
}
