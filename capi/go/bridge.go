package lsm

// The calls into C that are made often or call back; the others are in bridge_rare.go. The rest of
// the package is Go.
//
// Handles cross as numbers and bytes as pointers to bytes, so that there is nothing in what crosses
// for cgo to check: neither can hold a pointer to Go memory. Answers come back by value, so that
// nothing of Go's is written by C but buffers.

/*
#cgo pkg-config: lsm
#cgo noescape lsmgo_put
#cgo nocallback lsmgo_put
#cgo noescape lsmgo_delete
#cgo nocallback lsmgo_delete
#cgo noescape lsmgo_delete_range
#cgo nocallback lsmgo_delete_range
#cgo noescape lsmgo_write
#cgo nocallback lsmgo_write
#cgo noescape lsmgo_get
#cgo nocallback lsmgo_get
#cgo noescape lsmgo_cursor_open
#cgo nocallback lsmgo_cursor_open
#cgo noescape lsmgo_cursor_seek
#cgo nocallback lsmgo_cursor_seek
#cgo noescape lsmgo_cursor_fill
#cgo nocallback lsmgo_cursor_fill

#include <lsm/lsm.h>
#include <stdlib.h>
#include <string.h>

typedef const uint8_t* lsmgo_bytes;

// ---- One key and batches. An error that is NULL is LSM_OK.

static lsm_error* lsmgo_put(uintptr_t db, lsmgo_bytes key, size_t key_size, lsmgo_bytes value,
                            size_t value_size, uint32_t flags) {
  lsm_error* error;
  lsm_put((lsm_db*)db, key, key_size, value, value_size, flags, &error);
  return error;
}

static lsm_error* lsmgo_delete(uintptr_t db, lsmgo_bytes key, size_t key_size, uint32_t flags) {
  lsm_error* error;
  lsm_delete((lsm_db*)db, key, key_size, flags, &error);
  return error;
}

static lsm_error* lsmgo_delete_range(uintptr_t db, lsmgo_bytes begin, size_t begin_size,
                                     lsmgo_bytes end, size_t end_size, uint32_t flags) {
  lsm_error* error;
  lsm_delete_range((lsm_db*)db, begin, begin_size, end, end_size, flags, &error);
  return error;
}

static lsm_error* lsmgo_write(uintptr_t db, lsmgo_bytes ops, size_t size, uint32_t flags) {
  lsm_error* error;
  lsm_write_encoded((lsm_db*)db, ops, size, flags, &error);
  return error;
}

// The size of the value, which was copied if it is no larger than the capacity; or -1: not there.
typedef struct {
  int64_t size;
  lsm_error* error;
} lsmgo_found;

static lsmgo_found lsmgo_get(uintptr_t db, uintptr_t snapshot, lsmgo_bytes key, size_t key_size,
                             uint8_t* buffer, size_t capacity) {
  lsmgo_found found = {0, NULL};
  size_t size;
  // A buffer that is too small is no failure here, so that no error is made for it at first.
  lsm_status status = lsm_get_into((lsm_db*)db, (const lsm_snapshot*)snapshot, key, key_size,
                                   buffer, capacity, &size, NULL);
  if (status > LSM_END && !(status == LSM_TOO_LARGE && size != 0)) {
    status = lsm_get_into((lsm_db*)db, (const lsm_snapshot*)snapshot, key, key_size, buffer,
                          capacity, &size, &found.error);
    if (status == LSM_TOO_LARGE && size != 0) {
      lsm_error_free(found.error);
      found.error = NULL;
    }
  }
  found.size = status == LSM_NOT_FOUND ? -1 : (int64_t)size;
  return found;
}

// ---- Cursors: an iterator and the rows that it gave and Go has not taken yet.

enum { LSMGO_FIRST, LSMGO_LAST, LSMGO_SEEK, LSMGO_SEEK_FOR_PREV };
enum { LSMGO_ROWS = 128, LSMGO_AHEAD = 8 };

typedef struct {
  lsm_iter* it;
  lsm_error* error;
  lsm_status status;  // what comes behind the rows: LSM_OK (more), LSM_END, or the error's
  int32_t is_backward;
  size_t at, count;  // rows[at, count) are still to be taken; backwards there are none
  lsm_row rows[LSMGO_ROWS];
} lsmgo_cursor;

typedef struct {
  uintptr_t cursor;
  lsm_error* error;
} lsmgo_opened;

static lsmgo_opened lsmgo_cursor_open(uintptr_t db, uintptr_t snapshot, lsmgo_bytes lower,
                                      size_t lower_size, lsmgo_bytes upper, size_t upper_size) {
  lsmgo_opened opened = {0, NULL};
  lsmgo_cursor* cursor = malloc(sizeof *cursor);
  if (cursor == NULL) return opened;
  lsm_iter_create((lsm_db*)db, (const lsm_snapshot*)snapshot, lower, lower_size, upper, upper_size,
                  &cursor->it, &opened.error);
  if (opened.error != NULL) {
    free(cursor);
    return opened;
  }
  cursor->error = NULL;
  cursor->status = LSM_END;
  cursor->is_backward = 0;
  cursor->at = cursor->count = 0;
  opened.cursor = (uintptr_t)cursor;
  return opened;
}

static void lsmgo_cursor_close(uintptr_t handle) {
  lsmgo_cursor* cursor = (lsmgo_cursor*)handle;
  lsm_error_free(cursor->error);
  lsm_iter_destroy(cursor->it);
  free(cursor);
}

// Rows in the caller's buffer: of each the sizes of key and value in four bytes each, the key, the
// value.
typedef struct {
  size_t used;    // bytes of the buffer
  size_t rows;
  size_t needed;  // not 0: the buffer is smaller than the first row, and this is what it takes
  lsm_status status;  // what comes behind
  lsm_error* error;
} lsmgo_chunk;

// memcpy, without the call for the sizes that most keys have.
static inline void lsmgo_copy(uint8_t* to, const void* from, size_t size) {
  if (size - 8 > 24) {
    memcpy(to, from, size);
    return;
  }
  const uint8_t* const bytes = from;
  memcpy(to, bytes, 8);
  if (size > 16) {
    memcpy(to + 8, bytes + 8, 8);
    if (size > 24) memcpy(to + 16, bytes + 16, 8);
  }
  memcpy(to + size - 8, bytes + size - 8, 8);
}

static inline int lsmgo_take(const lsm_row* row, uint8_t* buffer, size_t capacity,
                             lsmgo_chunk* chunk) {
  const size_t size = 8 + row->key_size + row->value_size;
  if (size > capacity - chunk->used) {
    if (chunk->used == 0) chunk->needed = size;
    return 0;
  }
  uint8_t* to = buffer + chunk->used;
  const uint32_t sizes[2] = {(uint32_t)row->key_size, (uint32_t)row->value_size};
  memcpy(to, sizes, 8);
  lsmgo_copy(to + 8, row->key, row->key_size);
  memcpy(to + 8 + row->key_size, row->value, row->value_size);
  chunk->used += size;
  chunk->rows++;
  return 1;
}

// A value comes from memory while the rows before it are copied.
static inline void lsmgo_prefetch(const lsmgo_cursor* cursor, size_t row) {
  if (row >= cursor->count) return;
  __builtin_prefetch(cursor->rows[row].value);
  __builtin_prefetch((const char*)cursor->rows[row].value + 64);
}

static void lsmgo_fill_forward(lsmgo_cursor* cursor, uint8_t* buffer, size_t capacity,
                               size_t max_rows, lsmgo_chunk* chunk) {
  for (;;) {
    for (; cursor->at < cursor->count; cursor->at++, max_rows--) {
      if (max_rows == 0) return;
      lsmgo_prefetch(cursor, cursor->at + LSMGO_AHEAD);
      if (!lsmgo_take(&cursor->rows[cursor->at], buffer, capacity, chunk)) return;
    }
    if (max_rows == 0 || cursor->status != LSM_OK) return;
    cursor->at = 0;
    cursor->status = lsm_iter_next_n(cursor->it, cursor->rows,
                                     max_rows < LSMGO_ROWS ? max_rows : LSMGO_ROWS, &cursor->count,
                                     &cursor->error);
  }
}

static void lsmgo_fill_backward(lsmgo_cursor* cursor, uint8_t* buffer, size_t capacity,
                                size_t max_rows, lsmgo_chunk* chunk) {
  for (; max_rows != 0 && cursor->status == LSM_OK; max_rows--) {
    lsm_row row;
    row.key = lsm_iter_key(cursor->it, &row.key_size);
    row.value = lsm_iter_value(cursor->it, &row.value_size);
    // NULL: the database was closed meanwhile, which the next move tells.
    if (row.key != NULL && row.value != NULL && !lsmgo_take(&row, buffer, capacity, chunk)) return;
    cursor->status = lsm_iter_prev(cursor->it, &cursor->error);
  }
}

static lsmgo_chunk lsmgo_cursor_fill(uintptr_t handle, uint8_t* buffer, size_t capacity,
                                     size_t max_rows) {
  lsmgo_cursor* cursor = (lsmgo_cursor*)handle;
  lsmgo_chunk chunk = {0, 0, 0, LSM_OK, NULL};
  if (cursor->is_backward) {
    lsmgo_fill_backward(cursor, buffer, capacity, max_rows, &chunk);
  } else {
    lsmgo_fill_forward(cursor, buffer, capacity, max_rows, &chunk);
  }
  if (cursor->at == cursor->count) {
    chunk.status = cursor->status;
    chunk.error = cursor->error;
    cursor->error = NULL;
  }
  return chunk;
}

// Seeks, and gives the rows from there on: backwards for LAST and SEEK_FOR_PREV.
static lsmgo_chunk lsmgo_cursor_seek(uintptr_t handle, int32_t where, lsmgo_bytes key,
                                     size_t key_size, uint8_t* buffer, size_t capacity,
                                     size_t max_rows) {
  lsmgo_cursor* cursor = (lsmgo_cursor*)handle;
  lsm_error_free(cursor->error);
  cursor->at = cursor->count = 0;
  cursor->is_backward = where == LSMGO_LAST || where == LSMGO_SEEK_FOR_PREV;
  switch (where) {
    case LSMGO_FIRST:
      cursor->status = lsm_iter_seek_first(cursor->it, &cursor->error);
      break;
    case LSMGO_LAST:
      cursor->status = lsm_iter_seek_last(cursor->it, &cursor->error);
      break;
    case LSMGO_SEEK:
      cursor->status = lsm_iter_seek(cursor->it, key, key_size, &cursor->error);
      break;
    default:
      cursor->status = lsm_iter_seek_for_prev(cursor->it, key, key_size, &cursor->error);
  }
  return lsmgo_cursor_fill(handle, buffer, capacity, max_rows);
}

// ---- Upkeep. The payload of a callback is a cgo.Handle, 0 for no callback.

extern int32_t lsmGoProgress(uintptr_t payload, uint32_t phase, uint64_t bytes_done,
                             uint64_t bytes_total, uint64_t entries_done);

static int32_t lsmgo_on_progress(void* payload, const lsm_progress* now) {
  return lsmGoProgress((uintptr_t)payload, now->phase, now->bytes_done, now->bytes_total,
                       now->entries_done);
}

static lsm_error* lsmgo_compact(uintptr_t db, lsmgo_bytes begin, size_t begin_size,
                                lsmgo_bytes end, size_t end_size, uintptr_t payload) {
  lsm_error* error;
  lsm_compact_range((lsm_db*)db, begin, begin_size, end, end_size,
                    payload != 0 ? lsmgo_on_progress : NULL, (void*)payload, &error);
  return error;
}

static lsm_error* lsmgo_verify(const char* path, uintptr_t payload) {
  lsm_error* error;
  lsm_verify(path, payload != 0 ? lsmgo_on_progress : NULL, (void*)payload, &error);
  return error;
}
*/
import "C"

