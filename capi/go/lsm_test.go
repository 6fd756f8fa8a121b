package lsm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// small makes a few thousand rows cross every path of the engine.
var small = []Option{
	WriteBufferSize(4 * KiB), BlockSize(64), TableSize(4 * KiB), MemoryBudget(MiB), SizeRatio(2),
	Compression("none"),
}

func mustOpen(t testing.TB, path string, options ...Option) *DB {
	t.Helper()
	db, err := Open(path, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func openTemp(t testing.TB, options ...Option) *DB {
	t.Helper()
	return mustOpen(t, filepath.Join(t.TempDir(), "db"), options...)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func checkIs(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("the error is %v, not %v", err, want)
	}
}

func checkGet(t testing.TB, r Reader, key, want string) {
	t.Helper()
	got, err := r.Get([]byte(key))
	if err != nil || string(got) != want {
		t.Fatalf("Get(%q) is %q, %v, not %q", key, got, err, want)
	}
}

func checkMissing(t testing.TB, r Reader, key string) {
	t.Helper()
	value, err := r.Get([]byte(key))
	if err != error(ErrNotFound) || value != nil {
		t.Fatalf("Get(%q) is %q, %v, not ErrNotFound", key, value, err)
	}
}

func TestPutGetDelete(t *testing.T) {
	db := openTemp(t)
	for _, size := range []int{0, 1, 100, 4095, 4096, 4097, 70_000, 3 << 20} {
		key, value := fmt.Appendf(nil, "key %d", size), bytes.Repeat([]byte{7}, size)
		check(t, db.Put(key, value))
		got, err := db.Get(key)
		if check(t, err); got == nil || !bytes.Equal(got, value) {
			t.Fatalf("%d bytes came back as %d", size, len(got))
		}
		for _, dst := range [][]byte{nil, []byte("before"), make([]byte, 3, 200)} {
			got, err := db.GetInto(key, dst)
			if check(t, err); !bytes.Equal(got, append(dst[:len(dst):len(dst)], value...)) {
				t.Fatalf("%d bytes behind %d came back as %d", size, len(dst), len(got))
			}
		}
		has, err := db.Has(key)
		if check(t, err); !has {
			t.Fatal("Has does not see what Get does")
		}
		check(t, db.Delete(key, Sync))
		if has, err := db.Has(key); err != nil || has {
			t.Fatalf("after the delete: %v, %v", has, err)
		}
		checkMissing(t, db, string(key))
		dst, err := db.GetInto(key, []byte("kept"))
		if err != error(ErrNotFound) || string(dst) != "kept" {
			t.Fatalf("GetInto of nothing: %q, %v", dst, err)
		}
	}
}

func TestEmptyKeyAndNil(t *testing.T) {
	db := openTemp(t)
	check(t, db.Put(nil, nil))
	checkGet(t, db, "", "")
	check(t, db.Put([]byte("a"), nil, Sync))
	check(t, db.DeleteRange(nil, []byte{})) // up to the empty key: nothing
	checkGet(t, db, "", "")
	check(t, db.DeleteRange([]byte{}, []byte("a")))
	checkMissing(t, db, "")
	check(t, db.DeleteRange(nil, nil))
	checkMissing(t, db, "a")
}

func TestGetIntoDoesNotAllocate(t *testing.T) {
	db := openTemp(t)
	key, buffer := []byte("key"), make([]byte, 0, 200)
	check(t, db.Put(key, make([]byte, 100)))
	batch := new(Batch)
	count := testing.AllocsPerRun(100, func() {
		value, err := db.GetInto(key, buffer)
		if err != nil || len(value) != 100 {
			t.Error(err)
		}
		if err := db.Put(key, value, Sync); err != nil {
			t.Error(err)
		}
		batch.Reset()
		batch.Put(key, value)
		if err := db.Write(batch); err != nil {
			t.Error(err)
		}
		if _, err := db.GetInto(buffer[:1], buffer); err == nil {
			t.Error("found")
		}
	})
	if count != 0 {
		t.Errorf("%v allocations", count)
	}
}

func TestBatch(t *testing.T) {
	db := openTemp(t)
	check(t, db.Put([]byte("old"), []byte("1")))
	var batch Batch
	key := []byte("a")
	batch.Put(key, []byte("1"))
	key[0] = 'b' // what was added is copied
	batch.Put([]byte("c1"), nil)
	batch.Put([]byte("c2"), nil)
	batch.DeleteRange([]byte("c"), []byte("c2"))
	batch.Delete([]byte("old"))
	batch.DeleteRange([]byte("x"), nil)
	if batch.Len() != 6 {
		t.Errorf("Len is %d", batch.Len())
	}
	check(t, db.Write(&batch, Sync))
	check(t, db.Write(&batch)) // again
	checkRows(t, db.Scan(nil, nil), "a=1", "c2=")
	batch.Reset()
	check(t, db.Write(&batch))
	batch.DeleteRange(nil, nil)
	check(t, db.Write(&batch))
	checkRows(t, db.Scan(nil, nil))
}

func TestInvalidArgumentsAreTypedErrors(t *testing.T) {
	db := openTemp(t)
	long := make([]byte, 1<<16)
	var tooLong, backwards Batch
	tooLong.Put([]byte("good"), nil)
	tooLong.Put(long, nil)
	backwards.DeleteRange([]byte("b"), []byte("a"))
	_, longGet := db.Get(long)
	_, longHas := db.Has(long)
	_, iterator := db.NewIterator([]byte("b"), []byte("a"))
	_, property := db.Property("nonsense")
	_, nul := db.Property("stats\x00x")
	for _, c := range []struct {
		name string
		err  error
		want Code
		says string
	}{
		{"put", db.Put(long, nil), ErrTooLarge, "65535"},
		{"get", longGet, ErrTooLarge, "65535"},
		{"has", longHas, ErrTooLarge, "65535"},
		{"delete", db.Delete(long), ErrTooLarge, "65535"},
		{"batch", db.Write(&tooLong), ErrTooLarge, "operation at byte 13"},
		{"nil batch", db.Write(nil), ErrInvalidArgument, "nil"},
		{"flags", db.Put(nil, nil, WriteOption(6)), ErrInvalidArgument, "LSM_SYNC"},
		{"range", db.DeleteRange([]byte("b"), []byte("a")), ErrInvalidArgument, "after its end"},
		{"batch range", db.Write(&backwards), ErrInvalidArgument, "after its end"},
		{"iterator", iterator, ErrInvalidArgument, "after its end"},
		{"compact", db.Compact(context.Background(), []byte("b"), []byte("a"), nil),
			ErrInvalidArgument, "after its end"},
		{"property", property, ErrInvalidArgument, "estimate-keys"},
		{"NUL", nul, ErrInvalidArgument, "NUL"},
		{"destroy", Destroy("a\x00b"), ErrInvalidArgument, "NUL"},
		{"zero DB", new(DB).Put(nil, nil), ErrInvalidArgument, "NULL"},
	} {
		var e *Error
		if !errors.Is(c.err, c.want) || !errors.As(c.err, &e) || e.Code != c.want {
			t.Errorf("%s: the error is %v, not %v", c.name, c.err, c.want)
		} else if !strings.Contains(e.Error(), c.says) {
			t.Errorf("%s: no %q in %q", c.name, c.says, e)
		}
	}
	if rows := collect(t, db.Scan(nil, nil)); len(rows) != 0 {
		t.Errorf("something was written: %q", rows)
	}
	var failure error
	for row, err := range db.Scan([]byte("b"), []byte("a")) {
		if row.Key != nil {
			t.Error("a row")
		}
		failure = err
	}
	checkIs(t, failure, ErrInvalidArgument)
}

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	_, err := Open(path, CreateIfMissing(false))
	checkIs(t, err, ErrIO)
	checkIs(t, err, fs.ErrNotExist)
	checkIs(t, err, syscall.ENOENT)
	db := mustOpen(t, path)
	_, err = Open(path)
	checkIs(t, err, ErrLocked)
	var e *Error
	if !errors.As(err, &e) || !e.Retryable || e.File == "" {
		t.Errorf("%#v", e)
	}
	checkIs(t, Destroy(path), ErrLocked)
	check(t, db.Put([]byte("a"), []byte("1")))
	check(t, db.Close())
	_, err = Open(path, ErrorIfExists(true))
	checkIs(t, err, ErrExists)
	reader := mustOpen(t, path, ReadOnly(true))
	checkGet(t, reader, "a", "1")
	checkIs(t, reader.Put(nil, nil), ErrReadOnly)
	checkIs(t, reader.Flush(), ErrReadOnly)
	check(t, reader.Close())
	check(t, Destroy(path))
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
	_, err = Open("a\x00b")
	checkIs(t, err, ErrInvalidArgument)
	_, err = Open(path, Option{"no_such_option", "1"})
	checkIs(t, err, ErrInvalidArgument)
	if !strings.Contains(err.Error(), "block_size") {
		t.Errorf("the known options are not in %q", err)
	}
	_, err = Open(path, BlockSize(1))
	checkIs(t, err, ErrInvalidArgument)
}

// Every option of the library has a function here, and its default is taken back.
func TestEveryOptionHasAFunction(t *testing.T) {
	have := map[string]bool{}
	for _, o := range []Option{
		CreateIfMissing(true), ErrorIfExists(false), ReadOnly(false), MmapReads(true),
		MemoryBudget(64 * MiB), WriteBufferSize(MiB), BlockCacheSize(0), BlockSize(16 * KiB),
		TableSize(MiB), Compression("zstd:3"), FilterBitsPerKey(9.5), Compaction(Tiered),
		SizeRatio(4), BackgroundThreads(1), WALSyncInterval(1500), MaxOpenTables(100),
	} {
		have[o.Name] = true
		db := openTemp(t, o)
		check(t, db.Close())
	}
	for _, row := range OptionTable() {
		if !have[row.Name] {
			t.Errorf("there is no function for %s", row.Name)
		}
		if row.Summary == "" || row.Default == "" || row.Type == "" {
			t.Errorf("%+v", row)
		}
		db := openTemp(t, Option{row.Name, row.Default})
		check(t, db.Close())
	}
	if len(have) != len(OptionTable()) {
		t.Errorf("%d functions for %d options", len(have), len(OptionTable()))
	}
}

func TestStatsAndProperties(t *testing.T) {
	db := openTemp(t)
	check(t, db.Put([]byte("a"), []byte("1")))
	check(t, db.Flush())
	check(t, db.WaitIdle())
	stats, err := db.Stats()
	if check(t, err); stats.Operations.Puts != 1 || stats.Flushes != 1 || stats.Bytes.Flushed == 0 {
		t.Errorf("%+v", stats)
	}
	keys, err := db.Property("estimate-keys")
	if check(t, err); keys != "1" {
		t.Errorf("%q keys", keys)
	}
	if !strings.HasPrefix(Version(), "1.") {
		t.Errorf("version %q", Version())
	}
}

// A flipped byte is found by Verify and by the read that needs it, as a CorruptionError.
func TestCorruption(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	db := mustOpen(t, path, Compression("none"))
	for i := range 1000 {
		check(t, db.Put(fmt.Appendf(nil, "%04d", i), bytes.Repeat([]byte("v"), 100)))
	}
	check(t, db.Flush())
	check(t, db.Close())
	check(t, Verify(context.Background(), path, nil))

	tables, err := filepath.Glob(filepath.Join(path, "*.sst"))
	if check(t, err); len(tables) != 1 {
		t.Fatalf("tables: %q", tables)
	}
	content, err := os.ReadFile(tables[0])
	check(t, err)
	at := bytes.Index(content, []byte("vvvv"))
	content[at] ^= 1
	check(t, os.WriteFile(tables[0], content, 0o644))

	checkDamage := func(err error) {
		t.Helper()
		var damage *CorruptionError
		var e *Error
		if !errors.As(err, &damage) || !errors.Is(err, ErrCorruption) || !errors.As(err, &e) {
			t.Fatalf("the error is %v", err)
		}
		if damage.File != tables[0] || damage.Offset < 0 || damage.Offset > int64(at) {
			t.Errorf("damage at %d of %s, not before %d of %s", damage.Offset, damage.File, at,
				tables[0])
		}
	}
	checkDamage(Verify(context.Background(), path, nil))
	checkDamage(Verify(context.Background(), tables[0], func(Progress) {}))
	db = mustOpen(t, path)
	_, err = db.Get([]byte("0000"))
	checkDamage(err)
	checkGet(t, db, "0999", strings.Repeat("v", 100))
	var last error
	rows := 0
	for _, err := range db.Scan(nil, nil) {
		if last = err; err == nil {
			rows++
		}
	}
	if checkDamage(last); rows == 1000 {
		t.Error("all rows came")
	}
	it, err := db.NewIterator(nil, nil)
	check(t, err)
	defer it.Close()
	for it.Next() {
	}
	checkDamage(it.Err())
	if !it.Last() || it.Err() != nil {
		t.Errorf("the end is not damaged: %v", it.Err())
	}
	for it.Prev() {
	}
	checkDamage(it.Err())
}
