// Opening, closing, locking, read-only databases, and every way in which a directory is not one.

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "tests/capi/model.h"

static void expect_open(lsm_status want, const char* path, const char* settings) {
  lsm_db* db = (lsm_db*)(void*)&check_poison;
  EXPECT(want, open_status(path, settings, &db));
  if (want == LSM_OK) {
    close_db(db);
  } else {
    CHECK(db == NULL);
  }
}

static void touch(const char* path, const char* text) {
  FILE* file = fopen(path, "w");
  CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void creates_the_directory_but_not_its_parents(void) {
  char below[800];
  snprintf(below, sizeof below, "%s/db", scratch("parent"));
  expect_open(LSM_IO_ERROR, below, NULL);
  CHECK_INT(ENOENT, last.errnum);
  CHECK(!exists(scratch("parent")));
  CHECK_INT(0, mkdir(scratch("parent"), 0700));
  expect_open(LSM_OK, below, NULL);
  expect_open(LSM_OK, below, "create_if_missing=false");
}

static void nothing_there_is_enoent_and_creates_nothing(void) {
  expect_open(LSM_IO_ERROR, scratch("db"), "create_if_missing=false");
  CHECK_INT(ENOENT, last.errnum);
  expect_open(LSM_IO_ERROR, scratch("db"), "read_only=true");
  CHECK_INT(ENOENT, last.errnum);
  CHECK(!exists(scratch("db")));
  // An empty directory is no database either.
  CHECK_INT(0, mkdir(scratch("db"), 0700));
  expect_open(LSM_IO_ERROR, scratch("db"), "create_if_missing=false");
  CHECK_INT(ENOENT, last.errnum);
  expect_open(LSM_IO_ERROR, scratch("db"), "read_only=true");
  CHECK_INT(ENOENT, last.errnum);
  CHECK_INT(0, rmdir(scratch("db")));
}

static void error_if_exists(void) {
  expect_open(LSM_OK, scratch("db"), "error_if_exists=true");
  expect_open(LSM_EXISTS, scratch("db"), "error_if_exists=true");
  expect_open(LSM_OK, scratch("db"), NULL);
}

static void a_file_in_place_of_the_directory(void) {
  touch(scratch("db"), "not a database");
  expect_open(LSM_IO_ERROR, scratch("db"), NULL);
  CHECK_INT(ENOTDIR, last.errnum);
}

static void a_directory_reached_through_a_symlink(void) {
  expect_open(LSM_OK, scratch("db"), NULL);
  CHECK_INT(0, symlink(scratch("db"), scratch("link")));
  lsm_db* db = open_db(scratch("link"), NULL);
  expect_open(LSM_LOCKED, scratch("db"), NULL);
  close_db(db);
}

static void a_second_open_is_locked_by_whatever_path(void) {
  char dotted[800];
  lsm_db* db = open_db(scratch("db"), NULL);
  snprintf(dotted, sizeof dotted, "%s/./", scratch("db"));
  put(db, "a", "1");
  for (int round = 0; round < 3; round++) {
    expect_open(LSM_LOCKED, scratch("db"), NULL);
    CHECK_INT(1, last.retryable);
    expect_open(LSM_LOCKED, dotted, NULL);
    expect_open(LSM_LOCKED, scratch("db"), "read_only=true");
    // The failed open did not take the first one's lock away: another process is refused as well.
    const pid_t child = fork();
    if (child == 0) {
      lsm_db* other = NULL;
      _Exit(lsm_open(scratch("db"), NULL, &other, NULL) == LSM_LOCKED ? 0 : 1);
    }
    int result = -1;
    CHECK(waitpid(child, &result, 0) == child && result == 0);
  }
  CHECK_GET(db, NULL, "a", "1");
  close_db(db);
  expect_open(LSM_OK, scratch("db"), NULL);
}

static void readers_share_and_exclude_a_writer(void) {
  lsm_db* db = open_db(scratch("db"), NULL);
  put(db, "a", "1");
  close_db(db);
  lsm_db* one = open_db(scratch("db"), "read_only=true");
  lsm_db* two = open_db(scratch("db"), "read_only=true");
  expect_open(LSM_LOCKED, scratch("db"), NULL);
  CHECK_GET(one, NULL, "a", "1");
  close_db(one);
  expect_open(LSM_LOCKED, scratch("db"), NULL);
  CHECK_GET(two, NULL, "a", "1");
  close_db(two);
  expect_open(LSM_OK, scratch("db"), NULL);
}

static uint64_t tree_sum;

static int stat_sum(const char* path, const struct stat* info, int kind, struct FTW* at) {
  (void)kind, (void)at;
  for (const char* c = path; *c != '\0'; c++) tree_sum = tree_sum * 31 + (unsigned char)*c;
  tree_sum = tree_sum * 31 + (uint64_t)info->st_size;
  tree_sum = tree_sum * 31 + (uint64_t)info->st_mtim.tv_sec;
  tree_sum = tree_sum * 31 + (uint64_t)info->st_mtim.tv_nsec;
  tree_sum = tree_sum * 31 + (uint64_t)info->st_ino;
  return 0;
}

// Names, sizes, times and inodes of all below `path` in one number. nftw goes in directory order,
// which does not change while nothing does.
static uint64_t sum_of_tree(const char* path) {
  tree_sum = 0;
  CHECK_INT(0, nftw(path, stat_sum, 16, FTW_PHYS));
  return tree_sum;
}

// Leaves a database behind whose log must be replayed: a child writes and dies.
static void make_crashed_database(const char* path, int rows) {
  const pid_t child = fork();
  if (child == 0) {
    lsm_db* db = open_db(path, TINY);
    char key[50];
    for (int i = 0; i < rows; i++) {
      snprintf(key, sizeof key, "key %05d", i);
      put(db, key, key);
    }
    kill(getpid(), SIGKILL);
  }
  int result = 0;
  CHECK(waitpid(child, &result, 0) == child && WIFSIGNALED(result));
}

static void read_only_replays_in_memory_and_changes_no_file(void) {
  make_crashed_database(scratch("db"), 1000);
  const uint64_t before = sum_of_tree(scratch("db"));
  CHECK_INT(0, chmod(scratch("db"), 0500));
  lsm_db* db = open_db(scratch("db"), "read_only=true");
  for (int i = 0; i < 1000; i++) {
    char key[50];
    snprintf(key, sizeof key, "key %05d", i);
    CHECK_GET(db, NULL, key, key);
  }
  lsm_batch* batch = lsm_batch_create();
  EXPECT(LSM_OK, lsm_batch_put(batch, B("a"), B("b"), &err));
  EXPECT(LSM_READ_ONLY, lsm_put(db, B("a"), B("b"), 0, &err));
  EXPECT(LSM_READ_ONLY, lsm_delete(db, B("a"), LSM_SYNC, &err));
  EXPECT(LSM_READ_ONLY, lsm_delete_range(db, NONE, NONE, 0, &err));
  EXPECT(LSM_READ_ONLY, lsm_write(db, batch, 0, &err));
  EXPECT(LSM_READ_ONLY, lsm_flush(db, &err));
  EXPECT(LSM_READ_ONLY, lsm_compact_range(db, NONE, NONE, NULL, NULL, &err));
  EXPECT(LSM_OK, lsm_wait_idle(db, &err));
  lsm_batch_destroy(batch);
  CHECK_GET(db, NULL, "a", NULL);
  close_db(db);
  CHECK_INT(0, chmod(scratch("db"), 0700));
  CHECK(before == sum_of_tree(scratch("db")));
}

static void* open_and_close(void* path) {
  for (int i = 0; i < 20; i++) {
    lsm_db* db = NULL;
    const lsm_status status = lsm_open(path, NULL, &db, NULL);
    CHECK(status == LSM_OK || status == LSM_LOCKED);
    CHECK((db != NULL) == (status == LSM_OK));
    if (db == NULL) continue;
    CHECK_INT(LSM_OK, lsm_put(db, B("a"), B("1"), 0, NULL));
    CHECK_INT(LSM_OK, lsm_close(db, NULL));
  }
  return NULL;
}

static void racing_opens_find_one_winner(void) {
  char path[700];
  pthread_t threads[4];
  snprintf(path, sizeof path, "%s", scratch("db"));
  for (int i = 0; i < 4; i++) CHECK_INT(0, pthread_create(&threads[i], NULL, open_and_close, path));
  for (int i = 0; i < 4; i++) CHECK_INT(0, pthread_join(threads[i], NULL));
  lsm_db* db = open_db(path, NULL);
  CHECK_GET(db, NULL, "a", "1");
  close_db(db);
}

static void every_option_may_differ_at_the_next_open(void) {
  static const char* const kSettings[] = {
      "compression=none,block_size=64,write_buffer_size=4KiB",
      "compression=zstd:3,compaction_style=tiered,filter_bits_per_key=0",
      "compaction_style=leveled,memory_budget=1MiB,max_open_tables=16",
      "block_cache_size=0,background_threads=1,wal_sync_interval=1ms",
      "mmap_reads=false",
      NULL};
  model m = {NULL, 0, 0};
  for (int round = 0; round < 6; round++) {
    lsm_db* db = open_db(scratch("db"), kSettings[round]);
    check_equals_model(db, NULL, &m);
    for (int i = 0; i < 500; i++) {
      char key[50], value[50];
      snprintf(key, sizeof key, "key %d", i * (round + 1) % 700);
      snprintf(value, sizeof value, "round %d, row %d", round, i);
      put(db, key, value);
      model_put(&m, B(key), B(value));
    }
    close_db(db);
  }
  lsm_db* db = open_db(scratch("db"), NULL);
  check_equals_model(db, NULL, &m);
  close_db(db);
  model_free(&m);
}

static void misuse_is_an_error(void) {
  lsm_db* db = NULL;
  EXPECT(LSM_INVALID_ARGUMENT, lsm_open(NULL, NULL, &db, &err));
  CHECK(db == NULL);
  EXPECT(LSM_INVALID_ARGUMENT, lsm_open(scratch("db"), NULL, NULL, &err));
  CHECK(!exists(scratch("db")));
  EXPECT(LSM_IO_ERROR, lsm_open("", NULL, &db, &err));
  CHECK_INT(ENOENT, last.errnum);
  EXPECT(LSM_OK, lsm_close(NULL, &err));
}

CHECK_MAIN(T(creates_the_directory_but_not_its_parents),
           T(nothing_there_is_enoent_and_creates_nothing), T(error_if_exists),
           T(a_file_in_place_of_the_directory), T(a_directory_reached_through_a_symlink),
           T(a_second_open_is_locked_by_whatever_path), T(readers_share_and_exclude_a_writer),
           T(read_only_replays_in_memory_and_changes_no_file), T(racing_opens_find_one_winner),
           T(every_option_may_differ_at_the_next_open), T(misuse_is_an_error))
