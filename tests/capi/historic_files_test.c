// Historic bugs of other engines, rebuilt: databases that could not be opened, opened wrong, or
// lost what was sound, with files damaged, missing, left over, copied or put there by others. Each
// case names where it was seen.

#include <pthread.h>
#include <stdatomic.h>

#include "tests/capi/historic.h"

static const char* key_of(long number) {
  static char keys[4][30];
  static unsigned next;
  char* key = keys[next++ % 4];
  snprintf(key, sizeof keys[0], "%06ld", number);
  return key;
}

// A closed database with tables and a log, and what it holds.
static model make_database(const char* path, const char* settings) {
  model m = {NULL, 0, 0};
  lsm_db* db = open_db(path, settings);
  for (long i = 0; i < 300; i++) put_both(db, &m, key_of(i), "in a table");
  compact(db, NULL, NULL);
  for (long i = 0; i < 20; i++) put_both(db, &m, key_of(i * 17), "in the log");
  close_db(db);
  return m;
}

// Opening, reading and verifying say so and name a file, twice over, and change nothing.
static void expect_corrupt(const char* path, const char* part_of_name) {
  lsm_db* db = NULL;
  const int files = count_files(path, "", "");
  for (int round = 0; round < 2; round++) {
    EXPECT(LSM_CORRUPTION, open_status(path, TINY, &db));
    CHECK_CONTAINS(part_of_name, last.file);
    EXPECT(LSM_CORRUPTION, open_status(path, "read_only=true", &db));
    EXPECT(LSM_CORRUPTION, lsm_verify(path, NULL, NULL, &err));
    CHECK(db == NULL);
    CHECK_INT(files, count_files(path, "", ""));
  }
}

static const char* in(const char* directory, const char* name) {
  static char paths[4][1100];
  static unsigned next;
  char* path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", directory, name);
  return path;
}

// LevelDB issues 74 and 75, RocksDB issue 8682: CURRENT was empty, zeros, or had no newline after
// a power failure. LevelDB issue 779: it held its line twice.
static void a_damaged_current(void) {
  model m = make_database(scratch("db"), TINY);
  const char* current = in(scratch("db"), "CURRENT");
  size_t size = 0;
  char* bytes = read_file(current, &size);
  char* other = calloc(1, 2 * size + 20);
  write_file(current, "", 0);
  expect_corrupt(scratch("db"), "CURRENT");
  write_file(current, other, 16);
  expect_corrupt(scratch("db"), "CURRENT");
  write_file(current, bytes, size - 1);
  expect_corrupt(scratch("db"), "CURRENT");
  memcpy(other, bytes, size);
  memcpy(other + size, bytes, size);
  write_file(current, other, 2 * size);
  expect_corrupt(scratch("db"), "CURRENT");
  write_file(current, other, size + 1);
  expect_corrupt(scratch("db"), "CURRENT");
  write_file(current, "MANIFEST-000001\n", 16);  // as LevelDB writes it
  expect_corrupt(scratch("db"), "CURRENT");
  write_file(current, bytes, size);
  check_database(scratch("db"), TINY, &m);
  free(other);
  free(bytes);
  model_free(&m);
}

// goleveldb issue 53: CURRENT was lost, and what made a new one lost keys.
static void a_missing_current_is_no_new_database(void) {
  model m = make_database(scratch("db"), TINY);
  CHECK_INT(0, rename(in(scratch("db"), "CURRENT"), scratch("saved")));
  expect_corrupt(scratch("db"), "CURRENT");
  CHECK(!exists(in(scratch("db"), "CURRENT")));
  CHECK_INT(0, rename(scratch("saved"), in(scratch("db"), "CURRENT")));
  check_database(scratch("db"), TINY, &m);
  model_free(&m);
}

