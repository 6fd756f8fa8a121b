// Every k-th call to the system fails, once or for good, in the life of a database: it is made,
// written, flushed, read, compacted, closed and opened again.
//
// Whatever fails, no call gives a wrong answer; what was injected is the errno of what is reported;
// a write that failed and may be repeated was not done, and after one that may not be, none is
// done; and once calls work again, a new open finds every acknowledged write. Interruptions and
// transfers of half the bytes are not noticed at all.

#include <errno.h>
#include <inttypes.h>

#include "tests/capi/faulty_libc.h"
#include "tests/capi/model.h"

enum { kOperations = 110, kKeys = 40 };

typedef struct {
  lsm_db* db;
  model acknowledged;
  long in_doubt;       // the write that may have been done although it failed; -1: none
  int is_interrupted;  // whether what is injected must not be noticed
  int errnum;          // what is injected
  int reported;        // calls that failed
} life;

static long runs;
static const char* settings;

// The sanitizers take several times as long.
#ifdef __SANITIZE_ADDRESS__
enum { kStep = 7 };
#else
enum { kStep = 1 };
#endif

// ---- One life -----------------------------------------------------------------------------------

// For the canary: one in ten writes is acknowledged and not done.
static int is_forgetful;

// The writes are those of a history that follows from their numbers.
static lsm_status write_number(long number, lsm_db* db, model* m) {
  if (is_forgetful && db != NULL && number % 10 == 3) {
    err = NULL;
    return LSM_OK;
  }
  uint64_t seed = (uint64_t)number * 2654435761u + 5;
  const uint64_t kind = next_random(&seed) % 100;
  const uint32_t flags = next_random(&seed) % 6 == 0 ? LSM_SYNC : 0;
  char key[20], end[20], value[200];
  snprintf(key, sizeof key, "k%02d", (int)(next_random(&seed) % kKeys));
  snprintf(value, sizeof value, "%ld %0*d", number, (int)(next_random(&seed) % 150) + 1, 0);
  if (kind < 65) {
    if (m != NULL) model_put(m, B(key), B(value));
    return db == NULL ? LSM_OK : lsm_put(db, B(key), B(value), flags, &err);
  }
  if (kind < 80) {
    if (m != NULL) model_delete(m, B(key));
    return db == NULL ? LSM_OK : lsm_delete(db, B(key), flags, &err);
  }
  if (kind < 85) {
    snprintf(end, sizeof end, "%s5", key);
    if (m != NULL) model_delete_range(m, B(key), B(end));
    return db == NULL ? LSM_OK : lsm_delete_range(db, B(key), B(end), flags, &err);
  }
  lsm_batch* batch = lsm_batch_create();
  for (int i = 0; i < 3; i++) {
    snprintf(key, sizeof key, "k%02d", (int)(next_random(&seed) % kKeys));
    CHECK_INT(LSM_OK, lsm_batch_put(batch, B(key), B(value), NULL));
    if (m != NULL) model_put(m, B(key), B(value));
  }
  const lsm_status status = db == NULL ? LSM_OK : lsm_write(db, batch, flags, &err);
  lsm_batch_destroy(batch);
  return status;
}

// Takes what a call said: true where it succeeded (or found nothing).
static int succeeded(life* l, const char* call, lsm_status status) {
  check_status(__FILE__, __LINE__, call, status, status);
  if (status == LSM_OK || status == LSM_NOT_FOUND || status == LSM_END) return 1;
  l->reported++;
  if (l->is_interrupted) check_fail(__FILE__, __LINE__, "%s: %s", call, last.message);
  // mmap is asked for memory too.
  const int is_ours = last.errnum == l->errnum || status == LSM_OUT_OF_MEMORY;
  if (!is_ours) check_fail(__FILE__, __LINE__, "%s: not what was injected: %s", call, last.message);
  return 0;
}

#define TRY(call) (err = (lsm_error*)(void*)&check_poison, succeeded(l, #call, (call)))

static void open_it(life* l) {
  lsm_options* options = options_of(settings);
  l->db = NULL;
  if (!TRY(lsm_open(scratch("db"), options, &l->db, &err))) CHECK(l->db == NULL);
  lsm_options_destroy(options);
}

static void write_it(life* l, long number) {
  if (TRY(write_number(number, l->db, NULL))) {
    // Once it is in doubt what the log holds, nothing may be added.
    CHECK(l->in_doubt < 0);
    write_number(number, NULL, &l->acknowledged);
  } else if (!last.retryable && l->in_doubt < 0) {
    l->in_doubt = number;
  }
}

