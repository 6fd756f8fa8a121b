package main

import (
	"context"
	"errors"

	"lsm"
)

type lsmEngine struct {
	db     *lsm.DB
	batch  lsm.Batch
	isInto bool // GetInto instead of Get
	buffer []byte
}

func openLSM(dir string, isInto bool) (engine, error) {
	db, err := lsm.Open(dir, lsm.Compression("none"))
	return &lsmEngine{db: db, isInto: isInto}, err
}

func (e *lsmEngine) put(key, value []byte) error { return e.db.Put(key, value) }

func (e *lsmEngine) batchPut(count int, row func(i int) (key, value []byte)) error {
	e.batch.Reset()
	for i := range count {
		e.batch.Put(row(i))
	}
	return e.db.Write(&e.batch)
}

func (e *lsmEngine) settle() error {
	if err := e.db.Compact(context.Background(), nil, nil, nil); err != nil {
		return err
	}
	return e.db.WaitIdle()
}

func (e *lsmEngine) get(key []byte) (first byte, found bool, err error) {
	var value []byte
	if e.isInto {
		e.buffer, err = e.db.GetInto(key, e.buffer[:0])
		value = e.buffer
	} else {
		value, err = e.db.Get(key)
	}
	if err != nil {
		if errors.Is(err, lsm.ErrNotFound) {
			err = nil
		}
		return 0, false, err
	}
	return value[0], true, nil
}

func (e *lsmEngine) scan(from []byte, limit int) (rows int, sum uint64, err error) {
	for row, err := range e.db.Scan(from, nil) {
		if err != nil {
			return rows, sum, err
		}
		sum += uint64(row.Key[0]) + uint64(row.Value[0])
		if rows++; rows == limit {
			break
		}
	}
	return rows, sum, nil
}

func (e *lsmEngine) close() error { return e.db.Close() }
