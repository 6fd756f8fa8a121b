// Put, get, delete, range delete: one key at a time, and every size from nothing to the limits.

#include "tests/capi/model.h"

static void put_get_overwrite_delete(void) {
  lsm_db* db = open_db(scratch("db"), NULL);
  CHECK_GET(db, NULL, "a", NULL);
  put(db, "a", "1");
  CHECK_GET(db, NULL, "a", "1");
  put(db, "a", "22");
  CHECK_GET(db, NULL, "a", "22");
  EXPECT(LSM_OK, lsm_put(db, B("b"), B("3"), LSM_SYNC, &err));
  EXPECT(LSM_OK, lsm_delete(db, B("a"), 0, &err));
  CHECK_GET(db, NULL, "a", NULL);
  EXPECT(LSM_OK, lsm_delete(db, B("a"), LSM_SYNC, &err));  // of nothing: fine
  CHECK_GET(db, NULL, "b", "3");
  close_db(db);
}

static void the_empty_key_is_a_key_and_an_empty_value_a_value(void) {
  lsm_db* db = open_db(scratch("db"), NULL);
  lsm_value value;
  CHECK_GET(db, NULL, "", NULL);
  EXPECT(LSM_OK, lsm_put(db, NONE, NONE, 0, &err));
  CHECK_GET(db, NULL, "", "");
  EXPECT(LSM_OK, lsm_get(db, NULL, NONE, &value, &err));
  CHECK(value.data != NULL && value.size == 0);
  lsm_value_release(&value);
  EXPECT(LSM_OK, lsm_put(db, "", 0, B("first"), 0, &err));
  CHECK_GET(db, NULL, "", "first");
  put(db, "a", "");
  CHECK_GET(db, NULL, "a", "");
  EXPECT(LSM_OK, lsm_flush(db, &err));
  CHECK_GET(db, NULL, "", "first");
  CHECK_GET(db, NULL, "a", "");
  EXPECT(LSM_OK, lsm_delete(db, NONE, 0, &err));
  CHECK_GET(db, NULL, "", NULL);
  close_db(db);
}

// All 256 byte values, signed or not, with a NUL in the middle.
static void bytes_are_opaque_and_ordered_as_memcmp_does(void) {
  lsm_db* db = open_db(scratch("db"), TINY);
  model m = {NULL, 0, 0};
  for (int a = 255; a >= 0; a--) {
    const char key[3] = {(char)a, 0, (char)(255 - a)};
    for (size_t size = 1; size <= 3; size++) {
      EXPECT(LSM_OK, lsm_put(db, key, size, key, size, 0, &err));
      model_put(&m, key, size, key, size);
    }
  }
  check_equals_model(db, NULL, &m);
  EXPECT(LSM_OK, lsm_flush(db, &err));
  check_equals_model(db, NULL, &m);
  close_db(db);
  model_free(&m);
}

static void get_into_a_buffer(void) {
  lsm_db* db = open_db(scratch("db"), NULL);
  char buffer[8];
  size_t size = 999;
  put(db, "a", "12345");
  put(db, "empty", "");
  for (int round = 0; round < 2; round++) {
    memset(buffer, '.', sizeof buffer);
    EXPECT(LSM_OK, lsm_get_into(db, NULL, B("a"), buffer, sizeof buffer, &size, &err));
    CHECK_INT(5, size);
    CHECK_BYTES("12345...", 8, buffer, 8);
    EXPECT(LSM_OK, lsm_get_into(db, NULL, B("a"), buffer, 5, &size, &err));
    CHECK_INT(5, size);
    // Too small: the size needed, and the buffer as it was.
    memset(buffer, '.', sizeof buffer);
    size = 999;
    EXPECT(LSM_TOO_LARGE, lsm_get_into(db, NULL, B("a"), buffer, 4, &size, &err));
    CHECK_INT(5, size);
    CHECK_BYTES("........", 8, buffer, 8);
    size = 999;
    EXPECT(LSM_TOO_LARGE, lsm_get_into(db, NULL, B("a"), NONE, &size, &err));
    CHECK_INT(5, size);
    size = 999;
    EXPECT(LSM_NOT_FOUND, lsm_get_into(db, NULL, B("b"), buffer, sizeof buffer, &size, &err));
    CHECK_INT(0, size);
    size = 999;
    EXPECT(LSM_OK, lsm_get_into(db, NULL, B("empty"), NONE, &size, &err));
    CHECK_INT(0, size);
    EXPECT(LSM_OK, lsm_flush(db, &err));
  }
  close_db(db);
}

