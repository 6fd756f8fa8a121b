package lsm

// #include <stdint.h>
import "C"

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/cgo"
	"sync/atomic"
	"syscall"
)

// Flush writes what is in memory to tables: every write acknowledged before it survives power loss
// when it returns nil.
func (db *DB) Flush() error {
	err := db.c.flush()
	runtime.KeepAlive(db)
	return err
}

// WaitIdle waits until no background work is pending, and returns the error that stopped it if one
// did.
func (db *DB) WaitIdle() error {
	err := db.c.waitIdle()
	runtime.KeepAlive(db)
	return err
}

// Property returns what the library tells of the database: "stats", "levels", "memory" (each JSON)
// or "estimate-keys" (a number).
func (db *DB) Property(name string) (string, error) {
	if err := checkText("property", name); err != nil {
		return "", err
	}
	text, err := db.c.property(name)
	runtime.KeepAlive(db)
	return text, err
}

// Stats is what a database has done since it was opened. What else the library counts is in
// [DB.Property] "stats".
type Stats struct {
	Operations struct {
		Puts         uint64 `json:"puts"`
		Deletes      uint64 `json:"deletes"`
		RangeDeletes uint64 `json:"range_deletes"`
		Gets         uint64 `json:"gets"`
		GetHits      uint64 `json:"get_hits"`
		Scans        uint64 `json:"scans"`
		WriteGroups  uint64 `json:"write_groups"`
		LogSyncs     uint64 `json:"log_syncs"`
	} `json:"operations"`
	Bytes struct {
		UserWritten       uint64 `json:"user_written"`
		LogWritten        uint64 `json:"log_written"`
		Flushed           uint64 `json:"flushed"`
		CompactionRead    uint64 `json:"compaction_read"`
		CompactionWritten uint64 `json:"compaction_written"`
	} `json:"bytes"`
	WriteAmplification float64 `json:"write_amplification"`
	// Of "get", "write", "flush" and "compaction".
	Latencies map[string]Latency `json:"latencies"`
	Stalls    struct {
		Count  uint64 `json:"count"`
		Micros uint64 `json:"micros"`
	} `json:"stalls"`
	Flushes     uint64 `json:"flushes"`
	Compactions struct {
		Jobs         uint64 `json:"jobs"`
		TrivialMoves uint64 `json:"trivial_moves"`
	} `json:"compactions"`
	BlockCache struct {
		Hits   uint64 `json:"hits"`
		Misses uint64 `json:"misses"`
	} `json:"block_cache"`
}

// Latency is how long the calls of one kind took, in microseconds.
type Latency struct {
	Samples uint64  `json:"samples"`
	P50     float64 `json:"p50_us"`
	P99     float64 `json:"p99_us"`
	P999    float64 `json:"p999_us"`
}

// Stats returns what the database has done since it was opened.
func (db *DB) Stats() (Stats, error) {
	var stats Stats
	text, err := db.Property("stats")
	if err != nil {
		return stats, err
	}
	if err := json.Unmarshal([]byte(text), &stats); err != nil {
		return stats, fail(ErrInternal, fmt.Sprintf("the stats are not as expected: %v", err))
	}
	return stats, nil
}

// Phase is what a long call is at. In one call phases only rise.
type Phase uint32

// The phases of Compact and Verify.
const (
	PhaseFlush  Phase = 0 // Compact: writing what is in memory to a table
	PhaseMerge  Phase = 1 // Compact: merging tables
	PhaseVerify Phase = 2 // Verify: reading and checking
)

// Progress is how far a long call is: BytesDone <= BytesTotal, and the counters only grow within a
// phase.
type Progress struct {
	Phase       Phase
	BytesDone   uint64
	BytesTotal  uint64
	EntriesDone uint64
}

// Compact merges [lo, hi) into one sorted run and drops what no reader can see; nil bounds are
// open. Reads and writes go on meanwhile. A second one waits its turn.
//
// When ctx is done the compaction ends at its next report, nothing is lost, and the error is both
// [ErrAborted] and that of the context. The reports also go to progress, if it is not nil, on this
// goroutine: it may read the database, but writes and upkeep of it answer [ErrBusy]. A panic in it
// ends the compaction and then goes on from here. It must not end the goroutine by
// [runtime.Goexit], which is what t.FailNow does.
func (db *DB) Compact(ctx context.Context, lo, hi []byte, progress func(Progress)) error {
	if db.progressThread.Load() != int64(syscall.Gettid()) {
		select {
		case db.compacting <- struct{}{}:
			defer func() { <-db.compacting }()
		case <-ctx.Done():
			return cancelled(ctx)
		}
	} // Else this is the progress function of the one at work, which C refuses.
	err := watch(ctx, progress, &db.progressThread, func(payload uintptr) error {
		return db.c.compact(lo, hi, payload)
	})
	runtime.KeepAlive(db)
	return err
}

// Verify reads every byte of a closed database, or of one table file, and checks all that can be
// checked. It changes no file. The first damage found is a [*CorruptionError]; a database that is
// open for writing is [ErrLocked]. ctx and progress are as in [DB.Compact].
func Verify(ctx context.Context, path string, progress func(Progress)) error {
	if err := checkText("path", path); err != nil {
		return err
	}
	return watch(ctx, progress, new(atomic.Int64), func(payload uintptr) error {
		return cVerify(path, payload)
	})
}

// watcher is what lsmGoProgress finds behind its payload.
type watcher struct {
	ctx      context.Context
	progress func(Progress)
	thread   *atomic.Int64
	panicked any // what progress panicked with
}

// watch makes a long call whose reports go to progress, and which ends when ctx is done.
func watch(ctx context.Context, progress func(Progress), thread *atomic.Int64,
	call func(payload uintptr) error) error {
	if ctx.Err() != nil {
		return cancelled(ctx)
	}
	if progress == nil && ctx.Done() == nil {
		return call(0)
	}
	w := &watcher{ctx: ctx, progress: progress, thread: thread}
	handle := cgo.NewHandle(w)
	err := call(uintptr(handle))
	handle.Delete()
	if w.panicked != nil {
		panic(w.panicked)
	}
	if e, ok := err.(*Error); ok && e.Code == ErrAborted {
		return cancelled(ctx)
	}
	return err
}

func cancelled(ctx context.Context) error {
	e := &Error{
		Code:    ErrAborted,
		Message: "cancelled: " + context.Cause(ctx).Error(),
		Offset:  -1,
		causes:  []error{ctx.Err()},
	}
	if cause := context.Cause(ctx); cause != ctx.Err() {
		e.causes = append(e.causes, cause)
	}
	return e
}

// lsmGoProgress is called by C, on the thread that made the call; not 0 cancels.
//
//export lsmGoProgress
func lsmGoProgress(payload C.uintptr_t, phase C.uint32_t,
	bytesDone, bytesTotal, entriesDone C.uint64_t) C.int32_t {
	w := cgo.Handle(payload).Value().(*watcher)
	if !w.report(Progress{Phase(phase), uint64(bytesDone), uint64(bytesTotal),
		uint64(entriesDone)}) || w.ctx.Err() != nil {
		return 1
	}
	return 0
}

// report answers whether progress returned: no panic goes through C.
func (w *watcher) report(now Progress) (returned bool) {
	if w.progress == nil {
		return true
	}
	defer func() {
		w.thread.Store(0)
		if !returned {
			w.panicked = recover()
		}
	}()
	w.thread.Store(int64(syscall.Gettid()))
	w.progress(now)
	return true
}
