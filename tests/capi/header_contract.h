// The promise of lsm.h, written down a second time: every function with its type, every constant
// with its value, every struct with its layout. Compiled as C11 and as C++; a difference does not
// compile. Entries are added, never changed.

#ifndef LSM_TESTS_CAPI_HEADER_CONTRACT_H_
#define LSM_TESTS_CAPI_HEADER_CONTRACT_H_

#ifdef __cplusplus
#define CONTRACT_ASSERT(condition) static_assert(condition, #condition)
#else
#define CONTRACT_ASSERT(condition) _Static_assert(condition, #condition)
#endif

// In C the table of pointers compiles without a warning exactly when the types agree.
typedef struct {
  const char* (*version)(void);
  uint32_t (*version_number)(void);
  const char* (*status_name)(lsm_status);

  lsm_status (*error_code)(const lsm_error*);
  const char* (*error_message)(const lsm_error*);
  int32_t (*error_errno)(const lsm_error*);
  const char* (*error_file)(const lsm_error*);
  uint64_t (*error_offset)(const lsm_error*);
  int32_t (*error_retryable)(const lsm_error*);
  void (*error_free)(lsm_error*);

  size_t (*option_count)(void);
  const lsm_option* (*option_info)(size_t);
  lsm_options* (*options_create)(void);
  void (*options_destroy)(lsm_options*);
  lsm_status (*options_set)(lsm_options*, const char*, const char*, lsm_error**);

  lsm_status (*open)(const char*, const lsm_options*, lsm_db**, lsm_error**);
  lsm_status (*close)(lsm_db*, lsm_error**);

  lsm_status (*put)(lsm_db*, const void*, size_t, const void*, size_t, uint32_t, lsm_error**);
  lsm_status (*delete_)(lsm_db*, const void*, size_t, uint32_t, lsm_error**);
  lsm_status (*delete_range)(lsm_db*, const void*, size_t, const void*, size_t, uint32_t,
                             lsm_error**);
  lsm_status (*get)(lsm_db*, const lsm_snapshot*, const void*, size_t, lsm_value*, lsm_error**);
  lsm_status (*get_into)(lsm_db*, const lsm_snapshot*, const void*, size_t, void*, size_t, size_t*,
                         lsm_error**);
  void (*value_release)(lsm_value*);

  lsm_batch* (*batch_create)(void);
  void (*batch_destroy)(lsm_batch*);
  void (*batch_clear)(lsm_batch*);
  lsm_status (*batch_put)(lsm_batch*, const void*, size_t, const void*, size_t, lsm_error**);
  lsm_status (*batch_delete)(lsm_batch*, const void*, size_t, lsm_error**);
  lsm_status (*batch_delete_range)(lsm_batch*, const void*, size_t, const void*, size_t,
                                   lsm_error**);
  size_t (*batch_count)(const lsm_batch*);
  size_t (*batch_size)(const lsm_batch*);
  lsm_status (*write)(lsm_db*, const lsm_batch*, uint32_t, lsm_error**);
  lsm_status (*write_encoded)(lsm_db*, const void*, size_t, uint32_t, lsm_error**);

  lsm_status (*snapshot_create)(lsm_db*, lsm_snapshot**, lsm_error**);
  void (*snapshot_release)(lsm_snapshot*);

  lsm_status (*scan)(lsm_db*, const lsm_snapshot*, const void*, size_t, const void*, size_t,
                     uint64_t, lsm_rows**, lsm_error**);
  const lsm_row* (*rows_data)(const lsm_rows*, size_t*);
  void (*rows_free)(lsm_rows*);

  lsm_status (*iter_create)(lsm_db*, const lsm_snapshot*, const void*, size_t, const void*, size_t,
                            lsm_iter**, lsm_error**);
  void (*iter_destroy)(lsm_iter*);
  lsm_status (*iter_seek_first)(lsm_iter*, lsm_error**);
  lsm_status (*iter_seek_last)(lsm_iter*, lsm_error**);
  lsm_status (*iter_seek)(lsm_iter*, const void*, size_t, lsm_error**);
  lsm_status (*iter_seek_for_prev)(lsm_iter*, const void*, size_t, lsm_error**);
  lsm_status (*iter_next)(lsm_iter*, lsm_error**);
  lsm_status (*iter_prev)(lsm_iter*, lsm_error**);
  const void* (*iter_key)(const lsm_iter*, size_t*);
  const void* (*iter_value)(const lsm_iter*, size_t*);
  lsm_status (*iter_next_n)(lsm_iter*, lsm_row*, size_t, size_t*, lsm_error**);

  lsm_status (*flush)(lsm_db*, lsm_error**);
  lsm_status (*compact_range)(lsm_db*, const void*, size_t, const void*, size_t,
                              int32_t (*)(void*, const lsm_progress*), void*, lsm_error**);
  lsm_status (*wait_idle)(lsm_db*, lsm_error**);
  lsm_status (*property)(lsm_db*, const char*, char**, lsm_error**);
  void (*string_free)(char*);
  lsm_status (*verify)(const char*, int32_t (*)(void*, const lsm_progress*), void*, lsm_error**);
  lsm_status (*destroy)(const char*, lsm_error**);
} contract_functions;

