// Historic bugs of other engines, rebuilt: what failing syncs, full disks, clocks, damage and many
// threads at once did to them. Each case names where it was seen.

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tests/capi/faulty_libc.h"
#include "tests/capi/historic.h"

enum { THREADS = 4 };

typedef struct {
  lsm_db* db;
  int number;
  long acknowledged;
  lsm_status last;
} worker;

static void thread_key(char* key, int thread, long i) { snprintf(key, 30, "%d %06ld", thread, i); }

static void run_threads(worker* workers, int count, void* (*run)(void*)) {
  pthread_t threads[2 * THREADS];
  for (int i = 0; i < count; i++) {
    CHECK_INT(0, pthread_create(&threads[i], NULL, run, &workers[i]));
  }
  for (int i = 0; i < count; i++) CHECK_INT(0, pthread_join(threads[i], NULL));
}

static void* put_until_refused(void* argument) {
  worker* w = argument;
  char key[30];
  for (w->last = LSM_OK; w->acknowledged < 2000; w->acknowledged++) {
    thread_key(key, w->number, w->acknowledged);
    w->last = lsm_put(w->db, B(key), B("1"), LSM_SYNC, NULL);
    if (w->last != LSM_OK) break;
  }
  return NULL;
}

// RocksDB issue 3096: of writers that committed as a group only the first was told that the log
// could not be written. RocksDB issue 11447, fjall issue 308: what was written after that was
// acknowledged, and lost.
static void every_writer_of_a_group_is_told_of_a_failed_sync(void) {
  for (int round = 0; round < 6; round++) {
    worker workers[THREADS];
    lsm_db* db = open_db(scratch("db"), round % 2 ? TINY : NULL);
    for (int i = 0; i < THREADS; i++) workers[i] = (worker){db, i, 0, LSM_OK};
    fail_call(CALL_SYNC, 20 + round * 7, round % 3 == 0, EIO);
    run_threads(workers, THREADS, put_until_refused);
    fail_no_call();
    // A single failure may hit a file in the making, which is made anew; one of the log hits all.
    const int is_refused = workers[0].last != LSM_OK;
    CHECK(is_refused || round % 3 != 0);
    for (int i = 0; i < THREADS; i++) {
      CHECK(is_refused ? workers[i].last == LSM_IO_ERROR || workers[i].last == LSM_READ_ONLY
                       : workers[i].last == LSM_OK);
    }
    if (is_refused) {
      // The sync worked again meanwhile; that proves nothing.
      CHECK(lsm_put(db, B("later"), B("1"), LSM_SYNC, NULL) != LSM_OK);
      CHECK(lsm_put(db, B("later"), B("1"), 0, NULL) != LSM_OK);
      CHECK(lsm_flush(db, NULL) != LSM_OK);
    }
    for (int reopened = 0; reopened < 2; reopened++) {
      for (int i = 0; i < THREADS; i++) {
        for (long k = 0; k < workers[i].acknowledged; k++) {
          char key[30];
          thread_key(key, i, k);
          CHECK_GET(db, NULL, key, "1");
        }
      }
      CHECK_GET(db, NULL, "later", NULL);
      (void)lsm_close(db, NULL);
      if (reopened == 0) db = open_db(scratch("db"), NULL);
    }
    EXPECT(LSM_OK, lsm_verify(scratch("db"), NULL, NULL, &err));
    EXPECT(LSM_OK, lsm_destroy(scratch("db"), &err));
  }
}

// RocksDB issue 6288: a log that could not be read for a moment was taken to end there, and the
// rest was cut. LevelDB issue 1285: so did a read that came back short.
static void a_log_that_cannot_be_read_is_not_at_its_end(void) {
  model m = {NULL, 0, 0};
  char key[30];
  lsm_db* db = open_db(scratch("db"), NULL);
  for (int i = 0; i < 500; i++) {
    thread_key(key, 0, i);
    put_both(db, &m, key, "1");
  }
  close_db(db);
  int failed = 0;
  for (int k = 0; k < 40; k++) {
    fail_call(CALL_READ, k, 0, k % 2 ? EIO : SHORT_TRANSFER);
    const lsm_status status = open_status(scratch("db"), NULL, &db);
    fail_no_call();
    if (status == LSM_OK) {
      check_equals_model(db, NULL, &m);
      close_db(db);
      continue;
    }
    CHECK_INT(LSM_IO_ERROR, status);
    CHECK_INT(EIO, lsm_error_errno(err));
    lsm_error_free(err);
    err = NULL;
    failed++;
  }
  CHECK(failed > 0);
  check_database(scratch("db"), NULL, &m);
  model_free(&m);
}

