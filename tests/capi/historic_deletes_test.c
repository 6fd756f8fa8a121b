// Historic bugs of other engines, rebuilt: what was deleted came back, or what was not was lost,
// as compactions met deletions, range deletions and snapshots. Each case names where it was seen.

#include "tests/capi/historic.h"

#define FOR_EACH_STYLE for (int style = 0; style < STYLES; style++)

static const char* key_of(int number) {
  static char keys[4][30];
  static unsigned next;
  char* key = keys[next++ % 4];
  snprintf(key, sizeof keys[0], "key%06d", number);
  return key;
}

static void put_keys(lsm_db* db, model* m, int begin, int end, const char* value) {
  for (int i = begin; i < end; i++) put_both(db, m, key_of(i), value);
}

// LevelDB issue 184: compacting one range brought back what had been deleted in another.
static void compacting_one_range_revives_another(void) {
  FOR_EACH_STYLE {
    model m = {NULL, 0, 0};
    lsm_db* db = open_db(style_path(style), kStyles[style]);
    put_keys(db, &m, 0, 1500, "first");
    put_keys(db, &m, 1500, 3000, "second");
    compact(db, NULL, NULL);
    for (int i = 0; i < 3000; i++) delete_both(db, &m, key_of(i));
    compact(db, key_of(0), key_of(1500));
    CHECK_INT(0, count_rows(db));
    compact(db, key_of(1500), NULL);
    CHECK_INT(0, count_rows(db));
    close_db(db);
    check_database(style_path(style), kStyles[style], &m);
    model_free(&m);
  }
}

// LevelDB issues 320 and 376: versions of one key, kept for snapshots, fell into several tables of
// a level, and compacting the one with the newest let an older one answer.
static void versions_of_one_key_fill_several_tables(void) {
  FOR_EACH_STYLE {
    enum { VERSIONS = 60 };
    lsm_snapshot* snapshots[VERSIONS];
    char value[VERSIONS][600];
    lsm_db* db = open_db(style_path(style), kStyles[style]);
    put(db, "a", "before");
    put(db, "z", "behind");
    for (int i = 0; i < VERSIONS; i++) {
      memset(value[i], 'a' + i % 26, sizeof value[i]);
      snprintf(value[i] + 500, 100, "%d", i);
      put(db, "key", value[i]);
      snapshots[i] = snapshot_of(db);
    }
    for (int round = 0; round < 4; round++) {
      if (round == 1) compact(db, NULL, NULL);
      if (round == 2) compact(db, "b", "key");
      if (round == 3) compact(db, "key", "l");
      CHECK_GET(db, NULL, "key", value[VERSIONS - 1]);
      for (int i = 0; i < VERSIONS; i++) CHECK_GET(db, snapshots[i], "key", value[i]);
      CHECK_INT(3, count_rows(db));
    }
    for (int i = 0; i < VERSIONS; i++) {
      lsm_snapshot_release(snapshots[i]);
      if (i % 20 == 0) compact(db, "key", "kez");
      if (i + 1 < VERSIONS) CHECK_GET(db, snapshots[VERSIONS - 1], "key", value[VERSIONS - 1]);
    }
    compact(db, NULL, NULL);
    CHECK_GET(db, NULL, "key", value[VERSIONS - 1]);
    close_db(db);
  }
}

// RocksDB issue 2722: deleted keys, neighbours of each other, were there again after a compaction.
static void neighbours_deleted_at_several_depths(void) {
  FOR_EACH_STYLE {
    model m = {NULL, 0, 0};
    lsm_db* db = open_db(style_path(style), kStyles[style]);
    for (int depth = 0; depth < 4; depth++) {
      put_keys(db, &m, 0, 800, depth % 2 ? "odd" : "even");
      flush_db(db);
      for (int i = 200 + depth * 50; i < 500 + depth * 50; i++) delete_both(db, &m, key_of(i));
      flush_db(db);
      compact(db, key_of(100 * depth), key_of(100 * depth + 250));
      check_equals_model(db, NULL, &m);
    }
    EXPECT(LSM_OK, lsm_wait_idle(db, &err));
    check_equals_model(db, NULL, &m);
    close_db(db);
    model_free(&m);
  }
}

