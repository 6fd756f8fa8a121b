/* Reads the rows of a range: all at once, then a few at a time, then backwards.
 *
 *     cc scan.c $(pkg-config --cflags --libs lsm) -o scan && ./scan scan.db
 */
#include <lsm/lsm.h>
#include <stdio.h>
#include <string.h>

static void print(const void* key, size_t key_size, const void* value, size_t value_size) {
  printf("  %.*s = %.*s\n", (int)key_size, (const char*)key, (int)value_size, (const char*)value);
}

static lsm_status fill(lsm_db* db, lsm_error** error) {
  static const char* const rows[][2] = {{"fruit/apple", "red"},    {"fruit/fig", "violet"},
                                        {"fruit/lemon", "yellow"}, {"fruit/pear", "green"},
                                        {"herb/mint", "green"},    {"root/beet", "red"}};
  lsm_status status = LSM_OK;
  for (size_t i = 0; status == LSM_OK && i < sizeof rows / sizeof rows[0]; i++)
    status = lsm_put(db, rows[i][0], strlen(rows[i][0]), rows[i][1], strlen(rows[i][1]), 0, error);
  return status;
}

/* All keys that begin with "fruit/", in one call: up to, and without, "fruit0", as '0' follows '/'.
 * For what fits in memory. */
static lsm_status at_once(lsm_db* db, lsm_error** error) {
  lsm_rows* rows = NULL;
  const lsm_status status = lsm_scan(db, NULL, "fruit/", 6, "fruit0", 6, 0, &rows, error);
  if (status != LSM_OK) return status;
  size_t count = 0;
  const lsm_row* row = lsm_rows_data(rows, &count);
  printf("%zu fruits:\n", count);
  for (size_t i = 0; i < count; i++)
    print(row[i].key, row[i].key_size, row[i].value, row[i].value_size);
  lsm_rows_free(rows);
  return LSM_OK;
}

/* For ranges of any size: many rows a call. */
static lsm_status in_portions(lsm_iter* it, lsm_error** error) {
  lsm_row rows[4];
  lsm_status status = lsm_iter_seek_first(it, error);
  while (status == LSM_OK) {
    size_t count = 0;
    status = lsm_iter_next_n(it, rows, sizeof rows / sizeof rows[0], &count, error);
    if (status != LSM_OK && status != LSM_END) break;
    printf("%zu rows:\n", count);
    for (size_t i = 0; i < count; i++)
      print(rows[i].key, rows[i].key_size, rows[i].value, rows[i].value_size);
  }
  return status == LSM_END ? LSM_OK : status; /* only LSM_END is the end */
}

static lsm_status backwards(lsm_iter* it, lsm_error** error) {
  printf("from mint back:\n");
  lsm_status status = lsm_iter_seek_for_prev(it, "herb/mint", 9, error);
  for (int i = 0; status == LSM_OK && i < 3; i++) {
    size_t key_size = 0, value_size = 0;
    const void* key = lsm_iter_key(it, &key_size);
    const void* value = lsm_iter_value(it, &value_size);
    print(key, key_size, value, value_size);
    status = lsm_iter_prev(it, error);
  }
  return status == LSM_END ? LSM_OK : status;
}

static lsm_status run(lsm_db* db, lsm_error** error) {
  lsm_iter* it = NULL;
  lsm_status status = fill(db, error);
  if (status == LSM_OK) status = at_once(db, error);
  if (status == LSM_OK) status = lsm_iter_create(db, NULL, NULL, 0, NULL, 0, &it, error);
  if (status == LSM_OK) status = in_portions(it, error);
  if (status == LSM_OK) status = backwards(it, error);
  lsm_iter_destroy(it);
  return status;
}

int main(int argc, char** argv) {
  lsm_db* db = NULL;
  lsm_error* error = NULL;
  lsm_status status = lsm_open(argc > 1 ? argv[1] : "scan.db", NULL, &db, &error);
  if (status == LSM_OK) status = run(db, &error);
  if (status == LSM_OK) {
    status = lsm_close(db, &error);
  } else {
    lsm_close(db, NULL);
  }
  if (status != LSM_OK) fprintf(stderr, "scan: %s\n", lsm_error_message(error));
  lsm_error_free(error);
  return status == LSM_OK ? 0 : 1;
}
