/* Stores a value, finds it again, replaces it, removes it.
 *
 *     cc put_get.c $(pkg-config --cflags --libs lsm) -o put_get && ./put_get fruit.db
 */
#include <lsm/lsm.h>
#include <stdio.h>
#include <string.h>

/* Prints the value of a key, or that there is none. */
static lsm_status show(lsm_db* db, const char* key, lsm_error** error) {
  lsm_value value;
  lsm_status status = lsm_get(db, NULL, key, strlen(key), &value, error);
  if (status == LSM_OK) {
    printf("%s is %.*s\n", key, (int)value.size, (const char*)value.data);
    lsm_value_release(&value);
  } else if (status == LSM_NOT_FOUND) {
    printf("%s is not there\n", key);
    status = LSM_OK; /* an answer, not a failure */
  }
  return status;
}

static lsm_status run(lsm_db* db, lsm_error** error) {
  lsm_status status = lsm_put(db, "apple", 5, "green", 5, 0, error);
  if (status == LSM_OK) status = show(db, "apple", error);
  /* LSM_SYNC: on return, this write and all before it survive a loss of power. */
  if (status == LSM_OK) status = lsm_put(db, "apple", 5, "red", 3, LSM_SYNC, error);
  if (status == LSM_OK) status = show(db, "apple", error);
  if (status == LSM_OK) status = lsm_delete(db, "apple", 5, 0, error);
  if (status == LSM_OK) status = show(db, "apple", error);
  return status;
}

int main(int argc, char** argv) {
  lsm_db* db = NULL;
  lsm_error* error = NULL;
  lsm_status status = lsm_open(argc > 1 ? argv[1] : "put_get.db", NULL, &db, &error);
  if (status == LSM_OK) status = run(db, &error);
  if (status == LSM_OK) {
    status = lsm_close(db, &error);
  } else {
    lsm_close(db, NULL); /* the first failure is the one to tell of */
  }
  if (status != LSM_OK) fprintf(stderr, "put_get: %s\n", lsm_error_message(error));
  lsm_error_free(error);
  return status == LSM_OK ? 0 : 1;
}
