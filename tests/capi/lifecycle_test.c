// The end of a database: closing with live children, from other threads, in a forked child, and
// what every handle answers for ever after.

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "tests/capi/model.h"

static void fill(lsm_db* db, model* m, int count) {
  char key[50], value[100];
  for (int i = 0; i < count; i++) {
    snprintf(key, sizeof key, "%05d", i * 7919 % count);
    snprintf(value, sizeof value, "value %d of %d", i, count);
    put(db, key, value);
    model_put(m, B(key), B(value));
  }
}

// Everything that takes the database answers `want` and leaves its out-parameters at nothing.
static void expect_dead(lsm_status want, lsm_db* db, const lsm_snapshot* snapshot) {
  lsm_batch* batch = lsm_batch_create();
  lsm_value value;
  lsm_snapshot* made = (lsm_snapshot*)(void*)&check_poison;
  lsm_rows* rows = (lsm_rows*)(void*)&check_poison;
  lsm_iter* it = (lsm_iter*)(void*)&check_poison;
  char *text = &check_poison, buffer[10];
  size_t size = 999;
  EXPECT(LSM_OK, lsm_batch_put(batch, B("k"), B("v"), &err));
  EXPECT(want, lsm_put(db, B("k"), B("v"), 0, &err));
  EXPECT(want, lsm_put(db, B("k"), B("v"), LSM_SYNC, &err));
  EXPECT(want, lsm_delete(db, B("k"), 0, &err));
  EXPECT(want, lsm_delete_range(db, NONE, NONE, 0, &err));
  EXPECT(want, lsm_write(db, batch, 0, &err));
  memset(&value, 0xa5, sizeof value);
  EXPECT(want, lsm_get(db, snapshot, B("k"), &value, &err));
  CHECK(value.data == NULL && value.size == 0 && value.pin == NULL);
  EXPECT(want, lsm_get_into(db, snapshot, B("k"), buffer, 10, &size, &err));
  CHECK_INT(0, size);
  EXPECT(want, lsm_snapshot_create(db, &made, &err));
  EXPECT(want, lsm_scan(db, snapshot, NONE, NONE, 0, &rows, &err));
  EXPECT(want, lsm_iter_create(db, snapshot, NONE, NONE, &it, &err));
  EXPECT(want, lsm_flush(db, &err));
  EXPECT(want, lsm_compact_range(db, NONE, NONE, NULL, NULL, &err));
  EXPECT(want, lsm_wait_idle(db, &err));
  EXPECT(want, lsm_property(db, "stats", &text, &err));
  EXPECT(want, lsm_close(db, &err));
  CHECK(made == NULL && rows == NULL && it == NULL && text == NULL);
  lsm_batch_destroy(batch);
}

static void expect_dead_iterator(lsm_status want, lsm_iter* it) {
  lsm_row row;
  size_t count = 999;
  EXPECT(want, lsm_iter_seek_first(it, &err));
  EXPECT(want, lsm_iter_seek_last(it, &err));
  EXPECT(want, lsm_iter_seek(it, B("k"), &err));
  EXPECT(want, lsm_iter_seek_for_prev(it, B("k"), &err));
  EXPECT(want, lsm_iter_next(it, &err));
  EXPECT(want, lsm_iter_prev(it, &err));
  EXPECT(want, lsm_iter_next_n(it, &row, 1, &count, &err));
  CHECK_INT(0, count);
  check_off(it);
}

