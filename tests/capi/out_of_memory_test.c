// Out of memory: each call, with its k-th allocation failing, for every k until none fails. The
// answer is LSM_OUT_OF_MEMORY or success, never a crash; a call that failed has changed nothing.
//
// This program stands in front of the C library's malloc, for the thread that makes the calls.

#include <errno.h>

#include "tests/capi/model.h"

extern void* __libc_malloc(size_t size);
extern void* __libc_calloc(size_t count, size_t size);
extern void* __libc_realloc(void* block, size_t size);
extern void* __libc_memalign(size_t alignment, size_t size);

// How many allocations succeed before one fails; negative: all do. 0 once it has failed.
static _Thread_local long allocations_left = -1;
static _Thread_local int failed;

static int must_fail(void) {
  if (allocations_left < 0 || allocations_left-- > 0) return 0;
  failed = 1;
  errno = ENOMEM;
  return 1;
}

#define VISIBLE __attribute__((visibility("default")))

VISIBLE void* malloc(size_t size) { return must_fail() ? NULL : __libc_malloc(size); }
VISIBLE void* calloc(size_t count, size_t size) {
  return must_fail() ? NULL : __libc_calloc(count, size);
}
VISIBLE void* realloc(void* block, size_t size) {
  return must_fail() ? NULL : __libc_realloc(block, size);
}
VISIBLE void* aligned_alloc(size_t alignment, size_t size) {
  return must_fail() ? NULL : __libc_memalign(alignment, size);
}

// Makes `call`, which returns a status, with its k-th allocation failing, for k = 0, 1, 2 ... until
// none fails. `undo` runs after each success, `check` after each failure.
#define FOR_EVERY_K(call, undo, check)                                                       \
  do {                                                                                       \
    int done = 0;                                                                            \
    for (long k = 0; !done; k++) {                                                           \
      CHECK(k < 100000);                                                                     \
      err = (lsm_error*)(void*)&check_poison;                                                \
      failed = 0;                                                                            \
      allocations_left = k;                                                                  \
      const lsm_status status = (call);                                                      \
      allocations_left = -1;                                                                 \
      done = !failed;                                                                        \
      check_status(__FILE__, __LINE__, #call, status == LSM_OK ? LSM_OK : LSM_OUT_OF_MEMORY, \
                   status);                                                                  \
      if (done) CHECK_INT(LSM_OK, status);                                                   \
      if (status == LSM_OK) {                                                                \
        undo;                                                                                \
      } else {                                                                               \
        CHECK_INT(1, last.retryable);                                                        \
        check;                                                                               \
      }                                                                                      \
    }                                                                                        \
  } while (0)

static void fill(lsm_db* db, model* m, int count) {
  for (int i = 0; i < count; i++) {
    char key[50], value[100];
    snprintf(key, sizeof key, "%05d", i);
    snprintf(value, sizeof value, "the value of %d", i);
    put(db, key, value);
    model_put(m, B(key), B(value));
  }
}

static void handles_are_null(void) {
  failed = 0;
  allocations_left = 0;
  lsm_options* options = lsm_options_create();
  allocations_left = 0;
  lsm_batch* batch = lsm_batch_create();
  allocations_left = -1;
  CHECK(options == NULL && batch == NULL && failed);
}

static void setting_options(void) {
  lsm_options* options = lsm_options_create();
  FOR_EVERY_K(lsm_options_set(options, "block_size", "64KiB", &err), (void)0, (void)0);
  lsm_options_destroy(options);
}

// What a failed open left behind goes with the next one.
static void expect_openable(lsm_db* failed_open) {
  CHECK(failed_open == NULL);
  close_db(open_db(scratch("db"), TINY));
}

static void opening(void) {
  lsm_db* db = NULL;
  lsm_options* options = options_of(TINY);
  FOR_EVERY_K(lsm_open(scratch("db"), options, &db, &err), close_db(db), {
    expect_openable(db);
    EXPECT(LSM_OK, lsm_destroy(scratch("db"), &err));
  });
  model m = {NULL, 0, 0};
  db = open_db(scratch("db"), TINY);
  fill(db, &m, 200);
  close_db(db);
  FOR_EVERY_K(lsm_open(scratch("db"), options, &db, &err), close_db(db), expect_openable(db));
  db = open_db(scratch("db"), TINY);
  check_equals_model(db, NULL, &m);
  close_db(db);
  lsm_options_destroy(options);
  model_free(&m);
}