// RocksDB issue 2752: of two touching range deletions with a snapshot between them, the table knew
// the bounds of one only.
static void touching_range_deletions_around_a_snapshot(void) {
  FOR_EACH_STYLE {
    lsm_db* db = open_db(style_path(style), kStyles[style]);
    put(db, "a", "old");
    flush_db(db);
    compact(db, NULL, NULL);
    delete_range(db, "b", "c");
    lsm_snapshot* snapshot = snapshot_of(db);
    delete_range(db, "a", "b");
    flush_db(db);
    for (int round = 0; round < 2; round++) {
      CHECK_GET(db, NULL, "a", NULL);
      CHECK_GET(db, snapshot, "a", "old");
      CHECK_INT(0, count_rows(db));
      compact(db, NULL, NULL);
    }
    lsm_snapshot_release(snapshot);
    compact(db, NULL, NULL);
    CHECK_GET(db, NULL, "a", NULL);
    close_db(db);
  }
}

// RocksDB issues 2833, 2989 and 4879: tables that one wide range deletion crosses were compacted
// one by one, and those that stayed behind forgot it.
static void a_range_deletion_over_many_tables(void) {
  FOR_EACH_STYLE {
    model m = {NULL, 0, 0};
    lsm_db* db = open_db(style_path(style), kStyles[style]);
    put_keys(db, &m, 0, 2000, "a value of the first layer");
    compact(db, NULL, NULL);
    for (int i = 0; i < 2000; i += 3) put_both(db, &m, key_of(i), "a value of the second layer");
    delete_range_both(db, &m, key_of(50), key_of(1950));
    for (int i = 1; i < 2000; i += 7) put_both(db, &m, key_of(i), "third");
    flush_db(db);
    for (int begin = 1900; begin >= 0; begin -= 190) {
      compact(db, key_of(begin), key_of(begin + 60));
      check_equals_model(db, NULL, &m);
    }
    compact(db, NULL, NULL);
    check_equals_model(db, NULL, &m);
    close_db(db);
    check_database(style_path(style), kStyles[style], &m);
    model_free(&m);
  }
}

// RocksDB issue 3039: a range deletion in the gap between two output tables was dropped.
static void a_range_deletion_between_two_tables(void) {
  FOR_EACH_STYLE {
    model m = {NULL, 0, 0};
    char value[3000];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    lsm_db* db = open_db(style_path(style), kStyles[style]);
    put_both(db, &m, "c1", "to be deleted");
    put_both(db, &m, "c2", "to be deleted");
    compact(db, NULL, NULL);
    lsm_snapshot* snapshot = snapshot_of(db);  // keeps the deletion from being dropped
    put_both(db, &m, "a", value);
    put_both(db, &m, "b", value);
    delete_range_both(db, &m, "c", "d");
    put_both(db, &m, "e", value);
    put_both(db, &m, "f", value);
    for (int round = 0; round < 3; round++) {
      flush_db(db);
      if (round == 1) compact(db, "a", "c");
      if (round == 2) compact(db, "e", "g");
      check_equals_model(db, NULL, &m);
      CHECK_GET(db, snapshot, "c1", "to be deleted");
    }
    compact(db, NULL, NULL);
    check_equals_model(db, NULL, &m);
    CHECK_GET(db, snapshot, "c2", "to be deleted");
    lsm_snapshot_release(snapshot);
    compact(db, NULL, NULL);
    check_equals_model(db, NULL, &m);
    close_db(db);
    model_free(&m);
  }
}

// Pebble issue 26: the part of a range deletion beyond the table that it came in hid newer rows, or
// stopped hiding older ones, once its neighbour had moved on.
static void a_range_deletion_reaches_no_further_than_it_should(void) {
  FOR_EACH_STYLE {
    model m = {NULL, 0, 0};
    lsm_db* db = open_db(style_path(style), kStyles[style]);
    put_keys(db, &m, 0, 600, "old");
    compact(db, NULL, NULL);
    delete_range_both(db, &m, key_of(100), key_of(500));
    flush_db(db);
    compact(db, key_of(0), key_of(300));
    put_keys(db, &m, 250, 350, "new");
    flush_db(db);
    compact(db, key_of(300), key_of(400));
    check_equals_model(db, NULL, &m);
    compact(db, key_of(200), key_of(301));
    check_equals_model(db, NULL, &m);
    delete_range_both(db, &m, key_of(299), key_of(300));
    compact(db, key_of(400), NULL);
    check_equals_model(db, NULL, &m);
    close_db(db);
    check_database(style_path(style), kStyles[style], &m);
    model_free(&m);
  }
}

