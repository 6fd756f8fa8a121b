// What was acknowledged survives kill -9, whole and in order.
//
// A child writes a history that follows from a seed, and publishes in shared memory how many of its
// operations were acknowledged. The parent kills it at some moment, opens the database and compares
// it with the model of that history: everything acknowledged is there, and at most one operation
// more, the one that was in flight.

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "tests/capi/model.h"

typedef struct {
  atomic_long acknowledged;
} shared_record;

// Of each history; ten times as many with LSM_TEST_SCALE=10. LSM_TEST_SEED gives other moments.
#ifdef __SANITIZE_ADDRESS__
enum { kKills = 25 };
#else
enum { kKills = 100 };
#endif

// For the canary: one in ten operations is acknowledged and not done.
static int is_forgetful;

// Operation `number` of the history, on the database (not NULL) or the model.
static void apply(long number, lsm_db* db, model* m) {
  if (is_forgetful && number % 10 == 3) db = NULL;
  uint64_t seed = (uint64_t)number * 2654435761u + 99;
  char key[50], value[300];
  const uint64_t kind = next_random(&seed) % 100;
  const uint32_t flags = next_random(&seed) % 10 == 0 ? LSM_SYNC : 0;
  snprintf(key, sizeof key, "%03d", (int)(next_random(&seed) % 500));
  const size_t filler = next_random(&seed) % 200;
  snprintf(value, sizeof value, "operation %ld %.*s", number, (int)filler,
           "................................................................................"
           "................................................................................"
           "........................................");
  if (kind < 60) {
    if (db != NULL) EXPECT(LSM_OK, lsm_put(db, B(key), B(value), flags, &err));
    if (m != NULL) model_put(m, B(key), B(value));
  } else if (kind < 75) {
    if (db != NULL) EXPECT(LSM_OK, lsm_delete(db, B(key), flags, &err));
    if (m != NULL) model_delete(m, B(key));
  } else if (kind < 80) {
    char end[50];
    snprintf(end, sizeof end, "%03d", atoi(key) + 20);
    if (db != NULL) EXPECT(LSM_OK, lsm_delete_range(db, B(key), B(end), flags, &err));
    if (m != NULL) model_delete_range(m, B(key), B(end));
  } else {
    // A batch that writes one value to ten keys: a torn one would show.
    lsm_batch* batch = lsm_batch_create();
    for (int i = 0; i < 10; i++) {
      char own[60];
      snprintf(own, sizeof own, "%s batch %d", key, i);
      EXPECT(LSM_OK, lsm_batch_put(batch, B(own), B(value), &err));
      if (m != NULL) model_put(m, B(own), B(value));
    }
    if (db != NULL) EXPECT(LSM_OK, lsm_write(db, batch, flags, &err));
    lsm_batch_destroy(batch);
  }
}

static int same_as_model(lsm_db* db, const model* m) {
  lsm_rows* rows = NULL;
  size_t count = 0;
  int same = 1;
  EXPECT(LSM_OK, lsm_scan(db, NULL, NONE, NONE, 0, &rows, &err));
  const lsm_row* data = lsm_rows_data(rows, &count);
  if (count != m->count) same = 0;
  for (size_t i = 0; same && i < count; i++) {
    const model_row* want = &m->rows[i];
    same = data[i].key_size == want->key_size && data[i].value_size == want->value_size &&
           memcmp(data[i].key, want->key, want->key_size) == 0 &&
           memcmp(data[i].value, want->value, want->value_size) == 0;
  }
  lsm_rows_free(rows);
  return same;
}

static void run_child(const char* path, const char* settings, shared_record* record, int upkeep) {
  lsm_db* db = open_db(path, settings);
  for (long i = atomic_load(&record->acknowledged);; i++) {
    apply(i, db, NULL);
    atomic_store(&record->acknowledged, i + 1);
    if (upkeep && i % 400 == 399) EXPECT(LSM_OK, lsm_flush(db, &err));
    if (upkeep && i % 1000 == 999) {
      EXPECT(LSM_OK, lsm_compact_range(db, NONE, NONE, NULL, NULL, &err));
    }
    if (upkeep && i % 700 == 699) {
      close_db(db);
      db = open_db(path, settings);
    }
  }
}

