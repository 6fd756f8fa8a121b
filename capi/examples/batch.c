/* Moves money between two accounts: both writes happen, or neither.
 *
 *     cc batch.c $(pkg-config --cflags --libs lsm) -o batch && ./batch bank.db
 */
#include <inttypes.h>
#include <lsm/lsm.h>
#include <stdio.h>
#include <string.h>

/* Reads a balance into a buffer of ours, so that nothing is to be released; none is 0. */
static lsm_status balance(lsm_db* db, const char* account, int64_t* cents, lsm_error** error) {
  size_t size = 0;
  *cents = 0;
  lsm_status status =
      lsm_get_into(db, NULL, account, strlen(account), cents, sizeof *cents, &size, error);
  return status == LSM_NOT_FOUND ? LSM_OK : status;
}

static lsm_status transfer(lsm_db* db, const char* from, const char* to, int64_t cents,
                           lsm_error** error) {
  int64_t from_balance = 0, to_balance = 0;
  lsm_status status = balance(db, from, &from_balance, error);
  if (status == LSM_OK) status = balance(db, to, &to_balance, error);
  if (status != LSM_OK) return status;
  from_balance -= cents;
  to_balance += cents;

  lsm_batch* batch = lsm_batch_create();
  if (batch == NULL) return LSM_OUT_OF_MEMORY;
  status = lsm_batch_put(batch, from, strlen(from), &from_balance, sizeof from_balance, error);
  if (status == LSM_OK)
    status = lsm_batch_put(batch, to, strlen(to), &to_balance, sizeof to_balance, error);
  if (status == LSM_OK) status = lsm_write(db, batch, LSM_SYNC, error);
  lsm_batch_destroy(batch);
  return status;
}

static lsm_status run(lsm_db* db, lsm_error** error) {
  const int64_t start = 10000;
  lsm_status status = lsm_put(db, "alice", 5, &start, sizeof start, 0, error);
  if (status == LSM_OK) status = lsm_delete(db, "bob", 3, 0, error);
  if (status == LSM_OK) status = transfer(db, "alice", "bob", 2500, error);
  int64_t alice = 0, bob = 0;
  if (status == LSM_OK) status = balance(db, "alice", &alice, error);
  if (status == LSM_OK) status = balance(db, "bob", &bob, error);
  if (status == LSM_OK) printf("alice %" PRId64 ", bob %" PRId64 "\n", alice, bob);
  return status;
}

int main(int argc, char** argv) {
  lsm_db* db = NULL;
  lsm_error* error = NULL;
  lsm_status status = lsm_open(argc > 1 ? argv[1] : "batch.db", NULL, &db, &error);
  if (status == LSM_OK) status = run(db, &error);
  if (status == LSM_OK) {
    status = lsm_close(db, &error);
  } else {
    lsm_close(db, NULL);
  }
  if (status != LSM_OK)
    fprintf(stderr, "batch: %s: %s\n", lsm_status_name(status), lsm_error_message(error));
  lsm_error_free(error);
  return status == LSM_OK ? 0 : 1;
}
