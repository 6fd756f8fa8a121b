/* Reads the database as it stood at one moment while it goes on changing.
 *
 *     cc snapshot.c $(pkg-config --cflags --libs lsm) -o snapshot && ./snapshot snapshot.db
 */
#include <lsm/lsm.h>
#include <stdio.h>
#include <string.h>

static lsm_status count_rows(lsm_db* db, const lsm_snapshot* snapshot, size_t* count,
                             lsm_error** error) {
  lsm_rows* rows = NULL;
  const lsm_status status = lsm_scan(db, snapshot, NULL, 0, NULL, 0, 0, &rows, error);
  lsm_rows_data(rows, count);
  lsm_rows_free(rows);
  return status;
}

static lsm_status change(lsm_db* db, lsm_error** error) {
  lsm_status status = lsm_put(db, "state", 5, "new", 3, 0, error);
  if (status == LSM_OK) status = lsm_delete_range(db, "row/", 4, "row0", 4, 0, error);
  return status;
}

/* What `snapshot` sees, or what is there now where it is NULL. */
static lsm_status show(lsm_db* db, const lsm_snapshot* snapshot, const char* name,
                       lsm_error** error) {
  lsm_value state;
  size_t count = 0;
  lsm_status status = lsm_get(db, snapshot, "state", 5, &state, error);
  if (status != LSM_OK) return status;
  status = count_rows(db, snapshot, &count, error);
  if (status == LSM_OK)
    printf("%s: %zu rows, state %.*s\n", name, count, (int)state.size, (const char*)state.data);
  lsm_value_release(&state);
  return status;
}

static lsm_status run(lsm_db* db, lsm_error** error) {
  lsm_snapshot* snapshot = NULL;
  lsm_status status = lsm_put(db, "state", 5, "old", 3, 0, error);
  for (int i = 0; status == LSM_OK && i < 100; i++) {
    char key[16];
    const int size = snprintf(key, sizeof key, "row/%02d", i);
    status = lsm_put(db, key, (size_t)size, "", 0, 0, error);
  }
  if (status == LSM_OK) status = lsm_snapshot_create(db, &snapshot, error);
  if (status == LSM_OK) status = change(db, error);
  if (status == LSM_OK) status = show(db, snapshot, "then", error);
  if (status == LSM_OK) status = show(db, NULL, "now", error);
  lsm_snapshot_release(snapshot); /* until then, what it sees keeps its disk space */
  return status;
}

int main(int argc, char** argv) {
  lsm_db* db = NULL;
  lsm_error* error = NULL;
  lsm_status status = lsm_open(argc > 1 ? argv[1] : "snapshot.db", NULL, &db, &error);
  if (status == LSM_OK) status = run(db, &error);
  if (status == LSM_OK) {
    status = lsm_close(db, &error);
  } else {
    lsm_close(db, NULL);
  }
  if (status != LSM_OK) fprintf(stderr, "snapshot: %s\n", lsm_error_message(error));
  lsm_error_free(error);
  return status == LSM_OK ? 0 : 1;
}
