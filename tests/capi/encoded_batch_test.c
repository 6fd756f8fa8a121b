// lsm_write_encoded: does what a batch does, refuses every buffer that is none before it writes.

#include "tests/capi/model.h"

#define UNBOUNDED UINT32_MAX

// Operations under construction.
typedef struct {
  unsigned char bytes[4096];
  size_t size;
} encoding;

static void add_bytes(encoding* e, const void* bytes, size_t size) {
  CHECK(size <= sizeof e->bytes - e->size);
  if (size != 0) memcpy(e->bytes + e->size, bytes, size);
  e->size += size;
}

static void add_u32(encoding* e, uint32_t value) {
  for (int i = 0; i < 4; i++) {
    const unsigned char byte = (unsigned char)(value >> (8 * i));
    add_bytes(e, &byte, 1);
  }
}

// A NULL text has the size UNBOUNDED and no bytes.
static void add(encoding* e, int kind, const char* first, const char* second) {
  const unsigned char byte = (unsigned char)kind;
  add_bytes(e, &byte, 1);
  add_u32(e, first == NULL ? UNBOUNDED : (uint32_t)strlen(first));
  add_u32(e, second == NULL ? UNBOUNDED : (uint32_t)strlen(second));
  if (first != NULL) add_bytes(e, first, strlen(first));
  if (second != NULL) add_bytes(e, second, strlen(second));
}

static size_t rows_in(lsm_db* db) {
  lsm_rows* rows = NULL;
  size_t count = 999;
  EXPECT(LSM_OK, lsm_scan(db, NULL, NONE, NONE, 0, &rows, &err));
  lsm_rows_data(rows, &count);
  lsm_rows_free(rows);
  return count;
}

static void operations_are_applied_in_order_and_whole(void) {
  lsm_db* db = open_db(scratch("db"), NULL);
  encoding e = {.size = 0};
  put(db, "old", "1");
  put(db, "m2", "1");
  add(&e, LSM_OP_PUT, "a", "1");
  add(&e, LSM_OP_PUT, "a", "2");
  add(&e, LSM_OP_PUT, "gone", "1");
  add(&e, LSM_OP_DELETE, "gone", "");
  add(&e, LSM_OP_DELETE, "old", "");
  add(&e, LSM_OP_PUT, "m1", "1");
  add(&e, LSM_OP_DELETE_RANGE, "m", "n");
  add(&e, LSM_OP_PUT, "m3", "1");
  add(&e, LSM_OP_PUT, "", "");
  EXPECT(LSM_OK, lsm_write_encoded(db, e.bytes, e.size, LSM_SYNC, &err));
  memset(e.bytes, 0xff, sizeof e.bytes);
  for (int round = 0; round < 2; round++) {
    CHECK_GET(db, NULL, "a", "2");
    CHECK_GET(db, NULL, "m3", "1");
    CHECK_GET(db, NULL, "", "");
    CHECK_INT(3, rows_in(db));
    close_db(db);
    db = open_db(scratch("db"), NULL);
  }
  close_db(db);
}

static void ranges_have_every_kind_of_bound(void) {
  static const struct {
    const char *begin, *end, *left;
  } cases[] = {{NULL, NULL, ""},  {NULL, "b", "bc"}, {"b", NULL, "a"},
               {"b", "c", "ac"},  {"b", "b", "abc"}, {"", "", "abc"},
               {NULL, "", "abc"}, {"", "b", "bc"},   {"d", NULL, "abc"}};
  lsm_db* db = open_db(scratch("db"), NULL);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    encoding e = {.size = 0};
    put(db, "a", "1");
    put(db, "b", "1");
    put(db, "c", "1");
    add(&e, LSM_OP_DELETE_RANGE, cases[i].begin, cases[i].end);
    EXPECT(LSM_OK, lsm_write_encoded(db, e.bytes, e.size, 0, &err));
    for (const char* key = "abc"; *key != '\0'; key++) {
      const char text[2] = {*key, '\0'};
      CHECK_GET(db, NULL, text, strchr(cases[i].left, *key) != NULL ? "1" : NULL);
    }
  }
  close_db(db);
}