static char* filled(size_t size, char first) {
  char* bytes = malloc(size);
  CHECK(bytes != NULL);
  memset(bytes, 'x', size);
  if (size != 0) bytes[0] = first;
  return bytes;
}

// Over-long keys and values are refused wherever they come, and nothing is written.
static void limits(void) {
  lsm_db* db = open_db(scratch("db"), NULL);
  model m = {NULL, 0, 0};
  lsm_value value;
  lsm_iter* it = NULL;
  size_t size = 999;
  char* key = filled(LSM_KEY_SIZE_MAX + 1, 'k');
  EXPECT(LSM_OK, lsm_put(db, key, LSM_KEY_SIZE_MAX, B("longest"), 0, &err));
  model_put(&m, key, LSM_KEY_SIZE_MAX, B("longest"));
  EXPECT(LSM_TOO_LARGE, lsm_put(db, key, LSM_KEY_SIZE_MAX + 1, B("v"), 0, &err));
  CHECK_CONTAINS("65535", last.message);
  EXPECT(LSM_TOO_LARGE, lsm_put(db, B("a"), key, (size_t)LSM_VALUE_SIZE_MAX + 1, 0, &err));
  CHECK_CONTAINS("1073741823", last.message);
  EXPECT(LSM_TOO_LARGE, lsm_delete(db, key, LSM_KEY_SIZE_MAX + 1, 0, &err));
  memset(&value, 0xa5, sizeof value);
  EXPECT(LSM_TOO_LARGE, lsm_get(db, NULL, key, LSM_KEY_SIZE_MAX + 1, &value, &err));
  CHECK(value.data == NULL && value.size == 0 && value.pin == NULL);
  EXPECT(LSM_TOO_LARGE, lsm_get_into(db, NULL, key, LSM_KEY_SIZE_MAX + 1, NONE, &size, &err));
  CHECK_INT(0, size);
  EXPECT(LSM_OK, lsm_iter_create(db, NULL, NONE, NONE, &it, &err));
  EXPECT(LSM_TOO_LARGE, lsm_iter_seek(it, key, LSM_KEY_SIZE_MAX + 1, &err));
  EXPECT(LSM_TOO_LARGE, lsm_iter_seek_for_prev(it, key, LSM_KEY_SIZE_MAX + 1, &err));
  lsm_iter_destroy(it);
  check_equals_model(db, NULL, &m);
  EXPECT(LSM_OK, lsm_flush(db, &err));
  check_equals_model(db, NULL, &m);
  // Sizes that cannot be true, refused before a byte is read.
  EXPECT(LSM_TOO_LARGE, lsm_put(db, "k", SIZE_MAX, B("v"), 0, &err));
  EXPECT(LSM_TOO_LARGE, lsm_put(db, B("k"), "v", SIZE_MAX, 0, &err));
  check_equals_model(db, NULL, &m);
  close_db(db);
  free(key);
  model_free(&m);
}

static void values_of_every_order_of_magnitude(void) {
  lsm_db* db = open_db(scratch("db"), "write_buffer_size=64KiB,memory_budget=4MiB");
  model m = {NULL, 0, 0};
  char* bytes = filled(10000000, 'v');
  uint64_t seed = 7;
  for (size_t i = 0; i < 10000000; i += 8) {
    const uint64_t noise = next_random(&seed);
    memcpy(bytes + i, &noise, 8);
  }
  for (size_t size = 1; size <= 10000000; size *= 10) {
    char key[20];
    snprintf(key, sizeof key, "%zu", size);
    EXPECT(LSM_OK, lsm_put(db, B(key), bytes, size, 0, &err));
    model_put(&m, B(key), bytes, size);
  }
  check_equals_model(db, NULL, &m);
  EXPECT(LSM_OK, lsm_flush(db, &err));
  check_equals_model(db, NULL, &m);
  close_db(db);
  db = open_db(scratch("db"), NULL);
  check_equals_model(db, NULL, &m);
  close_db(db);
  free(bytes);
  model_free(&m);
}

