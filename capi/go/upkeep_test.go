package lsm

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// openFilled has rows enough for a compaction that reports several times.
func openFilled(t *testing.T) *DB {
	t.Helper()
	db := openTemp(t, WriteBufferSize(64*KiB), TableSize(64*KiB), SizeRatio(2), Compression("none"))
	for i := range 5_000 {
		check(t, db.Put(fmt.Appendf(nil, "%08d", i*7919%5_000), make([]byte, 100)))
	}
	return db
}

func checkFilled(t *testing.T, db *DB) {
	t.Helper()
	if rows := collect(t, db.Scan(nil, nil)); len(rows) != 5_000 {
		t.Errorf("%d rows", len(rows))
	}
}

func TestCompactReportsProgress(t *testing.T) {
	db := openFilled(t)
	var last Progress
	calls := 0
	check(t, db.Compact(context.Background(), nil, nil, func(now Progress) {
		if calls++; now.Phase < last.Phase || now.BytesDone > now.BytesTotal ||
			now.Phase == last.Phase && now.BytesDone < last.BytesDone {
			t.Errorf("%+v behind %+v", now, last)
		}
		last = now
	}))
	if calls == 0 || last.Phase != PhaseMerge {
		t.Errorf("%d calls, the last %+v", calls, last)
	}
	check(t, db.Compact(context.Background(), []byte("1"), []byte("2"), nil))
	checkFilled(t, db)
}

func TestCompactIsCancelled(t *testing.T) {
	db := openFilled(t)
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("enough")
	calls := 0
	err := db.Compact(ctx, nil, nil, func(Progress) {
		if calls++; calls == 2 {
			cancel(why)
		}
	})
	for _, want := range []error{ErrAborted, context.Canceled, why} {
		checkIs(t, err, want)
	}
	if calls != 2 {
		t.Errorf("%d calls", calls)
	}
	checkIs(t, db.Compact(ctx, nil, nil, nil), context.Canceled)
	checkFilled(t, db)

	// Another goroutine cancels one that has no progress function.
	ctx, cancel = context.WithCancelCause(context.Background())
	time.AfterFunc(time.Millisecond, func() { cancel(nil) })
	if err := db.Compact(ctx, nil, nil, nil); err != nil {
		checkIs(t, err, context.Canceled)
	}
	check(t, db.Compact(context.Background(), nil, nil, nil))
	checkFilled(t, db)
}

// One that waits for its turn hears its context too.
func TestCompactIsCancelledWhileItWaits(t *testing.T) {
	db := openFilled(t)
	inside, release, done := make(chan bool), make(chan bool), make(chan error)
	go func() {
		first := true
		done <- db.Compact(context.Background(), nil, nil, func(Progress) {
			if first {
				first = false
				inside <- true
				<-release
			}
		})
	}()
	<-inside
	ctx, cancel := context.WithCancel(context.Background())
	waits := make(chan error)
	go func() { waits <- db.Compact(ctx, nil, nil, nil) }()
	cancel()
	checkIs(t, <-waits, context.Canceled)
	release <- true
	check(t, <-done)
}

func TestPanicInProgressComesOutOfTheCall(t *testing.T) {
	db := openFilled(t)
	func() {
		defer func() {
			if got := recover(); got != "at the disco" {
				t.Errorf("recovered %v", got)
			}
		}()
		err := db.Compact(context.Background(), nil, nil, func(Progress) { panic("at the disco") })
		t.Errorf("it returned %v", err)
	}()
	check(t, db.Put([]byte("00000000"), nil))
	check(t, db.Compact(context.Background(), nil, nil, nil))
	checkFilled(t, db)
}

func TestInsideProgress(t *testing.T) {
	db := openFilled(t)
	calls := 0
	check(t, db.Compact(context.Background(), nil, nil, func(Progress) {
		if calls++; calls > 1 {
			return
		}
		if _, err := db.Get([]byte("00000001")); err != nil {
			t.Error(err)
		}
		for _, err := range []error{
			db.Put(nil, nil), db.Flush(), db.WaitIdle(), db.Close(),
			db.Compact(context.Background(), nil, nil, nil),
			db.Compact(context.Background(), nil, nil, func(Progress) { t.Error("called") }),
		} {
			if !errors.Is(err, ErrBusy) {
				t.Errorf("inside, a call answers %v", err)
			}
		}
	}))
	if calls == 0 {
		t.Error("never called")
	}
	checkFilled(t, db)
}

func TestVerify(t *testing.T) {
	path := t.TempDir() + "/db"
	checkIs(t, Verify(context.Background(), path, nil), ErrIO)
	db := mustOpen(t, path, WriteBufferSize(64*KiB), Compression("none"))
	for i := range 5000 {
		check(t, db.Put(fmt.Appendf(nil, "%08d", i), make([]byte, 100)))
	}
	checkIs(t, Verify(context.Background(), path, nil), ErrLocked)
	check(t, db.Flush())
	check(t, db.Close())
	calls := 0
	check(t, Verify(context.Background(), path, func(now Progress) {
		if calls++; now.Phase != PhaseVerify {
			t.Errorf("%+v", now)
		}
	}))
	if calls < 2 {
		t.Fatalf("%d calls", calls)
	}
	ctx, cancel := context.WithCancel(context.Background())
	checkIs(t, Verify(ctx, path, func(Progress) { cancel() }), context.Canceled)
	checkIs(t, Verify(ctx, path, nil), ErrAborted)
	func() {
		defer func() {
			if got := recover(); got != "out" {
				t.Errorf("recovered %v", got)
			}
		}()
		Verify(context.Background(), path, func(Progress) { panic("out") })
	}()
	check(t, Verify(context.Background(), path, nil))
}
