package main

import (
	"context"
	"errors"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
)

type pebbleEngine struct{ db *pebble.DB }

type silent struct{ pebble.Logger }

func (silent) Infof(string, ...any) {}

// As lsm has them by default: filters of ten bits and a block cache of 96 MiB. Pebble's own
// defaults are no filters and 8 MB.
func openPebble(dir string) (engine, error) {
	cache := pebble.NewCache(96 << 20)
	defer cache.Unref()
	options := &pebble.Options{Cache: cache, Logger: silent{pebble.DefaultLogger}}
	options.ApplyCompressionSettings(func() pebble.DBCompressionSettings {
		return pebble.UniformDBCompressionSettings(sstable.NoCompression)
	})
	for i := range options.Levels {
		options.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	db, err := pebble.Open(dir, options)
	return &pebbleEngine{db}, err
}

func (e *pebbleEngine) put(key, value []byte) error { return e.db.Set(key, value, pebble.NoSync) }

func (e *pebbleEngine) batchPut(count int, row func(i int) (key, value []byte)) error {
	batch := e.db.NewBatch()
	defer batch.Close()
	for i := range count {
		key, value := row(i)
		if err := batch.Set(key, value, nil); err != nil {
			return err
		}
	}
	return batch.Commit(pebble.NoSync)
}

func (e *pebbleEngine) settle() error {
	if err := e.db.Flush(); err != nil {
		return err
	}
	return e.db.Compact(context.Background(), []byte{}, []byte{0xff}, true)
}

func (e *pebbleEngine) get(key []byte) (first byte, found bool, err error) {
	value, closer, err := e.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	first = value[0]
	return first, true, closer.Close()
}

func (e *pebbleEngine) scan(from []byte, limit int) (rows int, sum uint64, err error) {
	it, err := e.db.NewIter(&pebble.IterOptions{LowerBound: from})
	if err != nil {
		return 0, 0, err
	}
	for ok := it.First(); ok && rows < limit; ok = it.Next() {
		sum += uint64(it.Key()[0]) + uint64(it.Value()[0])
		rows++
	}
	return rows, sum, it.Close()
}

func (e *pebbleEngine) close() error { return e.db.Close() }
