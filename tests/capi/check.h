// The harness of the C tests: checks that end the program with file and line, and a scratch
// directory.
//
// EXPECT(want, call) is how every fallible call is made here. The call passes `&err`. It checks the
// status and, each time, the rule that the error is always written: NULL for LSM_OK, LSM_NOT_FOUND
// and LSM_END, else an error of the same code with a message. What the error said is kept in
// `last`.
//
// Included once a program; main is CHECK_MAIN. Needs _GNU_SOURCE.

#ifndef LSM_TESTS_CAPI_CHECK_H_
#define LSM_TESTS_CAPI_CHECK_H_

#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capi/lsm.h"

// A pair of arguments: bytes and their size.
#define B(text) (text), strlen(text)
#define NONE NULL, 0

static lsm_error* err;

// The error of the last EXPECT that had one.
static struct {
  char message[2000];
  char file[1000];  // "" for NULL
  int32_t errnum;
  uint64_t offset;
  int32_t retryable;
} last;

static inline void check_fail(const char* file, int line, const char* format, ...) {
  va_list arguments;
  fprintf(stderr, "%s:%d: ", file, line);
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  _Exit(1);
}

#define CHECK(condition)                                                          \
  do {                                                                            \
    if (!(condition)) check_fail(__FILE__, __LINE__, "not true: %s", #condition); \
  } while (0)

#define CHECK_INT(want, got)                                                                      \
  do {                                                                                            \
    const long long want_ = (long long)(want), got_ = (long long)(got);                           \
    if (want_ != got_) check_fail(__FILE__, __LINE__, "%s is %lld, not %lld", #got, got_, want_); \
  } while (0)

#define CHECK_BYTES(want, want_size, got, got_size) \
  check_bytes(__FILE__, __LINE__, #got, want, want_size, got, got_size)

#define CHECK_STR(want, got) CHECK_BYTES(want, strlen(want), got, strlen(got))

#define CHECK_CONTAINS(part, text)                                                  \
  do {                                                                              \
    if (strstr(text, part) == NULL)                                                 \
      check_fail(__FILE__, __LINE__, "no \"%s\" in %s: \"%s\"", part, #text, text); \
  } while (0)

static inline void check_bytes(const char* file, int line, const char* what, const void* want,
                               size_t want_size, const void* got, size_t got_size) {
  if (got == NULL) check_fail(file, line, "%s is NULL", what);
  if (want_size != got_size || (want_size != 0 && memcmp(want, got, want_size) != 0)) {
    check_fail(file, line, "%s is \"%.*s\" (%zu bytes), not \"%.*s\" (%zu bytes)", what,
               (int)(got_size < 200 ? got_size : 200), (const char*)got, got_size,
               (int)(want_size < 200 ? want_size : 200), (const char*)want, want_size);
  }
}

// An address that no call hands out: what `err` holds before each call.
static char check_poison;

#define EXPECT(want, call)                                   \
  do {                                                       \
    err = (lsm_error*)(void*)&check_poison;                  \
    check_status(__FILE__, __LINE__, #call, (want), (call)); \
  } while (0)

static inline void check_status(const char* file, int line, const char* call, lsm_status want,
                                lsm_status got) {
  if (err == (lsm_error*)(void*)&check_poison) check_fail(file, line, "%s left err alone", call);
  if (got != want) {
    check_fail(file, line, "%s is %s (%s), not %s", call, lsm_status_name(got),
               lsm_error_message(err), lsm_status_name(want));
  }
  if (got == LSM_OK || got == LSM_NOT_FOUND || got == LSM_END) {
    if (err != NULL) check_fail(file, line, "%s gave an error with %s", call, lsm_status_name(got));
    return;
  }
  if (err == NULL) check_fail(file, line, "%s gave no error with %s", call, lsm_status_name(got));
  if (lsm_error_code(err) != got) check_fail(file, line, "%s: the error has another code", call);
  if (lsm_error_message(err)[0] == '\0') check_fail(file, line, "%s: an empty message", call);
  const char* path = lsm_error_file(err);
  snprintf(last.message, sizeof last.message, "%s", lsm_error_message(err));
  snprintf(last.file, sizeof last.file, "%s", path == NULL ? "" : path);
  last.errnum = lsm_error_errno(err);
  last.offset = lsm_error_offset(err);
  last.retryable = lsm_error_retryable(err);
  lsm_error_free(err);
  err = NULL;
}

// ---- Scratch files ----------------------------------------------------------------------------

static char check_root[512];

static inline int check_remove(const char* path, const struct stat* info, int kind,
                               struct FTW* at) {
  (void)info, (void)kind, (void)at;
  return remove(path);
}

// A path below the scratch directory, where nothing is on the first call with that name in a test.
// The last eight answers stay valid.
static inline const char* scratch(const char* name) {
  static char paths[8][700];
  static unsigned next;
  char* path = paths[next++ % 8];
  if (check_root[0] == '\0') {
    const char* parent = getenv("TEST_TMPDIR");
    snprintf(check_root, sizeof check_root, "%s/lsm_capi_XXXXXX", parent == NULL ? "/tmp" : parent);
    CHECK(mkdtemp(check_root) != NULL);
  }
  snprintf(path, sizeof paths[0], "%s/%s", check_root, name);
  return path;
}

static inline void clear_scratch(void) {
  if (check_root[0] != '\0') nftw(check_root, check_remove, 16, FTW_DEPTH | FTW_PHYS);
  check_root[0] = '\0';
}

// A canary: what a harness must notice, and end by. Runs in a process of its own, silently.
static inline void check_notices(void (*wrong)(void)) {
  // What it leaves is cleared with what else there is.
  (void)scratch("");
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    CHECK(freopen("/dev/null", "w", stderr) != NULL);
    wrong();
    _Exit(0);
  }
  int result = 0;
  CHECK(waitpid(child, &result, 0) == child);
  CHECK(WIFEXITED(result) && WEXITSTATUS(result) == 1);
}

static inline int exists(const char* path) {
  struct stat info;
  return lstat(path, &info) == 0;
}

// ---- Shorthand for databases ------------------------------------------------------------------

// Options from "name=value,name=value".
static inline lsm_options* options_of(const char* settings) {
  char text[500];
  lsm_options* options = lsm_options_create();
  CHECK(options != NULL);
  snprintf(text, sizeof text, "%s", settings);
  for (char* name = strtok(text, ","); name != NULL; name = strtok(NULL, ",")) {
    char* value = strchr(name, '=');
    CHECK(value != NULL);
    *value++ = '\0';
    EXPECT(LSM_OK, lsm_options_set(options, name, value, &err));
  }
  return options;
}

// lsm_open with options from a string, NULL for the defaults.
static inline lsm_status open_status(const char* path, const char* settings, lsm_db** db) {
  lsm_options* options = settings == NULL ? NULL : options_of(settings);
  err = (lsm_error*)(void*)&check_poison;
  const lsm_status status = lsm_open(path, options, db, &err);
  lsm_options_destroy(options);
  return status;
}

static inline lsm_db* open_db(const char* path, const char* settings) {
  lsm_db* db = NULL;
  EXPECT(LSM_OK, open_status(path, settings, &db));
  CHECK(db != NULL);
  return db;
}

static inline void close_db(lsm_db* db) { EXPECT(LSM_OK, lsm_close(db, &err)); }

static inline void put(lsm_db* db, const char* key, const char* value) {
  EXPECT(LSM_OK, lsm_put(db, B(key), B(value), 0, &err));
}

#define CHECK_GET(db, snapshot, key, want) check_get(__FILE__, __LINE__, db, snapshot, key, want)

// `want` NULL: the key is not there.
static inline void check_get(const char* file, int line, lsm_db* db, const lsm_snapshot* snapshot,
                             const char* key, const char* want) {
  lsm_value value;
  memset(&value, 0xa5, sizeof value);
  err = (lsm_error*)(void*)&check_poison;
  const lsm_status got = lsm_get(db, snapshot, B(key), &value, &err);
  check_status(file, line, key, want == NULL ? LSM_NOT_FOUND : LSM_OK, got);
  if (want == NULL) {
    if (value.data != NULL || value.size != 0 || value.pin != NULL)
      check_fail(file, line, "a miss left the value of %s set", key);
    return;
  }
  check_bytes(file, line, key, want, strlen(want), value.data, value.size);
  lsm_value_release(&value);
  if (value.data != NULL || value.size != 0 || value.pin != NULL)
    check_fail(file, line, "releasing did not zero the value of %s", key);
}

// Small limits, so that a few thousand rows cross every path of the engine.
#define TINY                                                                              \
  "write_buffer_size=4KiB,block_size=64,table_size=4KiB,memory_budget=1MiB,size_ratio=2," \
  "compression=none"

// ---- The program ------------------------------------------------------------------------------

typedef struct {
  const char* name;
  void (*run)(void);
} check_test;

static inline int check_run(const check_test* tests, size_t count) {
  for (size_t i = 0; i < count; i++) {
    fprintf(stderr, "%s\n", tests[i].name);
    tests[i].run();
    clear_scratch();
  }
  return 0;
}

#define T(function) \
  { #function, function }
#define CHECK_MAIN(...)                                      \
  int main(void) {                                           \
    const check_test tests[] = {__VA_ARGS__};                \
    return check_run(tests, sizeof tests / sizeof tests[0]); \
  }

#endif  // LSM_TESTS_CAPI_CHECK_H_
