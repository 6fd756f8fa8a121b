package lsm

import (
	"encoding/binary"
	"math"
)

// Batch gathers writes that [DB.Write] applies as one. It is built in Go's memory and crosses to C
// once, whatever it holds. The zero Batch is empty and ready. It belongs to one goroutine at a
// time.
//
// What is added is copied. What is wrong with it, a key that is too long, say, is the error of
// [DB.Write], and then nothing of the batch is written.
type Batch struct {
	ops   []byte // as lsm_write_encoded takes them
	count int
	err   error // the first addition that could not be encoded
}

const (
	opPut         = 1
	opDelete      = 2
	opDeleteRange = 3
	unbounded     = math.MaxUint32
)

// Put adds a put; of several writes to one key the last wins.
func (b *Batch) Put(key, value []byte) { b.add(opPut, key, value, len(key), len(value)) }

// Delete adds the removal of a key.
func (b *Batch) Delete(key []byte) { b.add(opDelete, key, nil, len(key), 0) }

// DeleteRange adds the removal of [lo, hi): of keys that are in the database and of those put
// earlier in the batch. A nil bound is open.
func (b *Batch) DeleteRange(lo, hi []byte) {
	b.add(opDeleteRange, lo, hi, boundSize(lo), boundSize(hi))
}

func boundSize(bound []byte) int {
	if bound == nil {
		return unbounded
	}
	return len(bound)
}

func (b *Batch) add(kind byte, first, second []byte, firstSize, secondSize int) {
	if len(first) >= unbounded || len(second) >= unbounded {
		if b.err == nil {
			b.err = fail(ErrTooLarge, "a key, value or bound of 4 GiB or more was put in the batch")
		}
		return
	}
	var head [9]byte
	head[0] = kind
	binary.LittleEndian.PutUint32(head[1:], uint32(firstSize))
	binary.LittleEndian.PutUint32(head[5:], uint32(secondSize))
	b.ops = append(b.ops, head[:]...)
	b.ops = append(b.ops, first...)
	b.ops = append(b.ops, second...)
	b.count++
}

// Len is how many writes the batch holds.
func (b *Batch) Len() int { return b.count }

// Size is how many bytes it takes in memory.
func (b *Batch) Size() int { return len(b.ops) }

// Reset empties the batch and keeps its memory for the next use.
func (b *Batch) Reset() { b.ops, b.count, b.err = b.ops[:0], 0, nil }