// lsm_iter_next_n of the first rows; the seek before it does not fail.
static lsm_status seek_and_next_n(lsm_iter* it, lsm_row* rows, size_t capacity, size_t* count) {
  const long left = allocations_left;
  allocations_left = -1;
  EXPECT(LSM_OK, lsm_iter_seek_first(it, &err));
  err = (lsm_error*)(void*)&check_poison;
  allocations_left = left;
  return lsm_iter_next_n(it, rows, capacity, count, &err);
}

static void reading(void) {
  lsm_db* db = open_db(scratch("db"), TINY);
  model m = {NULL, 0, 0};
  lsm_value value;
  lsm_rows* rows = NULL;
  lsm_snapshot* snapshot = NULL;
  lsm_iter* it = NULL;
  lsm_row row[50];
  char *text = NULL, buffer[100];
  size_t count = 0;
  fill(db, &m, 500);
  for (int flushed = 0; flushed < 2; flushed++) {
    FOR_EVERY_K(lsm_get(db, NULL, B("00007"), &value, &err), lsm_value_release(&value),
                CHECK(value.data == NULL && value.size == 0 && value.pin == NULL));
    FOR_EVERY_K(lsm_get_into(db, NULL, B("00008"), buffer, sizeof buffer, &count, &err), (void)0,
                CHECK_INT(0, count));
    FOR_EVERY_K(lsm_snapshot_create(db, &snapshot, &err), lsm_snapshot_release(snapshot),
                CHECK(snapshot == NULL));
    FOR_EVERY_K(lsm_scan(db, NULL, NONE, NONE, 0, &rows, &err), lsm_rows_free(rows),
                CHECK(rows == NULL));
    FOR_EVERY_K(lsm_iter_create(db, NULL, NONE, NONE, &it, &err), lsm_iter_destroy(it),
                CHECK(it == NULL));
    FOR_EVERY_K(lsm_property(db, "stats", &text, &err), lsm_string_free(text), CHECK(text == NULL));
    EXPECT(LSM_OK, lsm_iter_create(db, NULL, NONE, NONE, &it, &err));
    FOR_EVERY_K(lsm_iter_seek_first(it, &err), check_on(it, &m.rows[0]), (void)0);
    FOR_EVERY_K(lsm_iter_seek(it, B("00100"), &err), check_on(it, &m.rows[100]), (void)0);
    FOR_EVERY_K(lsm_iter_seek_last(it, &err), check_on(it, &m.rows[m.count - 1]), (void)0);
    FOR_EVERY_K(seek_and_next_n(it, row, 50, &count), check_rows(&m, 0, row, count), {
      CHECK_INT(0, count);
      // It stands nowhere until a seek.
      check_off(it);
      EXPECT(LSM_OUT_OF_MEMORY, lsm_iter_next(it, &err));
    });
    lsm_iter_destroy(it);
    check_equals_model(db, NULL, &m);
    EXPECT(LSM_OK, lsm_flush(db, &err));
  }
  close_db(db);
  model_free(&m);
}

static void batching(void) {
  lsm_batch* batch = lsm_batch_create();
  char value[900];
  memset(value, 'v', sizeof value);
  for (size_t i = 0; i < 40; i++) {
    const size_t size = lsm_batch_size(batch);
    FOR_EVERY_K(lsm_batch_put(batch, &i, sizeof i, value, sizeof value, &err), (void)0, {
      CHECK_INT(i, lsm_batch_count(batch));
      CHECK_INT(size, lsm_batch_size(batch));
    });
    CHECK_INT(i + 1, lsm_batch_count(batch));
  }
  lsm_batch_destroy(batch);
}

// ---- Writes -------------------------------------------------------------------------------------

static char filler[900];

