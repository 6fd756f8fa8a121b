// Flush, compact with progress and cancel, properties, verify, destroy.

#include <dirent.h>
#include <errno.h>
#include <signal.h>
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

// ---- Progress ---------------------------------------------------------------------------------

typedef struct {
  int calls, cancel_at;  // 0: never
  int after_cancel;
  lsm_progress seen;
  lsm_db* db;  // not NULL: what is allowed from inside is tried
} watcher;

static int32_t watch(void* payload, const lsm_progress* now) {
  watcher* w = payload;
  const lsm_progress* before = &w->seen;
  if (w->cancel_at != 0 && w->calls >= w->cancel_at) w->after_cancel++;
  CHECK(now->struct_size >= sizeof(lsm_progress));
  CHECK(now->bytes_done <= now->bytes_total);
  CHECK(w->calls == 0 || now->phase >= before->phase);
  if (w->calls != 0 && now->phase == before->phase) {
    CHECK(now->bytes_done >= before->bytes_done && now->entries_done >= before->entries_done);
    CHECK(now->bytes_total >= before->bytes_total);
  }
  if (w->db != NULL) {
    lsm_rows* rows = NULL;
    lsm_batch* batch = lsm_batch_create();
    CHECK_GET(w->db, NULL, "00000", "value 0 of 2000");
    EXPECT(LSM_OK, lsm_scan(w->db, NULL, NONE, NONE, 10, &rows, &err));
    lsm_rows_free(rows);
    EXPECT(LSM_BUSY, lsm_compact_range(w->db, NONE, NONE, NULL, NULL, &err));
    EXPECT(LSM_BUSY, lsm_flush(w->db, &err));
    EXPECT(LSM_BUSY, lsm_wait_idle(w->db, &err));
    EXPECT(LSM_BUSY, lsm_close(w->db, &err));
    EXPECT(LSM_BUSY, lsm_put(w->db, B("x"), B("y"), 0, &err));
    EXPECT(LSM_BUSY, lsm_delete(w->db, B("x"), 0, &err));
    EXPECT(LSM_BUSY, lsm_delete_range(w->db, NONE, NONE, 0, &err));
    EXPECT(LSM_OK, lsm_batch_put(batch, B("x"), B("y"), &err));
    EXPECT(LSM_BUSY, lsm_write(w->db, batch, 0, &err));
    lsm_batch_destroy(batch);
  }
  w->seen = *now;
  w->calls++;
  return w->cancel_at != 0 && w->calls >= w->cancel_at;
}

