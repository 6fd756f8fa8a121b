// What the database should hold: rows in a sorted array, small enough to be right at a glance.

#ifndef LSM_TESTS_CAPI_MODEL_H_
#define LSM_TESTS_CAPI_MODEL_H_

#include "tests/capi/check.h"

typedef struct {
  char* key;
  size_t key_size;
  char* value;
  size_t value_size;
} model_row;

typedef struct {
  model_row* rows;
  size_t count, capacity;
} model;

// memcmp order, a prefix before what it begins.
static inline int compare_bytes(const void* a, size_t a_size, const void* b, size_t b_size) {
  const size_t common = a_size < b_size ? a_size : b_size;
  const int order = common == 0 ? 0 : memcmp(a, b, common);
  if (order != 0) return order;
  return a_size < b_size ? -1 : a_size > b_size;
}

static inline char* copy_bytes(const void* bytes, size_t size) {
  char* copy = malloc(size + 1);
  CHECK(copy != NULL);
  if (size != 0) memcpy(copy, bytes, size);
  copy[size] = '\0';
  return copy;
}

// The index of the first row with a key >= `key`; NULL: 0.
static inline size_t model_find(const model* m, const void* key, size_t key_size) {
  size_t low = 0, high = m->count;
  while (key != NULL && low < high) {
    const size_t middle = (low + high) / 2;
    const model_row* row = &m->rows[middle];
    if (compare_bytes(row->key, row->key_size, key, key_size) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

// The index of the first row that is not below an upper bound; NULL: past the last.
static inline size_t model_find_end(const model* m, const void* end, size_t end_size) {
  return end == NULL ? m->count : model_find(m, end, end_size);
}

// NULL: not there.
static inline const model_row* model_get(const model* m, const void* key, size_t key_size) {
  const size_t i = model_find(m, key, key_size);
  if (i == m->count || compare_bytes(m->rows[i].key, m->rows[i].key_size, key, key_size) != 0) {
    return NULL;
  }
  return &m->rows[i];
}

static inline void model_put(model* m, const void* key, size_t key_size, const void* value,
                             size_t value_size) {
  const size_t i = model_find(m, key, key_size);
  if (model_get(m, key, key_size) == NULL) {
    if (m->count == m->capacity) {
      m->capacity = m->capacity * 2 + 64;
      m->rows = realloc(m->rows, m->capacity * sizeof *m->rows);
      CHECK(m->rows != NULL);
    }
    memmove(&m->rows[i + 1], &m->rows[i], (m->count - i) * sizeof *m->rows);
    m->count++;
    m->rows[i].key = copy_bytes(key, key_size);
    m->rows[i].key_size = key_size;
  } else {
    free(m->rows[i].value);
  }
  m->rows[i].value = copy_bytes(value, value_size);
  m->rows[i].value_size = value_size;
}

// NULL bounds are unbounded.
static inline void model_delete_range(model* m, const void* begin, size_t begin_size,
                                      const void* end, size_t end_size) {
  const size_t first = model_find(m, begin, begin_size), limit = model_find_end(m, end, end_size);
  if (first >= limit) return;
  for (size_t i = first; i < limit; i++) {
    free(m->rows[i].key);
    free(m->rows[i].value);
  }
  memmove(&m->rows[first], &m->rows[limit], (m->count - limit) * sizeof *m->rows);
  m->count -= limit - first;
}

static inline void model_delete(model* m, const void* key, size_t key_size) {
  const size_t i = model_find(m, key, key_size);
  if (model_get(m, key, key_size) == NULL) return;
  free(m->rows[i].key);
  free(m->rows[i].value);
  memmove(&m->rows[i], &m->rows[i + 1], (m->count - i - 1) * sizeof *m->rows);
  m->count--;
}

static inline model model_copy(const model* from) {
  model m = {NULL, 0, 0};
  for (size_t i = 0; i < from->count; i++) {
    const model_row* row = &from->rows[i];
    model_put(&m, row->key, row->key_size, row->value, row->value_size);
  }
  return m;
}

static inline void model_free(model* m) {
  model_delete_range(m, NONE, NONE);
  free(m->rows);
  memset(m, 0, sizeof *m);
}

static inline void check_row(const model_row* want, const void* key, size_t key_size,
                             const void* value, size_t value_size) {
  CHECK_BYTES(want->key, want->key_size, key, key_size);
  CHECK_BYTES(want->value, want->value_size, value, value_size);
}

// Checks that the iterator stands on `want`.
static inline void check_on(const lsm_iter* it, const model_row* want) {
  size_t key_size = 999, value_size = 999;
  const void *key = lsm_iter_key(it, &key_size), *value = lsm_iter_value(it, &value_size);
  check_row(want, key, key_size, value, value_size);
}

// Checks that the iterator stands on no row.
static inline void check_off(const lsm_iter* it) {
  size_t key_size = 999, value_size = 999;
  CHECK(lsm_iter_key(it, &key_size) == NULL && key_size == 0);
  CHECK(lsm_iter_value(it, &value_size) == NULL && value_size == 0);
}

// Checks rows against the model's [first, first + count).
static inline void check_rows(const model* m, size_t first, const lsm_row* rows, size_t count) {
  CHECK(first + count <= m->count);
  for (size_t i = 0; i < count; i++) {
    check_row(&m->rows[first + i], rows[i].key, rows[i].key_size, rows[i].value,
              rows[i].value_size);
  }
}

// Checks that a view of the database holds exactly what the model does: by one scan, by an iterator
// both ways, and by a get of every key.
static inline void check_equals_model(lsm_db* db, const lsm_snapshot* snapshot, const model* m) {
  lsm_rows* rows = NULL;
  size_t count = 999;
  EXPECT(LSM_OK, lsm_scan(db, snapshot, NONE, NONE, 0, &rows, &err));
  const lsm_row* data = lsm_rows_data(rows, &count);
  CHECK_INT(m->count, count);
  check_rows(m, 0, data, count);
  lsm_rows_free(rows);

  lsm_iter* it = NULL;
  EXPECT(LSM_OK, lsm_iter_create(db, snapshot, NONE, NONE, &it, &err));
  for (size_t i = 0; i < m->count; i++) {
    EXPECT(LSM_OK, i == 0 ? lsm_iter_seek_first(it, &err) : lsm_iter_next(it, &err));
    check_on(it, &m->rows[i]);
  }
  EXPECT(LSM_END, m->count == 0 ? lsm_iter_seek_first(it, &err) : lsm_iter_next(it, &err));
  check_off(it);
  for (size_t i = m->count; i-- > 0;) {
    EXPECT(LSM_OK, i + 1 == m->count ? lsm_iter_seek_last(it, &err) : lsm_iter_prev(it, &err));
    check_on(it, &m->rows[i]);
  }
  EXPECT(LSM_END, m->count == 0 ? lsm_iter_seek_last(it, &err) : lsm_iter_prev(it, &err));
  lsm_iter_destroy(it);

  for (size_t i = 0; i < m->count; i++) {
    lsm_value value;
    EXPECT(LSM_OK, lsm_get(db, snapshot, m->rows[i].key, m->rows[i].key_size, &value, &err));
    CHECK_BYTES(m->rows[i].value, m->rows[i].value_size, value.data, value.size);
    lsm_value_release(&value);
  }
}

// A small generator whose seed is all its state (splitmix64).
static inline uint64_t next_random(uint64_t* seed) {
  uint64_t x = *seed += UINT64_C(0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
  return x ^ (x >> 31);
}

#endif  // LSM_TESTS_CAPI_MODEL_H_
