/* The C program of ./dev bench ffi: what the works cost without a binding. Those of the other
 * languages do the same and print the same; ffi.py says what that is, runs them and compares.
 *
 *     ffi_c --engine lsm --dir DIRECTORY --rows N --works put,batch_put,get_hit,...
 */
#include <inttypes.h>
#include <lsm/lsm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { kKeySize = 16, kValueSize = 100, kBatch = 100, kScan = 100, kChunk = 256, kRepeats = 5 };
enum { kGets = 200000, kScans = 2000 };

static uint64_t rows = 1000000;
static lsm_db* db = NULL;
uint64_t sum = 0; /* of first bytes, so that they are looked at; the compiler cannot know by whom */

static void fail(const char* what, lsm_error* error) {
  fprintf(stderr, "ffi_c: %s: %s\n", what, error ? lsm_error_message(error) : "unexpected");
  exit(1);
}

static uint64_t splitmix64(uint64_t i) {
  uint64_t x = i * 0x9E3779B97F4A7C15u + 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

static void make_key(uint64_t i, char key[kKeySize]) {
  static const char digits[] = "0123456789abcdef";
  uint64_t x = splitmix64(i);
  for (int at = kKeySize - 1; at >= 0; at--, x >>= 4) key[at] = digits[x & 15];
}

static void make_value(const char key[kKeySize], char value[kValueSize]) {
  for (size_t at = 0; at < kValueSize; at += kKeySize)
    memcpy(value + at, key, kValueSize - at < kKeySize ? kValueSize - at : kKeySize);
}

static uint64_t put(void) {
  char key[kKeySize], value[kValueSize];
  lsm_error* error = NULL;
  for (uint64_t i = 0; i < rows; i++) {
    make_key(i, key);
    make_value(key, value);
    if (lsm_put(db, key, kKeySize, value, kValueSize, 0, &error) != LSM_OK) fail("put", error);
  }
  return rows;
}

static uint64_t batch_put(void) {
  char key[kKeySize], value[kValueSize];
  lsm_error* error = NULL;
  lsm_batch* batch = lsm_batch_create();
  for (uint64_t i = 0; i < rows;) {
    lsm_batch_clear(batch);
    for (const uint64_t end = i + kBatch; i < end && i < rows; i++) {
      make_key(i, key);
      make_value(key, value);
      if (lsm_batch_put(batch, key, kKeySize, value, kValueSize, &error) != LSM_OK)
        fail("batch", error);
    }
    if (lsm_write(db, batch, 0, &error) != LSM_OK) fail("write", error);
  }
  lsm_batch_destroy(batch);
  return rows;
}

static uint64_t get_hit(void) {
  char key[kKeySize];
  lsm_value value;
  lsm_error* error = NULL;
  for (uint64_t j = 0; j < kGets; j++) {
    make_key(splitmix64(j + (UINT64_C(1) << 40)) % rows, key);
    if (lsm_get(db, NULL, key, kKeySize, &value, &error) != LSM_OK) fail("get", error);
    sum += *(const unsigned char*)value.data;
    lsm_value_release(&value);
  }
  return kGets;
}

static uint64_t get_miss(void) {
  char key[kKeySize];
  lsm_value value;
  lsm_error* error = NULL;
  for (uint64_t j = 0; j < kGets; j++) {
    make_key(rows + j, key);
    if (lsm_get(db, NULL, key, kKeySize, &value, &error) != LSM_NOT_FOUND) fail("miss", error);
  }
  return kGets;
}

/* Reads up to `limit` rows from `begin` on, many a call; 0: all. */
static uint64_t scan(const char* begin, size_t begin_size, uint64_t limit) {
  lsm_row row[kChunk];
  lsm_iter* it = NULL;
  lsm_error* error = NULL;
  uint64_t seen = 0;
  if (lsm_iter_create(db, NULL, begin, begin_size, NULL, 0, &it, &error) != LSM_OK)
    fail("iterate", error);
  lsm_status status = lsm_iter_seek_first(it, &error);
  while (status == LSM_OK && (limit == 0 || seen < limit)) {
    const uint64_t want = limit == 0 || limit - seen > kChunk ? kChunk : limit - seen;
    size_t count = 0;
    status = lsm_iter_next_n(it, row, (size_t)want, &count, &error);
    for (size_t i = 0; i < count; i++)
      sum += *(const unsigned char*)row[i].key + *(const unsigned char*)row[i].value;
    seen += count;
  }
  if (status != LSM_OK && status != LSM_END) fail("scan", error);
  lsm_iter_destroy(it);
  return seen;
}

static uint64_t scan_100(void) {
  char key[kKeySize];
  uint64_t seen = 0;
  for (uint64_t j = 0; j < kScans; j++) {
    make_key(splitmix64(j + (UINT64_C(1) << 41)) % rows, key);
    seen += scan(key, kKeySize, kScan);
  }
  return seen;
}

static uint64_t scan_all(void) {
  const uint64_t seen = scan(NULL, 0, 0);
  if (seen != rows) fail("scan_all found another number of rows", NULL);
  return seen;
}

static void settle(void) {
  lsm_error* error = NULL;
  if (lsm_flush(db, &error) != LSM_OK || lsm_wait_idle(db, &error) != LSM_OK ||
      lsm_compact_range(db, NULL, 0, NULL, 0, NULL, NULL, &error) != LSM_OK ||
      lsm_wait_idle(db, &error) != LSM_OK)
    fail("settle", error);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int compare(const void* a, const void* b) {
  const double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

typedef struct {
  const char* name;
  uint64_t (*run)(void); /* returns the rows that it handled */
  int repeats;
} work;

static const work kWorks[] = {
    {"put", put, 1},
    {"batch_put", batch_put, 1},
    {"get_hit", get_hit, kRepeats},
    {"get_miss", get_miss, kRepeats},
    {"scan_100", scan_100, kRepeats},
    {"scan_all", scan_all, kRepeats},
};

static void measure(const work* chosen) {
  double costs[kRepeats];
  for (int i = 0; i < chosen->repeats; i++) {
    const double start = now();
    const uint64_t handled = chosen->run();
    costs[i] = (now() - start) / (double)handled;
  }
  qsort(costs, (size_t)chosen->repeats, sizeof costs[0], compare);
  printf("{\"language\":\"c\",\"engine\":\"lsm\",\"work\":\"%s\",\"rows\":%" PRIu64
         ",\"ns_per_row\":%.1f}\n",
         chosen->name, rows, costs[chosen->repeats / 2]);
  fflush(stdout);
}

static int asked_for(const char* works, const char* name) {
  const size_t size = strlen(name);
  for (const char* at = works; (at = strstr(at, name)) != NULL; at += size) {
    if ((at == works || at[-1] == ',') && (at[size] == ',' || at[size] == '\0')) return 1;
  }
  return 0;
}

int main(int argc, char** argv) {
  const char *directory = NULL, *works = "put,batch_put,get_hit,get_miss,scan_100,scan_all";
  lsm_error* error = NULL;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--dir") == 0) directory = argv[i + 1];
    if (strcmp(argv[i], "--rows") == 0) rows = strtoull(argv[i + 1], NULL, 10);
    if (strcmp(argv[i], "--works") == 0) works = argv[i + 1];
  }
  if (directory == NULL || rows == 0) fail("usage: ffi_c --dir DIRECTORY [--rows N]", NULL);

  lsm_options* options = lsm_options_create();
  if (lsm_options_set(options, "compression", "none", &error) != LSM_OK ||
      lsm_open(directory, options, &db, &error) != LSM_OK)
    fail("open", error);
  lsm_options_destroy(options);
  int settled = 0;
  for (size_t i = 0; i < sizeof kWorks / sizeof kWorks[0]; i++) {
    if (!asked_for(works, kWorks[i].name)) continue;
    if (kWorks[i].run != put && kWorks[i].run != batch_put && !settled) {
      settle();
      settled = 1;
    }
    measure(&kWorks[i]);
  }
  if (lsm_close(db, &error) != LSM_OK) fail("close", error);
  return 0;
}
