/* A program of 1.0: it is built against the header of 1.0 (1.0/lsm/lsm.h) and calls every function
 * of it, once at least, for what it promised. It must run, built then or now, with every later
 * liblsm.so.1. Calls are added when 1.0 is frozen anew, before its release; none is ever changed.
 *
 *     program_1_0 DIRECTORY    (which is not there yet, in one that is)
 */
#include <errno.h>
#include <inttypes.h>
#include <lsm/lsm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(int condition, const char* text, int line) {
  if (!condition) {
    fprintf(stderr, "program_1_0.c:%d: %s\n", line, text);
    exit(1);
  }
}
#define CHECK(condition) check(condition, #condition, __LINE__)

/* Of calls that must succeed. */
static void check_ok(lsm_status status, lsm_error* error, const char* text, int line) {
  if (status != LSM_OK || error != NULL) {
    fprintf(stderr, "program_1_0.c:%d: %s: %s: %s\n", line, text, lsm_status_name(status),
            lsm_error_message(error));
    exit(1);
  }
}
#define OK(call) check_ok(call, error, #call, __LINE__)

static int equal(const void* data, size_t size, const char* text) {
  return size == strlen(text) && memcmp(data, text, size) == 0;
}

static void version_and_status(void) {
  unsigned major = 0, minor = 0, patch = 0;
  CHECK(sscanf(lsm_version(), "%u.%u.%u", &major, &minor, &patch) == 3);
  CHECK(lsm_version_number() == major * 1000000 + minor * 1000 + patch);
  CHECK(major == LSM_VERSION_MAJOR && lsm_version_number() >= 1000000);
  CHECK(strcmp(lsm_status_name(LSM_NOT_FOUND), "LSM_NOT_FOUND") == 0);
  CHECK(strcmp(lsm_status_name(-1), "LSM_UNKNOWN") == 0);
}

static lsm_options* options(void) {
  lsm_error* error = NULL;
  int found = 0;
  for (size_t i = 0; i < lsm_option_count(); i++) {
    const lsm_option* option = lsm_option_info(i);
    CHECK(option->name && option->type && option->unit && option->default_value);
    CHECK(option->minimum && option->maximum && option->summary);
    found += strcmp(option->name, "memory_budget") == 0 && strcmp(option->type, "size") == 0;
  }
  CHECK(found == 1 && lsm_option_info(lsm_option_count()) == NULL);
  lsm_options* made = lsm_options_create();
  CHECK(made != NULL);
  OK(lsm_options_set(made, "memory_budget", "64MiB", &error));
  CHECK(lsm_options_set(made, "no_such_option", "1", &error) == LSM_INVALID_ARGUMENT);
  CHECK(lsm_error_code(error) == LSM_INVALID_ARGUMENT && strlen(lsm_error_message(error)) > 10);
  lsm_error_free(error);
  return made;
}

static void errors(const char* path) {
  char missing[4096];
  lsm_db* db = NULL;
  lsm_error* error = NULL;
  snprintf(missing, sizeof missing, "%s/no/such/parent", path);
  CHECK(lsm_open(missing, NULL, &db, &error) == LSM_IO_ERROR && db == NULL);
  CHECK(lsm_error_code(error) == LSM_IO_ERROR && lsm_error_errno(error) == ENOENT);
  CHECK(lsm_error_file(error) != NULL && strstr(lsm_error_file(error), "no/such") != NULL);
  CHECK(lsm_error_offset(error) == UINT64_MAX && lsm_error_retryable(error) == 0);
  lsm_error_free(error);
  CHECK(lsm_error_code(NULL) == LSM_OK && strcmp(lsm_error_message(NULL), "") == 0);
  lsm_error_free(NULL);
}

static void keys_and_values(lsm_db* db) {
  lsm_error* error = NULL;
  lsm_value value;
  char buffer[8];
  size_t size = 0;
  OK(lsm_put(db, "apple", 5, "green", 5, 0, &error));
  OK(lsm_put(db, "apple", 5, "red", 3, LSM_SYNC, &error));
  OK(lsm_get(db, NULL, "apple", 5, &value, &error));
  CHECK(equal(value.data, value.size, "red"));
  lsm_value_release(&value);
  CHECK(value.data == NULL && value.size == 0);
  OK(lsm_get_into(db, NULL, "apple", 5, buffer, sizeof buffer, &size, &error));
  CHECK(equal(buffer, size, "red"));
  CHECK(lsm_get_into(db, NULL, "apple", 5, buffer, 2, &size, NULL) == LSM_TOO_LARGE && size == 3);
  OK(lsm_delete(db, "apple", 5, 0, &error));
  CHECK(lsm_get(db, NULL, "apple", 5, &value, &error) == LSM_NOT_FOUND && error == NULL);
  OK(lsm_put(db, "pear", 4, "", 0, 0, &error));
  OK(lsm_delete_range(db, "p", 1, "q", 1, LSM_SYNC, &error));
  CHECK(lsm_get(db, NULL, "pear", 4, &value, NULL) == LSM_NOT_FOUND);
}

