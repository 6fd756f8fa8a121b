// Historic bugs of other engines, rebuilt: writes lost, doubled or out of order as logs are filled,
// recycled, torn, replayed and gathered. Each case names where it was seen.

#include "tests/capi/historic.h"

static const char* key_of(long number) {
  static char keys[4][30];
  static unsigned next;
  char* key = keys[next++ % 4];
  snprintf(key, sizeof keys[0], "%06ld", number);
  return key;
}

// The model holds what a crash now would leave.
static void check_image(lsm_db* db, const char* path, const char* settings, const model* m) {
  copy_open_database(db, path, scratch("image"));
  EXPECT(LSM_OK, lsm_verify(scratch("image"), NULL, NULL, &err));
  check_database(scratch("image"), settings, m);
  EXPECT(LSM_OK, lsm_destroy(scratch("image"), &err));
  CHECK(!exists(scratch("image")));
}

static void put_sized(lsm_db* db, model* m, const char* key, size_t size, char fill) {
  char* value = malloc(size + 1);
  CHECK(value != NULL);
  memset(value, fill, size);
  EXPECT(LSM_OK, lsm_put(db, B(key), value, size, 0, &err));
  if (m != NULL) model_put(m, B(key), value, size);
  free(value);
}

// Changes one byte of where `text` stands in the logs. Returns how often it stands there.
static int damage_log_at(const char* directory, const char* text) {
  int found = 0;
  DIR* entries = opendir(directory);
  CHECK(entries != NULL);
  for (struct dirent* e = readdir(entries); e != NULL; e = readdir(entries)) {
    char path[1100];
    size_t size = 0;
    if (!has_ending(e->d_name, ".log")) continue;
    snprintf(path, sizeof path, "%s/%s", directory, e->d_name);
    char* bytes = read_file(path, &size);
    char* at = memmem(bytes, size, text, strlen(text));
    if (at != NULL) {
      *at = (char)(*at ^ 0x20);
      write_file(path, bytes, size);
      found++;
    }
    free(bytes);
  }
  closedir(entries);
  return found;
}

// RocksDB issue 5915: logs gathered without bound. Here each open began one, and after a thousand
// short visits, none of which filled a memtable, an open needed more files than it may have.
static void short_visits_leave_a_short_log(void) {
  model m = {NULL, 0, 0};
  for (long visit = 0; visit < 100; visit++) {
    lsm_db* db = open_db(scratch("db"), visit % 2 ? NULL : TINY);
    put_both(db, &m, key_of(visit), "1");
    if (visit % 10 == 3) delete_both(db, &m, key_of(visit - 1));
    close_db(db);
    CHECK(count_files(scratch("db"), "", ".log") <= 20);
  }
  lsm_db* db = open_db(scratch("db"), TINY);
  EXPECT(LSM_OK, lsm_wait_idle(db, &err));  // merges that no visit was long enough for
  close_db(db);
  CHECK(count_files(scratch("db"), "", "") <= 40);
  EXPECT(LSM_OK, lsm_verify(scratch("db"), NULL, NULL, &err));
  check_database(scratch("db"), "read_only=true", &m);
  check_database(scratch("db"), NULL, &m);
  model_free(&m);
}

// The same where each visit ends in a crash.
static void short_visits_that_crash_leave_a_short_log(void) {
  model m = {NULL, 0, 0};
  char from[20], to[20];
  close_db(open_db(scratch("visit0"), NULL));
  for (int visit = 0; visit < 60; visit++) {
    snprintf(from, sizeof from, "visit%d", visit);
    snprintf(to, sizeof to, "visit%d", visit + 1);
    lsm_db* db = open_db(scratch(from), TINY);
    put_both(db, &m, key_of(visit), "1");
    copy_open_database(db, scratch(from), scratch(to));
    close_db(db);
    EXPECT(LSM_OK, lsm_destroy(scratch(from), &err));
    CHECK(count_files(scratch(to), "", ".log") <= 20);
  }
  check_database(scratch(to), NULL, &m);
  model_free(&m);
}