static void compaction_reports_and_leaves_the_same_rows(void) {
  lsm_db* db = open_db(scratch("db"), TINY);
  model m = {NULL, 0, 0};
  watcher w = {0};
  fill(db, &m, 2000);
  w.db = db;
  EXPECT(LSM_OK, lsm_compact_range(db, NONE, NONE, watch, &w, &err));
  CHECK(w.calls > 0);
  check_equals_model(db, NULL, &m);
  // A part, and of nothing.
  memset(&w, 0, sizeof w);
  fill(db, &m, 1000);
  EXPECT(LSM_OK, lsm_compact_range(db, B("00100"), B("00200"), watch, &w, &err));
  check_equals_model(db, NULL, &m);
  memset(&w, 0, sizeof w);
  EXPECT(LSM_OK, lsm_compact_range(db, B("5"), B("5"), watch, &w, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_compact_range(db, B("b"), B("a"), watch, &w, &err));
  close_db(db);
  db = open_db(scratch("db"), TINY);
  check_equals_model(db, NULL, &m);
  close_db(db);
  model_free(&m);
}

static void compaction_of_an_empty_database(void) {
  lsm_db* db = open_db(scratch("db"), NULL);
  EXPECT(LSM_OK, lsm_compact_range(db, NONE, NONE, NULL, NULL, &err));
  EXPECT(LSM_OK, lsm_flush(db, &err));
  EXPECT(LSM_OK, lsm_wait_idle(db, &err));
  close_db(db);
}

static void a_cancelled_compaction_loses_nothing(void) {
  lsm_db* db = open_db(scratch("db"), TINY);
  model m = {NULL, 0, 0};
  for (int at = 1; at <= 3; at++) {
    watcher w = {0};
    w.cancel_at = at;
    fill(db, &m, 2000);
    EXPECT(LSM_ABORTED, lsm_compact_range(db, NONE, NONE, watch, &w, &err));
    CHECK_INT(at, w.calls);
    CHECK_INT(0, w.after_cancel);
    check_equals_model(db, NULL, &m);
  }
  EXPECT(LSM_OK, lsm_compact_range(db, NONE, NONE, NULL, NULL, &err));
  check_equals_model(db, NULL, &m);
  close_db(db);
  EXPECT(LSM_OK, lsm_verify(scratch("db"), NULL, NULL, &err));
  model_free(&m);
}

// ---- Properties -------------------------------------------------------------------------------

// Enough of JSON to know that a text is an object whose brackets and quotes agree.
static void check_json(const char* text) {
  char open[100];
  size_t depth = 0;
  CHECK(text[0] == '{' && text[strlen(text) - 1] == '}');
  for (const char* c = text; *c != '\0'; c++) {
    CHECK((unsigned char)*c >= 0x20 || *c == '\n');
    if (*c == '"') {
      for (c++; *c != '"'; c++) {
        CHECK(*c != '\0');
        if (*c == '\\') c++;
      }
    } else if (*c == '{' || *c == '[') {
      CHECK(depth < sizeof open);
      open[depth++] = *c;
    } else if (*c == '}' || *c == ']') {
      CHECK(depth > 0 && open[--depth] == (*c == '}' ? '{' : '['));
    }
  }
  CHECK_INT(0, depth);
}

static void properties(void) {
  static const char* const kJson[] = {"stats", "levels", "memory"};
  lsm_db* db = open_db(scratch("db"), TINY);
  model m = {NULL, 0, 0};
  char* text = NULL;
  fill(db, &m, 1000);
  EXPECT(LSM_OK, lsm_flush(db, &err));
  CHECK_GET(db, NULL, "00001", (const char*)model_get(&m, B("00001"))->value);
  for (size_t i = 0; i < sizeof kJson / sizeof kJson[0]; i++) {
    EXPECT(LSM_OK, lsm_property(db, kJson[i], &text, &err));
    check_json(text);
    lsm_string_free(text);
  }
  EXPECT(LSM_OK, lsm_property(db, "estimate-keys", &text, &err));
  char* end = NULL;
  const unsigned long long keys = strtoull(text, &end, 10);
  CHECK(*end == '\0' && keys >= 500 && keys <= 2000);
  lsm_string_free(text);
  text = (char*)&check_poison;
  EXPECT(LSM_INVALID_ARGUMENT, lsm_property(db, "no-such-property", &text, &err));
  CHECK(text == NULL);
  CHECK_CONTAINS("no-such-property", last.message);
  for (size_t i = 0; i < sizeof kJson / sizeof kJson[0]; i++)
    CHECK_CONTAINS(kJson[i], last.message);
  CHECK_CONTAINS("estimate-keys", last.message);
  EXPECT(LSM_INVALID_ARGUMENT, lsm_property(db, NULL, &text, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_property(db, "stats", NULL, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_property(NULL, "stats", &text, &err));
  lsm_string_free(NULL);
  close_db(db);
  model_free(&m);
}

// ---- Verify -----------------------------------------------------------------------------------

// The path of some file in a directory whose name ends so; aborts where there is none.
static const char* find_file(const char* directory, const char* suffix) {
  static char path[1200];
  DIR* entries = opendir(directory);
  int found = 0;
  CHECK(entries != NULL);
  for (struct dirent* e = readdir(entries); e != NULL && !found; e = readdir(entries)) {
    const size_t size = strlen(e->d_name), tail = strlen(suffix);
    if (size < tail || strcmp(e->d_name + size - tail, suffix) != 0) continue;
    snprintf(path, sizeof path, "%s/%s", directory, e->d_name);
    found = 1;
  }
  closedir(entries);
  CHECK(found);
  return path;
}

static void flip_byte(const char* path, long at_permille) {
  FILE* file = fopen(path, "r+");
  CHECK(file != NULL && fseek(file, 0, SEEK_END) == 0);
  const long size = ftell(file), at = (size - 1) * at_permille / 1000;
  CHECK(size > 0 && fseek(file, at, SEEK_SET) == 0);
  const int byte = fgetc(file);
  CHECK(byte != EOF && fseek(file, at, SEEK_SET) == 0);
  CHECK(fputc(byte ^ 0x10, file) != EOF && fclose(file) == 0);
}

static void verify_finds_nothing_wrong_with_a_sound_database(void) {
  lsm_db* db = open_db(scratch("db"), TINY);
  model m = {NULL, 0, 0};
  watcher w = {0};
  fill(db, &m, 2000);
  EXPECT(LSM_LOCKED, lsm_verify(scratch("db"), NULL, NULL, &err));
  CHECK_INT(1, last.retryable);
  close_db(db);
  EXPECT(LSM_OK, lsm_verify(scratch("db"), watch, &w, &err));
  CHECK(w.calls > 0);
  EXPECT(LSM_OK, lsm_verify(find_file(scratch("db"), ".sst"), NULL, NULL, &err));
  // Beside a reader, and cancelled.
  db = open_db(scratch("db"), "read_only=true");
  EXPECT(LSM_OK, lsm_verify(scratch("db"), NULL, NULL, &err));
  close_db(db);
  memset(&w, 0, sizeof w);
  w.cancel_at = 1;
  EXPECT(LSM_ABORTED, lsm_verify(scratch("db"), watch, &w, &err));
  CHECK_INT(1, w.calls);
  model_free(&m);
}

static void verify_of_a_crashed_database_is_sound(void) {
  const char* path = scratch("db");
  const pid_t child = fork();
  if (child == 0) {
    model m = {NULL, 0, 0};
    fill(open_db(path, TINY), &m, 777);
    kill(getpid(), SIGKILL);
  }
  int result = 0;
  CHECK(waitpid(child, &result, 0) == child && WIFSIGNALED(result));
  EXPECT(LSM_OK, lsm_verify(path, NULL, NULL, &err));
}

static void verify_finds_every_flipped_byte_of_a_table(void) {
  lsm_db* db = open_db(scratch("db"), TINY);
  model m = {NULL, 0, 0};
  fill(db, &m, 300);
  EXPECT(LSM_OK, lsm_compact_range(db, NONE, NONE, NULL, NULL, &err));
  close_db(db);
  const char* table = find_file(scratch("db"), ".sst");
  for (long at = 0; at <= 1000; at++) {
    flip_byte(table, at);
    const lsm_status status = lsm_verify(table, NULL, NULL, &err);
    if (status != LSM_CORRUPTION && status != LSM_UNSUPPORTED) {
      check_fail(__FILE__, __LINE__, "byte at %ld permille: %s", at, lsm_status_name(status));
    }
    CHECK_CONTAINS(".sst", lsm_error_file(err));
    lsm_error_free(err);
    flip_byte(table, at);
  }
  EXPECT(LSM_OK, lsm_verify(table, NULL, NULL, &err));
  // The directory as a whole tells as well, and reads never lie.
  flip_byte(table, 300);
  EXPECT(LSM_CORRUPTION, lsm_verify(scratch("db"), NULL, NULL, &err));
  CHECK_CONTAINS(".sst", last.file);
  CHECK(last.offset != UINT64_MAX);
  CHECK_INT(0, last.retryable);
  model_free(&m);
}

static void a_damaged_block_is_never_an_end(void) {
  lsm_db* db = open_db(scratch("db"), TINY);
  model m = {NULL, 0, 0};
  lsm_iter* it = NULL;
  lsm_rows* rows = NULL;
  lsm_row row[7];
  size_t count = 0, at = 0;
  fill(db, &m, 1000);
  EXPECT(LSM_OK, lsm_flush(db, &err));
  EXPECT(LSM_OK, lsm_compact_range(db, NONE, NONE, NULL, NULL, &err));
  close_db(db);
  flip_byte(find_file(scratch("db"), ".sst"), 300);
  db = open_db(scratch("db"), TINY);
  EXPECT(LSM_CORRUPTION, lsm_scan(db, NULL, NONE, NONE, 0, &rows, &err));
  CHECK(rows == NULL);
  CHECK_CONTAINS(".sst", last.file);
  EXPECT(LSM_OK, lsm_iter_create(db, NULL, NONE, NONE, &it, &err));
  // Forward: right rows, then the error, which stays until a seek.
  lsm_status status = lsm_iter_seek_first(it, &err);
  while (status == LSM_OK) {
    check_on(it, &m.rows[at++]);
    status = lsm_iter_next(it, &err);
  }
  CHECK_INT(LSM_CORRUPTION, status);
  lsm_error_free(err);
  CHECK(at < m.count);
  check_off(it);
  EXPECT(LSM_CORRUPTION, lsm_iter_next(it, &err));
  EXPECT(LSM_CORRUPTION, lsm_iter_prev(it, &err));
  // In pieces: every row before the damage comes with LSM_OK, then the error with none.
  size_t given = 0;
  status = lsm_iter_seek_first(it, &err);
  while (status == LSM_OK) {
    status = lsm_iter_next_n(it, row, 7, &count, &err);
    check_rows(&m, given, row, count);
    given += count;
  }
  CHECK_INT(LSM_CORRUPTION, status);
  lsm_error_free(err);
  CHECK_INT(0, count);
  CHECK_INT(at, given);
  EXPECT(LSM_CORRUPTION, lsm_iter_next_n(it, row, 7, &count, &err));
  // Backward.
  at = m.count;
  status = lsm_iter_seek_last(it, &err);
  while (status == LSM_OK) {
    check_on(it, &m.rows[--at]);
    status = lsm_iter_prev(it, &err);
  }
  CHECK_INT(LSM_CORRUPTION, status);
  lsm_error_free(err);
  CHECK(at > 0);
  lsm_iter_destroy(it);
  // Gets: the right answer or the error.
  int damaged = 0;
  for (size_t i = 0; i < m.count; i++) {
    lsm_value value;
    status = lsm_get(db, NULL, m.rows[i].key, m.rows[i].key_size, &value, &err);
    if (status == LSM_OK) {
      CHECK_BYTES(m.rows[i].value, m.rows[i].value_size, value.data, value.size);
      lsm_value_release(&value);
    } else {
      CHECK_INT(LSM_CORRUPTION, status);
      lsm_error_free(err);
      damaged++;
    }
  }
  CHECK(damaged > 0);
  lsm_close(db, NULL);
  model_free(&m);
}

static void verify_of_what_is_no_database(void) {
  EXPECT(LSM_IO_ERROR, lsm_verify(scratch("nothing"), NULL, NULL, &err));
  CHECK_INT(ENOENT, last.errnum);
  CHECK_INT(0, mkdir(scratch("empty"), 0700));
  EXPECT(LSM_IO_ERROR, lsm_verify(scratch("empty"), NULL, NULL, &err));
  CHECK_INT(ENOENT, last.errnum);
  FILE* file = fopen(scratch("text"), "w");
  CHECK(file != NULL && fputs("this is no table", file) >= 0 && fclose(file) == 0);
  EXPECT(LSM_CORRUPTION, lsm_verify(scratch("text"), NULL, NULL, &err));
  file = fopen(scratch("nil"), "w");
  CHECK(file != NULL && fclose(file) == 0);
  EXPECT(LSM_CORRUPTION, lsm_verify(scratch("nil"), NULL, NULL, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_verify(NULL, NULL, NULL, &err));
}

// ---- Destroy ----------------------------------------------------------------------------------

static void destroy_removes_what_it_knows_and_no_more(void) {
  char foreign[800];
  EXPECT(LSM_OK, lsm_destroy(scratch("nothing"), &err));
  lsm_db* db = open_db(scratch("db"), TINY);
  model m = {NULL, 0, 0};
  fill(db, &m, 500);
  EXPECT(LSM_LOCKED, lsm_destroy(scratch("db"), &err));
  CHECK_INT(1, last.retryable);
  check_equals_model(db, NULL, &m);
  close_db(db);
  EXPECT(LSM_OK, lsm_destroy(scratch("db"), &err));
  CHECK(!exists(scratch("db")));
  EXPECT(LSM_OK, lsm_destroy(scratch("db"), &err));

  db = open_db(scratch("db"), NULL);
  put(db, "a", "1");
  close_db(db);
  snprintf(foreign, sizeof foreign, "%s/notes.txt", scratch("db"));
  FILE* file = fopen(foreign, "w");
  CHECK(file != NULL && fclose(file) == 0);
  EXPECT(LSM_OK, lsm_destroy(scratch("db"), &err));
  CHECK(exists(foreign));
  lsm_db* none = NULL;
  EXPECT(LSM_IO_ERROR, open_status(scratch("db"), "create_if_missing=false", &none));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_destroy(NULL, &err));
  model_free(&m);
}

static void misuse_is_an_error(void) {
  EXPECT(LSM_INVALID_ARGUMENT, lsm_flush(NULL, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_compact_range(NULL, NONE, NONE, NULL, NULL, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_wait_idle(NULL, &err));
  lsm_db* db = open_db(scratch("db"), NULL);
  EXPECT(LSM_INVALID_ARGUMENT, lsm_compact_range(db, NULL, 1, NONE, NULL, NULL, &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_compact_range(db, NONE, NULL, 1, NULL, NULL, &err));
  close_db(db);
}

CHECK_MAIN(T(compaction_reports_and_leaves_the_same_rows), T(compaction_of_an_empty_database),
           T(a_cancelled_compaction_loses_nothing), T(properties),
           T(verify_finds_nothing_wrong_with_a_sound_database),
           T(verify_of_a_crashed_database_is_sound), T(verify_finds_every_flipped_byte_of_a_table),
           T(a_damaged_block_is_never_an_end), T(verify_of_what_is_no_database),
           T(destroy_removes_what_it_knows_and_no_more), T(misuse_is_an_error))
