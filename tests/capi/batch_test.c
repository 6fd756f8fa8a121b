// Batches: atomic, reusable, bounded.

#include "tests/capi/model.h"

static void a_batch_is_applied_in_order_and_whole(void) {
  lsm_db* db = open_db(scratch("db"), NULL);
  lsm_batch* batch = lsm_batch_create();
  put(db, "old", "1");
  put(db, "m2", "1");
  EXPECT(LSM_OK, lsm_batch_put(batch, B("a"), B("1"), &err));
  EXPECT(LSM_OK, lsm_batch_put(batch, B("a"), B("2"), &err));
  EXPECT(LSM_OK, lsm_batch_put(batch, B("gone"), B("1"), &err));
  EXPECT(LSM_OK, lsm_batch_delete(batch, B("gone"), &err));
  EXPECT(LSM_OK, lsm_batch_delete(batch, B("old"), &err));
  EXPECT(LSM_OK, lsm_batch_put(batch, B("m1"), B("1"), &err));
  EXPECT(LSM_OK, lsm_batch_delete_range(batch, B("m"), B("n"), &err));
  EXPECT(LSM_OK, lsm_batch_put(batch, B("m3"), B("1"), &err));
  EXPECT(LSM_OK, lsm_batch_put(batch, NONE, NONE, &err));
  CHECK_INT(9, lsm_batch_count(batch));
  CHECK_GET(db, NULL, "a", NULL);  // nothing yet
  EXPECT(LSM_OK, lsm_write(db, batch, 0, &err));
  for (int round = 0; round < 2; round++) {
    CHECK_GET(db, NULL, "a", "2");
    CHECK_GET(db, NULL, "gone", NULL);
    CHECK_GET(db, NULL, "old", NULL);
    CHECK_GET(db, NULL, "m1", NULL);
    CHECK_GET(db, NULL, "m2", NULL);
    CHECK_GET(db, NULL, "m3", "1");
    CHECK_GET(db, NULL, "", "");
    EXPECT(LSM_OK, lsm_flush(db, &err));
  }
  lsm_batch_destroy(batch);
  close_db(db);
}

static void a_batch_can_be_written_again_and_elsewhere(void) {
  lsm_db *one = open_db(scratch("one"), NULL), *two = open_db(scratch("two"), NULL);
  lsm_batch* batch = lsm_batch_create();
  CHECK_INT(0, lsm_batch_count(batch));
  const size_t empty = lsm_batch_size(batch);
  EXPECT(LSM_OK, lsm_write(one, batch, 0, &err));  // empty: fine
  EXPECT(LSM_OK, lsm_write(one, batch, LSM_SYNC, &err));
  EXPECT(LSM_OK, lsm_batch_put(batch, B("a"), B("1"), &err));
  CHECK_INT(1, lsm_batch_count(batch));
  CHECK(lsm_batch_size(batch) >= empty + 2);
  EXPECT(LSM_OK, lsm_write(one, batch, LSM_SYNC, &err));
  EXPECT(LSM_OK, lsm_write(two, batch, 0, &err));
  EXPECT(LSM_OK, lsm_delete(one, B("a"), 0, &err));
  CHECK_GET(one, NULL, "a", NULL);
  EXPECT(LSM_OK, lsm_write(one, batch, 0, &err));
  CHECK_GET(one, NULL, "a", "1");
  CHECK_GET(two, NULL, "a", "1");
  lsm_batch_clear(batch);
  CHECK_INT(0, lsm_batch_count(batch));
  CHECK_INT(empty, lsm_batch_size(batch));
  EXPECT(LSM_OK, lsm_batch_put(batch, B("b"), B("2"), &err));
  EXPECT(LSM_OK, lsm_write(one, batch, 0, &err));
  CHECK_GET(one, NULL, "b", "2");
  lsm_batch_destroy(batch);
  close_db(one);
  close_db(two);
}

// What was passed is copied: the caller's bytes may change at once.
static void bytes_are_copied(void) {
  lsm_db* db = open_db(scratch("db"), NULL);
  lsm_batch* batch = lsm_batch_create();
  char key[2] = "a", value[2] = "1";
  EXPECT(LSM_OK, lsm_batch_put(batch, key, 1, value, 1, &err));
  key[0] = 'z';
  value[0] = '9';
  EXPECT(LSM_OK, lsm_write(db, batch, 0, &err));
  CHECK_GET(db, NULL, "a", "1");
  CHECK_GET(db, NULL, "z", NULL);
  lsm_batch_destroy(batch);
  close_db(db);
}