// RocksDB issue 1554: CURRENT named a manifest that was not there.
static void current_names_a_manifest_that_is_gone(void) {
  model m = make_database(scratch("db"), TINY);
  size_t size = 0, new_size = 0;
  char* bytes = read_file(in(scratch("db"), "CURRENT"), &size);
  check_database(scratch("db"), TINY, &m);  // begins a new manifest
  char* new_bytes = read_file(in(scratch("db"), "CURRENT"), &new_size);
  write_file(in(scratch("db"), "CURRENT"), bytes, size);
  expect_corrupt(scratch("db"), "MANIFEST-");
  write_file(in(scratch("db"), "CURRENT"), new_bytes, new_size);
  check_database(scratch("db"), TINY, &m);
  free(bytes);
  free(new_bytes);
  model_free(&m);
}

// LevelDB issue 160: a manifest that was cut made the database unreadable. Cut below what was
// durable it must be refused, with its name; whole again it must open.
static void a_manifest_that_was_cut(void) {
  model m = make_database(scratch("db"), TINY);
  const char* manifest = path_of_last(scratch("db"), "MANIFEST-", "");
  size_t size = 0;
  char* bytes = read_file(manifest, &size);
  for (size_t cut = size - 1; cut > 0; cut = cut / 2) {
    write_file(manifest, bytes, cut);
    expect_corrupt(scratch("db"), "MANIFEST-");
  }
  write_file(manifest, "", 0);
  expect_corrupt(scratch("db"), "MANIFEST-");
  write_file(manifest, bytes, size);
  check_database(scratch("db"), TINY, &m);
  free(bytes);
  model_free(&m);
}

// LevelDB issue 498, RocksDB issue 782: a table that the manifest names was gone, and compactions
// failed and began again for ever. LevelDB issue 333: it was there, but empty.
static void a_table_that_is_missing_or_empty(void) {
  model m = make_database(scratch("db"), TINY);
  const char* table = path_of_last(scratch("db"), "", ".sst");
  size_t size = 0;
  char* bytes = read_file(table, &size);
  CHECK_INT(0, remove(table));
  expect_corrupt(scratch("db"), ".sst");
  write_file(table, "", 0);
  expect_corrupt(scratch("db"), ".sst");
  write_file(table, bytes, size - 1);
  expect_corrupt(scratch("db"), ".sst");
  CHECK(remove(table) == 0 && mkdir(table, 0700) == 0);
  expect_corrupt(scratch("db"), ".sst");
  CHECK_CONTAINS("expected a regular file", last.message);
  CHECK(rmdir(table) == 0 && symlink("/dev/zero", table) == 0);
  expect_corrupt(scratch("db"), ".sst");
  CHECK_CONTAINS("expected a regular file", last.message);
  CHECK(unlink(table) == 0 && mkfifo(table, 0700) == 0);
  expect_corrupt(scratch("db"), ".sst");
  CHECK_CONTAINS("expected a regular file", last.message);
  CHECK_INT(0, unlink(table));
  write_file(table, bytes, size);
  check_database(scratch("db"), TINY, &m);
  free(bytes);
  model_free(&m);
}

// fjall pull request 317: a journal was missing, and the one made in its place was not found again.
static void a_log_that_is_missing_or_empty(void) {
  model m = make_database(scratch("db"), TINY);
  const char* log = path_of_last(scratch("db"), "", ".log");
  size_t size = 0;
  char* bytes = read_file(log, &size);
  CHECK_INT(0, remove(log));
  expect_corrupt(scratch("db"), ".log");
  write_file(log, "", 0);
  expect_corrupt(scratch("db"), ".log");
  write_file(log, bytes, size / 2);
  expect_corrupt(scratch("db"), ".log");
  // As a power failure leaves files of some file systems: with zeros, though they were synced.
  char* zeros = calloc(1, size);
  memcpy(zeros, bytes, 64);
  write_file(log, zeros, size);
  expect_corrupt(scratch("db"), ".log");
  memset(zeros, 0, 64);
  write_file(log, zeros, size);
  expect_corrupt(scratch("db"), ".log");
  free(zeros);
  write_file(log, bytes, size);
  check_database(scratch("db"), TINY, &m);
  free(bytes);
  model_free(&m);
}