// LevelDB issue 711: files were left behind, here by opens that write nothing.
static void idle_visits_leave_nothing(void) {
  model m = {NULL, 0, 0};
  lsm_db* db = open_db(scratch("db"), TINY);
  for (long i = 0; i < 500; i++) put_both(db, &m, key_of(i), "1");
  EXPECT(LSM_OK, lsm_wait_idle(db, &err));
  close_db(db);
  close_db(open_db(scratch("db"), TINY));
  const int files = count_files(scratch("db"), "", "");
  for (int visit = 0; visit < 40; visit++) {
    close_db(open_db(scratch("db"), visit % 3 == 0 ? "read_only=true" : TINY));
    CHECK(count_files(scratch("db"), "", "") <= files);
  }
  check_database(scratch("db"), TINY, &m);
  model_free(&m);
}

// LevelDB issue 1287: a log that ended in a torn record was written on, and the next open lost what
// came after. RocksDB pull request 6313: so did a second crash after a first.
static void a_torn_record_then_more_writes(void) {
  model m = {NULL, 0, 0};
  lsm_db* db = open_db(scratch("db"), TINY);
  for (long i = 0; i < 20; i++) put_both(db, &m, key_of(i), "before");
  for (int crash = 0; crash < 4; crash++) {
    char marker[40], image[20];
    snprintf(marker, sizeof marker, "torn in the crash %d", crash);
    snprintf(image, sizeof image, "image%d", crash);
    put(db, "torn", marker);
    copy_open_database(db, crash == 0 ? scratch("db") : scratch("other"), scratch(image));
    close_db(db);
    if (crash > 0) EXPECT(LSM_OK, lsm_destroy(scratch("other"), &err));
    CHECK_INT(1, damage_log_at(scratch(image), marker));
    EXPECT(LSM_OK, lsm_verify(scratch(image), NULL, NULL, &err));
    check_database(scratch(image), "read_only=true", &m);
    CHECK_INT(0, rename(scratch(image), scratch("other")));
    db = open_db(scratch("other"), TINY);
    check_equals_model(db, NULL, &m);
    for (long i = 0; i < 5; i++) put_both(db, &m, key_of(100 * crash + i), marker);
  }
  check_equals_model(db, NULL, &m);
  close_db(db);
  check_database(scratch("other"), NULL, &m);
  check_database(scratch("other"), TINY, &m);
  model_free(&m);
}

// fjall issue 311, RocksDB pull request 7701: a record rotted in the middle of the log, and the
// acknowledged, durable writes behind it vanished without a word.
static void rot_below_what_was_synced_is_refused(void) {
  lsm_db* db = open_db(scratch("db"), NULL);
  put(db, "a", "the first value");
  EXPECT(LSM_OK, lsm_put(db, B("b"), B("the second value"), LSM_SYNC, &err));
  put(db, "c", "the third value");
  copy_open_database(db, scratch("db"), scratch("image"));
  close_db(db);
  CHECK_INT(1, damage_log_at(scratch("image"), "the first value"));
  CHECK_INT(1, damage_log_at(scratch("db"), "the third value"));  // synced by the close
  for (int round = 0; round < 2; round++) {
    db = NULL;
    EXPECT(LSM_CORRUPTION, open_status(scratch("image"), NULL, &db));
    CHECK_CONTAINS(".log", last.file);
    CHECK(last.offset != UINT64_MAX);
    EXPECT(LSM_CORRUPTION, open_status(scratch("db"), NULL, &db));
    EXPECT(LSM_CORRUPTION, open_status(scratch("db"), "read_only=true", &db));
    EXPECT(LSM_CORRUPTION, lsm_verify(scratch("db"), NULL, NULL, &err));
    CHECK(db == NULL);
  }
  CHECK_INT(1, damage_log_at(scratch("db"), "The third value"));  // and mended, nothing is lost
  db = open_db(scratch("db"), NULL);
  CHECK_GET(db, NULL, "c", "the third value");
  close_db(db);
}