// Pebble issue 1285: a key that a range deletion removed after a snapshot was gone from the
// snapshot too, after a compaction that only meant to drop deletions.
static void a_snapshot_from_before_a_range_deletion(void) {
  FOR_EACH_STYLE {
    model now = {NULL, 0, 0};
    lsm_db* db = open_db(style_path(style), kStyles[style]);
    put_keys(db, &now, 0, 500, "kept by the snapshot");
    compact(db, NULL, NULL);
    model then = model_copy(&now);
    lsm_snapshot* snapshot = snapshot_of(db);
    for (int i = 0; i < 500; i += 2) delete_both(db, &now, key_of(i));
    delete_range_both(db, &now, key_of(0), key_of(400));
    for (int round = 0; round < 3; round++) {
      compact(db, round == 1 ? key_of(100) : NULL, round == 1 ? key_of(200) : NULL);
      EXPECT(LSM_OK, lsm_wait_idle(db, &err));
      check_equals_model(db, snapshot, &then);
      check_equals_model(db, NULL, &now);
    }
    lsm_snapshot_release(snapshot);
    compact(db, NULL, NULL);
    check_equals_model(db, NULL, &now);
    close_db(db);
    model_free(&now);
    model_free(&then);
  }
}

// fjall's lsm-tree issue 321: of versions 60, 5 and 3 a snapshot at 50 must keep 5.
static void the_version_that_the_oldest_snapshot_reads(void) {
  FOR_EACH_STYLE {
    lsm_db* db = open_db(style_path(style), kStyles[style]);
    put(db, "k", "three");
    put(db, "k", "five");
    put(db, "gone", "five");
    lsm_snapshot* snapshot = snapshot_of(db);
    put(db, "k", "sixty");
    EXPECT(LSM_OK, lsm_delete(db, B("gone"), 0, &err));
    for (int round = 0; round < 3; round++) {
      compact(db, NULL, NULL);
      CHECK_GET(db, snapshot, "k", "five");
      CHECK_GET(db, snapshot, "gone", "five");
      CHECK_GET(db, NULL, "k", "sixty");
      CHECK_GET(db, NULL, "gone", NULL);
      put(db, "other", "forces the next round to rewrite");
    }
    lsm_snapshot_release(snapshot);
    close_db(db);
  }
}

// Badger issue 2143: a deletion sank past a level that still held the value.
static void a_deletion_sinks_past_no_level(void) {
  FOR_EACH_STYLE {
    model m = {NULL, 0, 0};
    lsm_db* db = open_db(style_path(style), kStyles[style]);
    put_both(db, &m, "victim", "the oldest");
    put_keys(db, &m, 0, 3000, "much, so that there are deep levels below");
    EXPECT(LSM_OK, lsm_wait_idle(db, &err));
    put_both(db, &m, "victim", "in between");
    put_keys(db, &m, 0, 200, "a few");
    flush_db(db);
    delete_both(db, &m, "victim");
    for (int i = 0; i < 40; i++) {
      put_keys(db, &m, 50 * i, 50 * i + 50, "traffic");
      flush_db(db);
      CHECK_GET(db, NULL, "victim", NULL);
    }
    EXPECT(LSM_OK, lsm_wait_idle(db, &err));
    CHECK_GET(db, NULL, "victim", NULL);
    check_equals_model(db, NULL, &m);
    close_db(db);
    model_free(&m);
  }
}

// Badger issue 2286: deleted large values came back.
static void large_values_stay_deleted(void) {
  char* value = calloc(1, 2000000);
  memset(value, 'L', 1999999);
  lsm_db* db = open_db(scratch("db"), TINY);
  for (int round = 0; round < 3; round++) {
    put(db, "large", value);
    flush_db(db);
    EXPECT(LSM_OK, lsm_delete(db, B("large"), 0, &err));
    put(db, "small", "x");
    if (round == 1) flush_db(db);
    if (round == 2) compact(db, NULL, NULL);
    CHECK_GET(db, NULL, "large", NULL);
    close_db(db);
    db = open_db(scratch("db"), TINY);
    CHECK_GET(db, NULL, "large", NULL);
  }
  close_db(db);
  free(value);
}

