// Historic bugs of other engines, rebuilt: iterators that skipped rows, showed deleted ones, lost
// their way at bounds, deletions and turns, or stood on files that were gone. Each case names where
// it was seen.

#include <pthread.h>
#include <stdatomic.h>

#include "tests/capi/historic.h"

#define EXPECT_ON(it, key, move)    \
  do {                              \
    EXPECT(LSM_OK, move);           \
    check_key(__LINE__, it, (key)); \
  } while (0)

static void check_key(int line, const lsm_iter* it, const char* want) {
  size_t size = 0;
  const void* key = lsm_iter_key(it, &size);
  check_bytes(__FILE__, line, "the key", want, strlen(want), key, size);
}

// The given keys with the value "1", each in a table or in memory as `where` says: 't' or 'm'.
static lsm_db* open_with(const char* const* keys, const char* where) {
  lsm_db* db = open_db(scratch("db"), TINY);
  for (size_t i = 0; keys[i] != NULL; i++) {
    if (where[i] == 't') put(db, keys[i], "1");
  }
  flush_db(db);
  for (size_t i = 0; keys[i] != NULL; i++) {
    if (where[i] != 't') put(db, keys[i], "1");
  }
  return db;
}

static void close_and_clear(lsm_db* db) {
  close_db(db);
  EXPECT(LSM_OK, lsm_destroy(scratch("db"), &err));
}

// LevelDB issue 35: going back over a deleted row showed another row's value.
static void back_over_deleted_rows(void) {
  static const char* const kKeys[] = {"a", "b", "c", NULL};
  static const char* const kWheres[] = {"ttt", "tmt", "mtm", "mmm"};
  for (int i = 0; i < 4; i++) {
    lsm_db* db = open_with(kKeys, kWheres[i]);
    EXPECT(LSM_OK, lsm_delete(db, B("b"), 0, &err));
    if (i == 1) flush_db(db);
    lsm_iter* it = iterate(db, NULL, NULL);
    EXPECT_ON(it, "c", lsm_iter_seek(it, B("c"), &err));
    EXPECT_ON(it, "a", lsm_iter_prev(it, &err));
    EXPECT_ON(it, "c", lsm_iter_next(it, &err));
    EXPECT_ON(it, "c", lsm_iter_seek(it, B("b"), &err));
    EXPECT_ON(it, "a", lsm_iter_seek_for_prev(it, B("b"), &err));
    EXPECT(LSM_END, lsm_iter_prev(it, &err));
    lsm_iter_destroy(it);
    close_and_clear(db);
  }
}

// LevelDB issue 36: "the last row before" was found by a seek and a step back, or a seek to the
// end, and a row put meanwhile came between.
static void the_last_row_before_a_key_while_others_write(void) {
  static const char* const kKeys[] = {"a", NULL};
  lsm_db* db = open_with(kKeys, "m");
  lsm_iter* it = iterate(db, NULL, NULL);
  EXPECT(LSM_END, lsm_iter_seek(it, B("b"), &err));
  put(db, "a5", "1");
  put(db, "c", "1");
  flush_db(db);
  EXPECT_ON(it, "a", lsm_iter_seek_for_prev(it, B("b"), &err));
  EXPECT_ON(it, "a", lsm_iter_seek_last(it, &err));
  EXPECT_ON(it, "a", lsm_iter_seek_for_prev(it, B("zzz"), &err));
  EXPECT(LSM_END, lsm_iter_next(it, &err));
  EXPECT(LSM_END, lsm_iter_prev(it, &err));
  lsm_iter_destroy(it);
  close_db(db);
}