// Whether the row that was read is that of the model, or of the write in doubt.
static void check_read(life* l, const char* key, const void* value, size_t size) {
  const model_row* want = model_get(&l->acknowledged, B(key));
  if (value == NULL
          ? want == NULL
          : want != NULL && want->value_size == size && memcmp(want->value, value, size) == 0) {
    return;
  }
  CHECK(l->in_doubt >= 0);
  model m = model_copy(&l->acknowledged);
  write_number(l->in_doubt, NULL, &m);
  want = model_get(&m, B(key));
  CHECK(value == NULL
            ? want == NULL
            : want != NULL && want->value_size == size && memcmp(want->value, value, size) == 0);
  model_free(&m);
}

static void read_it(life* l, long number) {
  char key[20];
  lsm_value value;
  snprintf(key, sizeof key, "k%02ld", number * 7 % kKeys);
  if (TRY(lsm_get(l->db, NULL, B(key), &value, &err))) {
    check_read(l, key, value.data, value.size);
    lsm_value_release(&value);
  }
}

static void scan_it(life* l) {
  lsm_iter* it = NULL;
  size_t rows = 0;
  if (!TRY(lsm_iter_create(l->db, NULL, NONE, NONE, &it, &err))) return;
  err = (lsm_error*)(void*)&check_poison;
  lsm_status status = lsm_iter_seek_first(it, &err);
  while (succeeded(l, "a move", status) && status == LSM_OK) {
    size_t key_size = 0, value_size = 0;
    char key[20];
    snprintf(key, sizeof key, "%.*s", 3, (const char*)lsm_iter_key(it, &key_size));
    CHECK_INT(3, key_size);
    const void* const value = lsm_iter_value(it, &value_size);
    check_read(l, key, value, value_size);
    rows++;
    err = (lsm_error*)(void*)&check_poison;
    status = lsm_iter_next(it, &err);
  }
  if (status == LSM_END && l->in_doubt < 0) CHECK_INT(l->acknowledged.count, rows);
  lsm_iter_destroy(it);
}

// Opens where it is not open. False: there is still nothing to work on.
static int is_open(life* l) {
  if (l->db == NULL) open_it(l);
  return l->db != NULL;
}

static void live(life* l) {
  for (long number = 0; number < kOperations; number++) {
    if (!is_open(l)) continue;
    write_it(l, number);
    if (number % 3 == 0) read_it(l, number);
    if (number % 30 == 10) (void)TRY(lsm_flush(l->db, &err));
    if (number % 30 == 20) (void)TRY(lsm_compact_range(l->db, NONE, NONE, NULL, NULL, &err));
    if (number % 30 == 25) scan_it(l);
    if (number % 30 == 29) {
      (void)TRY(lsm_close(l->db, &err));
      l->db = NULL;
      // A new life: what was in doubt is there, or is not and never will be.
      if (l->in_doubt >= 0) return;
    }
  }
}

// ---- Its end ------------------------------------------------------------------------------------

static void check_contents(const life* l, lsm_db* db) {
  model m = model_copy(&l->acknowledged);
  lsm_rows* rows = NULL;
  size_t count = 0;
  EXPECT(LSM_OK, lsm_scan(db, NULL, NONE, NONE, 0, &rows, &err));
  const lsm_row* data = lsm_rows_data(rows, &count);
  int same = count == m.count;
  for (size_t i = 0; same && i < count; i++) {
    same = m.rows[i].value_size == data[i].value_size &&
           memcmp(m.rows[i].key, data[i].key, data[i].key_size) == 0 &&
           memcmp(m.rows[i].value, data[i].value, data[i].value_size) == 0;
  }
  lsm_rows_free(rows);
  if (!same) {
    CHECK(l->in_doubt >= 0);
    write_number(l->in_doubt, NULL, &m);
  }
  check_equals_model(db, NULL, &m);
  model_free(&m);
}

static void end(life* l) {
  if (l->db != NULL) {
    err = (lsm_error*)(void*)&check_poison;
    (void)succeeded(l, "the last close", lsm_close(l->db, &err));
  }
  lsm_db* db = open_db(scratch("db"), TINY);
  check_contents(l, db);
  put(db, "k00", "works");
  EXPECT(LSM_OK, lsm_flush(db, &err));
  CHECK_GET(db, NULL, "k00", "works");
  close_db(db);
  EXPECT(LSM_OK, lsm_verify(scratch("db"), NULL, NULL, &err));
  EXPECT(LSM_OK, lsm_destroy(scratch("db"), &err));
  CHECK(!exists(scratch("db")));
  model_free(&l->acknowledged);
}