static void close_with_live_children(void) {
  lsm_db* db = open_db(scratch("db"), TINY);
  model m = {NULL, 0, 0};
  lsm_snapshot* snapshot = NULL;
  lsm_iter *on_a_row = NULL, *unpositioned = NULL;
  lsm_rows* rows = NULL;
  lsm_value value;
  size_t count = 0;
  fill(db, &m, 500);
  EXPECT(LSM_OK, lsm_snapshot_create(db, &snapshot, &err));
  EXPECT(LSM_OK, lsm_iter_create(db, snapshot, NONE, NONE, &on_a_row, &err));
  EXPECT(LSM_OK, lsm_iter_create(db, NULL, NONE, NONE, &unpositioned, &err));
  EXPECT(LSM_OK, lsm_iter_seek_first(on_a_row, &err));
  EXPECT(LSM_OK, lsm_scan(db, NULL, NONE, NONE, 0, &rows, &err));
  EXPECT(LSM_OK, lsm_get(db, NULL, m.rows[7].key, m.rows[7].key_size, &value, &err));
  close_db(db);

  expect_dead(LSM_CLOSED, db, NULL);
  expect_dead(LSM_CLOSED, db, snapshot);
  expect_dead_iterator(LSM_CLOSED, on_a_row);
  expect_dead_iterator(LSM_CLOSED, unpositioned);
  const lsm_row* data = lsm_rows_data(rows, &count);
  CHECK_INT(m.count, count);
  check_rows(&m, 0, data, count);
  CHECK_BYTES(m.rows[7].value, m.rows[7].value_size, value.data, value.size);

  // The lock is free while the children live.
  lsm_db* again = open_db(scratch("db"), TINY);
  check_equals_model(again, NULL, &m);
  expect_dead_iterator(LSM_CLOSED, on_a_row);
  close_db(again);
  EXPECT(LSM_OK, lsm_destroy(scratch("db"), &err));

  check_rows(&m, 0, data, count);
  CHECK_BYTES(m.rows[7].value, m.rows[7].value_size, value.data, value.size);
  lsm_snapshot_release(snapshot);
  lsm_iter_destroy(unpositioned);
  lsm_value_release(&value);
  lsm_rows_free(rows);
  lsm_iter_destroy(on_a_row);
  expect_dead(LSM_CLOSED, db, NULL);  // also with no child left
  model_free(&m);
}

// What a closed handle leaves behind is under 256 bytes.
static void closed_handles_leave_little_behind(void) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  enum { ROUNDS = 60 };
  lsm_db* handles[ROUNDS];
  size_t before = 0;
  for (int i = 0; i < ROUNDS; i++) {
    if (i == ROUNDS / 2) before = mallinfo2().uordblks;
    handles[i] = open_db(scratch("db"), TINY);
    put(handles[i], "a", "1");
    close_db(handles[i]);
    EXPECT(LSM_OK, lsm_destroy(scratch("db"), &err));
  }
  const size_t after = mallinfo2().uordblks;
  CHECK(after < before || (after - before) / (ROUNDS / 2) < 256);
  for (int i = 0; i < ROUNDS; i++) {
    EXPECT(LSM_CLOSED, lsm_close(handles[i], &err));
    EXPECT(LSM_CLOSED, lsm_put(handles[i], B("a"), B("1"), 0, &err));
    for (int k = 0; k < i; k++) CHECK(handles[i] != handles[k]);
  }
#endif
}

// ---- Closing under work -----------------------------------------------------------------------

typedef struct {
  lsm_db* db;
  int number;
  atomic_int written;
} worker;

static void* write_until_closed(void* payload) {
  worker* w = payload;
  for (int i = 0;; i++) {
    char key[50];
    snprintf(key, sizeof key, "%d %06d", w->number, i);
    const lsm_status status = lsm_put(w->db, B(key), B(key), i % 50 == 0 ? LSM_SYNC : 0, NULL);
    if (status == LSM_CLOSED) return NULL;
    CHECK_INT(LSM_OK, status);
    atomic_store(&w->written, i + 1);
  }
}