// RocksDB issue 648: turning round among several versions of keys in several sources, some newer
// than the view, ended on the wrong row.
static void turns_among_many_versions(void) {
  lsm_db* db = open_db(scratch("db"), TINY);
  for (int i = 0; i < 8; i++) {
    put(db, "a", i % 2 ? "odd" : "even");
    if (i != 3) put(db, "b", "1");
    put(db, "c", "1");
    if (i == 2) EXPECT(LSM_OK, lsm_delete(db, B("b"), 0, &err));
    if (i % 2 == 0) flush_db(db);
  }
  lsm_iter* it = iterate(db, NULL, NULL);
  for (int i = 0; i < 20; i++) {  // newer than the view
    put(db, "a", "new");
    put(db, "aa", "new");
    delete_range(db, "b", "c");
    if (i == 10) flush_db(db);
  }
  for (int round = 0; round < 3; round++) {
    EXPECT_ON(it, "a", lsm_iter_seek(it, B("a"), &err));
    EXPECT_ON(it, "b", lsm_iter_next(it, &err));
    EXPECT_ON(it, "a", lsm_iter_prev(it, &err));
    EXPECT_ON(it, "b", lsm_iter_next(it, &err));
    EXPECT_ON(it, "c", lsm_iter_next(it, &err));
    EXPECT_ON(it, "b", lsm_iter_prev(it, &err));
    EXPECT_ON(it, "c", lsm_iter_next(it, &err));
    EXPECT(LSM_END, lsm_iter_next(it, &err));
    EXPECT_ON(it, "c", lsm_iter_seek_last(it, &err));
    EXPECT_ON(it, "b", lsm_iter_prev(it, &err));
    EXPECT_ON(it, "c", lsm_iter_next(it, &err));
    if (round == 1) compact(db, NULL, NULL);
  }
  lsm_iter_destroy(it);
  close_db(db);
}

// RocksDB pull requests 3199 and 3989, surrealkv issue 395: seeks beyond a bound, and turns at it,
// found rows outside or none at all.
static void turns_and_seeks_at_bounds(void) {
  static const char* const kKeys[] = {"k00", "k03", "k08", "k09", "k11", NULL};
  static const char* const kWheres[] = {"ttttt", "mmmmm", "tmtmt", "mtmtm"};
  for (int i = 0; i < 4; i++) {
    lsm_db* db = open_with(kKeys, kWheres[i]);
    lsm_iter* it = iterate(db, "k01", "k09");
    EXPECT_ON(it, "k03", lsm_iter_seek_first(it, &err));
    EXPECT_ON(it, "k08", lsm_iter_next(it, &err));
    EXPECT(LSM_END, lsm_iter_next(it, &err));
    EXPECT_ON(it, "k08", lsm_iter_seek_last(it, &err));
    EXPECT_ON(it, "k03", lsm_iter_prev(it, &err));
    EXPECT(LSM_END, lsm_iter_prev(it, &err));
    EXPECT_ON(it, "k03", lsm_iter_seek(it, B("a"), &err));
    EXPECT(LSM_END, lsm_iter_prev(it, &err));
    EXPECT(LSM_END, lsm_iter_seek(it, B("k09"), &err));
    EXPECT(LSM_END, lsm_iter_seek(it, B("z"), &err));
    EXPECT_ON(it, "k08", lsm_iter_seek_for_prev(it, B("z"), &err));
    EXPECT(LSM_END, lsm_iter_next(it, &err));
    EXPECT_ON(it, "k08", lsm_iter_seek_for_prev(it, B("k09"), &err));
    EXPECT(LSM_END, lsm_iter_seek_for_prev(it, B("k02"), &err));
    EXPECT(LSM_END, lsm_iter_seek_for_prev(it, "", 0, &err));
    EXPECT_ON(it, "k03", lsm_iter_seek(it, "", 0, &err));
    lsm_iter_destroy(it);
    // Bounds that leave nothing.
    EXPECT(LSM_OK, lsm_iter_create(db, NULL, NULL, 0, "", 0, &it, &err));
    EXPECT(LSM_END, lsm_iter_seek_first(it, &err));
    EXPECT(LSM_END, lsm_iter_seek_last(it, &err));
    EXPECT(LSM_END, lsm_iter_seek_for_prev(it, B("k03"), &err));
    lsm_iter_destroy(it);
    it = iterate(db, "k03", "k03");
    EXPECT(LSM_END, lsm_iter_seek_last(it, &err));
    EXPECT(LSM_END, lsm_iter_seek(it, B("k03"), &err));
    lsm_iter_destroy(it);
    close_and_clear(db);
  }
}