// Pebble issue 567, RocksDB pull request 12403: recycled logs ended in records of their former
// life, and a replay took them for the end of this one.
static void recycled_logs_keep_their_past_to_themselves(void) {
  model m = {NULL, 0, 0};
  uint64_t seed = 567;
  lsm_db* db = open_db(scratch("db"), TINY);
  for (int life = 0; life < 25; life++) {
    const long writes = (long)(next_random(&seed) % 60);
    char value[300];
    snprintf(value, sizeof value, "%0200d of life %d", life, life);
    for (long i = 0; i < writes; i++) {
      const char* key = key_of((long)(next_random(&seed) % 50));
      if (i % 3 == 0) {
        delete_both(db, &m, key);
      } else {
        put_both(db, &m, key, value);
      }
    }
    if (life % 2 == 0) flush_db(db);
    check_image(db, scratch("db"), TINY, &m);
  }
  close_db(db);
  model_free(&m);
}

// Pebble issues 247 and 2234: a batch larger than a memtable stood between small ones; its log went
// too early, and a read-only open replayed what came after it beneath it.
static void a_huge_batch_between_small_ones(void) {
  model m = {NULL, 0, 0};
  lsm_db* db = open_db(scratch("db"), TINY);
  for (int round = 0; round < 12; round++) {
    lsm_batch* batch = lsm_batch_create();
    char value[2000];
    memset(value, 'a' + round, sizeof value);
    put_both(db, &m, key_of(7), "small, before");
    put_both(db, &m, key_of(100 + round), "small, before");
    for (long i = 0; i < (round % 4) * 40 + 5; i++) {
      EXPECT(LSM_OK, lsm_batch_put(batch, B(key_of(i)), value, sizeof value, &err));
      model_put(&m, B(key_of(i)), value, sizeof value);
    }
    EXPECT(LSM_OK, lsm_write(db, batch, round % 3 == 0 ? LSM_SYNC : 0, &err));
    lsm_batch_clear(batch);
    EXPECT(LSM_OK, lsm_write(db, batch, LSM_SYNC, &err));  // an empty one
    lsm_batch_destroy(batch);
    put_both(db, &m, key_of(3), "small, after");
    delete_both(db, &m, key_of(4));
    if (round % 3 == 1) flush_db(db);
    copy_open_database(db, scratch("db"), scratch("image"));
    check_database(scratch("image"), "read_only=true", &m);
    check_database(scratch("image"), TINY, &m);
    EXPECT(LSM_OK, lsm_destroy(scratch("image"), &err));
  }
  close_db(db);
  model_free(&m);
}

// Pebble pull request 328: a replay filled its memtable and went wrong, here one that is much
// smaller than the one that the log was written for.
static void a_replay_into_smaller_memtables(void) {
  model m = {NULL, 0, 0};
  lsm_db* db = open_db(scratch("db"), NULL);
  for (long i = 0; i < 3000; i++) {
    put_both(db, &m, key_of(i * 7919 % 2000), "a value of some length, so that memtables fill up");
    if (i % 5 == 0) delete_both(db, &m, key_of(i));
    if (i % 400 == 399) delete_range_both(db, &m, key_of(i), key_of(i + 30));
  }
  check_image(db, scratch("db"), TINY, &m);
  check_image(db, scratch("db"), "write_buffer_size=4KiB,read_only=true", &m);
  check_image(db, scratch("db"), "memory_budget=1MiB,write_buffer_size=1GiB", &m);
  close_db(db);
  check_database(scratch("db"), TINY, &m);
  model_free(&m);
}

// fjall issue 68: a value of 64 KiB was logged with a length of 16 bits, and the database could not
// be opened any more.
static void values_around_powers_of_two_in_the_log(void) {
  static const size_t kSizes[] = {0,     1,     255,   256,   32767,   32768,
                                  65535, 65536, 65537, 70000, 1048575, 1048577};
  model m = {NULL, 0, 0};
  lsm_db* db = open_db(scratch("db"), NULL);
  for (size_t i = 0; i < sizeof kSizes / sizeof kSizes[0]; i++) {
    put_sized(db, &m, key_of((long)i), kSizes[i], (char)('a' + i));
  }
  char* key = malloc(65536);
  memset(key, 0xff, 65536);
  EXPECT(LSM_OK, lsm_put(db, key, 65535, B("the longest key"), 0, &err));
  model_put(&m, key, 65535, B("the longest key"));
  EXPECT(LSM_TOO_LARGE, lsm_put(db, key, 65536, B("too long"), 0, &err));
  free(key);
  check_image(db, scratch("db"), NULL, &m);
  check_image(db, scratch("db"), TINY, &m);
  close_db(db);
  check_database(scratch("db"), NULL, &m);
  model_free(&m);
}

