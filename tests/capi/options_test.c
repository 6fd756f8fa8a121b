// Versions, status names, errors and the table of options.

#include "tests/capi/check.h"

static void version_agrees_with_the_header(void) {
  char text[50];
  snprintf(text, sizeof text, "%d.%d.%d", LSM_VERSION_MAJOR, LSM_VERSION_MINOR, LSM_VERSION_PATCH);
  CHECK_STR(text, lsm_version());
  CHECK_INT(LSM_VERSION_MAJOR * 1000000 + LSM_VERSION_MINOR * 1000 + LSM_VERSION_PATCH,
            lsm_version_number());
}

static void every_status_has_its_name(void) {
  static const struct {
    lsm_status status;
    const char* name;
  } kNames[] = {{LSM_OK, "LSM_OK"},
                {LSM_NOT_FOUND, "LSM_NOT_FOUND"},
                {LSM_END, "LSM_END"},
                {LSM_INVALID_ARGUMENT, "LSM_INVALID_ARGUMENT"},
                {LSM_CORRUPTION, "LSM_CORRUPTION"},
                {LSM_IO_ERROR, "LSM_IO_ERROR"},
                {LSM_NO_SPACE, "LSM_NO_SPACE"},
                {LSM_LOCKED, "LSM_LOCKED"},
                {LSM_READ_ONLY, "LSM_READ_ONLY"},
                {LSM_CLOSED, "LSM_CLOSED"},
                {LSM_BUSY, "LSM_BUSY"},
                {LSM_ABORTED, "LSM_ABORTED"},
                {LSM_CONFLICT, "LSM_CONFLICT"},
                {LSM_OUT_OF_MEMORY, "LSM_OUT_OF_MEMORY"},
                {LSM_TOO_LARGE, "LSM_TOO_LARGE"},
                {LSM_UNSUPPORTED, "LSM_UNSUPPORTED"},
                {LSM_EXISTS, "LSM_EXISTS"},
                {LSM_INTERNAL, "LSM_INTERNAL"},
                {3, "LSM_UNKNOWN"},
                {-1, "LSM_UNKNOWN"},
                {INT32_MAX, "LSM_UNKNOWN"}};
  for (size_t i = 0; i < sizeof kNames / sizeof kNames[0]; i++) {
    CHECK_STR(kNames[i].name, lsm_status_name(kNames[i].status));
  }
}

static void no_error_reads_as_nothing(void) {
  CHECK_INT(LSM_OK, lsm_error_code(NULL));
  CHECK_STR("", lsm_error_message(NULL));
  CHECK_INT(0, lsm_error_errno(NULL));
  CHECK(lsm_error_file(NULL) == NULL);
  CHECK(lsm_error_offset(NULL) == UINT64_MAX);
  CHECK_INT(0, lsm_error_retryable(NULL));
  lsm_error_free(NULL);
}

static void errors_may_be_ignored(void) {
  lsm_options* options = lsm_options_create();
  CHECK_INT(LSM_INVALID_ARGUMENT, lsm_options_set(options, "no such option", "1", NULL));
  lsm_options_destroy(options);
  lsm_options_destroy(NULL);
}

static void an_error_carries_errno_and_file(void) {
  lsm_db* db = NULL;
  char path[800];
  snprintf(path, sizeof path, "%s/no parent/db", scratch("nothing"));
  EXPECT(LSM_IO_ERROR, lsm_open(path, NULL, &db, &err));
  CHECK_INT(2, last.errnum);  // ENOENT
  CHECK_CONTAINS("no parent", last.file);
  CHECK(last.offset == UINT64_MAX);
  CHECK_INT(0, last.retryable);
}

static const char* const kPromisedOptions[] = {
    "create_if_missing",   "error_if_exists",  "read_only",          "memory_budget",
    "write_buffer_size",   "block_cache_size", "block_size",         "compression",
    "filter_bits_per_key", "compaction_style", "background_threads", "wal_sync_interval",
    "max_open_tables"};

static const lsm_option* find_option(const char* name) {
  for (size_t i = 0; i < lsm_option_count(); i++) {
    if (strcmp(lsm_option_info(i)->name, name) == 0) return lsm_option_info(i);
  }
  return NULL;
}

static void the_table_describes_every_option(void) {
  static const char* const kTypes = " bool size duration number choice ";
  lsm_options* options = lsm_options_create();
  CHECK(lsm_option_count() > 0);
  CHECK(lsm_option_info(lsm_option_count()) == NULL);
  CHECK(lsm_option_info(SIZE_MAX) == NULL);
  for (size_t i = 0; i < lsm_option_count(); i++) {
    const lsm_option* option = lsm_option_info(i);
    char type[50];
    CHECK(option != NULL && option == lsm_option_info(i));
    CHECK(find_option(option->name) == option);  // no name twice
    snprintf(type, sizeof type, " %s ", option->type);
    CHECK_CONTAINS(type, kTypes);
    CHECK(strlen(option->summary) > 10);
    CHECK(option->summary[strlen(option->summary) - 1] == '.');
    CHECK_INT(option->minimum[0] != '\0', option->maximum[0] != '\0');
    CHECK(option->unit != NULL);
    // What the table prints, lsm_options_set takes.
    EXPECT(LSM_OK, lsm_options_set(options, option->name, option->default_value, &err));
    if (option->minimum[0] != '\0') {
      EXPECT(LSM_OK, lsm_options_set(options, option->name, option->minimum, &err));
      EXPECT(LSM_OK, lsm_options_set(options, option->name, option->maximum, &err));
    }
    EXPECT(LSM_INVALID_ARGUMENT, lsm_options_set(options, option->name, "?", &err));
    CHECK_CONTAINS(option->name, last.message);
    EXPECT(LSM_INVALID_ARGUMENT, lsm_options_set(options, option->name, "", &err));
  }
  for (size_t i = 0; i < sizeof kPromisedOptions / sizeof kPromisedOptions[0]; i++) {
    CHECK(find_option(kPromisedOptions[i]) != NULL);
  }
  CHECK_STR("true", find_option("create_if_missing")->default_value);
  CHECK_STR("false", find_option("error_if_exists")->default_value);
  CHECK_STR("false", find_option("read_only")->default_value);
  lsm_options_destroy(options);
}

