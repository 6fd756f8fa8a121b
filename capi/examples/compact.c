/* Sets options, writes over the same rows again and again, and merges what that left behind,
 * watching how it gets on; Ctrl-C cancels, and nothing is lost.
 *
 *     cc compact.c $(pkg-config --cflags --libs lsm) -o compact && ./compact compact.db
 */
#include <inttypes.h>
#include <lsm/lsm.h>
#include <signal.h>
#include <stdio.h>

static volatile sig_atomic_t interrupted = 0;

static void on_interrupt(int number) {
  (void)number;
  interrupted = 1; /* no call of the library may be made from here */
}

/* Anything but 0 cancels. */
static int32_t on_progress(void* payload, const lsm_progress* progress) {
  uint64_t* calls = payload;
  ++*calls;
  if (progress->bytes_total > 0)
    fprintf(stderr, "\r%s %3.0f %%", progress->phase == LSM_PHASE_FLUSH ? "flush" : "merge",
            100.0 * (double)progress->bytes_done / (double)progress->bytes_total);
  return interrupted;
}

static lsm_status fill(lsm_db* db, lsm_error** error) {
  lsm_status status = LSM_OK;
  for (int round = 0; round < 5; round++) {
    for (int i = 0; status == LSM_OK && i < 10000; i++) {
      char key[16], value[64];
      const int key_size = snprintf(key, sizeof key, "row %05d", i);
      const int value_size = snprintf(value, sizeof value, "written in round %d", round);
      status = lsm_put(db, key, (size_t)key_size, value, (size_t)value_size, 0, error);
    }
    if (status == LSM_OK) status = lsm_flush(db, error);
  }
  return status;
}

static lsm_status run(lsm_db* db, lsm_error** error) {
  uint64_t calls = 0;
  char* keys = NULL;
  lsm_status status = fill(db, error);
  if (status == LSM_OK)
    status = lsm_compact_range(db, NULL, 0, NULL, 0, on_progress, &calls, error);
  fputs("\r", stderr);
  if (status == LSM_ABORTED) printf("cancelled; every row is still there\n");
  if (status == LSM_OK) status = lsm_property(db, "estimate-keys", &keys, error);
  if (status == LSM_OK) printf("%s rows left, progress was %s\n", keys, calls ? "told" : "silent");
  lsm_string_free(keys);
  return status;
}

static lsm_status open_database(const char* path, lsm_db** db, lsm_error** error) {
  lsm_options* options = lsm_options_create();
  if (options == NULL) return LSM_OUT_OF_MEMORY;
  lsm_status status = lsm_options_set(options, "memory_budget", "64MiB", error);
  if (status == LSM_OK) status = lsm_options_set(options, "compression", "zstd", error);
  if (status == LSM_OK) status = lsm_open(path, options, db, error);
  lsm_options_destroy(options);
  return status;
}

int main(int argc, char** argv) {
  lsm_db* db = NULL;
  lsm_error* error = NULL;
  signal(SIGINT, on_interrupt);
  lsm_status status = open_database(argc > 1 ? argv[1] : "compact.db", &db, &error);
  if (status == LSM_OK) status = run(db, &error);
  if (status == LSM_OK) {
    status = lsm_close(db, &error);
  } else {
    lsm_close(db, NULL);
  }
  if (status != LSM_OK)
    fprintf(stderr, "compact: %s: %s\n", lsm_status_name(status), lsm_error_message(error));
  lsm_error_free(error);
  return status == LSM_OK ? 0 : 1;
}