import (
	"sync/atomic"
	"unsafe"
)

type (
	dbHandle       C.uintptr_t
	snapshotHandle C.uintptr_t
	cursorHandle   C.uintptr_t
)

// bytesOf is how bytes cross. A nil slice is NULL; one that is not nil but empty is not.
func bytesOf(b []byte) (C.lsmgo_bytes, C.size_t) {
	return (C.lsmgo_bytes)(unsafe.Pointer(unsafe.SliceData(b))), C.size_t(len(b))
}

// bufferOf is how memory that C fills crosses.
func bufferOf(b []byte) (*C.uint8_t, C.size_t) {
	return (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(b))), C.size_t(len(b))
}

// pointer is for the calls that are rare enough to take the pointers of lsm.h as they are.
func (h dbHandle) pointer() *C.lsm_db { return *(**C.lsm_db)(unsafe.Pointer(&h)) }

func (h dbHandle) close() error {
	var e *C.lsm_error
	C.lsm_close(h.pointer(), &e)
	return takeError(e)
}

// ---- Read and write

func (h dbHandle) put(key, value []byte, flags WriteOption) error {
	k, kn := bytesOf(key)
	v, vn := bytesOf(value)
	return takeError(C.lsmgo_put(C.uintptr_t(h), k, kn, v, vn, C.uint32_t(flags)))
}