static void* read_until_closed(void* payload) {
  worker* w = payload;
  for (uint64_t seed = 1;;) {
    char key[50];
    lsm_value value;
    lsm_iter* it = NULL;
    lsm_rows* rows = NULL;
    snprintf(key, sizeof key, "%d %06d", (int)(next_random(&seed) % 2),
             (int)(next_random(&seed) % 1000));
    lsm_status status = lsm_get(w->db, NULL, B(key), &value, NULL);
    if (status == LSM_OK) {
      CHECK_BYTES(key, strlen(key), value.data, value.size);
      lsm_value_release(&value);
    }
    if (status == LSM_OK || status == LSM_NOT_FOUND) {
      status = lsm_iter_create(w->db, NULL, NONE, NONE, &it, NULL);
    }
    if (status == LSM_OK) {
      status = lsm_iter_seek(it, B(key), NULL);
      for (int i = 0; i < 20 && status == LSM_OK; i++) status = lsm_iter_next(it, NULL);
      CHECK(status == LSM_OK || status == LSM_END || status == LSM_CLOSED);
      status = lsm_scan(w->db, NULL, B(key), NONE, 10, &rows, NULL);
      lsm_rows_free(rows);
    }
    lsm_iter_destroy(it);
    if (status == LSM_CLOSED) return NULL;
    CHECK_INT(LSM_OK, status);
    atomic_fetch_add(&w->written, 1);
  }
}

static void* compact_until_closed(void* payload) {
  worker* w = payload;
  for (;;) {
    lsm_snapshot* snapshot = NULL;
    lsm_status status = lsm_snapshot_create(w->db, &snapshot, NULL);
    if (status == LSM_OK) status = lsm_flush(w->db, NULL);
    if (status == LSM_OK) status = lsm_compact_range(w->db, NONE, NONE, NULL, NULL, NULL);
    lsm_snapshot_release(snapshot);
    if (status == LSM_CLOSED) return NULL;
    CHECK_INT(LSM_OK, status);
    atomic_fetch_add(&w->written, 1);
  }
}

static void close_while_busy(void) {
  static void* (*const kWork[])(void*) = {write_until_closed, write_until_closed, read_until_closed,
                                          compact_until_closed};
  enum { WORKERS = sizeof kWork / sizeof kWork[0] };
  for (int round = 0; round < 5; round++) {
    pthread_t threads[WORKERS];
    worker workers[WORKERS];
    lsm_db* db = open_db(scratch("db"), TINY);
    for (int i = 0; i < WORKERS; i++) {
      workers[i].db = db;
      workers[i].number = i;
      atomic_init(&workers[i].written, 0);
      CHECK_INT(0, pthread_create(&threads[i], NULL, kWork[i], &workers[i]));
    }
    for (int i = 0; i < WORKERS; i++) {
      while (atomic_load(&workers[i].written) < (i < 2 ? 300 : 2)) sched_yield();
    }
    close_db(db);
    // The lock is free at once, whatever the others still do.
    lsm_db* again = open_db(scratch("db"), TINY);
    for (int i = 0; i < WORKERS; i++) CHECK_INT(0, pthread_join(threads[i], NULL));
    for (int i = 0; i < 2; i++) {
      for (int k = 0; k < atomic_load(&workers[i].written); k++) {
        char key[50];
        snprintf(key, sizeof key, "%d %06d", i, k);
        CHECK_GET(again, NULL, key, key);
      }
    }
    expect_dead(LSM_CLOSED, db, NULL);
    close_db(again);
  }
}

static void* close_it(void* payload) {
  const lsm_status status = lsm_close(payload, NULL);
  CHECK(status == LSM_OK || status == LSM_CLOSED);
  return status == LSM_OK ? payload : NULL;
}

static void racing_closes_have_one_winner(void) {
  for (int round = 0; round < 20; round++) {
    pthread_t threads[4];
    int winners = 0;
    lsm_db* db = open_db(scratch("db"), NULL);
    put(db, "a", "1");
    for (int i = 0; i < 4; i++) CHECK_INT(0, pthread_create(&threads[i], NULL, close_it, db));
    for (int i = 0; i < 4; i++) {
      void* won = NULL;
      CHECK_INT(0, pthread_join(threads[i], &won));
      winners += won != NULL;
    }
    CHECK_INT(1, winners);
  }
}

