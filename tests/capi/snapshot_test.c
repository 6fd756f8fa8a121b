// Snapshots: what they see does not change, whatever happens around them.

#include "tests/capi/model.h"

static void fill(lsm_db* db, model* m, int round, int count) {
  char key[50], value[100];
  for (int i = 0; i < count; i++) {
    snprintf(key, sizeof key, "%04d", i * 37 % 600);
    snprintf(value, sizeof value, "round %d, row %d", round, i);
    if ((i + round) % 7 == 0) {
      EXPECT(LSM_OK, lsm_delete(db, B(key), 0, &err));
      model_delete(m, B(key));
    } else {
      put(db, key, value);
      model_put(m, B(key), B(value));
    }
  }
}

static void snapshots_keep_what_they_saw(void) {
  enum { ROUNDS = 6 };
  lsm_db* db = open_db(scratch("db"), TINY);
  lsm_snapshot* snapshots[ROUNDS];
  model now = {NULL, 0, 0}, then[ROUNDS];
  for (int round = 0; round < ROUNDS; round++) {
    EXPECT(LSM_OK, lsm_snapshot_create(db, &snapshots[round], &err));
    then[round] = model_copy(&now);
    fill(db, &now, round, 400);
    if (round % 2 == 1) {
      EXPECT(LSM_OK, lsm_delete_range(db, B("0100"), B("0200"), 0, &err));
      model_delete_range(&now, B("0100"), B("0200"));
    }
  }
  for (int round = 0; round < ROUNDS; round++)
    check_equals_model(db, snapshots[round], &then[round]);
  EXPECT(LSM_OK, lsm_compact_range(db, NONE, NONE, NULL, NULL, &err));
  check_equals_model(db, NULL, &now);
  // Released in an order of their own; the others still hold.
  for (int k = 0; k < ROUNDS; k++) {
    const int gone = k * 5 % ROUNDS;
    lsm_snapshot_release(snapshots[gone]);
    snapshots[gone] = NULL;
    EXPECT(LSM_OK, lsm_compact_range(db, NONE, NONE, NULL, NULL, &err));
    for (int round = 0; round < ROUNDS; round++) {
      if (snapshots[round] != NULL) check_equals_model(db, snapshots[round], &then[round]);
    }
    model_free(&then[gone]);
  }
  check_equals_model(db, NULL, &now);
  lsm_snapshot_release(NULL);
  close_db(db);
  model_free(&now);
}

static void get_into_and_get_see_the_snapshot(void) {
  lsm_db* db = open_db(scratch("db"), NULL);
  lsm_snapshot* snapshot = NULL;
  char buffer[10];
  size_t size = 0;
  put(db, "a", "1");
  EXPECT(LSM_OK, lsm_snapshot_create(db, &snapshot, &err));
  put(db, "a", "22");
  put(db, "b", "3");
  CHECK_GET(db, snapshot, "a", "1");
  CHECK_GET(db, snapshot, "b", NULL);
  EXPECT(LSM_OK, lsm_get_into(db, snapshot, B("a"), buffer, 10, &size, &err));
  CHECK_BYTES("1", 1, buffer, size);
  EXPECT(LSM_NOT_FOUND, lsm_get_into(db, snapshot, B("b"), buffer, 10, &size, &err));
  EXPECT(LSM_OK, lsm_delete(db, B("a"), 0, &err));
  CHECK_GET(db, snapshot, "a", "1");
  CHECK_GET(db, NULL, "a", NULL);
  lsm_snapshot_release(snapshot);
  close_db(db);
}

static void an_iterator_outlives_its_snapshot(void) {
  lsm_db* db = open_db(scratch("db"), TINY);
  lsm_snapshot* snapshot = NULL;
  lsm_iter* it = NULL;
  model then = {NULL, 0, 0}, now;
  fill(db, &then, 0, 300);
  EXPECT(LSM_OK, lsm_snapshot_create(db, &snapshot, &err));
  now = model_copy(&then);
  fill(db, &now, 1, 300);
  EXPECT(LSM_OK, lsm_iter_create(db, snapshot, NONE, NONE, &it, &err));
  lsm_snapshot_release(snapshot);
  EXPECT(LSM_OK, lsm_compact_range(db, NONE, NONE, NULL, NULL, &err));
  for (size_t i = 0; i < then.count; i++) {
    EXPECT(LSM_OK, i == 0 ? lsm_iter_seek_first(it, &err) : lsm_iter_next(it, &err));
    check_on(it, &then.rows[i]);
  }
  EXPECT(LSM_END, lsm_iter_next(it, &err));
  lsm_iter_destroy(it);
  check_equals_model(db, NULL, &now);
  close_db(db);
  model_free(&then);
  model_free(&now);
}

static void a_snapshot_of_another_database_is_refused(void) {
  lsm_db *one = open_db(scratch("one"), NULL), *two = open_db(scratch("two"), NULL);
  lsm_snapshot* snapshot = NULL;
  lsm_value value;
  lsm_iter* it = NULL;
  lsm_rows* rows = NULL;
  char buffer[10];
  size_t size = 999;
  put(two, "a", "1");
  EXPECT(LSM_OK, lsm_snapshot_create(one, &snapshot, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_get(two, snapshot, B("a"), &value, &err));
  CHECK(value.data == NULL && value.size == 0 && value.pin == NULL);
  EXPECT(LSM_INVALID_ARGUMENT, lsm_get_into(two, snapshot, B("a"), buffer, 10, &size, &err));
  CHECK_INT(0, size);
  EXPECT(LSM_INVALID_ARGUMENT, lsm_scan(two, snapshot, NONE, NONE, 0, &rows, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_iter_create(two, snapshot, NONE, NONE, &it, &err));
  CHECK(rows == NULL && it == NULL);
  // Also of the same files, opened anew.
  close_db(one);
  one = open_db(scratch("one"), NULL);
  EXPECT(LSM_INVALID_ARGUMENT, lsm_get(one, snapshot, B("a"), &value, &err));
  lsm_snapshot_release(snapshot);
  close_db(one);
  close_db(two);
}

static void misuse_is_an_error(void) {
  lsm_db* db = open_db(scratch("db"), NULL);
  lsm_snapshot* snapshot = (lsm_snapshot*)(void*)&check_poison;
  EXPECT(LSM_INVALID_ARGUMENT, lsm_snapshot_create(NULL, &snapshot, &err));
  CHECK(snapshot == NULL);
  EXPECT(LSM_INVALID_ARGUMENT, lsm_snapshot_create(db, NULL, &err));
  close_db(db);
}

CHECK_MAIN(T(snapshots_keep_what_they_saw), T(get_into_and_get_see_the_snapshot),
           T(an_iterator_outlives_its_snapshot), T(a_snapshot_of_another_database_is_refused),
           T(misuse_is_an_error))