static void a_refused_addition_leaves_the_batch_as_it_was(void) {
  lsm_db* db = open_db(scratch("db"), NULL);
  lsm_batch* batch = lsm_batch_create();
  char* key = calloc(1, LSM_KEY_SIZE_MAX + 1);
  EXPECT(LSM_OK, lsm_batch_put(batch, key, LSM_KEY_SIZE_MAX, B("1"), &err));
  const size_t size = lsm_batch_size(batch);
  EXPECT(LSM_TOO_LARGE, lsm_batch_put(batch, key, LSM_KEY_SIZE_MAX + 1, B("1"), &err));
  EXPECT(LSM_TOO_LARGE, lsm_batch_put(batch, B("a"), "", (size_t)LSM_VALUE_SIZE_MAX + 1, &err));
  EXPECT(LSM_TOO_LARGE, lsm_batch_put(batch, B("a"), "", SIZE_MAX, &err));
  EXPECT(LSM_TOO_LARGE, lsm_batch_delete(batch, key, LSM_KEY_SIZE_MAX + 1, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_batch_delete_range(batch, B("b"), B("a"), &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_batch_put(batch, NULL, 1, B("1"), &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_batch_put(batch, B("1"), NULL, 1, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_batch_delete(batch, NULL, 1, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_batch_delete_range(batch, NULL, 1, NONE, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_batch_delete_range(batch, NONE, NULL, 1, &err));
  CHECK_INT(1, lsm_batch_count(batch));
  CHECK_INT(size, lsm_batch_size(batch));
  EXPECT(LSM_OK, lsm_batch_delete_range(batch, B("a"), B("a"), &err));  // the empty range
  EXPECT(LSM_OK, lsm_write(db, batch, 0, &err));
  CHECK_GET(db, NULL, "a", NULL);
  lsm_batch_destroy(batch);
  close_db(db);
  free(key);
}

// The put that would take the batch over its limit is refused, and the batch is still good. Two of
// the largest values are one byte of overhead too many.
static void a_batch_is_bounded(void) {
  char* value = calloc(1, LSM_VALUE_SIZE_MAX);
  lsm_batch* batch = lsm_batch_create();
  lsm_db* db = open_db(scratch("db"), NULL);
  CHECK(value != NULL && batch != NULL);
  EXPECT(LSM_OK, lsm_batch_put(batch, B("key"), value, LSM_VALUE_SIZE_MAX, &err));
  const size_t size = lsm_batch_size(batch);
  CHECK(size > LSM_VALUE_SIZE_MAX && size < LSM_BATCH_SIZE_MAX);
  EXPECT(LSM_TOO_LARGE, lsm_batch_put(batch, B("key"), value, LSM_VALUE_SIZE_MAX, &err));
  CHECK_CONTAINS("2147483647", last.message);
  CHECK_INT(1, lsm_batch_count(batch));
  CHECK_INT(size, lsm_batch_size(batch));
  lsm_batch_clear(batch);
  EXPECT(LSM_OK, lsm_batch_put(batch, B("key"), B("small"), &err));
  EXPECT(LSM_OK, lsm_write(db, batch, 0, &err));
  CHECK_GET(db, NULL, "key", "small");
  lsm_batch_destroy(batch);
  close_db(db);
  free(value);
}

static void large_batches_over_many_memtables(void) {
  lsm_db* db = open_db(scratch("db"), TINY);
  lsm_batch* batch = lsm_batch_create();
  model m = {NULL, 0, 0};
  for (int round = 0; round < 5; round++) {
    lsm_batch_clear(batch);
    for (int i = 0; i < 2000; i++) {
      char key[50], value[50];
      snprintf(key, sizeof key, "%d", i * 7919 % 3001);
      snprintf(value, sizeof value, "%d of round %d", i, round);
      if (i % 5 == round) {
        EXPECT(LSM_OK, lsm_batch_delete(batch, B(key), &err));
        model_delete(&m, B(key));
      } else {
        EXPECT(LSM_OK, lsm_batch_put(batch, B(key), B(value), &err));
        model_put(&m, B(key), B(value));
      }
    }
    CHECK_INT(2000, lsm_batch_count(batch));
    EXPECT(LSM_OK, lsm_write(db, batch, 0, &err));
    check_equals_model(db, NULL, &m);
  }
  close_db(db);
  db = open_db(scratch("db"), TINY);
  check_equals_model(db, NULL, &m);
  lsm_batch_destroy(batch);
  close_db(db);
  model_free(&m);
}

static void misuse_is_an_error(void) {
  lsm_db* db = open_db(scratch("db"), NULL);
  lsm_batch* batch = lsm_batch_create();
  EXPECT(LSM_OK, lsm_batch_put(batch, B("a"), B("1"), &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_batch_put(NULL, B("a"), B("1"), &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_batch_delete(NULL, B("a"), &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_batch_delete_range(NULL, NONE, NONE, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_write(NULL, batch, 0, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_write(db, NULL, 0, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_write(db, batch, 6, &err));
  CHECK_GET(db, NULL, "a", NULL);
  CHECK_INT(0, lsm_batch_count(NULL));
  CHECK_INT(0, lsm_batch_size(NULL));
  lsm_batch_clear(NULL);
  lsm_batch_destroy(NULL);
  lsm_batch_destroy(batch);
  close_db(db);
}

CHECK_MAIN(T(a_batch_is_applied_in_order_and_whole), T(a_batch_can_be_written_again_and_elsewhere),
           T(bytes_are_copied), T(a_refused_addition_leaves_the_batch_as_it_was),
           T(a_batch_is_bounded), T(large_batches_over_many_memtables), T(misuse_is_an_error))
