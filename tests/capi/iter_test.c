// Scans and iterators against the model: every bound, every direction, every state.

#include "tests/capi/model.h"

// Keys with gaps between them, spread over log, memtable and tables, some overwritten, some
// deleted.
static lsm_db* make_rows(const char* path, model* m, int count) {
  lsm_db* db = open_db(path, TINY);
  char key[50], value[50];
  memset(m, 0, sizeof *m);
  for (int i = 0; i < count; i++) {
    snprintf(key, sizeof key, "%04d", i * 7919 % count * 2);
    snprintf(value, sizeof value, "value %d", i);
    put(db, key, value);
    model_put(m, B(key), B(value));
    if (i % 5 == 0) {
      snprintf(key, sizeof key, "%04d", i * 31 % count * 2);
      EXPECT(LSM_OK, lsm_delete(db, B(key), 0, &err));
      model_delete(m, B(key));
    }
    if (i == count / 2) EXPECT(LSM_OK, lsm_flush(db, &err));
  }
  return db;
}

// NULL: unbounded.
static const char* const kBounds[] = {NULL,   "",     "0",    "0000", "0001",
                                      "0100", "0101", "0398", "04",   "9"};
enum { BOUNDS = sizeof kBounds / sizeof kBounds[0] };

static size_t size_of(const char* bound) { return bound == NULL ? 0 : strlen(bound); }

static int is_inverted(const char* begin, const char* end) {
  return begin != NULL && end != NULL && strcmp(begin, end) > 0;
}

static void scans_agree_with_the_model(void) {
  static const uint64_t kLimits[] = {0, 1, 2, 10, 100000, UINT64_MAX};
  model m;
  lsm_db* db = make_rows(scratch("db"), &m, 200);
  for (int b = 0; b < BOUNDS; b++) {
    for (int e = 0; e < BOUNDS; e++) {
      const char *begin = kBounds[b], *end = kBounds[e];
      lsm_rows* rows = (lsm_rows*)(void*)&check_poison;
      if (is_inverted(begin, end)) {
        EXPECT(LSM_INVALID_ARGUMENT,
               lsm_scan(db, NULL, begin, size_of(begin), end, size_of(end), 0, &rows, &err));
        CHECK(rows == NULL);
        continue;
      }
      const size_t first = model_find(&m, begin, size_of(begin));
      const size_t beyond = model_find_end(&m, end, size_of(end));
      for (size_t l = 0; l < sizeof kLimits / sizeof kLimits[0]; l++) {
        size_t want = beyond - first, count = 999;
        if (kLimits[l] != 0 && kLimits[l] < want) want = (size_t)kLimits[l];
        EXPECT(LSM_OK, lsm_scan(db, NULL, begin, size_of(begin), end, size_of(end), kLimits[l],
                                &rows, &err));
        const lsm_row* data = lsm_rows_data(rows, &count);
        CHECK(data != NULL && data == lsm_rows_data(rows, NULL));
        CHECK_INT(want, count);
        check_rows(&m, first, data, count);
        lsm_rows_free(rows);
      }
    }
  }
  close_db(db);
  model_free(&m);
}

static void rows_outlive_the_database(void) {
  model m;
  lsm_rows* rows = NULL;
  size_t count = 0;
  lsm_db* db = make_rows(scratch("db"), &m, 300);
  EXPECT(LSM_OK, lsm_scan(db, NULL, NONE, NONE, 0, &rows, &err));
  EXPECT(LSM_OK, lsm_delete_range(db, NONE, NONE, 0, &err));
  EXPECT(LSM_OK, lsm_compact_range(db, NONE, NONE, NULL, NULL, &err));
  close_db(db);
  EXPECT(LSM_OK, lsm_destroy(scratch("db"), &err));
  const lsm_row* data = lsm_rows_data(rows, &count);
  CHECK_INT(m.count, count);
  check_rows(&m, 0, data, count);
  lsm_rows_free(rows);
  CHECK(lsm_rows_data(NULL, &count) == NULL && count == 0);
  lsm_rows_free(NULL);
  model_free(&m);
}