// RocksDB issues 919 and 9762: after a disk had been full once, the engine stayed in that state.
// Here a compaction fills it.
static void a_compaction_that_fills_the_disk(void) {
  model m = {NULL, 0, 0};
  char key[30], value[500];
  struct stat info;
  long used = 0;
  memset(value, 'v', sizeof value - 1);
  value[sizeof value - 1] = '\0';
  lsm_db* db = open_db(scratch("db"), "compression=none,write_buffer_size=64KiB,table_size=16KiB");
  for (int i = 0; i < 2000; i++) {
    thread_key(key, 0, i * 7 % 1000);
    put_both(db, &m, key, value);
  }
  flush_db(db);
  EXPECT(LSM_OK, lsm_wait_idle(db, &err));
  for (int i = 0; i < 1000; i += 2) {
    thread_key(key, 0, i);
    put_both(db, &m, key, "overwritten");
  }
  flush_db(db);
  EXPECT(LSM_OK, lsm_wait_idle(db, &err));
  DIR* entries = opendir(scratch("db"));
  for (struct dirent* e = readdir(entries); e != NULL; e = readdir(entries)) {
    char path[1100];
    snprintf(path, sizeof path, "%s/%s", scratch("db"), e->d_name);
    if (e->d_name[0] != '.' && stat(path, &info) == 0) used += info.st_blocks * 512;
  }
  closedir(entries);
  for (int round = 0; round < 4; round++) {
    limit_disk(scratch("db"), used + 20000L * (round + 1));
    put_both(db, &m, "some work", round % 2 ? "odd" : "even");
    const lsm_status status = lsm_compact_range(db, NONE, NONE, NULL, NULL, NULL);
    CHECK(status == LSM_NO_SPACE || status == LSM_OK);
    check_equals_model(db, NULL, &m);
    limit_disk(scratch("db"), -1);
    put_both(db, &m, "room", "again");
    flush_db(db);
  }
  compact(db, NULL, NULL);
  check_equals_model(db, NULL, &m);
  close_db(db);
  EXPECT(LSM_OK, lsm_verify(scratch("db"), NULL, NULL, &err));
  check_database(scratch("db"), NULL, &m);
  model_free(&m);
}

// LevelDB issue 498: a compaction that could not succeed was begun again without end, and the disk
// filled. RocksDB issue 607: writers waited for it for ever.
static void a_compaction_that_can_never_succeed(void) {
  model m = {NULL, 0, 0};
  char key[30];
  size_t size = 0;
  lsm_db* db = open_db(scratch("db"), TINY);
  put(db, "A DAMAGED ROW", "1");
  compact(db, NULL, NULL);
  close_db(db);
  const char* table = path_of_last(scratch("db"), "", ".sst");
  char* bytes = read_file(table, &size);
  char* at = memmem(bytes, size, "A DAMAGED ROW", 13);
  CHECK(at != NULL);
  at[3] = 'd';
  write_file(table, bytes, size);
  free(bytes);
  db = open_db(scratch("db"), TINY ",mmap_reads=false");
  for (int i = 0; i < 3000; i++) {
    thread_key(key, 0, i * 7919 % 1000);
    put_both(db, &m, key, "a value of some length");
  }
  EXPECT(LSM_CORRUPTION, lsm_compact_range(db, NONE, NONE, NULL, NULL, &err));
  CHECK_CONTAINS(".sst", last.file);
  const int files = count_files(scratch("db"), "", ".sst");
  for (int i = 0; i < 5; i++) {
    EXPECT(LSM_CORRUPTION, lsm_compact_range(db, NONE, NONE, NULL, NULL, &err));
  }
  CHECK(count_files(scratch("db"), "", ".sst") <= files + 20);
  for (size_t i = 0; i < m.count; i++) CHECK_GET(db, NULL, m.rows[i].key, m.rows[i].value);
  (void)lsm_close(db, NULL);
  model_free(&m);
}

// ---- Threads ------------------------------------------------------------------------------------

static void* do_upkeep(void* argument) {
  worker* w = argument;
  char key[30];
  for (long i = 0; i < 40; i++) {
    switch (w->number % 4) {
      case 0:
        w->last |= lsm_flush(w->db, NULL);
        break;
      case 1:
        w->last |= lsm_compact_range(w->db, "0", 1, "3", 1, NULL, NULL, NULL);
        break;
      case 2:
        w->last |= lsm_compact_range(w->db, NONE, NONE, NULL, NULL, NULL);
        break;
      default:
        w->last |= lsm_wait_idle(w->db, NULL);
    }
    for (long k = 0; k < 20; k++) {
      thread_key(key, w->number, (i * 20 + k) % 100);
      w->last |= lsm_put(w->db, B(key), B("a value of some length"), 0, NULL);
    }
  }
  return NULL;
}