// dain/leveldb issue 20: a record that filled its block to the last byte was taken for a part.
static void records_that_end_with_their_segment(void) {
  model m = {NULL, 0, 0};
  lsm_db* db = open_db(scratch("db"), TINY);  // segments of 64 KiB
  for (size_t size = 65536 - 200; size < 65536 + 40; size += 3) {
    put_sized(db, &m, "large", size, (char)('a' + size % 26));
    if (size % 2 == 0) put_both(db, &m, key_of((long)size), "small");
    if (size % 5 == 0) check_image(db, scratch("db"), TINY, &m);
  }
  check_image(db, scratch("db"), NULL, &m);
  close_db(db);
  model_free(&m);
}

// LevelDB issue 299: the manifest grew for as long as the database stayed open.
static void the_manifest_stays_small(void) {
  struct stat info;
  lsm_db* db = open_db(scratch("db"), TINY);
  for (long i = 0; i < 1200; i++) {
    put(db, key_of(i % 10), "1");
    flush_db(db);
  }
  EXPECT(LSM_OK, lsm_wait_idle(db, &err));
  CHECK_INT(1, count_files(scratch("db"), "MANIFEST-", ""));
  CHECK(stat(path_of_last(scratch("db"), "MANIFEST-", ""), &info) == 0 && info.st_size < 1000000);
  CHECK_INT(10, count_rows(db));
  close_db(db);
}

// Pebble issue 161: sequence numbers went back at an open, and older versions won.
static void the_newest_version_wins_over_many_lives(void) {
  model m = {NULL, 0, 0};
  for (int life = 0; life < 40; life++) {
    char value[30];
    snprintf(value, sizeof value, "life %d", life);
    lsm_db* db = open_db(scratch("db"), kStyles[life % STYLES]);
    check_equals_model(db, NULL, &m);
    for (long i = 0; i < 20; i++) {
      if ((i + life) % 3 == 0) put_both(db, &m, key_of(i), value);
      if ((i + life) % 7 == 0) delete_both(db, &m, key_of(i));
    }
    if (life % 5 == 1) flush_db(db);
    if (life % 5 == 3) compact(db, NULL, NULL);
    check_equals_model(db, NULL, &m);
    close_db(db);
  }
  model_free(&m);
}

// fjall issue 112: after a reopen some of millions of keys were missing. Badger issue 72: a key put
// and deleted before the close was back.
static void many_keys_over_a_reopen(void) {
  lsm_db* db = open_db(scratch("db"), "write_buffer_size=64KiB,memory_budget=4MiB");
  enum { KEYS = 60000 };
  for (long i = 0; i < KEYS; i++) {
    put(db, key_of(i * 7919 % KEYS), "like");
    if (i % 10 == 9) EXPECT(LSM_OK, lsm_delete(db, B(key_of(i * 7919 % KEYS)), 0, &err));
  }
  for (int round = 0; round < 3; round++) {
    CHECK_INT(KEYS - KEYS / 10, count_rows(db));
    for (long i = 0; i < KEYS; i += 97) {
      CHECK_GET(db, NULL, key_of(i * 7919 % KEYS), i % 10 == 9 ? NULL : "like");
    }
    close_db(db);
    db = open_db(scratch("db"), round == 0 ? NULL : "write_buffer_size=64KiB");
  }
  close_db(db);
}

CHECK_MAIN(T(short_visits_leave_a_short_log), T(short_visits_that_crash_leave_a_short_log),
           T(idle_visits_leave_nothing), T(a_torn_record_then_more_writes),
           T(rot_below_what_was_synced_is_refused), T(recycled_logs_keep_their_past_to_themselves),
           T(a_huge_batch_between_small_ones), T(a_replay_into_smaller_memtables),
           T(values_around_powers_of_two_in_the_log), T(records_that_end_with_their_segment),
           T(the_manifest_stays_small), T(the_newest_version_wins_over_many_lives),
           T(many_keys_over_a_reopen))