static void kill_and_compare(const char* settings, int upkeep) {
  shared_record* record =
      mmap(NULL, sizeof *record, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(record != MAP_FAILED);
  const char* path = scratch(upkeep ? "upkeep" : "plain");
  model m = {NULL, 0, 0};
  const char* const drawn = getenv("LSM_TEST_SEED");
  uint64_t seed = drawn == NULL ? 4711 : strtoull(drawn, NULL, 10);
  long applied = 0;
  atomic_init(&record->acknowledged, 0);
  const char* const scale = getenv("LSM_TEST_SCALE");
  const int rounds = kKills * (scale == NULL ? 1 : atoi(scale));
  for (int round = 0; round < rounds; round++) {
    const pid_t child = fork();
    if (child == 0) run_child(path, settings, record, upkeep);
    // The moment is that of a number of acknowledged operations and a little more.
    const long until = applied + 1 + (long)(next_random(&seed) % 800);
    while (atomic_load(&record->acknowledged) < until) {
      int ended = 0;
      if (waitpid(child, &ended, WNOHANG) == child)
        check_fail(__FILE__, __LINE__, "the child died");
      sched_yield();
    }
    CHECK_INT(0, kill(child, SIGKILL));
    int result = 0;
    CHECK(waitpid(child, &result, 0) == child && WIFSIGNALED(result));

    EXPECT(LSM_OK, lsm_verify(path, NULL, NULL, &err));
    const long acknowledged = atomic_load(&record->acknowledged);
    for (; applied < acknowledged; applied++) apply(applied, NULL, &m);
    lsm_db* db = open_db(path, settings);
    if (!same_as_model(db, &m)) {
      // The one in flight is there as well, whole.
      apply(applied++, NULL, &m);
      atomic_store(&record->acknowledged, applied);
    }
    check_equals_model(db, NULL, &m);
    if (round % 2 == 0) close_db(db);
    if (round % 2 == 1) {
      // A second time the same.
      close_db(db);
      db = open_db(path, settings);
      check_equals_model(db, NULL, &m);
      close_db(db);
    }
  }
  CHECK_INT(0, munmap(record, sizeof *record));
  model_free(&m);
}

static void acknowledged_writes_survive_kill_9(void) { kill_and_compare(NULL, 0); }

static void also_with_flushes_compactions_and_reopens(void) { kill_and_compare(TINY, 1); }

static void forget(void) {
  is_forgetful = 1;
  kill_and_compare(NULL, 0);
}

static void an_operation_that_was_not_done_is_missed(void) { check_notices(forget); }

static void a_clean_close_and_reopen_keeps_everything(void) {
  model m = {NULL, 0, 0};
  for (int round = 0; round < 5; round++) {
    lsm_db* db = open_db(scratch("db"), round % 2 ? TINY : NULL);
    check_equals_model(db, NULL, &m);
    for (long i = 0; i < 1000; i++) apply(round * 1000 + i, db, &m);
    close_db(db);
    EXPECT(LSM_OK, lsm_verify(scratch("db"), NULL, NULL, &err));
  }
  model_free(&m);
}

static long long disk_space;

static int add_disk_space(const char* path, const struct stat* info, int kind, struct FTW* at) {
  (void)path, (void)kind, (void)at;
  disk_space += info->st_blocks * 512LL;
  return 0;
}

// The log is allocated ahead, for speed; a closed database is no larger than what is in it.
static void a_clean_close_gives_disk_space_back(void) {
  for (int flushes = 0; flushes < 4; flushes++) {
    lsm_db* db = open_db(scratch("db"), NULL);
    for (int i = 0; i < flushes; i++) {
      put(db, "apple", "red");
      EXPECT(LSM_OK, lsm_flush(db, &err));
    }
    put(db, "lemon", "yellow");
    close_db(db);
    disk_space = 0;
    CHECK(nftw(scratch("db"), add_disk_space, 16, FTW_PHYS) == 0);
    CHECK(disk_space > 0 && disk_space < 500000);
    db = open_db(scratch("db"), NULL);
    if (flushes > 0) CHECK_GET(db, NULL, "apple", "red");
    CHECK_GET(db, NULL, "lemon", "yellow");
    close_db(db);
  }
}

CHECK_MAIN(T(an_operation_that_was_not_done_is_missed), T(acknowledged_writes_survive_kill_9),
           T(also_with_flushes_compactions_and_reopens),
           T(a_clean_close_and_reopen_keeps_everything), T(a_clean_close_gives_disk_space_back))