func (h dbHandle) delete(key []byte, flags WriteOption) error {
	k, kn := bytesOf(key)
	return takeError(C.lsmgo_delete(C.uintptr_t(h), k, kn, C.uint32_t(flags)))
}

func (h dbHandle) deleteRange(lo, hi []byte, flags WriteOption) error {
	b, bn := bytesOf(lo)
	e, en := bytesOf(hi)
	return takeError(C.lsmgo_delete_range(C.uintptr_t(h), b, bn, e, en, C.uint32_t(flags)))
}

func (h dbHandle) write(ops []byte, flags WriteOption) error {
	o, n := bytesOf(ops)
	return takeError(C.lsmgo_write(C.uintptr_t(h), o, n, C.uint32_t(flags)))
}

// get copies a value if the buffer is as large as that, and answers its size, or -1 for a key that
// is not there.
func (h dbHandle) get(at snapshotHandle, key, buffer []byte) (int, error) {
	k, kn := bytesOf(key)
	b, bn := bufferOf(buffer)
	found := C.lsmgo_get(C.uintptr_t(h), C.uintptr_t(at), k, kn, b, bn)
	return int(found.size), takeError(found.error)
}

// ---- Snapshots and cursors

// children counts what C holds for Go: for tests.
var children atomic.Int64