/* Leaves k0 ... k9 with the values v0 ... v9. */
static void batches(lsm_db* db) {
  lsm_error* error = NULL;
  lsm_batch* batch = lsm_batch_create();
  CHECK(batch != NULL && lsm_batch_count(batch) == 0);
  const size_t empty = lsm_batch_size(batch);
  OK(lsm_batch_put(batch, "gone", 4, "x", 1, &error));
  lsm_batch_clear(batch);
  CHECK(lsm_batch_count(batch) == 0 && lsm_batch_size(batch) == empty);
  OK(lsm_batch_put(batch, "k", 1, "too early", 9, &error));
  OK(lsm_batch_delete_range(batch, "k", 1, "l", 1, &error));
  for (int i = 0; i < 10; i++) {
    const char key[2] = {'k', (char)('0' + i)}, value[2] = {'v', (char)('0' + i)};
    OK(lsm_batch_put(batch, key, 2, value, 2, &error));
  }
  OK(lsm_batch_delete(batch, "apple", 5, &error));
  CHECK(lsm_batch_count(batch) == 13 && lsm_batch_size(batch) > empty);
  OK(lsm_write(db, batch, LSM_SYNC, &error));
  lsm_batch_destroy(batch);
}

/* The same as bytes: a put and a delete of one key, and the removal of [x, unbounded). */
static void encoded(lsm_db* db) {
  static const char ops[] =
      "\1\2\0\0\0\3\0\0\0z1one"     /* LSM_OP_PUT */
      "\2\2\0\0\0\0\0\0\0z1"        /* LSM_OP_DELETE */
      "\3\1\0\0\0\377\377\377\377x" /* LSM_OP_DELETE_RANGE */
      "\1\1\0\0\0\1\0\0\0y!";
  const size_t size = sizeof ops - 1;
  CHECK(ops[0] == LSM_OP_PUT && LSM_OP_DELETE == 2 && LSM_OP_DELETE_RANGE == 3);
  lsm_error* error = NULL;
  lsm_value value;
  OK(lsm_write_encoded(db, ops, size, LSM_SYNC, &error));
  CHECK(lsm_get(db, NULL, "z1", 2, &value, &error) == LSM_NOT_FOUND && error == NULL);
  OK(lsm_get(db, NULL, "y", 1, &value, &error));
  CHECK(equal(value.data, value.size, "!"));
  lsm_value_release(&value);
  CHECK(lsm_write_encoded(db, ops, size - 1, 0, NULL) == LSM_INVALID_ARGUMENT);
  OK(lsm_write_encoded(db, NULL, 0, 0, &error));
  OK(lsm_delete(db, "y", 1, 0, &error));
}

static void scans(lsm_db* db) {
  lsm_error* error = NULL;
  lsm_snapshot* snapshot = NULL;
  lsm_rows* rows = NULL;
  size_t count = 0;
  OK(lsm_snapshot_create(db, &snapshot, &error));
  OK(lsm_put(db, "k5", 2, "changed", 7, 0, &error));
  OK(lsm_scan(db, snapshot, "k5", 2, "k8", 2, 2, &rows, &error));
  const lsm_row* row = lsm_rows_data(rows, &count);
  CHECK(count == 2 && equal(row[0].key, row[0].key_size, "k5"));
  CHECK(equal(row[0].value, row[0].value_size, "v5") && equal(row[1].key, row[1].key_size, "k6"));
  lsm_rows_free(rows);
  lsm_snapshot_release(snapshot);
  OK(lsm_put(db, "k5", 2, "v5", 2, 0, &error));
}

static void check_row(const lsm_iter* it, const char* key, const char* value, int line) {
  size_t key_size = 0, value_size = 0;
  const void* k = lsm_iter_key(it, &key_size);
  const void* v = lsm_iter_value(it, &value_size);
  check(equal(k, key_size, key) && equal(v, value_size, value), key, line);
}
#define ROW(key, value) check_row(it, key, value, __LINE__)