// Pebble pull request 788, RocksDB pull requests 7621 and 4099: files left over under the next
// numbers were written into, or taken for tables of the database.
static void files_left_over_under_the_next_numbers(void) {
  model m = make_database(scratch("db"), TINY);
  size_t size = 0;
  char* bytes = read_file(path_of_last(scratch("db"), "", ".sst"), &size);
  for (int round = 0; round < 3; round++) {
    CHECK(count_files(scratch("db"), "MANIFEST-", "") == 1);
    const int number = atoi(last_file + strlen("MANIFEST-"));
    for (int i = 1; i < 40; i++) {
      char name[40];
      snprintf(name, sizeof name, i % 4 == 0 ? "MANIFEST-%06d" : "%06d.sst", number + i);
      // Some are linked to a file that is not ours: nobody may write into it.
      if (exists(in(scratch("db"), name))) continue;
      if (i % 3 == 0) {
        write_file(scratch("precious"), bytes, size);
        CHECK_INT(0, link(scratch("precious"), in(scratch("db"), name)));
      } else {
        write_file(in(scratch("db"), name), bytes, i % 2 ? size : 100);
      }
    }
    lsm_db* db = open_db(scratch("db"), TINY);
    check_equals_model(db, NULL, &m);
    for (long i = 0; i < 300; i++) put_both(db, &m, key_of(i), "over what was left");
    compact(db, NULL, NULL);
    check_equals_model(db, NULL, &m);
    close_db(db);
    size_t precious_size = 0;
    char* precious = read_file(scratch("precious"), &precious_size);
    CHECK_BYTES(bytes, size, precious, precious_size);
    free(precious);
    CHECK_INT(0, unlink(scratch("precious")));
  }
  EXPECT(LSM_OK, lsm_verify(scratch("db"), NULL, NULL, &err));
  free(bytes);
  model_free(&m);
}

// RocksDB issue 6110, and what it would be with overflow: numbers in file names at the end of all
// numbers must neither be believed nor used up.
static void files_with_numbers_beyond_all_bounds(void) {
  static const char* const kNames[] = {
      "18446744073709551615.sst", "18446744073709551614.log", "MANIFEST-18446744073709551615",
      "9223372036854775807.sst",  "72057594037927935.log",    "99999999999999999999999.sst"};
  model m = make_database(scratch("db"), TINY);
  for (int round = 0; round < 3; round++) {
    for (size_t i = 0; i < sizeof kNames / sizeof kNames[0]; i++) {
      write_file(in(scratch("db"), kNames[i]), "left by somebody", round == 1 ? 0 : 16);
    }
    check_database(scratch("db"), "read_only=true", &m);
    lsm_db* db = open_db(scratch("db"), TINY);
    check_equals_model(db, NULL, &m);
    put_both(db, &m, key_of(round), "written beside them");
    compact(db, NULL, NULL);
    close_db(db);
    check_database(scratch("db"), TINY, &m);
  }
  model_free(&m);
}

// LevelDB issues 214 and 215, RocksDB issue 2701: destroying left tables or directories behind;
// destroying an open database took its files away under it.
static void destroying_takes_all_that_is_ours(void) {
  model m = make_database(scratch("db"), TINY);
  lsm_db* db = open_db(scratch("db"), TINY);
  EXPECT(LSM_LOCKED, lsm_destroy(scratch("db"), &err));
  check_equals_model(db, NULL, &m);
  compact(db, NULL, NULL);
  close_db(db);
  db = open_db(scratch("db"), "read_only=true");
  EXPECT(LSM_LOCKED, lsm_destroy(scratch("db"), &err));
  check_equals_model(db, NULL, &m);
  close_db(db);
  // Also one whose files are damaged or half gone.
  CHECK_INT(0, remove(in(scratch("db"), "CURRENT")));
  write_file(in(scratch("db"), "CURRENT.tmp"), "x", 1);
  write_file(in(scratch("db"), "999999.sst"), "x", 1);
  EXPECT(LSM_OK, lsm_destroy(scratch("db"), &err));
  CHECK(!exists(scratch("db")));
  EXPECT(LSM_OK, lsm_destroy(scratch("db"), &err));
  // What is not ours stays, and so does the directory that holds it.
  model_free(&m);
  m = make_database(scratch("db"), TINY);
  CHECK(mkdir(in(scratch("db"), "000001.sst.d"), 0700) == 0);
  write_file(in(scratch("db"), "notes.log"), "mine", 4);
  EXPECT(LSM_OK, lsm_destroy(scratch("db"), &err));
  CHECK_INT(2, count_files(scratch("db"), "", ""));
  model_free(&m);
}