// RocksDB pull request 2745 and issue 5118: range deletions in memory were not seen by gets, or hid
// rows put after them from scans.
static void range_deletions_in_memory(void) {
  model m = {NULL, 0, 0};
  lsm_db* db = open_db(scratch("db"), "compression=none");
  put_both(db, &m, "050", "table");
  flush_db(db);
  for (int i = 0; i < 300; i++) {
    char begin[10], end[10];
    snprintf(begin, sizeof begin, "%03d", i * 7 % 300);
    snprintf(end, sizeof end, "%03d", i * 7 % 300 + 1 + i % 60);
    put_both(db, &m, begin, "before");
    delete_range_both(db, &m, begin, end);
    CHECK_GET(db, NULL, begin, NULL);
    if (i % 3 == 0) put_both(db, &m, begin, "after");
    if (i % 3 == 0) CHECK_GET(db, NULL, begin, "after");
    if (i % 50 == 0) check_equals_model(db, NULL, &m);
  }
  check_equals_model(db, NULL, &m);
  close_db(db);
  check_database(scratch("db"), NULL, &m);
  model_free(&m);
}

// Pebble pull request 478: of range deletions over the same stretch the oldest was looked at, where
// the newest visible one was meant.
static void stacked_range_deletions_seen_from_snapshots(void) {
  FOR_EACH_STYLE {
    lsm_db* db = open_db(style_path(style), kStyles[style]);
    lsm_snapshot* snapshots[6];
    for (int i = 0; i < 6; i++) {
      put(db, "a", "1");
      put(db, "b", "1");
      put(db, "c", "1");
      if (i % 2 == 0) delete_range(db, "a", "c");
      if (i % 3 == 2) delete_range(db, "c", "e");
      if (i == 4) put(db, "b", "2");
      snapshots[i] = snapshot_of(db);
      if (i == 2) flush_db(db);
    }
    for (int round = 0; round < 3; round++) {
      for (int i = 0; i < 6; i++) {
        CHECK_GET(db, snapshots[i], "a", i % 2 == 0 ? NULL : "1");
        CHECK_GET(db, snapshots[i], "b", i == 4 ? "2" : i % 2 == 0 ? NULL : "1");
        CHECK_GET(db, snapshots[i], "c", i % 3 == 2 ? NULL : "1");
      }
      compact(db, round == 0 ? "a" : NULL, round == 0 ? "b" : NULL);
    }
    for (int i = 0; i < 6; i++) lsm_snapshot_release(snapshots[i]);
    close_db(db);
  }
}

// Pebble pull request 333: a range deletion that began a batch larger than the memtable got the
// sequence number 0 and deleted nothing.
static void a_range_deletion_begins_a_huge_batch(void) {
  lsm_db* db = open_db(scratch("db"), TINY);
  lsm_batch* batch = lsm_batch_create();
  char value[5000];
  memset(value, 'b', sizeof value);
  put(db, "doomed", "1");
  put(db, "zebra", "1");
  flush_db(db);
  EXPECT(LSM_OK, lsm_batch_delete_range(batch, B("a"), B("m"), &err));
  for (int i = 0; i < 20; i++)
    EXPECT(LSM_OK, lsm_batch_put(batch, B(key_of(i)), value, sizeof value, &err));
  EXPECT(LSM_OK, lsm_batch_delete_range(batch, B(key_of(5)), B(key_of(10)), &err));
  EXPECT(LSM_OK, lsm_write(db, batch, 0, &err));
  lsm_batch_destroy(batch);
  for (int round = 0; round < 3; round++) {
    CHECK_GET(db, NULL, "doomed", NULL);
    CHECK_GET(db, NULL, "zebra", "1");
    CHECK_GET(db, NULL, key_of(5), NULL);
    CHECK_INT(16, count_rows(db));
    if (round == 0) compact(db, NULL, NULL);
    if (round == 1) close_db(db);
    if (round == 1) db = open_db(scratch("db"), TINY);
  }
  close_db(db);
}

