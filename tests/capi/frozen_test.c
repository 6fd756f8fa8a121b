// Databases that were written once and are kept in frozen/, one folder a version of a format:
// whatever the library has become, it reads them as it did.
//
// `frozen_test --make DIR` writes the databases of today's format into the folder DIR, which it
// makes; that is done once for each format that is released, and what is there is never changed.

#include <dirent.h>

#include "tests/capi/historic.h"

// All formats that were ever released.
static const char* const kFormats[] = {"tests/capi/frozen/tables_1",
                                       // Tables with dictionaries, and some without.
                                       "tests/capi/frozen/tables_2"};

// What the lives of a database are opened with: tables with compressed blocks, with raw ones and
// with both, and at last rows that are nowhere but in the log.
static const char* const kLives[] = {
    "write_buffer_size=16KiB,table_size=32KiB,block_size=4KiB,memory_budget=1MiB,"
    "compression=zstd:9,compaction_style=leveled,filter_bits_per_key=0",
    "write_buffer_size=16KiB,table_size=8KiB,block_size=64,memory_budget=1MiB,compression=none",
    "write_buffer_size=64KiB,table_size=64KiB,block_size=64,memory_budget=1MiB,compression=zstd",
    "write_buffer_size=64KiB,table_size=64KiB,block_size=64,memory_budget=1MiB"};

enum { kOperationsOfALife = 400, kKeys = 300, kLongestKey = 65535 };

// ---- What was written ---------------------------------------------------------------------------

// Operation `number`, done to the model and, where there is one, to a database.
static void operate(uint64_t number, lsm_db* db, model* m) {
  uint64_t seed = number * 0x9e3779b97f4a7c15u + 1;
  const uint64_t kind = next_random(&seed) % 100;
  const uint32_t flags = next_random(&seed) % 8 == 0 ? LSM_SYNC : 0;
  const int at = (int)(next_random(&seed) % kKeys);
  char key[32], end[32], value[400];
  snprintf(key, sizeof key, "key %04d", at);
  snprintf(end, sizeof end, "key %04d", at + 5);
  snprintf(value, sizeof value, "%d %0*d", (int)number, (int)(next_random(&seed) % 300) + 1, 7);
  if (kind < 75) {
    model_put(m, B(key), B(value));
    if (db != NULL) EXPECT(LSM_OK, lsm_put(db, B(key), B(value), flags, &err));
  } else if (kind < 90) {
    model_delete(m, B(key));
    if (db != NULL) EXPECT(LSM_OK, lsm_delete(db, B(key), flags, &err));
  } else if (kind < 94) {
    model_delete_range(m, B(key), B(end));
    if (db != NULL) EXPECT(LSM_OK, lsm_delete_range(db, B(key), B(end), flags, &err));
  } else {
    lsm_batch* batch = lsm_batch_create();
    model_put(m, B(key), B("of a batch"));
    model_delete(m, B(end));
    model_put(m, NONE, B(value));
    EXPECT(LSM_OK, lsm_batch_put(batch, B(key), B("of a batch"), &err));
    EXPECT(LSM_OK, lsm_batch_delete(batch, B(end), &err));
    EXPECT(LSM_OK, lsm_batch_put(batch, NONE, B(value), &err));
    if (db != NULL) EXPECT(LSM_OK, lsm_write(db, batch, flags, &err));
    lsm_batch_destroy(batch);
  }
}

// The rows at the limits: the longest key, and a value of many blocks.
static void put_the_largest(lsm_db* db, model* m) {
  static char key[kLongestKey], value[20000];
  memset(key, 'k', sizeof key);
  for (size_t i = 0; i < sizeof value; i++) value[i] = (char)(i * i >> 3);
  model_put(m, key, sizeof key, B("longest"));
  model_put(m, B("large"), value, sizeof value);
  if (db == NULL) return;
  EXPECT(LSM_OK, lsm_put(db, key, sizeof key, B("longest"), 0, &err));
  EXPECT(LSM_OK, lsm_put(db, B("large"), value, sizeof value, 0, &err));
}