// Pebble pull requests 386, 450 and 462: turning at the first and last rows, or seeking in the
// table one stands in, went wrong where range deletions lie around them.
static void turns_where_range_deletions_end(void) {
  static const char* const kKeys[] = {"b", "d", "f", "h", "j", NULL};
  static const char* const kWheres[] = {"ttttt", "mmmmm", "tmtmt"};
  for (int i = 0; i < 9; i++) {
    lsm_db* db = open_with(kKeys, kWheres[i % 3]);
    delete_range(db, "a", "c");
    delete_range(db, "e", "g");
    delete_range(db, "i", "z");
    if (i / 3 == 1) flush_db(db);
    if (i / 3 == 2) compact(db, "c", "f");
    lsm_iter* it = iterate(db, NULL, NULL);
    for (int round = 0; round < 2; round++) {
      EXPECT_ON(it, "d", lsm_iter_seek_first(it, &err));
      EXPECT(LSM_END, lsm_iter_prev(it, &err));
      EXPECT_ON(it, "d", lsm_iter_seek(it, B("a"), &err));
      EXPECT_ON(it, "h", lsm_iter_next(it, &err));
      EXPECT_ON(it, "d", lsm_iter_prev(it, &err));
      EXPECT_ON(it, "h", lsm_iter_next(it, &err));
      EXPECT(LSM_END, lsm_iter_next(it, &err));
      EXPECT_ON(it, "h", lsm_iter_seek_last(it, &err));
      EXPECT(LSM_END, lsm_iter_next(it, &err));
      EXPECT_ON(it, "h", lsm_iter_seek(it, B("h"), &err));
      EXPECT_ON(it, "h", lsm_iter_seek(it, B("e"), &err));
      EXPECT_ON(it, "d", lsm_iter_seek_for_prev(it, B("g"), &err));
      EXPECT_ON(it, "h", lsm_iter_seek_for_prev(it, B("zz"), &err));
      EXPECT_ON(it, "d", lsm_iter_prev(it, &err));
      EXPECT(LSM_END, lsm_iter_seek(it, B("i"), &err));
      EXPECT(LSM_END, lsm_iter_seek_for_prev(it, B("c"), &err));
      EXPECT_ON(it, "d", lsm_iter_seek_for_prev(it, B("d"), &err));
    }
    lsm_iter_destroy(it);
    close_and_clear(db);
  }
}

// RocksDB pull request 14614: going back over stacked range deletions hid rows newer than they.
static void back_over_stacked_range_deletions(void) {
  model m = {NULL, 0, 0};
  char key[20], end[20];
  lsm_db* db = open_db(scratch("db"), TINY);
  for (int layer = 0; layer < 12; layer++) {
    for (int i = layer; i < 300; i += 12 - layer) {
      snprintf(key, sizeof key, "%04d", i);
      put_both(db, &m, key, "live");
    }
    snprintf(key, sizeof key, "%04d", 270 - layer * 20);
    snprintf(end, sizeof end, "%04d", 295 - layer * 15);
    if (strcmp(key, end) < 0) delete_range_both(db, &m, key, end);
    if (layer % 3 == 1) flush_db(db);
    if (layer == 7) compact(db, "0100", "0200");
    lsm_iter* it = iterate(db, NULL, NULL);
    for (int i = 300; i >= 0; i -= 7) {
      snprintf(key, sizeof key, "%04d", i);
      size_t at = model_find(&m, B(key));
      if (at == m.count || strcmp(m.rows[at].key, key) != 0) at--;
      if (at + 1 == 0) continue;
      EXPECT(LSM_OK, lsm_iter_seek_for_prev(it, B(key), &err));
      check_on(it, &m.rows[at]);
      if (at > 0) {
        EXPECT(LSM_OK, lsm_iter_prev(it, &err));
        check_on(it, &m.rows[at - 1]);
      }
    }
    lsm_iter_destroy(it);
    check_equals_model(db, NULL, &m);
  }
  close_db(db);
  model_free(&m);
}

