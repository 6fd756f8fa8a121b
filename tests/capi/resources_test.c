// Disks of every small size that fill and get room again, and processes that may open few files.

#include <errno.h>
#include <sys/resource.h>

#include "tests/capi/faulty_libc.h"
#include "tests/capi/model.h"

// The sanitizers take several times as long, and open a pipe for each object that they look into.
#ifdef __SANITIZE_ADDRESS__
enum { kStep = 7, kNeedsDescriptors = 1 };
#else
enum { kStep = 1, kNeedsDescriptors = 0 };
#endif

static char filler[300];

// For the canary: one in ten rows is taken for written.
static int is_forgetful;

// Writes rows until one is refused or there are `limit`. Those that were not refused are in the
// model.
static lsm_status fill(lsm_db* db, model* m, int round, int limit) {
  lsm_status status = LSM_OK;
  for (int i = 0; i < limit && status == LSM_OK; i++) {
    char key[20];
    snprintf(key, sizeof key, "%d %03d", round, i % 150);
    filler[0] = (char)('a' + i % 26);
    if (!is_forgetful || i % 10 != 3) {
      err = (lsm_error*)(void*)&check_poison;
      status = lsm_put(db, B(key), filler, sizeof filler, i % 50 == 0 ? LSM_SYNC : 0, &err);
      check_status(__FILE__, __LINE__, "a put", status, status);
    }
    if (status == LSM_OK) model_put(m, B(key), filler, sizeof filler);
  }
  return status;
}

// ---- Full disks ---------------------------------------------------------------------------------

// The disk has `size` bytes, is filled, gets room, and is filled again, without being reopened.
static void live_on_a_disk_of(long size) {
  const char* const path = scratch("db");
  model m = {NULL, 0, 0};
  lsm_db* db = NULL;
  limit_disk(path, size);
  lsm_status status = open_status(path, TINY, &db);
  check_status(__FILE__, __LINE__, "the open", status == LSM_OK ? LSM_OK : LSM_NO_SPACE, status);
  if (status != LSM_OK) {
    CHECK_INT(1, last.retryable);
    limit_disk(path, -1);
    db = open_db(path, TINY);
  }
  for (int round = 0; round < 2; round++) {
    limit_disk(path, size + round * 40000);
    status = fill(db, &m, round, 1500);
    if (status != LSM_OK) {
      CHECK_INT(LSM_NO_SPACE, status);
      CHECK_INT(1, last.retryable);
      CHECK_INT(ENOSPC, last.errnum);
    }
    check_equals_model(db, NULL, &m);
  }
  limit_disk(path, -1);
  CHECK_INT(LSM_OK, fill(db, &m, 2, 50));
  EXPECT(LSM_OK, lsm_flush(db, &err));
  EXPECT(LSM_OK, lsm_compact_range(db, NONE, NONE, NULL, NULL, &err));
  check_equals_model(db, NULL, &m);
  close_db(db);
  EXPECT(LSM_OK, lsm_verify(path, NULL, NULL, &err));
  db = open_db(path, TINY);
  check_equals_model(db, NULL, &m);
  close_db(db);
  EXPECT(LSM_OK, lsm_destroy(path, &err));
  model_free(&m);
}

static void forget(void) {
  is_forgetful = 1;
  live_on_a_disk_of(1600 * 1024);
}

static void a_row_that_was_not_written_is_missed(void) { check_notices(forget); }

static void disks_of_every_small_size_fill_and_recover(void) {
  // From less than an empty database needs to more than all rows do.
  for (long size = 0; size < 1600 * 1024; size += kStep * 8 * 1024) live_on_a_disk_of(size);
}

// ---- Few descriptors ----------------------------------------------------------------------------

static void allow_files(rlim_t files) {
  struct rlimit limit;
  CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = files;
  CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

// What fails says that there are too many open files, and what succeeds is right.
static void live_with(rlim_t files, rlim_t usual) {
  const char* const path = scratch("db");
  model m = {NULL, 0, 0};
  lsm_db* db = open_db(path, TINY ",mmap_reads=false");
  CHECK_INT(LSM_OK, fill(db, &m, 0, 400));
  EXPECT(LSM_OK, lsm_flush(db, &err));
  close_db(db);
  allow_files(files);
  lsm_status status = open_status(path, TINY ",mmap_reads=false", &db);
  check_status(__FILE__, __LINE__, "the open", status, status);
  if (status == LSM_OK) {
    status = fill(db, &m, 1, 300);
    if (status != LSM_OK) CHECK_INT(EMFILE, last.errnum);
    for (size_t i = 0; i < m.count; i++) {
      lsm_value value;
      err = (lsm_error*)(void*)&check_poison;
      status = lsm_get(db, NULL, m.rows[i].key, m.rows[i].key_size, &value, &err);
      check_status(__FILE__, __LINE__, "a get", status, status);
      if (status != LSM_OK) {
        CHECK_INT(EMFILE, last.errnum);
        continue;
      }
      CHECK_BYTES(m.rows[i].value, m.rows[i].value_size, value.data, value.size);
      lsm_value_release(&value);
    }
  } else {
    CHECK_INT(EMFILE, last.errnum);
    CHECK(db == NULL);
  }
  allow_files(usual);
  if (db == NULL) db = open_db(path, TINY);
  CHECK_INT(LSM_OK, fill(db, &m, 2, 300));
  EXPECT(LSM_OK, lsm_flush(db, &err));
  check_equals_model(db, NULL, &m);
  close_db(db);
  EXPECT(LSM_OK, lsm_verify(path, NULL, NULL, &err));
  EXPECT(LSM_OK, lsm_destroy(path, &err));
  model_free(&m);
}

static void few_descriptors_are_an_error_until_there_are_more(void) {
  struct rlimit usual;
  CHECK(getrlimit(RLIMIT_NOFILE, &usual) == 0);
  for (rlim_t files = 3; files < 40; files++) live_with(files, usual.rlim_cur);
}

int main(void) {
  static const check_test kTests[] = {T(a_row_that_was_not_written_is_missed),
                                      T(disks_of_every_small_size_fill_and_recover),
                                      T(few_descriptors_are_an_error_until_there_are_more)};
  memset(filler, 'f', sizeof filler);
  if (exists("/dev/shm")) setenv("TEST_TMPDIR", "/dev/shm", 1);
  skip_syncs();
  return check_run(kTests, sizeof kTests / sizeof kTests[0] - kNeedsDescriptors);
}