// RocksDB issue 6432: compactions by hand at the same time put overlapping tables into one level.
// RocksDB issues 13280 and 14719: flushes and compactions by hand waited for each other for ever.
static void upkeep_from_many_threads(void) {
  for (int style = 0; style < STYLES; style++) {
    worker workers[2 * THREADS];
    lsm_db* db = open_db(style_path(style), kStyles[style]);
    flush_db(db);  // of nothing, twice
    flush_db(db);
    for (int i = 0; i < 2 * THREADS; i++) workers[i] = (worker){db, i, 0, LSM_OK};
    run_threads(workers, 2 * THREADS, do_upkeep);
    for (int i = 0; i < 2 * THREADS; i++) CHECK_INT(LSM_OK, workers[i].last);
    CHECK_INT(2 * THREADS * 100, count_rows(db));
    close_db(db);
    EXPECT(LSM_OK, lsm_verify(style_path(style), NULL, NULL, &err));
  }
}

static atomic_int stop;

static void* overwrite_and_compact(void* argument) {
  worker* w = argument;
  for (long i = 0; !atomic_load(&stop); i++) {
    char value[30], key[30];
    snprintf(value, sizeof value, "%ld", i);
    for (long k = 0; k < 50; k++) {
      thread_key(key, 0, k);
      w->last |= lsm_put(w->db, B(key), B(value), 0, NULL);
    }
    if (i % 3 == 0) w->last |= lsm_delete_range(w->db, "0 000010", 8, "0 000040", 8, 0, NULL);
    w->last |= lsm_compact_range(w->db, NONE, NONE, NULL, NULL, NULL);
  }
  return NULL;
}

// RocksDB pull requests 4858 and 8608: a snapshot released while a compaction ran let it drop what
// another snapshot still read. fjall issue 198: what a snapshot read changed under a compaction.
static void snapshots_come_and_go_under_compactions(void) {
  enum { SNAPSHOTS = 6 };
  lsm_snapshot* snapshots[SNAPSHOTS] = {NULL};
  char* pictures[SNAPSHOTS] = {NULL};
  pthread_t thread;
  lsm_db* db = open_db(scratch("db"), TINY);
  worker w = {db, 0, 0, LSM_OK};
  atomic_store(&stop, 0);
  CHECK_INT(0, pthread_create(&thread, NULL, overwrite_and_compact, &w));
  for (int i = 0; i < 300; i++) {
    const int slot = i * 5 % SNAPSHOTS;
    lsm_snapshot_release(snapshots[slot]);
    free(pictures[slot]);
    snapshots[slot] = snapshot_of(db);
    pictures[slot] = NULL;
    for (int s = 0; s < SNAPSHOTS; s++) {
      if (snapshots[s] == NULL) continue;
      lsm_rows* rows = NULL;
      size_t count = 0, at = 0;
      EXPECT(LSM_OK, lsm_scan(db, snapshots[s], NONE, NONE, 0, &rows, &err));
      const lsm_row* data = lsm_rows_data(rows, &count);
      char* picture = calloc(1, 60 * (count + 1));
      for (size_t r = 0; r < count; r++) {
        at += (size_t)snprintf(picture + at, 60, "%.*s=%.*s ", (int)data[r].key_size,
                               (const char*)data[r].key, (int)data[r].value_size,
                               (const char*)data[r].value);
      }
      lsm_rows_free(rows);
      if (pictures[s] != NULL) CHECK_STR(pictures[s], picture);
      free(pictures[s]);
      pictures[s] = picture;
    }
  }
  atomic_store(&stop, 1);
  CHECK_INT(0, pthread_join(thread, NULL));
  CHECK_INT(LSM_OK, w.last);
  for (int s = 0; s < SNAPSHOTS; s++) {
    lsm_snapshot_release(snapshots[s]);
    free(pictures[s]);
  }
  close_db(db);
}

CHECK_MAIN(T(every_writer_of_a_group_is_told_of_a_failed_sync),
           T(a_log_that_cannot_be_read_is_not_at_its_end), T(a_compaction_that_fills_the_disk),
           T(a_compaction_that_can_never_succeed), T(upkeep_from_many_threads),
           T(snapshots_come_and_go_under_compactions))
