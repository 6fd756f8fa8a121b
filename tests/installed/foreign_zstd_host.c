/* A host that has a zstd of its own, of which it knows only that it is no zstd: every function that
 * ours has too ends the process, but for the one that the host calls. lsm must compress and read
 * all the same, and the host must get its own. */
#include <lsm/lsm.h>
#include <stdio.h>
#include <string.h>

unsigned ZSTD_versionNumber(void); /* the host's: answers 4711 */

enum { kRows = 20000 };

static int fail(const char* what, lsm_error* error) {
  fprintf(stderr, "%s: %s\n", what, lsm_error_message(error));
  lsm_error_free(error);
  return 1;
}

static lsm_status fill(lsm_db* db, lsm_error** error) {
  lsm_status status = LSM_OK;
  for (int i = 0; status == LSM_OK && i < kRows; i++) {
    char key[16], value[200];
    snprintf(key, sizeof key, "row %05d", i);
    memset(value, 'a' + i % 26, sizeof value);
    status = lsm_put(db, key, strlen(key), value, sizeof value, 0, error);
  }
  if (status == LSM_OK) status = lsm_flush(db, error);
  if (status == LSM_OK) status = lsm_compact_range(db, NULL, 0, NULL, 0, NULL, NULL, error);
  return status;
}

static int check_rows(const lsm_rows* rows) {
  size_t count = 0;
  const lsm_row* row = lsm_rows_data(rows, &count);
  if (count != kRows) return 0;
  for (size_t i = 0; i < count; i++) {
    const char* value = row[i].value;
    if (row[i].value_size != 200 || value[0] != (char)('a' + i % 26) || value[199] != value[0])
      return 0;
  }
  return 1;
}

int main(int argc, char** argv) {
  lsm_db* db = NULL;
  lsm_rows* rows = NULL;
  lsm_error* error = NULL;
  lsm_options* options = lsm_options_create();
  if (argc != 2 || options == NULL) return 2;
  if (ZSTD_versionNumber() != 4711) return fail("this is not the host's own zstd", NULL);
  if (lsm_options_set(options, "compression", "zstd", &error) != LSM_OK ||
      lsm_open(argv[1], options, &db, &error) != LSM_OK)
    return fail("open", error);
  lsm_options_destroy(options);
  if (fill(db, &error) != LSM_OK) return fail("fill", error);
  if (lsm_scan(db, NULL, NULL, 0, NULL, 0, 0, &rows, &error) != LSM_OK) return fail("scan", error);
  const int right = check_rows(rows);
  lsm_rows_free(rows);
  if (!right) return fail("the rows are not those that were put", NULL);
  if (lsm_close(db, &error) != LSM_OK) return fail("close", error);
  if (lsm_verify(argv[1], NULL, NULL, &error) != LSM_OK) return fail("verify", error);
  return ZSTD_versionNumber() == 4711 ? 0 : 1;
}