// Every bound pair, every seek target: seeks clamp, and a step each way agrees.
static void seeks_agree_with_the_model(void) {
  model m;
  lsm_db* db = make_rows(scratch("db"), &m, 200);
  for (int b = 0; b < BOUNDS; b++) {
    for (int e = 0; e < BOUNDS; e++) {
      const char *lower = kBounds[b], *upper = kBounds[e];
      lsm_iter* it = (lsm_iter*)(void*)&check_poison;
      if (is_inverted(lower, upper)) {
        EXPECT(LSM_INVALID_ARGUMENT,
               lsm_iter_create(db, NULL, lower, size_of(lower), upper, size_of(upper), &it, &err));
        CHECK(it == NULL);
        continue;
      }
      EXPECT(LSM_OK,
             lsm_iter_create(db, NULL, lower, size_of(lower), upper, size_of(upper), &it, &err));
      const size_t first = model_find(&m, lower, size_of(lower));
      const size_t beyond = model_find_end(&m, upper, size_of(upper));
      EXPECT(first < beyond ? LSM_OK : LSM_END, lsm_iter_seek_first(it, &err));
      if (first < beyond) check_on(it, &m.rows[first]);
      EXPECT(first < beyond ? LSM_OK : LSM_END, lsm_iter_seek_last(it, &err));
      if (first < beyond) check_on(it, &m.rows[beyond - 1]);
      for (int t = 1; t < BOUNDS; t++) {
        const char* target = kBounds[t];
        size_t at = model_find(&m, B(target));
        if (at < first) at = first;
        EXPECT(at < beyond ? LSM_OK : LSM_END, lsm_iter_seek(it, B(target), &err));
        if (at < beyond) {
          check_on(it, &m.rows[at]);
          EXPECT(at > first ? LSM_OK : LSM_END, lsm_iter_prev(it, &err));
          if (at > first) check_on(it, &m.rows[at - 1]);
        } else {
          check_off(it);
        }
        // The last row at or before the target is the one below the first row after it.
        size_t after = model_find(&m, B(target)) + (model_get(&m, B(target)) != NULL);
        if (after > beyond) after = beyond;
        EXPECT(after > first ? LSM_OK : LSM_END, lsm_iter_seek_for_prev(it, B(target), &err));
        if (after > first) {
          check_on(it, &m.rows[after - 1]);
          EXPECT(after < beyond ? LSM_OK : LSM_END, lsm_iter_next(it, &err));
          if (after < beyond) check_on(it, &m.rows[after]);
        } else {
          check_off(it);
        }
      }
      lsm_iter_destroy(it);
    }
  }
  close_db(db);
  model_free(&m);
}

// Steps back and forth at random inside random bounds.
static void random_walks_agree_with_the_model(void) {
  model m;
  uint64_t seed = 20240607;
  lsm_db* db = make_rows(scratch("db"), &m, 400);
  for (int walk = 0; walk < 100; walk++) {
    char lower[20], upper[20];
    lsm_iter* it = NULL;
    snprintf(lower, sizeof lower, "%04d", (int)(next_random(&seed) % 500));
    snprintf(upper, sizeof upper, "%04d", (int)(500 + next_random(&seed) % 400));
    EXPECT(LSM_OK, lsm_iter_create(db, NULL, B(lower), B(upper), &it, &err));
    const size_t first = model_find(&m, B(lower)), beyond = model_find(&m, B(upper));
    CHECK(first < beyond);
    size_t at = first;
    EXPECT(LSM_OK, lsm_iter_seek_first(it, &err));
    for (int step = 0; step < 200; step++) {
      const int forward = next_random(&seed) % 100 < (walk % 2 ? 70 : 40);
      if (forward ? at + 1 == beyond : at == first) {
        EXPECT(LSM_END, forward ? lsm_iter_next(it, &err) : lsm_iter_prev(it, &err));
        check_off(it);
        EXPECT(LSM_OK, forward ? lsm_iter_seek_last(it, &err) : lsm_iter_seek_first(it, &err));
      } else {
        EXPECT(LSM_OK, forward ? lsm_iter_next(it, &err) : lsm_iter_prev(it, &err));
        at = forward ? at + 1 : at - 1;
      }
      check_on(it, &m.rows[at]);
    }
    lsm_iter_destroy(it);
  }
  close_db(db);
  model_free(&m);
}