static void delete_ranges(void) {
  static const struct {
    const char *begin, *end;  // NULL: unbounded
  } kRanges[] = {{"b", "d"}, {"c", "c"}, {NULL, "a0"}, {"x", NULL}, {"", "a5"},  {"m5", "m55"},
                 {"", ""},   {NULL, ""}, {"zz", NULL}, {"e", "w"},  {NULL, NULL}};
  for (int flushed = 0; flushed < 2; flushed++) {
    lsm_db* db = open_db(scratch(flushed ? "flushed" : "db"), TINY);
    model m = {NULL, 0, 0};
    for (size_t i = 0; i < sizeof kRanges / sizeof kRanges[0]; i++) {
      for (int k = 0; k < 26 * 10; k += 1 + (int)i % 3) {
        const char key[2] = {(char)('a' + k / 10), (char)('0' + k % 10)};
        EXPECT(LSM_OK, lsm_put(db, key, 2, key, 2, 0, &err));
        model_put(&m, key, 2, key, 2);
      }
      if (flushed) EXPECT(LSM_OK, lsm_flush(db, &err));
      const char *begin = kRanges[i].begin, *end = kRanges[i].end;
      const size_t begin_size = begin == NULL ? 0 : strlen(begin);
      const size_t end_size = end == NULL ? 0 : strlen(end);
      EXPECT(LSM_OK, lsm_delete_range(db, begin, begin_size, end, end_size, 0, &err));
      model_delete_range(&m, begin, begin_size, end, end_size);
      check_equals_model(db, NULL, &m);
      if (flushed) EXPECT(LSM_OK, lsm_flush(db, &err));
      check_equals_model(db, NULL, &m);
    }
    CHECK_INT(0, m.count);
    put(db, "alive", "again");
    CHECK_GET(db, NULL, "alive", "again");
    EXPECT(LSM_INVALID_ARGUMENT, lsm_delete_range(db, B("b"), B("a"), 0, &err));
    EXPECT(LSM_INVALID_ARGUMENT, lsm_delete_range(db, B("b"), "", 0, 0, &err));
    CHECK_GET(db, NULL, "alive", "again");
    close_db(db);
    db = open_db(scratch(flushed ? "flushed" : "db"), TINY);
    CHECK_GET(db, NULL, "alive", "again");
    CHECK_GET(db, NULL, "b1", NULL);
    close_db(db);
    model_free(&m);
  }
}

// Bounds may be longer than any key: they only say where a range begins and ends.
static void bounds_of_any_size(void) {
  lsm_db* db = open_db(scratch("db"), NULL);
  char* bound = filled(200000, 'k');
  lsm_rows* rows = NULL;
  lsm_iter* it = NULL;
  size_t count = 0;
  memset(bound, 'k', 200000);
  EXPECT(LSM_OK, lsm_put(db, bound, LSM_KEY_SIZE_MAX, B("1"), 0, &err));
  put(db, "a", "2");
  put(db, "l", "3");
  EXPECT(LSM_OK, lsm_scan(db, NULL, bound, 200000, NONE, 0, &rows, &err));
  lsm_rows_data(rows, &count);
  CHECK_INT(1, count);
  lsm_rows_free(rows);
  EXPECT(LSM_OK, lsm_scan(db, NULL, NONE, bound, 200000, 0, &rows, &err));
  lsm_rows_data(rows, &count);
  CHECK_INT(2, count);
  lsm_rows_free(rows);
  EXPECT(LSM_OK, lsm_iter_create(db, NULL, bound, 199999, bound, 200000, &it, &err));
  EXPECT(LSM_END, lsm_iter_seek_first(it, &err));
  lsm_iter_destroy(it);
  EXPECT(LSM_INVALID_ARGUMENT, lsm_delete_range(db, bound, 200000, bound, 199999, 0, &err));
  EXPECT(LSM_OK, lsm_compact_range(db, bound, 199999, bound, 200000, NULL, NULL, &err));
  EXPECT(LSM_OK, lsm_delete_range(db, bound, 199999, bound, 200000, 0, &err));
  EXPECT(LSM_OK, lsm_delete_range(db, B("b"), bound, 200000, 0, &err));
  CHECK_GET(db, NULL, "a", "2");
  CHECK_GET(db, NULL, "l", "3");
  EXPECT(LSM_OK, lsm_scan(db, NULL, NONE, NONE, 0, &rows, &err));
  lsm_rows_data(rows, &count);
  CHECK_INT(2, count);
  lsm_rows_free(rows);
  close_db(db);
  free(bound);
}