// Whether the k-th call came at all.
static int run(call_kind kind, long k, int for_good, int errnum) {
  life l = {.in_doubt = -1, .errnum = errnum};
  l.is_interrupted = errnum == EINTR || errnum == SHORT_TRANSFER;
  fail_call(kind, k, for_good, errnum);
  live(&l);
  const long failed = calls_failed();
  fail_no_call();
  // Each of these is needed again and again, so that their failing for good cannot go unnoticed.
  const int is_essential = kind == CALL_OPEN || kind == CALL_SYNC || kind == CALL_ALLOCATE;
  if (for_good && is_essential && failed > 3) CHECK(l.reported > 0);
  end(&l);
  runs++;
  return failed > 0;
}

static void try_every(call_kind kind, int for_good, int errnum) {
  long k = 0;
  // Background threads differ from run to run, so that a call that did not come may come yet.
  for (int missed = 0; missed < 3; k += kStep)
    missed = run(kind, k, for_good, errnum) ? 0 : missed + 1;
  fprintf(stderr, "    %s, %s, errno %d: %ld calls\n", call_kind_name(kind),
          for_good ? "for good" : "once", errnum, k);
}

static void every_failing_call_is_lived_through(void) {
  static const struct {
    call_kind kind;
    int errnums[3];
  } kFailures[] = {
      {CALL_OPEN, {EIO, EMFILE, ENOSPC}},
      {CALL_READ, {EIO}},
      {CALL_WRITE, {EIO, ENOSPC}},
      {CALL_MAP, {ENOMEM, ENFILE}},
      {CALL_ALLOCATE, {EIO, ENOSPC, EFBIG}},
      {CALL_SYNC, {EIO, ENOSPC, EDQUOT}},
      {CALL_RENAME, {EIO, ENOSPC}},
      {CALL_REMOVE, {EIO, EACCES}},
      {CALL_CLOSE, {EIO, ENOSPC}},
      {CALL_LOCK, {ENOLCK, EIO}},
      {CALL_STAT, {EIO, EACCES}},
      {CALL_LIST, {EIO}},
      {CALL_MAKE, {EACCES, ENOSPC}},
      {CALL_THREAD, {EAGAIN}},
  };
  for (size_t i = 0; i < sizeof kFailures / sizeof kFailures[0]; i++) {
    for (int e = 0; e < 3 && kFailures[i].errnums[e] != 0; e++) {
      for (int for_good = 0; for_good < 2; for_good++) {
        try_every(kFailures[i].kind, for_good, kFailures[i].errnums[e]);
      }
    }
  }
}

static void forget(void) {
  is_forgetful = 1;
  (void)run(CALL_OPEN, 0, 0, EIO);
}

static void a_write_that_was_not_done_is_missed(void) { check_notices(forget); }

static void interruptions_and_short_transfers_are_not_noticed(void) {
  static const call_kind kInterrupted[] = {CALL_OPEN, CALL_READ, CALL_WRITE, CALL_ALLOCATE,
                                           CALL_SYNC, CALL_LOCK, CALL_CLOSE};
  for (size_t i = 0; i < sizeof kInterrupted / sizeof kInterrupted[0]; i++) {
    try_every(kInterrupted[i], 0, EINTR);
  }
  try_every(CALL_READ, 1, SHORT_TRANSFER);
  try_every(CALL_WRITE, 1, SHORT_TRANSFER);
}

// The first argument: more settings.
int main(int argc, char** argv) {
  static const check_test kTests[] = {T(a_write_that_was_not_done_is_missed),
                                      T(every_failing_call_is_lived_through),
                                      T(interruptions_and_short_transfers_are_not_noticed)};
  static char text[400];
  snprintf(text, sizeof text, "%s,%s", TINY, argc > 1 ? argv[1] : "mmap_reads=true");
  settings = text;
  if (exists("/dev/shm")) setenv("TEST_TMPDIR", "/dev/shm", 1);
  skip_syncs();
  check_run(kTests, sizeof kTests / sizeof kTests[0]);
  fprintf(stderr, "%ld lives\n", runs);
  return 0;
}