static void the_end_stays_until_a_seek(void) {
  model m;
  lsm_iter* it = NULL;
  lsm_row rows[4];
  size_t count = 999;
  lsm_db* db = make_rows(scratch("db"), &m, 20);
  EXPECT(LSM_OK, lsm_iter_create(db, NULL, NONE, NONE, &it, &err));
  // Before a seek it stands nowhere.
  check_off(it);
  EXPECT(LSM_INVALID_ARGUMENT, lsm_iter_next(it, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_iter_prev(it, &err));
  count = 999;
  EXPECT(LSM_INVALID_ARGUMENT, lsm_iter_next_n(it, rows, 4, &count, &err));
  CHECK_INT(0, count);
  for (int backward = 0; backward < 2; backward++) {
    EXPECT(LSM_OK, backward ? lsm_iter_seek_first(it, &err) : lsm_iter_seek_last(it, &err));
    EXPECT(LSM_END, backward ? lsm_iter_prev(it, &err) : lsm_iter_next(it, &err));
    for (int again = 0; again < 2; again++) {
      check_off(it);
      EXPECT(LSM_END, lsm_iter_next(it, &err));
      EXPECT(LSM_END, lsm_iter_prev(it, &err));
      count = 999;
      EXPECT(LSM_END, lsm_iter_next_n(it, rows, 4, &count, &err));
      CHECK_INT(0, count);
    }
    EXPECT(LSM_OK, lsm_iter_seek(it, B(""), &err));
    check_on(it, &m.rows[0]);
  }
  EXPECT(LSM_END, lsm_iter_seek(it, B("9999"), &err));
  EXPECT(LSM_END, lsm_iter_next(it, &err));
  EXPECT(LSM_END, lsm_iter_seek_for_prev(it, B(""), &err));
  EXPECT(LSM_END, lsm_iter_prev(it, &err));
  lsm_iter_destroy(it);
  close_db(db);
  model_free(&m);
}

// Reads everything in pieces of `capacity` rows, from the row `at` on.
static void read_in_pieces(lsm_iter* it, const model* m, size_t at, size_t capacity) {
  lsm_row* rows = calloc(capacity, sizeof *rows);
  size_t count;
  for (;;) {
    const size_t left = m->count - at;
    count = 999999;
    EXPECT(left >= capacity ? LSM_OK : LSM_END, lsm_iter_next_n(it, rows, capacity, &count, &err));
    CHECK_INT(left < capacity ? left : capacity, count);
    check_rows(m, at, rows, count);
    at += count;
    if (count < capacity) break;
    // It stands on the first row not given.
    if (at < m->count) {
      check_on(it, &m->rows[at]);
    } else {
      check_off(it);
    }
  }
  check_off(it);
  count = 999;
  EXPECT(LSM_END, lsm_iter_next_n(it, rows, capacity, &count, &err));
  CHECK_INT(0, count);
  free(rows);
}

static void many_rows_in_one_call(void) {
  static const size_t kCapacities[] = {1, 2, 3, 7, 64, 1000};
  model m;
  lsm_iter* it = NULL;
  lsm_row rows[3];
  size_t count = 999;
  lsm_db* db = make_rows(scratch("db"), &m, 500);
  EXPECT(LSM_OK, lsm_iter_create(db, NULL, NONE, NONE, &it, &err));
  for (size_t i = 0; i < sizeof kCapacities / sizeof kCapacities[0]; i++) {
    EXPECT(LSM_OK, lsm_iter_seek_first(it, &err));
    read_in_pieces(it, &m, 0, kCapacities[i]);
    EXPECT(LSM_OK, lsm_iter_seek(it, m.rows[m.count / 2].key, m.rows[m.count / 2].key_size, &err));
    read_in_pieces(it, &m, m.count / 2, kCapacities[i]);
  }
  // Exactly as many as there are: LSM_OK, and the next call says that it is over.
  EXPECT(LSM_OK, lsm_iter_seek_first(it, &err));
  read_in_pieces(it, &m, 0, m.count);
  // Mixed with single steps, both ways.
  EXPECT(LSM_OK, lsm_iter_seek_first(it, &err));
  EXPECT(LSM_OK, lsm_iter_next_n(it, rows, 3, &count, &err));
  check_on(it, &m.rows[3]);
  EXPECT(LSM_OK, lsm_iter_prev(it, &err));
  check_on(it, &m.rows[2]);
  EXPECT(LSM_OK, lsm_iter_next_n(it, rows, 2, &count, &err));
  check_rows(&m, 2, rows, 2);
  EXPECT(LSM_OK, lsm_iter_next(it, &err));
  check_on(it, &m.rows[5]);
  lsm_iter_destroy(it);
  close_db(db);
  model_free(&m);
}

// Rows of one call stay readable together, whatever their size.
static void large_rows_in_one_call(void) {
  enum { ROWS = 40, SIZE = 100000 };
  lsm_db* db = open_db(scratch("db"), TINY);
  model m = {NULL, 0, 0};
  char *value = malloc(SIZE), key[20];
  lsm_iter* it = NULL;
  for (int i = 0; i < ROWS; i++) {
    memset(value, 'a' + i % 26, SIZE);
    snprintf(key, sizeof key, "%03d", i);
    EXPECT(LSM_OK, lsm_put(db, B(key), value, (size_t)(SIZE - i), 0, &err));
    model_put(&m, B(key), value, (size_t)(SIZE - i));
  }
  EXPECT(LSM_OK, lsm_iter_create(db, NULL, NONE, NONE, &it, &err));
  for (size_t capacity = 1; capacity <= ROWS; capacity *= 3) {
    EXPECT(LSM_OK, lsm_iter_seek_first(it, &err));
    read_in_pieces(it, &m, 0, capacity);
  }
  lsm_iter_destroy(it);
  close_db(db);
  free(value);
  model_free(&m);
}

// The view is fixed when the iterator is made, and its bounds are copied.
static void the_view_is_fixed_at_creation(void) {
  model m, later;
  lsm_iter *it = NULL, *bounded = NULL;
  char bound[] = "0100";
  lsm_db* db = make_rows(scratch("db"), &m, 200);
  EXPECT(LSM_OK, lsm_iter_create(db, NULL, NONE, NONE, &it, &err));
  EXPECT(LSM_OK, lsm_iter_create(db, NULL, bound, 4, NONE, &bounded, &err));
  memset(bound, 'z', 4);
  EXPECT(LSM_OK, lsm_iter_seek_first(bounded, &err));
  check_on(bounded, &m.rows[model_find(&m, B("0100"))]);
  lsm_iter_destroy(bounded);
  later = model_copy(&m);
  for (int i = 0; i < 2000; i++) {
    char key[20];
    snprintf(key, sizeof key, "%04d", i % 777);
    put(db, key, "a later value, long enough to push others out of the memtable");
    model_put(&later, B(key), B("a later value, long enough to push others out of the memtable"));
  }
  EXPECT(LSM_OK, lsm_delete_range(db, B("0200"), B("0300"), 0, &err));
  model_delete_range(&later, B("0200"), B("0300"));
  EXPECT(LSM_OK, lsm_compact_range(db, NONE, NONE, NULL, NULL, &err));
  EXPECT(LSM_OK, lsm_iter_seek_first(it, &err));
  read_in_pieces(it, &m, 0, 50);
  for (size_t i = m.count; i-- > 0;) {
    EXPECT(LSM_OK, i + 1 == m.count ? lsm_iter_seek_last(it, &err) : lsm_iter_prev(it, &err));
    check_on(it, &m.rows[i]);
  }
  EXPECT(LSM_END, lsm_iter_prev(it, &err));
  check_equals_model(db, NULL, &later);
  lsm_iter_destroy(it);
  close_db(db);
  model_free(&m);
  model_free(&later);
}

static void misuse_is_an_error(void) {
  lsm_db* db = open_db(scratch("db"), NULL);
  lsm_iter* it = NULL;
  lsm_rows* rows = NULL;
  lsm_row row;
  size_t count = 999;
  put(db, "a", "1");
  EXPECT(LSM_INVALID_ARGUMENT, lsm_scan(NULL, NULL, NONE, NONE, 0, &rows, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_scan(db, NULL, NONE, NONE, 0, NULL, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_scan(db, NULL, NULL, 1, NONE, 0, &rows, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_scan(db, NULL, NONE, NULL, 1, 0, &rows, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_iter_create(NULL, NULL, NONE, NONE, &it, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_iter_create(db, NULL, NONE, NONE, NULL, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_iter_create(db, NULL, NULL, 1, NONE, &it, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_iter_create(db, NULL, NONE, NULL, 1, &it, &err));
  CHECK(it == NULL && rows == NULL);
  EXPECT(LSM_OK, lsm_iter_create(db, NULL, NONE, NONE, &it, &err));
  EXPECT(LSM_OK, lsm_iter_seek_first(it, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_iter_next_n(it, &row, 0, &count, &err));
  CHECK_INT(0, count);
  EXPECT(LSM_INVALID_ARGUMENT, lsm_iter_next_n(it, NULL, 1, &count, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_iter_next_n(it, &row, 1, NULL, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_iter_seek(it, NULL, 1, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_iter_seek_for_prev(it, NULL, 1, &err));
  // None of that moved it.
  CHECK_BYTES("a", 1, lsm_iter_key(it, NULL), 1);
  CHECK_BYTES("1", 1, lsm_iter_value(it, NULL), 1);
  EXPECT(LSM_INVALID_ARGUMENT, lsm_iter_seek_first(NULL, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_iter_seek_last(NULL, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_iter_seek(NULL, B("a"), &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_iter_seek_for_prev(NULL, B("a"), &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_iter_next(NULL, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_iter_prev(NULL, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_iter_next_n(NULL, &row, 1, &count, &err));
  count = 999;
  CHECK(lsm_iter_key(NULL, &count) == NULL && count == 0);
  count = 999;
  CHECK(lsm_iter_value(NULL, &count) == NULL && count == 0);
  lsm_iter_destroy(NULL);
  lsm_iter_destroy(it);
  close_db(db);
}

CHECK_MAIN(T(scans_agree_with_the_model), T(rows_outlive_the_database),
           T(seeks_agree_with_the_model), T(random_walks_agree_with_the_model),
           T(the_end_stays_until_a_seek), T(many_rows_in_one_call), T(large_rows_in_one_call),
           T(the_view_is_fixed_at_creation), T(misuse_is_an_error))