// Files of LevelDB and RocksDB have the names of ours.
static void destroying_what_another_engine_made(void) {
  static const char* const kNames[] = {"MANIFEST-000001", "000003.log", "000005.sst"};
  CHECK_INT(0, mkdir(scratch("theirs"), 0700));
  write_file(in(scratch("theirs"), "CURRENT"), "MANIFEST-000001\n", 16);
  for (size_t i = 0; i < 3; i++) write_file(in(scratch("theirs"), kNames[i]), "theirs", 6);
  EXPECT(LSM_INVALID_ARGUMENT, lsm_destroy(scratch("theirs"), &err));
  CHECK_CONTAINS("another engine", last.message);
  CHECK_INT(4, count_files(scratch("theirs"), "", ""));
}

// ---- Copies -------------------------------------------------------------------------------------

static atomic_int stop_writing;

static void* write_in_order(void* argument) {
  lsm_db* db = argument;
  char key[30], value[200];
  for (long i = 0; !atomic_load(&stop_writing); i++) {
    snprintf(key, sizeof key, "%06ld", i);
    snprintf(value, sizeof value, "%0150ld", i);
    // `err` is the other thread's.
    if (lsm_put(db, B(key), B(value), 0, NULL) != LSM_OK) {
      check_fail(__FILE__, __LINE__, "a put failed");
    }
  }
  return NULL;
}

// Files that go while we copy are what a careless copy misses.
static void copy_carelessly(const char* from, const char* to) {
  char command[2000];
  snprintf(command, sizeof command, "cp -r '%s' '%s' 2>/dev/null", from, to);
  (void)!system(command);
}

// RocksDB issue 8682 (a checkpoint), basho/leveldb issue 15: files copied while the database was at
// work. Such a copy is refused, or it is the database as it was; it never has a hole.
static void copies_of_a_database_at_work(void) {
  pthread_t thread;
  int opened = 0;
  lsm_db* db = open_db(scratch("db"), TINY);
  atomic_store(&stop_writing, 0);
  CHECK_INT(0, pthread_create(&thread, NULL, write_in_order, db));
  for (int copy = 0; copy < 25; copy++) {
    copy_carelessly(scratch("db"), scratch("copy"));
    lsm_db* other = NULL;
    const lsm_status status = open_status(scratch("copy"), TINY, &other);
    if (status == LSM_OK) {
      lsm_rows* rows = NULL;
      size_t count = 0;
      opened++;
      EXPECT(LSM_OK, lsm_scan(other, NULL, NONE, NONE, 0, &rows, &err));
      const lsm_row* data = lsm_rows_data(rows, &count);
      for (size_t i = 0; i < count; i++) {
        char value[200];
        snprintf(value, sizeof value, "%0150zu", i);
        CHECK_BYTES(key_of((long)i), strlen(key_of((long)i)), data[i].key, data[i].key_size);
        CHECK_BYTES(value, strlen(value), data[i].value, data[i].value_size);
      }
      lsm_rows_free(rows);
      close_db(other);
    } else if (status != LSM_CORRUPTION && status != LSM_IO_ERROR) {
      check_fail(__FILE__, __LINE__, "the copy is %s", lsm_status_name(status));
    }
    lsm_error_free(err);
    err = NULL;
    char command[1000];
    snprintf(command, sizeof command, "rm -rf '%s'", scratch("copy"));
    CHECK_INT(0, system(command));
  }
  atomic_store(&stop_writing, 1);
  CHECK_INT(0, pthread_join(thread, NULL));
  // One made while nobody writes is whole.
  const size_t count = count_rows(db);
  copy_open_database(db, scratch("db"), scratch("quiet"));
  lsm_db* other = open_db(scratch("quiet"), TINY);
  CHECK_INT(count, count_rows(other));
  close_db(other);
  close_db(db);
  fprintf(stderr, "%d of 25 copies opened\n", opened);
}