// A value outlives what it was read from: overwrites, deletes, compaction, the database.
static void a_value_stays_readable_until_released(void) {
  lsm_db* db = open_db(scratch("db"), TINY);
  lsm_value values[200];
  char key[50], want[50];
  for (int i = 0; i < 200; i++) {
    snprintf(key, sizeof key, "key %03d", i);
    snprintf(want, sizeof want, "the value of key %03d", i);
    put(db, key, want);
    if (i == 100) EXPECT(LSM_OK, lsm_flush(db, &err));
    EXPECT(LSM_OK, lsm_get(db, NULL, B(key), &values[i], &err));
  }
  EXPECT(LSM_OK, lsm_delete_range(db, NONE, NONE, 0, &err));
  for (int i = 0; i < 2000; i++) {
    snprintf(key, sizeof key, "key %03d", i % 300);
    put(db, key, "something else that is long enough to fill memtables");
  }
  EXPECT(LSM_OK, lsm_compact_range(db, NONE, NONE, NULL, NULL, &err));
  for (int i = 0; i < 200; i += 2) {
    snprintf(want, sizeof want, "the value of key %03d", i);
    CHECK_BYTES(want, strlen(want), values[i].data, values[i].size);
    lsm_value_release(&values[i]);
    lsm_value_release(&values[i]);  // a second time: harmless
  }
  close_db(db);
  EXPECT(LSM_OK, lsm_destroy(scratch("db"), &err));
  for (int i = 1; i < 200; i += 2) {
    snprintf(want, sizeof want, "the value of key %03d", i);
    CHECK_BYTES(want, strlen(want), values[i].data, values[i].size);
    lsm_value_release(&values[i]);
  }
  lsm_value_release(NULL);
}

static void misuse_is_an_error(void) {
  lsm_db* db = open_db(scratch("db"), NULL);
  lsm_value value;
  size_t size = 999;
  char buffer[4];
  put(db, "a", "1");
  EXPECT(LSM_INVALID_ARGUMENT, lsm_put(NULL, B("a"), B("b"), 0, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_put(db, NULL, 1, B("b"), 0, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_put(db, B("a"), NULL, 1, 0, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_put(db, B("a"), B("b"), 2, &err));
  CHECK_CONTAINS("LSM_SYNC", last.message);
  EXPECT(LSM_INVALID_ARGUMENT, lsm_put(db, B("a"), B("b"), 1u << 31 | LSM_SYNC, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_delete(NULL, B("a"), 0, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_delete(db, NULL, 1, 0, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_delete(db, B("a"), 4, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_delete_range(NULL, NONE, NONE, 0, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_delete_range(db, NONE, NONE, 8, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_delete_range(db, NULL, 1, NONE, 0, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_delete_range(db, NONE, NULL, 1, 0, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_get(NULL, NULL, B("a"), &value, &err));
  CHECK(value.data == NULL && value.size == 0 && value.pin == NULL);
  EXPECT(LSM_INVALID_ARGUMENT, lsm_get(db, NULL, NULL, 1, &value, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_get(db, NULL, B("a"), NULL, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_get_into(NULL, NULL, B("a"), buffer, 4, &size, &err));
  CHECK_INT(0, size);
  EXPECT(LSM_INVALID_ARGUMENT, lsm_get_into(db, NULL, NULL, 1, buffer, 4, &size, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_get_into(db, NULL, B("a"), NULL, 4, &size, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_get_into(db, NULL, B("a"), buffer, 4, NULL, &err));
  CHECK_GET(db, NULL, "a", "1");
  // Errors may be left out everywhere.
  CHECK_INT(LSM_INVALID_ARGUMENT, lsm_put(db, NULL, 1, B("b"), 0, NULL));
  CHECK_INT(LSM_NOT_FOUND, lsm_get(db, NULL, B("b"), &value, NULL));
  CHECK_INT(LSM_OK, lsm_close(db, NULL));
}

CHECK_MAIN(T(put_get_overwrite_delete), T(the_empty_key_is_a_key_and_an_empty_value_a_value),
           T(bytes_are_opaque_and_ordered_as_memcmp_does), T(get_into_a_buffer), T(limits),
           T(values_of_every_order_of_magnitude), T(delete_ranges), T(bounds_of_any_size),
           T(a_value_stays_readable_until_released), T(misuse_is_an_error))