// ---- Fork -------------------------------------------------------------------------------------

static void in_a_forked_child_the_handle_is_dead(void) {
  lsm_db* db = open_db(scratch("db"), TINY);
  model m = {NULL, 0, 0};
  lsm_snapshot* snapshot = NULL;
  lsm_iter* it = NULL;
  lsm_value value;
  fill(db, &m, 300);
  EXPECT(LSM_OK, lsm_snapshot_create(db, &snapshot, &err));
  EXPECT(LSM_OK, lsm_iter_create(db, NULL, NONE, NONE, &it, &err));
  EXPECT(LSM_OK, lsm_iter_seek_first(it, &err));
  EXPECT(LSM_OK, lsm_get(db, NULL, m.rows[0].key, m.rows[0].key_size, &value, &err));
  const pid_t child = fork();
  if (child == 0) {
    expect_dead(LSM_INVALID_ARGUMENT, db, NULL);
    expect_dead(LSM_INVALID_ARGUMENT, db, snapshot);
    expect_dead_iterator(LSM_INVALID_ARGUMENT, it);
    lsm_iter_destroy(it);
    lsm_snapshot_release(snapshot);
    CHECK_BYTES(m.rows[0].value, m.rows[0].value_size, value.data, value.size);
    lsm_value_release(&value);
    lsm_db* mine = NULL;
    EXPECT(LSM_LOCKED, open_status(scratch("db"), NULL, &mine));
    // A database of its own works. gcc's thread sanitizer knows no threads in a forked child.
#ifndef __SANITIZE_THREAD__
    mine = open_db(scratch("own"), NULL);
    put(mine, "child", "alive");
    CHECK_GET(mine, NULL, "child", "alive");
    close_db(mine);
#endif
    _Exit(0);
  }
  int result = -1;
  CHECK(waitpid(child, &result, 0) == child && result == 0);
  // The parent noticed nothing.
  put(db, "after", "fork");
  model_put(&m, B("after"), B("fork"));
  check_equals_model(db, NULL, &m);
  EXPECT(LSM_OK, lsm_flush(db, &err));
  lsm_db* second = NULL;
  EXPECT(LSM_LOCKED, open_status(scratch("db"), NULL, &second));
  lsm_iter_destroy(it);
  lsm_snapshot_release(snapshot);
  lsm_value_release(&value);
  close_db(db);
  db = open_db(scratch("db"), TINY);
  check_equals_model(db, NULL, &m);
  CHECK_GET(db, NULL, "child", NULL);
  close_db(db);
  EXPECT(LSM_OK, lsm_verify(scratch("db"), NULL, NULL, &err));
  model_free(&m);
}

// Handles of another kind, seen by their mark.
static void a_handle_of_another_kind_is_refused(void) {
  lsm_db* db = open_db(scratch("db"), NULL);
  lsm_snapshot* snapshot = NULL;
  lsm_iter* it = NULL;
  lsm_batch* batch = lsm_batch_create();
  EXPECT(LSM_OK, lsm_snapshot_create(db, &snapshot, &err));
  EXPECT(LSM_OK, lsm_iter_create(db, NULL, NONE, NONE, &it, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_put((lsm_db*)(void*)it, B("a"), B("1"), 0, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_iter_seek_first((lsm_iter*)(void*)db, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_write(db, (lsm_batch*)(void*)snapshot, 0, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_close((lsm_db*)(void*)batch, &err));
  lsm_iter_destroy(it);
  lsm_snapshot_release(snapshot);
  lsm_batch_destroy(batch);
  close_db(db);
}

CHECK_MAIN(T(close_with_live_children), T(closed_handles_leave_little_behind), T(close_while_busy),
           T(racing_closes_have_one_winner), T(in_a_forked_child_the_handle_is_dead),
           T(a_handle_of_another_kind_is_refused))