static void nothing_is_fine(void) {
  lsm_db* db = open_db(scratch("db"), NULL);
  EXPECT(LSM_OK, lsm_write_encoded(db, NONE, 0, &err));
  EXPECT(LSM_OK, lsm_write_encoded(db, "", 0, LSM_SYNC, &err));
  CHECK_INT(0, rows_in(db));
  close_db(db);
}

// The refused operation stands behind a good one, of which nothing may be written either.
static void check_refused(lsm_db* db, lsm_status want, const encoding* tail, const char* expected) {
  encoding e = {.size = 0};
  char place[40];
  add(&e, LSM_OP_PUT, "good", "1");
  snprintf(place, sizeof place, "at byte %zu of %zu", e.size, e.size + tail->size);
  add_bytes(&e, tail->bytes, tail->size);
  EXPECT(want, lsm_write_encoded(db, e.bytes, e.size, 0, &err));
  CHECK_CONTAINS(place, last.message);
  CHECK_CONTAINS(expected, last.message);
  CHECK_GET(db, NULL, "good", NULL);
}

static void bytes_that_are_no_operations_are_refused(void) {
  lsm_db* db = open_db(scratch("db"), NULL);
  for (int kind = 0; kind < 256; kind++) {
    encoding e = {.size = 0};
    if (kind >= LSM_OP_PUT && kind <= LSM_OP_DELETE_RANGE) continue;
    add(&e, kind, "a", "b");
    check_refused(db, LSM_INVALID_ARGUMENT, &e, "expected LSM_OP_PUT (1)");
  }
  for (int kind = LSM_OP_PUT; kind <= LSM_OP_DELETE_RANGE; kind++) {
    for (int is_value = 0; is_value < 2; is_value++) {
      // Sizes that reach past the end: by one, by much, and so that a sum of 32 bits would wrap.
      static const uint32_t sizes[] = {4,           1u << 20,    0x7fffffffu, 0x80000000u,
                                       0xfffffff7u, 0xfffffffeu, 0xffffffffu};
      for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        encoding e = {.size = 0};
        const unsigned char byte = (unsigned char)kind;
        if (kind == LSM_OP_DELETE_RANGE && sizes[i] == UNBOUNDED) continue;
        add_bytes(&e, &byte, 1);
        add_u32(&e, is_value ? 0 : sizes[i]);
        add_u32(&e, is_value ? sizes[i] : 0);
        add_bytes(&e, "abc", 3);
        check_refused(db, LSM_INVALID_ARGUMENT, &e,
                      kind == LSM_OP_DELETE && is_value ? "expected 0 for its size" : "expected ");
      }
    }
  }
  encoding e = {.size = 0};
  add(&e, LSM_OP_DELETE, "good", "1");
  check_refused(db, LSM_INVALID_ARGUMENT, &e, "a delete has no value");
  e.size = 0;
  add(&e, LSM_OP_DELETE_RANGE, "b", "a");
  check_refused(db, LSM_INVALID_ARGUMENT, &e, "begins after its end");
  close_db(db);
}

// Cut anywhere, good operations are either a shorter list of good ones or refused.
static void every_cut_is_refused_or_between_operations(void) {
  lsm_db* db = open_db(scratch("db"), NULL);
  encoding e = {.size = 0};
  size_t ends[4] = {0};
  add(&e, LSM_OP_PUT, "first", "value");
  ends[1] = e.size;
  add(&e, LSM_OP_DELETE, "second", "");
  ends[2] = e.size;
  add(&e, LSM_OP_DELETE_RANGE, NULL, "a");
  ends[3] = e.size;
  for (size_t size = 0; size <= e.size; size++) {
    int is_end = 0;
    for (int i = 0; i < 4; i++) is_end |= size == ends[i];
    // A block of exactly that size, so that a read past it is seen by a sanitizer.
    char* bytes = copy_bytes(e.bytes, size);
    bytes = realloc(bytes, size == 0 ? 1 : size);
    CHECK(bytes != NULL);
    EXPECT(is_end ? LSM_OK : LSM_INVALID_ARGUMENT, lsm_write_encoded(db, bytes, size, 0, &err));
    CHECK_GET(db, NULL, "first", is_end && size != 0 ? "value" : NULL);
    EXPECT(LSM_OK, lsm_delete(db, B("first"), 0, &err));
    free(bytes);
  }
  close_db(db);
}

