package lsm

import (
	"slices"
	"sync"
)

// buffers are what values are read into before their size is known: one crossing for a value that
// fits.
var buffers = sync.Pool{New: func() any { return new([4096]byte) }}

func (db *DB) get(at snapshotHandle, key []byte) ([]byte, error) {
	buffer := buffers.Get().(*[4096]byte)
	size, err := db.c.get(at, key, buffer[:])
	var value []byte
	if err == nil && size >= 0 && size <= len(buffer) {
		value = append(make([]byte, 0, size), buffer[:size]...)
	}
	buffers.Put(buffer)
	switch {
	case err != nil:
		return nil, err
	case size < 0:
		return nil, ErrNotFound
	case value == nil:
		return db.getInto(at, key, make([]byte, 0, size))
	}
	return value, nil
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