static lsm_status write_one(lsm_db* db) {
  return lsm_put(db, B("new"), filler, sizeof filler, 0, &err);
}
static lsm_status write_synced(lsm_db* db) {
  return lsm_put(db, B("new"), filler, sizeof filler, LSM_SYNC, &err);
}
static lsm_status delete_one(lsm_db* db) { return lsm_delete(db, B("00001"), 0, &err); }
static lsm_status delete_some(lsm_db* db) {
  return lsm_delete_range(db, B("00001"), B("00003"), 0, &err);
}
static lsm_status flush(lsm_db* db) { return lsm_flush(db, &err); }
static lsm_status compact(lsm_db* db) {
  return lsm_compact_range(db, NONE, NONE, NULL, NULL, &err);
}

// Each write on a database of its own for each k, after so many rows that it may be the one that
// begins a memtable and a log segment. One that failed is not there, and succeeds when it is
// repeated.
static void try_writes(lsm_status (*write)(lsm_db* db), int rows) {
  int done = 0;
  for (long k = 0; !done; k++) {
    lsm_db* db = open_db(scratch("db"), TINY);
    model m = {NULL, 0, 0};
    CHECK(k < 100000);
    for (int i = 0; i < rows; i++) {
      char key[50];
      snprintf(key, sizeof key, "%05d", i);
      EXPECT(LSM_OK, lsm_put(db, B(key), filler, sizeof filler, 0, &err));
      model_put(&m, B(key), filler, sizeof filler);
    }
    err = (lsm_error*)(void*)&check_poison;
    failed = 0;
    allocations_left = k;
    const lsm_status status = write(db);
    allocations_left = -1;
    done = !failed;
    check_status(__FILE__, __LINE__, "a write", status == LSM_OK ? LSM_OK : LSM_OUT_OF_MEMORY,
                 status);
    if (status != LSM_OK) {
      CHECK(failed);
      check_equals_model(db, NULL, &m);
      EXPECT(LSM_OK, write(db));
    }
    if (write == write_one || write == write_synced) {
      model_put(&m, B("new"), filler, sizeof filler);
    }
    if (write == delete_one) model_delete(&m, B("00001"));
    if (write == delete_some) model_delete_range(&m, B("00001"), B("00003"));
    check_equals_model(db, NULL, &m);
    close_db(db);
    db = open_db(scratch("db"), TINY);
    check_equals_model(db, NULL, &m);
    close_db(db);
    EXPECT(LSM_OK, lsm_destroy(scratch("db"), &err));
    model_free(&m);
  }
}

static void writing(void) {
  static lsm_status (*const kWrites[])(lsm_db*) = {write_one,   write_synced, delete_one,
                                                   delete_some, flush,        compact};
  memset(filler, 'v', sizeof filler);
  for (size_t w = 0; w < sizeof kWrites / sizeof kWrites[0]; w++) {
    for (int rows = 0; rows < 10; rows++) try_writes(kWrites[w], rows);
  }
}

static lsm_status write_although_it_fails(lsm_db* db) {
  const lsm_status status = write_one(db);
  allocations_left = -1;
  if (status != LSM_OK) CHECK_INT(LSM_OK, lsm_put(db, B("half"), NONE, 0, NULL));
  return status;
}

static void do_half(void) { try_writes(write_although_it_fails, 9); }

static void a_write_half_done_is_noticed(void) { check_notices(do_half); }

static void verifying_and_destroying(void) {
  lsm_db* db = open_db(scratch("db"), TINY);
  model m = {NULL, 0, 0};
  fill(db, &m, 300);
  close_db(db);
  FOR_EVERY_K(lsm_verify(scratch("db"), NULL, NULL, &err), (void)0, (void)0);
  FOR_EVERY_K(lsm_destroy(scratch("db"), &err), (void)0, (void)0);
  CHECK(!exists(scratch("db")));
  model_free(&m);
}

int main(void) {
  static const check_test kTests[] = {T(handles_are_null),
                                      T(setting_options),
                                      T(opening),
                                      T(reading),
                                      T(batching),
                                      T(writing),
                                      T(a_write_half_done_is_noticed),
                                      T(verifying_and_destroying)};
  // Thousands of opens: on files in memory where that can be had, as durability is not what is
  // tried.
  if (exists("/dev/shm")) setenv("TEST_TMPDIR", "/dev/shm", 1);
  return check_run(kTests, sizeof kTests / sizeof kTests[0]);
}