static void random_bytes_do_no_harm(void) {
  lsm_db* db = open_db(scratch("db"), TINY);
  uint64_t seed = 20261122;
  size_t taken = 0;
  for (int round = 0; round < 20000; round++) {
    const size_t size = next_random(&seed) % 40;
    char* bytes = malloc(size + 1);
    CHECK(bytes != NULL);
    for (size_t i = 0; i < size; i++) {
      // Mostly small numbers, so that some are kinds and sizes.
      const uint64_t random = next_random(&seed);
      bytes[i] = (char)(random % 4 != 0 ? (random >> 8) % 4 * (random % 3 == 0) : random >> 8);
    }
    const lsm_status status = lsm_write_encoded(db, bytes, size, 0, NULL);
    CHECK(status == LSM_OK || status == LSM_INVALID_ARGUMENT);
    taken += status == LSM_OK && size != 0;
    free(bytes);
  }
  CHECK(taken != 0);
  close_db(db);
}

static void limits_are_those_of_a_batch(void) {
  lsm_db* db = open_db(scratch("db"), NULL);
  const size_t head = 9, largest = head + LSM_KEY_SIZE_MAX;
  unsigned char* bytes = calloc(1, largest + 1);
  CHECK(bytes != NULL);
  bytes[0] = LSM_OP_PUT;
  bytes[1] = bytes[2] = 0xff;  // a key of 65535 bytes
  EXPECT(LSM_OK, lsm_write_encoded(db, bytes, largest, 0, &err));
  CHECK_INT(1, rows_in(db));
  bytes[1] = bytes[2] = 0;
  bytes[3] = 1;  // and one of 65536
  EXPECT(LSM_TOO_LARGE, lsm_write_encoded(db, bytes, largest + 1, 0, &err));
  CHECK_CONTAINS("at byte 0 of 65545", last.message);
  CHECK_CONTAINS("65535", last.message);
  bytes[0] = LSM_OP_DELETE;
  EXPECT(LSM_TOO_LARGE, lsm_write_encoded(db, bytes, largest + 1, 0, &err));
  bytes[0] = LSM_OP_DELETE_RANGE;  // bounds may be of any size
  memset(bytes + 5, 0xff, 4);
  EXPECT(LSM_OK, lsm_write_encoded(db, bytes, largest + 1, 0, &err));
  CHECK_INT(1, rows_in(db));  // the one key stands before that bound
  free(bytes);
  close_db(db);
}

// One value over its limit, and two of the largest, which are over that of a batch. calloc's pages
// of zeros cost nothing until they are copied.
static void the_largest_are_bounded_too(void) {
  lsm_db* db = open_db(scratch("db"), NULL);
  const size_t head = 9, room = 2 * (head + (size_t)LSM_VALUE_SIZE_MAX);
  unsigned char* bytes = calloc(1, room + 1);
  CHECK(bytes != NULL);
  for (size_t at = 0; at < room; at += room / 2) {
    bytes[at] = LSM_OP_PUT;
    memset(bytes + at + 5, 0xff, 3);
    bytes[at + 8] = 0x3f;
  }
  EXPECT(LSM_TOO_LARGE, lsm_write_encoded(db, bytes, room, 0, &err));
  CHECK_CONTAINS("2147483647", last.message);
  memset(bytes + 5, 0, 3);
  bytes[8] = 0x40;
  EXPECT(LSM_TOO_LARGE, lsm_write_encoded(db, bytes, head + LSM_VALUE_SIZE_MAX + 1, 0, &err));
  CHECK_CONTAINS("1073741823", last.message);
  CHECK_INT(0, rows_in(db));
  free(bytes);
  close_db(db);
}