// Badger issues 436, 992 and 2108: going back through keys of one beginning missed the last, where
// the beginning ends in 0xff, or a key of one zero byte stood before.
static void beginnings_that_end_in_the_highest_byte(void) {
  model m = {NULL, 0, 0};
  static const struct {
    const char* bytes;
    size_t size;
  } kKeys[] = {{"", 0},       {"\0", 1},       {"\0\0", 2},         {"\0\xff", 2},   {"a", 1},
               {"a\0", 2},    {"a\xff", 2},    {"a\xff\xff", 3},    {"a\xff\0", 3},  {"\xff", 1},
               {"\xff\0", 2}, {"\xff\xff", 2}, {"\xff\xff\xff", 3}, {"\x7f\xff", 2}, {"\x80", 1}};
  enum { COUNT = sizeof kKeys / sizeof kKeys[0] };
  lsm_db* db = open_db(scratch("db"), TINY);
  for (int i = 0; i < COUNT; i++) {
    EXPECT(LSM_OK, lsm_put(db, kKeys[i].bytes, kKeys[i].size, B("1"), 0, &err));
    model_put(&m, kKeys[i].bytes, kKeys[i].size, B("1"));
    if (i % 4 == 2) flush_db(db);
  }
  for (int round = 0; round < 2; round++) {
    check_equals_model(db, NULL, &m);
    for (int lower = 0; lower < COUNT; lower++) {
      for (int upper = 0; upper < COUNT; upper++) {
        lsm_iter* it = NULL;
        const size_t first = model_find(&m, kKeys[lower].bytes, kKeys[lower].size);
        const size_t limit = model_find(&m, kKeys[upper].bytes, kKeys[upper].size);
        if (first > limit) continue;
        EXPECT(LSM_OK, lsm_iter_create(db, NULL, kKeys[lower].bytes, kKeys[lower].size,
                                       kKeys[upper].bytes, kKeys[upper].size, &it, &err));
        EXPECT(first < limit ? LSM_OK : LSM_END, lsm_iter_seek_last(it, &err));
        for (size_t i = limit; i-- > first;) {
          check_on(it, &m.rows[i]);
          EXPECT(i > first ? LSM_OK : LSM_END, lsm_iter_prev(it, &err));
        }
        lsm_iter_destroy(it);
      }
    }
    compact(db, NULL, NULL);
  }
  close_db(db);
  model_free(&m);
}

// Pebble pull request 1069: a seek to where the iterator already stood was skipped, and a row put
// or passed meanwhile with it. Pebble issue 2036: a seek right behind the last one overshot.
static void seeks_close_to_each_other(void) {
  char key[20], want[20];
  lsm_db* db = open_db(scratch("db"), TINY);
  for (int i = 0; i < 2000; i += 2) {
    snprintf(key, sizeof key, "%05d", i);
    put(db, key, "1");
  }
  compact(db, NULL, NULL);
  lsm_iter* it = iterate(db, NULL, "01500");
  for (int i = 0; i < 1498; i++) {
    snprintf(key, sizeof key, "%05d", i);
    snprintf(want, sizeof want, "%05d", i + i % 2);
    EXPECT_ON(it, want, lsm_iter_seek(it, B(key), &err));
    if (i % 3 == 0) EXPECT_ON(it, want, lsm_iter_seek(it, B(key), &err));
    if (i % 5 == 0) EXPECT(LSM_END, lsm_iter_seek(it, B("01499"), &err));
    snprintf(want, sizeof want, "%05d", i - i % 2);
    EXPECT_ON(it, want, lsm_iter_seek_for_prev(it, B(key), &err));
    if (i % 7 == 0) EXPECT_ON(it, want, lsm_iter_seek_for_prev(it, B(key), &err));
  }
  lsm_iter_destroy(it);
  close_db(db);
}

// ---- While others write -------------------------------------------------------------------------

static atomic_int stop_compacting;

static void* compact_again_and_again(void* argument) {
  while (!atomic_load(&stop_compacting)) {
    if (lsm_compact_range(argument, NONE, NONE, NULL, NULL, NULL) != LSM_OK ||
        lsm_put(argument, B("zz"), B("so that there is work"), 0, NULL) != LSM_OK) {
      check_fail(__FILE__, __LINE__, "compacting failed");
    }
  }
  return NULL;
}

// RocksDB issue 13528: rows were missing from a scan while nothing but compactions went on.
static void scans_while_compactions_run(void) {
  pthread_t thread;
  model m = {NULL, 0, 0};
  char key[20];
  lsm_db* db = open_db(scratch("db"), TINY);
  for (int i = 0; i < 1500; i++) {
    snprintf(key, sizeof key, "%05d", i * 7 % 1500);
    put_both(db, &m, key, "1");
  }
  put_both(db, &m, "zz", "so that there is work");
  atomic_store(&stop_compacting, 0);
  CHECK_INT(0, pthread_create(&thread, NULL, compact_again_and_again, db));
  for (int round = 0; round < 15; round++) check_equals_model(db, NULL, &m);
  atomic_store(&stop_compacting, 1);
  CHECK_INT(0, pthread_join(thread, NULL));
  close_db(db);
  model_free(&m);
}

