package lsm

import "slices"

func (db *DB) get(at snapshotHandle, key []byte) ([]byte, error) {
	// On the stack: one crossing for a value that fits, and none is allocated for one that is not
	// there.
	var buffer [512]byte
	size, err := db.c.get(at, key, buffer[:])
	switch {
	case err != nil:
		return nil, err
	case size < 0:
		return nil, ErrNotFound
	case size <= len(buffer):
		return append([]byte{}, buffer[:size]...), nil
	}
	return db.getInto(at, key, make([]byte, 0, size))
}

func (db *DB) getInto(at snapshotHandle, key, dst []byte) ([]byte, error) {
	used := len(dst)
	grown := dst
	for {
		size, err := db.c.get(at, key, grown[used:cap(grown)])
		switch {
		case err != nil:
			return dst, err
		case size < 0:
			return dst, ErrNotFound
		case size <= cap(grown)-used:
			return grown[:used+size], nil
		}
		// The value may have grown again when the next try comes.
		grown = slices.Grow(grown[:used:used], size)
	}
}