static void misuse_is_an_error(void) {
  lsm_db* db = open_db(scratch("db"), NULL);
  encoding e = {.size = 0};
  add(&e, LSM_OP_PUT, "a", "1");
  EXPECT(LSM_INVALID_ARGUMENT, lsm_write_encoded(NULL, e.bytes, e.size, 0, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_write_encoded(db, NULL, 1, 0, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_write_encoded(db, e.bytes, e.size, 6, &err));
  CHECK_GET(db, NULL, "a", NULL);
  close_db(db);
  EXPECT(LSM_CLOSED, lsm_write_encoded(db, e.bytes, e.size, 0, &err));
  EXPECT(LSM_CLOSED, lsm_write_encoded(db, NONE, 0, &err));
  db = open_db(scratch("db"), "read_only=true");
  EXPECT(LSM_READ_ONLY, lsm_write_encoded(db, e.bytes, e.size, 0, &err));
  close_db(db);
}

// The same random operations through a batch and encoded leave the same rows.
static void it_does_what_a_batch_does(void) {
  lsm_db *one = open_db(scratch("one"), TINY), *two = open_db(scratch("two"), TINY);
  lsm_batch* batch = lsm_batch_create();
  uint64_t seed = 5;
  for (int round = 0; round < 300; round++) {
    encoding e = {.size = 0};
    lsm_batch_clear(batch);
    for (int i = 0; i < 40; i++) {
      char key[8], end[8], value[16];
      const unsigned low = (unsigned)(next_random(&seed) % 200);
      snprintf(key, sizeof key, "%03u", low);
      snprintf(end, sizeof end, "%03u", low + (unsigned)(next_random(&seed) % 9));
      snprintf(value, sizeof value, "%d.%d", round, i);
      switch (next_random(&seed) % 8) {
        case 0:
          EXPECT(LSM_OK, lsm_batch_delete_range(batch, B(key), B(end), &err));
          add(&e, LSM_OP_DELETE_RANGE, key, end);
          break;
        case 1:
        case 2:
          EXPECT(LSM_OK, lsm_batch_delete(batch, B(key), &err));
          add(&e, LSM_OP_DELETE, key, "");
          break;
        default:
          EXPECT(LSM_OK, lsm_batch_put(batch, B(key), B(value), &err));
          add(&e, LSM_OP_PUT, key, value);
      }
    }
    EXPECT(LSM_OK, lsm_write(one, batch, 0, &err));
    EXPECT(LSM_OK, lsm_write_encoded(two, e.bytes, e.size, 0, &err));
  }
  model m = {NULL, 0, 0};
  lsm_rows* rows = NULL;
  size_t count = 0;
  EXPECT(LSM_OK, lsm_scan(one, NULL, NONE, NONE, 0, &rows, &err));
  const lsm_row* row = lsm_rows_data(rows, &count);
  CHECK(count != 0);
  for (size_t i = 0; i < count; i++) {
    model_put(&m, row[i].key, row[i].key_size, row[i].value, row[i].value_size);
  }
  lsm_rows_free(rows);
  check_equals_model(two, NULL, &m);
  model_free(&m);
  lsm_batch_destroy(batch);
  close_db(one);
  close_db(two);
}

CHECK_MAIN(T(operations_are_applied_in_order_and_whole), T(ranges_have_every_kind_of_bound),
           T(nothing_is_fine), T(bytes_that_are_no_operations_are_refused),
           T(every_cut_is_refused_or_between_operations), T(random_bytes_do_no_harm),
           T(limits_are_those_of_a_batch), T(the_largest_are_bounded_too), T(misuse_is_an_error),
           T(it_does_what_a_batch_does))