// ---- Options ------------------------------------------------------------------------------------

// fjall's lsm-tree issue 300: after the compression was changed, what a compaction rewrote was
// handed out compressed. RocksDB issue 5486: blocks as large as the option allowed were corrupt.
static void other_options_under_every_compaction(void) {
  static const char* const kOptions[] = {
      "compression=zstd:19,block_size=16MiB,filter_bits_per_key=0",
      "compression=none,block_size=64,table_size=4KiB,write_buffer_size=4KiB",
      "compression=zstd:-7,block_size=1MiB,filter_bits_per_key=64,compaction_style=tiered",
      "compression=zstd,block_size=4097,mmap_reads=false,max_open_tables=16",
      "compression=none,block_size=16MiB,table_size=4GiB,compaction_style=leveled",
      "memory_budget=1MiB,block_cache_size=0,size_ratio=64,background_threads=8",
  };
  enum { COUNT = sizeof kOptions / sizeof kOptions[0] };
  model m = {NULL, 0, 0};
  for (int life = 0; life < 2 * COUNT; life++) {
    lsm_db* db = open_db(scratch("db"), kOptions[life % COUNT]);
    check_equals_model(db, NULL, &m);
    for (long i = 0; i < 1200; i++) {
      char value[400];
      snprintf(value, sizeof value, "%0300d, which shrinks well, of life %d", life, life);
      if ((i + life) % 4 == 0) put_both(db, &m, key_of(i), value);
    }
    if (life % 2 == 0) compact(db, NULL, life % 4 == 0 ? NULL : key_of(500));
    check_equals_model(db, NULL, &m);
    close_db(db);
    EXPECT(LSM_OK, lsm_verify(scratch("db"), NULL, NULL, &err));
  }
  model_free(&m);
}

// LevelDB issue 1142: corrupted compressed block contents, here looked for where a block reaches
// what the format lets a compressed block hold, 32 MiB.
static void values_around_the_limit_of_a_compressed_block(void) {
  const size_t limit = (size_t)32 << 20;
  static const int kDistances[] = {-200, -30, -1, 0, 1, 4096};
  char* value = malloc(limit + 5000);
  memset(value, 'z', limit + 5000);
  lsm_db* db = open_db(scratch("db"), NULL);
  for (int i = 0; i < 6; i++) {
    const size_t size = (size_t)((long)limit + kDistances[i]);
    EXPECT(LSM_OK, lsm_put(db, B(key_of(i)), value, size, 0, &err));
  }
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < 6; i++) {
      lsm_value got;
      EXPECT(LSM_OK, lsm_get(db, NULL, B(key_of(i)), &got, &err));
      CHECK(got.size == (size_t)((long)limit + kDistances[i]));
      CHECK(memcmp(got.data, value, got.size) == 0);
      lsm_value_release(&got);
    }
    if (round == 0) flush_db(db);
    if (round == 1) compact(db, NULL, NULL);
  }
  close_db(db);
  EXPECT(LSM_OK, lsm_verify(scratch("db"), NULL, NULL, &err));
  free(value);
}

CHECK_MAIN(T(a_damaged_current), T(a_missing_current_is_no_new_database),
           T(current_names_a_manifest_that_is_gone), T(a_manifest_that_was_cut),
           T(a_table_that_is_missing_or_empty), T(a_log_that_is_missing_or_empty),
           T(files_left_over_under_the_next_numbers), T(files_with_numbers_beyond_all_bounds),
           T(destroying_takes_all_that_is_ours), T(destroying_what_another_engine_made),
           T(copies_of_a_database_at_work), T(other_options_under_every_compaction),
           T(values_around_the_limit_of_a_compressed_block))