// fjall issue 241: what was cleared came back out of the journal.
static void everything_deleted_stays_deleted(void) {
  FOR_EACH_STYLE {
    model m = {NULL, 0, 0};
    lsm_db* db = open_db(style_path(style), kStyles[style]);
    put_keys(db, &m, 0, 1000, "1");
    EXPECT(LSM_OK, lsm_delete_range(db, NONE, NONE, 0, &err));
    CHECK_INT(0, count_rows(db));
    copy_open_database(db, style_path(style), scratch("image"));
    close_db(db);
    db = open_db(scratch("image"), kStyles[style]);
    CHECK_INT(0, count_rows(db));
    close_db(db);
    EXPECT(LSM_OK, lsm_destroy(scratch("image"), &err));
    db = open_db(style_path(style), kStyles[style]);
    CHECK_INT(0, count_rows(db));
    put(db, "a", "1");
    CHECK_INT(1, count_rows(db));
    close_db(db);
    model_free(&m);
  }
}

// RocksDB issue 4774: deletions that had nothing left to delete stayed for ever.
static void deletions_leave_with_what_they_delete(void) {
  FOR_EACH_STYLE {
    model m = {NULL, 0, 0};
    char* estimate = NULL;
    lsm_db* db = open_db(style_path(style), kStyles[style]);
    put_keys(db, &m, 0, 1000, "1");
    compact(db, NULL, NULL);
    lsm_snapshot* snapshot = snapshot_of(db);
    for (int i = 0; i < 500; i++) delete_both(db, &m, key_of(i));
    delete_range(db, key_of(500), key_of(1000));
    compact(db, NULL, NULL);
    CHECK_INT(0, count_rows(db));
    lsm_snapshot_release(snapshot);
    compact(db, NULL, NULL);
    EXPECT(LSM_OK, lsm_property(db, "estimate-keys", &estimate, &err));
    CHECK_STR("0", estimate);
    lsm_string_free(estimate);
    EXPECT(LSM_OK, lsm_delete(db, B("never there"), 0, &err));
    delete_range(db, "a", "b");
    compact(db, NULL, NULL);
    close_db(db);
    CHECK_INT(0, count_files(style_path(style), "", ".sst"));
    model_free(&m);
  }
}

// RocksDB pull request 6788: a range deletion of a negative range was taken and broke what read it.
static void range_deletions_without_a_range(void) {
  lsm_db* db = open_db(scratch("db"), TINY);
  lsm_batch* batch = lsm_batch_create();
  put(db, "", "the empty key");
  put(db, "m", "1");
  EXPECT(LSM_INVALID_ARGUMENT, lsm_delete_range(db, B("z"), B("a"), 0, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_delete_range(db, "a", 1, "", 0, 0, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_batch_delete_range(batch, B("m0"), B("m"), &err));
  CHECK_INT(0, lsm_batch_count(batch));
  EXPECT(LSM_OK, lsm_delete_range(db, B("m"), B("m"), 0, &err));
  EXPECT(LSM_OK, lsm_delete_range(db, "", 0, "", 0, 0, &err));
  EXPECT(LSM_OK, lsm_delete_range(db, NULL, 0, "", 0, 0, &err));
  EXPECT(LSM_OK, lsm_batch_delete_range(batch, B("m"), B("m"), &err));
  EXPECT(LSM_OK, lsm_write(db, batch, 0, &err));
  lsm_batch_destroy(batch);
  for (int round = 0; round < 3; round++) {
    CHECK_GET(db, NULL, "", "the empty key");
    CHECK_GET(db, NULL, "m", "1");
    if (round == 0) compact(db, NULL, NULL);
    if (round == 1) close_db(db);
    if (round == 1) db = open_db(scratch("db"), TINY);
  }
  close_db(db);
}

CHECK_MAIN(T(compacting_one_range_revives_another), T(versions_of_one_key_fill_several_tables),
           T(neighbours_deleted_at_several_depths), T(touching_range_deletions_around_a_snapshot),
           T(a_range_deletion_over_many_tables), T(a_range_deletion_between_two_tables),
           T(a_range_deletion_reaches_no_further_than_it_should),
           T(a_snapshot_from_before_a_range_deletion),
           T(the_version_that_the_oldest_snapshot_reads), T(a_deletion_sinks_past_no_level),
           T(large_values_stay_deleted), T(range_deletions_in_memory),
           T(stacked_range_deletions_seen_from_snapshots), T(a_range_deletion_begins_a_huge_batch),
           T(everything_deleted_stays_deleted), T(deletions_leave_with_what_they_delete),
           T(range_deletions_without_a_range))