// Badger issue 203: the files under an iterator went away. RocksDB issues 5541 and 12483: after it
// was freed they did not.
static void files_stay_under_an_iterator_and_go_after_it(void) {
  char key[20];
  model then = {NULL, 0, 0};
  lsm_db* db = open_db(scratch("db"), TINY);
  for (int i = 0; i < 1000; i++) {
    snprintf(key, sizeof key, "%05d", i);
    put_both(db, &then, key, "as the iterator sees it");
  }
  lsm_iter* it = iterate(db, NULL, NULL);
  EXPECT(LSM_OK, lsm_iter_seek_first(it, &err));
  for (int i = 0; i < 10000; i++) {
    snprintf(key, sizeof key, "%05d", i % 1000);
    put(db, key, "overwritten many times over");
    if (i % 20 == 0) {
      check_on(it, &then.rows[i / 20]);
      EXPECT(LSM_OK, lsm_iter_next(it, &err));
    }
  }
  EXPECT(LSM_OK, lsm_delete_range(db, NONE, NONE, 0, &err));
  compact(db, NULL, NULL);
  for (size_t i = 500; i < 1000; i++) {
    check_on(it, &then.rows[i]);
    EXPECT(i < 999 ? LSM_OK : LSM_END, lsm_iter_next(it, &err));
  }
  lsm_iter_destroy(it);
  compact(db, NULL, NULL);
  close_db(db);
  CHECK_INT(0, count_files(scratch("db"), "", ".sst"));
  model_free(&then);
}

// RocksDB pull requests 11782 and 11786: an iterator met a damaged block, sought on because of a
// range deletion, forgot the error and went on with rows missing.
static void a_damaged_block_behind_a_range_deletion(void) {
  char key[20];
  size_t size = 0;
  lsm_db* db = open_db(scratch("db"), "compression=none,block_size=64,mmap_reads=false");
  for (int i = 0; i < 400; i++) {
    snprintf(key, sizeof key, "%05d", i);
    put(db, key, i == 200 ? "THE DAMAGED ONE" : "1");
  }
  compact(db, NULL, NULL);
  delete_range(db, "00100", "00199");
  delete_range(db, "00202", "00300");
  close_db(db);
  const char* table = path_of_last(scratch("db"), "", ".sst");
  char* bytes = read_file(table, &size);
  char* at = memmem(bytes, size, "THE DAMAGED ONE", 15);
  CHECK(at != NULL);
  *at = 't';
  write_file(table, bytes, size);
  free(bytes);
  db = open_db(scratch("db"), "mmap_reads=false");
  lsm_iter* it = iterate(db, NULL, NULL);
  lsm_status status = lsm_iter_seek_first(it, &err);
  int rows = 0;
  for (; status == LSM_OK; rows++) status = lsm_iter_next(it, NULL);
  CHECK_INT(LSM_CORRUPTION, status);
  CHECK(rows >= 100 && rows <= 101);
  EXPECT(LSM_CORRUPTION, lsm_iter_next(it, &err));
  EXPECT(LSM_CORRUPTION, lsm_iter_prev(it, &err));
  EXPECT_ON(it, "00399", lsm_iter_seek_last(it, &err));
  status = LSM_OK;
  for (rows = 0; status == LSM_OK; rows++) status = lsm_iter_prev(it, NULL);
  CHECK_INT(LSM_CORRUPTION, status);
  CHECK(rows >= 100 && rows <= 102);
  EXPECT(LSM_CORRUPTION, lsm_iter_seek(it, B("00150"), &err));
  EXPECT_ON(it, "00099", lsm_iter_seek_for_prev(it, B("00150"), &err));
  lsm_iter_destroy(it);
  // A compaction that meets it must not drop what it cannot read, and the rest stays readable.
  EXPECT(LSM_CORRUPTION, lsm_compact_range(db, NONE, NONE, NULL, NULL, &err));
  CHECK_GET(db, NULL, "00399", "1");
  CHECK_GET(db, NULL, "00150", NULL);
  lsm_value value;
  EXPECT(LSM_CORRUPTION, lsm_get(db, NULL, B("00200"), &value, &err));
  (void)lsm_close(db, NULL);
}

CHECK_MAIN(T(back_over_deleted_rows), T(the_last_row_before_a_key_while_others_write),
           T(turns_among_many_versions), T(turns_and_seeks_at_bounds),
           T(turns_where_range_deletions_end), T(back_over_stacked_range_deletions),
           T(beginnings_that_end_in_the_highest_byte), T(seeks_close_to_each_other),
           T(scans_while_compactions_run), T(files_stay_under_an_iterator_and_go_after_it),
           T(a_damaged_block_behind_a_range_deletion))