static void values_take_units_and_keep_bounds(void) {
  static const struct {
    const char *name, *value;
    int accepted;
  } kCases[] = {
      {"write_buffer_size", "4KiB", 1},
      {"write_buffer_size", "4096", 1},
      {"write_buffer_size", "4095", 0},
      {"write_buffer_size", "3KiB", 0},
      {"write_buffer_size", "64MiB", 1},
      {"write_buffer_size", "-1", 0},
      {"write_buffer_size", "64 MiB", 0},
      {"write_buffer_size", "64MB", 0},
      {"write_buffer_size", "99999999999999999999", 0},
      {"write_buffer_size", "18446744073709551615GiB", 0},
      {"block_size", "64", 1},
      {"block_size", "63", 0},
      {"memory_budget", "1MiB", 1},
      {"memory_budget", "1023KiB", 0},
      {"memory_budget", "1GiB", 1},
      {"wal_sync_interval", "0", 1},
      {"wal_sync_interval", "10ms", 1},
      {"wal_sync_interval", "2s", 1},
      {"wal_sync_interval", "10KiB", 0},
      {"wal_sync_interval", "-1ms", 0},
      {"create_if_missing", "true", 1},
      {"create_if_missing", "false", 1},
      {"create_if_missing", "1", 0},
      {"create_if_missing", "TRUE", 0},
      {"compression", "none", 1},
      {"compression", "zstd", 1},
      {"compression", "zstd:3", 1},
      {"compression", "zstd:", 0},
      {"compression", "zstd:1000", 0},
      {"compression", "lz4", 0},
      {"compaction_style", "lazy", 1},
      {"compaction_style", "leveled", 1},
      {"compaction_style", "tiered", 1},
      {"compaction_style", "fifo", 0},
      {"filter_bits_per_key", "0", 1},
      {"filter_bits_per_key", "nan", 0},
      {"background_threads", "1", 1},
      {"background_threads", "0", 0},
      {"max_open_tables", "64", 1},
      {"max_open_tables", "1.5", 0},
  };
  lsm_options* options = lsm_options_create();
  for (size_t i = 0; i < sizeof kCases / sizeof kCases[0]; i++) {
    fprintf(stderr, "  %s=%s\n", kCases[i].name, kCases[i].value);
    EXPECT(kCases[i].accepted ? LSM_OK : LSM_INVALID_ARGUMENT,
           lsm_options_set(options, kCases[i].name, kCases[i].value, &err));
  }
  // A refusal names the option and the bound, or lists what is known.
  EXPECT(LSM_INVALID_ARGUMENT, lsm_options_set(options, "write_buffer_size", "1KiB", &err));
  CHECK_CONTAINS("4KiB", last.message);
  EXPECT(LSM_INVALID_ARGUMENT, lsm_options_set(options, "block_size", "1", &err));
  CHECK_CONTAINS("64", last.message);
  EXPECT(LSM_INVALID_ARGUMENT, lsm_options_set(options, "memory_budget", "1KiB", &err));
  CHECK_CONTAINS("1MiB", last.message);
  EXPECT(LSM_INVALID_ARGUMENT, lsm_options_set(options, "colour", "red", &err));
  CHECK_CONTAINS("colour", last.message);
  for (size_t i = 0; i < lsm_option_count(); i++) {
    CHECK_CONTAINS(lsm_option_info(i)->name, last.message);
  }
  lsm_options_destroy(options);
}

// A value that was refused changes nothing: the one set before still holds.
static void a_refused_value_changes_nothing(void) {
  lsm_options* options = options_of("create_if_missing=false");
  lsm_db* db = NULL;
  EXPECT(LSM_INVALID_ARGUMENT, lsm_options_set(options, "create_if_missing", "maybe", &err));
  EXPECT(LSM_IO_ERROR, lsm_open(scratch("db"), options, &db, &err));
  EXPECT(LSM_OK, lsm_options_set(options, "create_if_missing", "true", &err));
  EXPECT(LSM_OK, lsm_open(scratch("db"), options, &db, &err));
  lsm_options_destroy(options);  // the database does not need it any more
  put(db, "a", "1");
  close_db(db);
}

static void misuse_is_an_error(void) {
  lsm_options* options = lsm_options_create();
  EXPECT(LSM_INVALID_ARGUMENT, lsm_options_set(NULL, "block_size", "64", &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_options_set(options, NULL, "64", &err));
  EXPECT(LSM_INVALID_ARGUMENT, lsm_options_set(options, "block_size", NULL, &err));
  lsm_options_destroy(options);
}

CHECK_MAIN(T(version_agrees_with_the_header), T(every_status_has_its_name),
           T(no_error_reads_as_nothing), T(errors_may_be_ignored),
           T(an_error_carries_errno_and_file), T(the_table_describes_every_option),
           T(values_take_units_and_keep_bounds), T(a_refused_value_changes_nothing),
           T(misuse_is_an_error))