static const contract_functions kContract = {
    lsm_version,
    lsm_version_number,
    lsm_status_name,
    lsm_error_code,
    lsm_error_message,
    lsm_error_errno,
    lsm_error_file,
    lsm_error_offset,
    lsm_error_retryable,
    lsm_error_free,
    lsm_option_count,
    lsm_option_info,
    lsm_options_create,
    lsm_options_destroy,
    lsm_options_set,
    lsm_open,
    lsm_close,
    lsm_put,
    lsm_delete,
    lsm_delete_range,
    lsm_get,
    lsm_get_into,
    lsm_value_release,
    lsm_batch_create,
    lsm_batch_destroy,
    lsm_batch_clear,
    lsm_batch_put,
    lsm_batch_delete,
    lsm_batch_delete_range,
    lsm_batch_count,
    lsm_batch_size,
    lsm_write,
    lsm_write_encoded,
    lsm_snapshot_create,
    lsm_snapshot_release,
    lsm_scan,
    lsm_rows_data,
    lsm_rows_free,
    lsm_iter_create,
    lsm_iter_destroy,
    lsm_iter_seek_first,
    lsm_iter_seek_last,
    lsm_iter_seek,
    lsm_iter_seek_for_prev,
    lsm_iter_next,
    lsm_iter_prev,
    lsm_iter_key,
    lsm_iter_value,
    lsm_iter_next_n,
    lsm_flush,
    lsm_compact_range,
    lsm_wait_idle,
    lsm_property,
    lsm_string_free,
    lsm_verify,
    lsm_destroy,
};

CONTRACT_ASSERT(sizeof(lsm_status) == 4);
CONTRACT_ASSERT(LSM_OK == 0 && LSM_NOT_FOUND == 1 && LSM_END == 2);
CONTRACT_ASSERT(LSM_INVALID_ARGUMENT == 10 && LSM_CORRUPTION == 11 && LSM_IO_ERROR == 12);
CONTRACT_ASSERT(LSM_NO_SPACE == 13 && LSM_LOCKED == 14 && LSM_READ_ONLY == 15);
CONTRACT_ASSERT(LSM_CLOSED == 16 && LSM_BUSY == 17 && LSM_ABORTED == 18 && LSM_CONFLICT == 19);
CONTRACT_ASSERT(LSM_OUT_OF_MEMORY == 20 && LSM_TOO_LARGE == 21 && LSM_UNSUPPORTED == 22);
CONTRACT_ASSERT(LSM_EXISTS == 23 && LSM_INTERNAL == 99);
CONTRACT_ASSERT(LSM_SYNC == 1);
CONTRACT_ASSERT(LSM_KEY_SIZE_MAX == 65535 && LSM_VALUE_SIZE_MAX == 1073741823);
CONTRACT_ASSERT(LSM_BATCH_SIZE_MAX == 2147483647);
CONTRACT_ASSERT(LSM_OP_PUT == 1 && LSM_OP_DELETE == 2 && LSM_OP_DELETE_RANGE == 3);
CONTRACT_ASSERT(LSM_PHASE_FLUSH == 0 && LSM_PHASE_MERGE == 1 && LSM_PHASE_VERIFY == 2);

#define CONTRACT_FIELD(type, field, at) CONTRACT_ASSERT(offsetof(type, field) == (at))
enum { P = sizeof(void*) };
CONTRACT_FIELD(lsm_value, data, 0);
CONTRACT_FIELD(lsm_value, size, P);
CONTRACT_FIELD(lsm_value, pin, 2 * P);
CONTRACT_ASSERT(sizeof(lsm_value) == 3 * P);
CONTRACT_FIELD(lsm_row, key, 0);
CONTRACT_FIELD(lsm_row, key_size, P);
CONTRACT_FIELD(lsm_row, value, 2 * P);
CONTRACT_FIELD(lsm_row, value_size, 3 * P);
CONTRACT_ASSERT(sizeof(lsm_row) == 4 * P);
CONTRACT_FIELD(lsm_progress, struct_size, 0);
CONTRACT_FIELD(lsm_progress, phase, 4);
CONTRACT_FIELD(lsm_progress, bytes_done, 8);
CONTRACT_FIELD(lsm_progress, bytes_total, 16);
CONTRACT_FIELD(lsm_progress, entries_done, 24);
CONTRACT_FIELD(lsm_option, name, 0);
CONTRACT_FIELD(lsm_option, type, P);
CONTRACT_FIELD(lsm_option, unit, 2 * P);
CONTRACT_FIELD(lsm_option, default_value, 3 * P);
CONTRACT_FIELD(lsm_option, minimum, 4 * P);
CONTRACT_FIELD(lsm_option, maximum, 5 * P);
CONTRACT_FIELD(lsm_option, summary, 6 * P);

#endif  // LSM_TESTS_CAPI_HEADER_CONTRACT_H_