func (h dbHandle) newSnapshot() (snapshotHandle, error) {
	var snapshot *C.lsm_snapshot
	var e *C.lsm_error
	if C.lsm_snapshot_create(h.pointer(), &snapshot, &e) == C.LSM_OK {
		children.Add(1)
	}
	return snapshotHandle(uintptr(unsafe.Pointer(snapshot))), takeError(e)
}

func (h snapshotHandle) release() {
	children.Add(-1)
	C.lsm_snapshot_release(*(**C.lsm_snapshot)(unsafe.Pointer(&h)))
}

func (h dbHandle) newCursor(at snapshotHandle, lo, hi []byte) (cursorHandle, error) {
	l, ln := bytesOf(lo)
	u, un := bytesOf(hi)
	opened := C.lsmgo_cursor_open(C.uintptr_t(h), C.uintptr_t(at), l, ln, u, un)
	if opened.cursor == 0 && opened.error == nil {
		return 0, outOfMemory()
	}
	if opened.cursor != 0 {
		children.Add(1)
	}
	return cursorHandle(opened.cursor), takeError(opened.error)
}

func (h cursorHandle) close() {
	children.Add(-1)
	C.lsmgo_cursor_close(C.uintptr_t(h))
}

type seekTo C.int32_t

const (
	seekFirst   seekTo = C.LSMGO_FIRST
	seekLast    seekTo = C.LSMGO_LAST
	seekKey     seekTo = C.LSMGO_SEEK
	seekForPrev seekTo = C.LSMGO_SEEK_FOR_PREV
)

// chunk is what a cursor gave: `used` bytes of rows in the buffer, or what the first row needs.
type chunk struct {
	used, rows, needed int
	hasMore            bool
	err                error
}

func newChunk(c C.lsmgo_chunk) chunk {
	return chunk{int(c.used), int(c.rows), int(c.needed), c.status == C.LSM_OK,
		takeError(c.error)}
}

func (h cursorHandle) seek(to seekTo, key, buffer []byte, maxRows int) chunk {
	k, kn := bytesOf(key)
	b, bn := bufferOf(buffer)
	return newChunk(C.lsmgo_cursor_seek(C.uintptr_t(h), C.int32_t(to), k, kn, b, bn,
		C.size_t(maxRows)))
}

func (h cursorHandle) fill(buffer []byte, maxRows int) chunk {
	b, bn := bufferOf(buffer)
	return newChunk(C.lsmgo_cursor_fill(C.uintptr_t(h), b, bn, C.size_t(maxRows)))
}

// ---- Upkeep

func (h dbHandle) flush() error {
	var e *C.lsm_error
	C.lsm_flush(h.pointer(), &e)
	return takeError(e)
}

func (h dbHandle) waitIdle() error {
	var e *C.lsm_error
	C.lsm_wait_idle(h.pointer(), &e)
	return takeError(e)
}

func (h dbHandle) compact(lo, hi []byte, payload uintptr) error {
	b, bn := bytesOf(lo)
	e, en := bytesOf(hi)
	return takeError(C.lsmgo_compact(C.uintptr_t(h), b, bn, e, en, C.uintptr_t(payload)))
}

func cVerify(path string, payload uintptr) error {
	p := C.CString(path)
	defer C.free(unsafe.Pointer(p))
	return takeError(C.lsmgo_verify(p, C.uintptr_t(payload)))
}