enum { kLifeCount = sizeof kLives / sizeof kLives[0] };

static void do_life(int life, lsm_db* db, model* m) {
  if (life == 1) put_the_largest(db, m);
  const uint64_t first = (uint64_t)life * kOperationsOfALife;
  // The last life ends before its memtable is full.
  const uint64_t count = life == kLifeCount - 1 ? 40 : kOperationsOfALife;
  for (uint64_t i = first; i < first + count; i++) operate(i, db, m);
}

static model what_was_written(void) {
  model m = {0};
  for (int life = 0; life < kLifeCount; life++) do_life(life, NULL, &m);
  CHECK(m.count > 100);
  return m;
}

// ---- Making -------------------------------------------------------------------------------------

static int make(const char* directory) {
  char closed[1000], open[1000];
  model m = {0};
  snprintf(closed, sizeof closed, "%s/closed", directory);
  snprintf(open, sizeof open, "%s/open", directory);
  CHECK(mkdir(directory, 0755) == 0);
  for (int life = 0; life < kLifeCount; life++) {
    lsm_db* db = open_db(scratch("db"), kLives[life]);
    do_life(life, db, &m);
    if (life < kLifeCount - 1) flush_db(db);
    if (life == kLifeCount - 1) copy_open_database(db, scratch("db"), open);
    close_db(db);
  }
  copy_files(scratch("db"), closed);
  clear_scratch();
  model_free(&m);
  return 0;
}

// ---- Reading ------------------------------------------------------------------------------------

// A copy of a frozen database that may be written to.
static const char* thawed(const char* format, const char* database) {
  char from[1000];
  clear_scratch();
  snprintf(from, sizeof from, "%s/%s", format, database);
  copy_files(from, scratch("db"));
  return scratch("db");
}

static void read_all(const char* format, const char* database) {
  static const char* const kSettings[] = {
      "create_if_missing=false", "read_only=true", "read_only=true,mmap_reads=false",
      "compaction_style=leveled,compression=none", "compaction_style=tiered"};
  model m = what_was_written();
  fprintf(stderr, "    %s/%s\n", format, database);
  for (size_t i = 0; i < sizeof kSettings / sizeof kSettings[0]; i++) {
    const char* path = thawed(format, database);
    EXPECT(LSM_OK, lsm_verify(path, NULL, NULL, &err));
    check_database(path, kSettings[i], &m);
    EXPECT(LSM_OK, lsm_verify(path, NULL, NULL, &err));
    check_database(path, NULL, &m);
  }
  model_free(&m);
}

static void written_on(const char* format, const char* database) {
  const char* path = thawed(format, database);
  model m = what_was_written();
  lsm_db* db = open_db(path, TINY);
  for (uint64_t i = 5000; i < 5300; i++) operate(i, db, &m);
  check_equals_model(db, NULL, &m);
  EXPECT(LSM_OK, lsm_compact_range(db, NONE, NONE, NULL, NULL, &err));
  check_equals_model(db, NULL, &m);
  close_db(db);
  check_database(path, NULL, &m);
  EXPECT(LSM_OK, lsm_verify(path, NULL, NULL, &err));
  model_free(&m);
}

static void every_format_reads_as_it_did(void) {
  for (size_t i = 0; i < sizeof kFormats / sizeof kFormats[0]; i++) {
    read_all(kFormats[i], "closed");
    read_all(kFormats[i], "open");
  }
}

static void every_format_can_be_written_on(void) {
  for (size_t i = 0; i < sizeof kFormats / sizeof kFormats[0]; i++) {
    written_on(kFormats[i], "closed");
    written_on(kFormats[i], "open");
  }
}

int main(int argc, char** argv) {
  static const check_test kTests[] = {T(every_format_reads_as_it_did),
                                      T(every_format_can_be_written_on)};
  if (argc == 3 && strcmp(argv[1], "--make") == 0) return make(argv[2]);
  return check_run(kTests, sizeof kTests / sizeof kTests[0]);
}
