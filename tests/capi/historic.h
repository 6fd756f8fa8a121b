// What the tests of historic bugs share: files of a database seen from outside.

#ifndef LSM_TESTS_CAPI_HISTORIC_H_
#define LSM_TESTS_CAPI_HISTORIC_H_

#include <dirent.h>

#include "tests/capi/model.h"

// Tiny limits in each of the three styles of compaction.
static const char* const kStyles[] = {
    TINY ",compaction_style=leveled",
    TINY ",compaction_style=lazy",
    TINY ",compaction_style=tiered",
};
enum { STYLES = sizeof kStyles / sizeof kStyles[0] };

// A path in the scratch directory that is another for each style.
static inline const char* style_path(int style) {
  char name[20];
  snprintf(name, sizeof name, "style%d", style);
  return scratch(name);
}

static inline void flush_db(lsm_db* db) { EXPECT(LSM_OK, lsm_flush(db, &err)); }

static inline void compact(lsm_db* db, const char* begin, const char* end) {
  EXPECT(LSM_OK, lsm_compact_range(db, begin, begin == NULL ? 0 : strlen(begin), end,
                                   end == NULL ? 0 : strlen(end), NULL, NULL, &err));
}

static inline void delete_range(lsm_db* db, const char* begin, const char* end) {
  EXPECT(LSM_OK, lsm_delete_range(db, B(begin), B(end), 0, &err));
}

static inline lsm_snapshot* snapshot_of(lsm_db* db) {
  lsm_snapshot* snapshot = NULL;
  EXPECT(LSM_OK, lsm_snapshot_create(db, &snapshot, &err));
  return snapshot;
}

static inline lsm_iter* iterate(lsm_db* db, const char* lower, const char* upper) {
  lsm_iter* it = NULL;
  EXPECT(LSM_OK, lsm_iter_create(db, NULL, lower, lower == NULL ? 0 : strlen(lower), upper,
                                 upper == NULL ? 0 : strlen(upper), &it, &err));
  return it;
}

static inline size_t count_rows(lsm_db* db) {
  lsm_rows* rows = NULL;
  size_t count = 0;
  EXPECT(LSM_OK, lsm_scan(db, NULL, NONE, NONE, 0, &rows, &err));
  (void)lsm_rows_data(rows, &count);
  lsm_rows_free(rows);
  return count;
}

// Writes to the database and the model alike.
static inline void put_both(lsm_db* db, model* m, const char* key, const char* value) {
  put(db, key, value);
  model_put(m, B(key), B(value));
}

static inline void delete_both(lsm_db* db, model* m, const char* key) {
  EXPECT(LSM_OK, lsm_delete(db, B(key), 0, &err));
  model_delete(m, B(key));
}

static inline void delete_range_both(lsm_db* db, model* m, const char* begin, const char* end) {
  delete_range(db, begin, end);
  model_delete_range(m, B(begin), B(end));
}

// ---- Files --------------------------------------------------------------------------------------

static inline int has_ending(const char* name, const char* ending) {
  const size_t size = strlen(name), ending_size = strlen(ending);
  return size >= ending_size && strcmp(name + size - ending_size, ending) == 0;
}

// How many files of a directory begin and end so. The name of the last one in order is kept.
static char last_file[300];
static inline int count_files(const char* directory, const char* beginning, const char* ending) {
  DIR* entries = opendir(directory);
  int found = 0;
  last_file[0] = '\0';
  CHECK(entries != NULL);
  for (struct dirent* e = readdir(entries); e != NULL; e = readdir(entries)) {
    if (e->d_name[0] == '.' || strncmp(e->d_name, beginning, strlen(beginning)) != 0 ||
        !has_ending(e->d_name, ending)) {
      continue;
    }
    found++;
    if (strcmp(e->d_name, last_file) > 0) snprintf(last_file, sizeof last_file, "%s", e->d_name);
  }
  closedir(entries);
  return found;
}

// The path of the last file that begins and ends so. The last four answers stay valid.
static inline const char* path_of_last(const char* directory, const char* beginning,
                                       const char* ending) {
  static char paths[4][1100];
  static unsigned next;
  char* path = paths[next++ % 4];
  CHECK(count_files(directory, beginning, ending) > 0);
  snprintf(path, sizeof paths[0], "%s/%s", directory, last_file);
  return path;
}

static inline char* read_file(const char* path, size_t* size) {
  FILE* file = fopen(path, "rb");
  struct stat info;
  CHECK(file != NULL && fstat(fileno(file), &info) == 0);
  *size = (size_t)info.st_size;
  char* bytes = malloc(*size + 1);
  CHECK(bytes != NULL && fread(bytes, 1, *size, file) == *size);
  fclose(file);
  return bytes;
}

static inline void write_file(const char* path, const char* bytes, size_t size) {
  FILE* file = fopen(path, "wb");
  CHECK(file != NULL && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
}

static inline void copy_files(const char* from, const char* to) {
  DIR* entries = opendir(from);
  CHECK(entries != NULL && mkdir(to, 0700) == 0);
  for (struct dirent* e = readdir(entries); e != NULL; e = readdir(entries)) {
    char source[1100], target[1100];
    size_t size = 0;
    if (e->d_name[0] == '.') continue;
    snprintf(source, sizeof source, "%s/%s", from, e->d_name);
    snprintf(target, sizeof target, "%s/%s", to, e->d_name);
    char* bytes = read_file(source, &size);
    write_file(target, bytes, size);
    free(bytes);
  }
  closedir(entries);
}

// What would be left if the process died now: a copy of the files of an open database that nobody
// writes to.
static inline void copy_open_database(lsm_db* db, const char* from, const char* to) {
  EXPECT(LSM_OK, lsm_wait_idle(db, &err));
  copy_files(from, to);
}

static inline void check_database(const char* path, const char* settings, const model* m) {
  lsm_db* db = open_db(path, settings);
  check_equals_model(db, NULL, m);
  close_db(db);
}

#endif  // LSM_TESTS_CAPI_HISTORIC_H_