static void iterators(lsm_db* db) {
  lsm_error* error = NULL;
  lsm_iter* it = NULL;
  lsm_row rows[4];
  size_t count = 0;
  OK(lsm_iter_create(db, NULL, "k1", 2, "k9", 2, &it, &error));
  CHECK(lsm_iter_next(it, NULL) == LSM_INVALID_ARGUMENT);
  OK(lsm_iter_seek_first(it, &error));
  ROW("k1", "v1");
  OK(lsm_iter_next(it, &error));
  ROW("k2", "v2");
  OK(lsm_iter_prev(it, &error));
  ROW("k1", "v1");
  CHECK(lsm_iter_prev(it, &error) == LSM_END && error == NULL);
  OK(lsm_iter_seek_last(it, &error));
  ROW("k8", "v8");
  OK(lsm_iter_seek_for_prev(it, "k55", 3, &error));
  ROW("k5", "v5");
  OK(lsm_iter_seek(it, "k55", 3, &error));
  ROW("k6", "v6");
  OK(lsm_iter_seek(it, "k3", 2, &error));
  OK(lsm_iter_next_n(it, rows, 4, &count, &error));
  CHECK(count == 4 && equal(rows[3].key, rows[3].key_size, "k6"));
  CHECK(lsm_iter_next_n(it, rows, 4, &count, &error) == LSM_END && count == 2);
  CHECK(equal(rows[1].value, rows[1].value_size, "v8"));
  lsm_iter_destroy(it);
}

typedef struct {
  uint64_t calls;
  int32_t answer;
} watcher;

static int32_t watch(void* payload, const lsm_progress* progress) {
  watcher* watched = payload;
  CHECK(progress->struct_size >= sizeof *progress && progress->phase <= 1000);
  CHECK(progress->bytes_done <= progress->bytes_total || progress->bytes_total == 0);
  CHECK(progress->entries_done < UINT64_MAX);
  watched->calls++;
  return watched->answer;
}

static void upkeep(lsm_db* db) {
  lsm_error* error = NULL;
  watcher watched = {0, 0};
  char* text = NULL;
  OK(lsm_flush(db, &error));
  OK(lsm_compact_range(db, NULL, 0, NULL, 0, watch, &watched, &error));
  CHECK(watched.calls > 0);
  OK(lsm_wait_idle(db, &error));
  OK(lsm_property(db, "estimate-keys", &text, &error));
  CHECK(strtoull(text, NULL, 10) == 10);
  lsm_string_free(text);
  OK(lsm_property(db, "stats", &text, &error));
  CHECK(text[0] == '{');
  lsm_string_free(text);
}

/* What was borrowed stays readable after the close, what was open answers LSM_CLOSED. */
static void close_and_destroy(lsm_db* db, const char* path) {
  lsm_error* error = NULL;
  lsm_value value;
  watcher watched = {0, 0}, canceller = {0, 1};
  OK(lsm_get(db, NULL, "k3", 2, &value, &error));
  OK(lsm_close(db, &error));
  CHECK(lsm_put(db, "k", 1, "v", 1, 0, NULL) == LSM_CLOSED);
  CHECK(equal(value.data, value.size, "v3"));
  lsm_value_release(&value);
  OK(lsm_verify(path, watch, &watched, &error));
  CHECK(watched.calls > 0);
  CHECK(lsm_verify(path, watch, &canceller, NULL) == LSM_ABORTED && canceller.calls == 1);
  OK(lsm_destroy(path, &error));
  CHECK(lsm_verify(path, NULL, NULL, &error) == LSM_IO_ERROR);
  lsm_error_free(error);
}

int main(int argc, char** argv) {
  lsm_db* db = NULL;
  lsm_error* error = NULL;
  if (argc != 2) {
    fprintf(stderr, "usage: program_1_0 DIRECTORY\n");
    return 2;
  }
  version_and_status();
  errors(argv[1]);
  lsm_options* made = options();
  OK(lsm_open(argv[1], made, &db, &error));
  lsm_options_destroy(made);
  keys_and_values(db);
  batches(db);
  encoded(db);
  scans(db);
  iterators(db);
  upkeep(db);
  close_and_destroy(db, argv[1]);
  printf("a program of 1.0 runs with %s\n", lsm_version());
  return 0;
}
