// The statuses that need trouble around the library: a full disk, files of a newer release.

#include <dirent.h>
#include <errno.h>
#include <xxhash.h>

#include "tests/capi/faulty_libc.h"
#include "tests/capi/model.h"

// ---- A full disk -----------------------------------------------------------------------------

static void a_full_disk_is_no_space_until_there_is_room(void) {
  lsm_db* db = open_db(scratch("db"), TINY);
  model m = {NULL, 0, 0};
  char key[50], value[1000];
  memset(value, 'v', sizeof value);
  for (int round = 0; round < 3; round++) {
    limit_disk(scratch("db"), 0);
    // What was allocated before may still be used; then the first failure, and so do the next.
    lsm_status status = LSM_OK;
    int i = 0;
    for (; status == LSM_OK && i < 100000; i++) {
      snprintf(key, sizeof key, "%d %06d", round, i);
      status = lsm_put(db, B(key), value, sizeof value, 0, NULL);
      if (status == LSM_OK) model_put(&m, B(key), value, sizeof value);
    }
    CHECK_INT(LSM_NO_SPACE, status);
    for (int again = 0; again < 3; again++) {
      EXPECT(LSM_NO_SPACE, lsm_put(db, B("again"), value, sizeof value, 0, &err));
      CHECK_INT(1, last.retryable);
      CHECK_INT(ENOSPC, last.errnum);
    }
    // Nothing that failed is visible, and reads go on.
    check_equals_model(db, NULL, &m);
    limit_disk(scratch("db"), -1);
    EXPECT(LSM_OK, lsm_put(db, B("room"), B("again"), LSM_SYNC, &err));
    model_put(&m, B("room"), B("again"));
    EXPECT(LSM_OK, lsm_flush(db, &err));
    check_equals_model(db, NULL, &m);
  }
  close_db(db);
  EXPECT(LSM_OK, lsm_verify(scratch("db"), NULL, NULL, &err));
  db = open_db(scratch("db"), TINY);
  check_equals_model(db, NULL, &m);
  close_db(db);
  model_free(&m);
}

static void a_full_disk_makes_no_database(void) {
  lsm_db* db = NULL;
  limit_disk(scratch("db"), 0);
  EXPECT(LSM_NO_SPACE, lsm_open(scratch("db"), NULL, &db, &err));
  CHECK(db == NULL);
  CHECK_INT(1, last.retryable);
  limit_disk(scratch("db"), -1);
  db = open_db(scratch("db"), NULL);
  put(db, "a", "1");
  close_db(db);
}

// ---- Files of a newer release -------------------------------------------------------------------

// The one file in a directory whose name begins so.
static const char* find_file(const char* directory, const char* prefix) {
  static char path[1200];
  DIR* entries = opendir(directory);
  int found = 0;
  CHECK(entries != NULL);
  for (struct dirent* e = readdir(entries); e != NULL; e = readdir(entries)) {
    if (strncmp(e->d_name, prefix, strlen(prefix)) != 0) continue;
    snprintf(path, sizeof path, "%s/%s", directory, e->d_name);
    found++;
  }
  closedir(entries);
  CHECK_INT(1, found);
  return path;
}

static void a_newer_format_is_unsupported(void) {
  lsm_db* db = open_db(scratch("db"), NULL);
  put(db, "a", "1");
  close_db(db);
  // The manifest's header: magic, version, and a sum over its 64 bytes with the sum itself as
  // zeros.
  FILE* file = fopen(find_file(scratch("db"), "MANIFEST-"), "r+");
  unsigned char header[64];
  CHECK(file != NULL && fread(header, 1, sizeof header, file) == sizeof header);
  CHECK_BYTES("lsm-log\n", 8, header, 8);
  const uint32_t version = 1000;
  memcpy(header + 8, &version, 4);
  memset(header + 12, 0, 4);
  const uint32_t sum = (uint32_t)XXH3_64bits(header, sizeof header);
  memcpy(header + 12, &sum, 4);
  CHECK(fseek(file, 0, SEEK_SET) == 0 && fwrite(header, 1, 64, file) == 64 && fclose(file) == 0);
  EXPECT(LSM_UNSUPPORTED, lsm_open(scratch("db"), NULL, &db, &err));
  CHECK(db == NULL);
  CHECK_CONTAINS("MANIFEST-", last.file);
  CHECK_CONTAINS("1000", last.message);
  CHECK_INT(0, last.retryable);
  EXPECT(LSM_UNSUPPORTED, open_status(scratch("db"), "read_only=true", &db));
  EXPECT(LSM_UNSUPPORTED, lsm_verify(scratch("db"), NULL, NULL, &err));
}

CHECK_MAIN(T(a_full_disk_is_no_space_until_there_is_room), T(a_full_disk_makes_no_database),
           T(a_newer_format_is_unsupported))
