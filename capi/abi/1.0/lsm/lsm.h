/* lsm.h: an embedded, ordered, durable key-value store behind a small C ABI.
 *
 * This header is the reference. It is self-contained C11, compiles as C and as C++, and is
 * installed as <lsm/lsm.h>; link with -llsm. A program linked today runs with every later
 * liblsm.so.1: values are pinned, functions are only added, and structs that you allocate never
 * change.
 *
 * One complete program: open, write, iterate, close.
 *
 *     #include <lsm/lsm.h>
 *     #include <stdio.h>
 *
 *     static int fail(const char* what, lsm_error* error) {
 *       fprintf(stderr, "%s: %s\n", what, lsm_error_message(error));
 *       lsm_error_free(error);
 *       return 1;
 *     }
 *
 *     int main(void) {
 *       lsm_db* db = NULL;
 *       lsm_iter* it = NULL;
 *       lsm_error* error = NULL;
 *       if (lsm_open("fruit.db", NULL, &db, &error) != LSM_OK) return fail("open", error);
 *       if (lsm_put(db, "apple", 5, "green", 5, 0, &error) != LSM_OK) return fail("put", error);
 *       if (lsm_put(db, "fig", 3, "red", 3, LSM_SYNC, &error) != LSM_OK) return fail("put", error);
 *       if (lsm_iter_create(db, NULL, NULL, 0, NULL, 0, &it, &error) != LSM_OK)
 *         return fail("iterate", error);
 *       lsm_status status = lsm_iter_seek_first(it, &error);
 *       while (status == LSM_OK) {
 *         size_t key_size = 0, value_size = 0;
 *         const void* key = lsm_iter_key(it, &key_size);
 *         const void* value = lsm_iter_value(it, &value_size);
 *         printf("%.*s is %.*s\n", (int)key_size, (const char*)key, (int)value_size,
 *                (const char*)value);
 *         status = lsm_iter_next(it, &error);
 *       }
 *       lsm_iter_destroy(it);
 *       if (status != LSM_END) return fail("iterate", error);
 *       return lsm_close(db, &error) == LSM_OK ? 0 : fail("close", error);
 *     }
 *
 * CONVENTIONS
 *
 * Order. Keys are bytes, ordered bytewise as memcmp does, a prefix before what it begins. The empty
 * key is a key and the first of all.
 *
 * Bytes. A pair `const void* x, size_t x_size` is read during the call only. A key or a value may
 * be NULL only with size 0. A range is [begin, end): a NULL bound is unbounded, a bound that is not
 * NULL with size 0 is the empty key, begin > end is LSM_INVALID_ARGUMENT, begin == end the empty
 * range.
 * Bytes handed out are never NULL (an empty value is a pointer with size 0), have no alignment and
 * no terminating NUL.
 *
 * Status. Every call that can fail returns a status and takes, last, a nullable `lsm_error**`. The
 * call always writes it, whatever stood there: NULL on LSM_OK, LSM_NOT_FOUND and LSM_END, on any
 * other status an error that is yours (lsm_error_free). Out-parameters are NULL or zero on failure.
 * There is no "last error". Functions without a status accept NULL for any pointer.
 * Each call with a status may answer the USUAL CODES, which its comment does not repeat:
 *   LSM_INVALID_ARGUMENT  NULL where it is not allowed, unknown flag bits, or a handle inherited
 *                         through fork;
 *   LSM_CLOSED            its database has been closed;
 *   LSM_OUT_OF_MEMORY     memory ran out; nothing was changed;
 *   LSM_INTERNAL          a bug in this library; please report the message.
 * Calls that touch files may also answer the FILE CODES: LSM_CORRUPTION, LSM_IO_ERROR.
 * Calls that write may also answer the WRITE CODES: the file codes, LSM_NO_SPACE, LSM_READ_ONLY.
 *
 * Ownership. What comes through a `**out` is yours until its one free function. What comes as a
 * returned pointer is borrowed from the handle that gave it. free() is never needed.
 *
 * Handles are checked. Misuse that can be seen answers an error and changes nothing. After
 * lsm_close the database handle and its iterators and snapshots answer LSM_CLOSED for the rest of
 * the process; values and rows stay readable until released. Each child is still freed by its own
 * function, in any order. A handle that was freed must not be used again: nothing can see that.
 *
 * Threads. A database and a snapshot serve any number of threads at once, lsm_close included: calls
 * under way finish, later ones answer LSM_CLOSED. Batches, options and iterators belong to one
 * thread at a time and may move between threads. Values, rows and errors do not change and may be
 * read by many. Freeing anything must be its last use. No call may be made from a signal handler.
 *
 * Fork. In a forked child every inherited handle is dead: calls answer LSM_INVALID_ARGUMENT, the
 * free functions do nothing, and neither files nor the parent's lock are touched. Open anew there.
 *
 * Durability. A write that returned LSM_OK survives the death of the process at once, kill -9
 * included; with LSM_SYNC also power loss. After power loss the database holds every synced write
 * and, of the others, those up to some point in the order of their acknowledgement. Batches are
 * whole or absent. A write that failed is not visible; after a crash it may turn out either way,
 * and stays so.
 *
 * Nothing else leaves this library: no exception, no abort, no signal handler, no output.
 */
#ifndef LSM_LSM_H_
#define LSM_LSM_H_

#include <stddef.h>
#include <stdint.h>

/* Define LSM_API yourself (empty, say) to give the functions another visibility or linkage. */
#ifndef LSM_API
#if defined(__GNUC__)
#define LSM_API __attribute__((visibility("default")))
#else
#define LSM_API
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Constants ------------------------------------------------------------------------------- */

/* The version of this header; lsm_version_number() is that of the library at run time. */
enum { LSM_VERSION_MAJOR = 1, LSM_VERSION_MINOR = 0, LSM_VERSION_PATCH = 0 };

/* What a call answers. 0, 1 and 2 are answers, all others failures. The values never change; a
 * later library may add codes, so treat one that you do not know as a failure. */
typedef int32_t lsm_status;
enum {
  LSM_OK = 0,                /* done */
  LSM_NOT_FOUND = 1,         /* the key is not there */
  LSM_END = 2,               /* the iterator is past its range */
  LSM_INVALID_ARGUMENT = 10, /* the call was wrong; the message says what is accepted */
  LSM_CORRUPTION = 11,       /* the files are damaged: see lsm_error_file and lsm_error_offset */
  LSM_IO_ERROR = 12,         /* the system refused: see lsm_error_errno */
  LSM_NO_SPACE = 13,         /* the disk or the quota is full; works again when there is room */
  LSM_LOCKED = 14,           /* the database is open elsewhere */
  LSM_READ_ONLY = 15,        /* a write on a database that was opened read_only, or became so */
  LSM_CLOSED = 16,           /* the database has been closed */
  LSM_BUSY = 17,             /* not now, for example from inside a progress callback */
  LSM_ABORTED = 18,          /* cancelled by its progress callback */
  LSM_CONFLICT = 19,         /* reserved for transactions; not answered by this version */
  LSM_OUT_OF_MEMORY = 20,    /* memory ran out */
  LSM_TOO_LARGE = 21,        /* over a limit below, or over the buffer's capacity */
  LSM_UNSUPPORTED = 22,      /* written by a newer version of the format */
  LSM_EXISTS = 23,           /* error_if_exists, and a database is there */
  LSM_INTERNAL = 99          /* a bug in this library */
};

/* Write flags, or'ed together. */
enum {
  LSM_SYNC = 1u << 0 /* return when the write and all before it survive power loss */
};

/* Limits; over them a call answers LSM_TOO_LARGE and writes nothing. */
enum {
  LSM_KEY_SIZE_MAX = 65535,        /* bytes of a key */
  LSM_VALUE_SIZE_MAX = 1073741823, /* bytes of a value: 1 GiB - 1 */
  LSM_BATCH_SIZE_MAX = 2147483647  /* lsm_batch_size of a batch: 2 GiB - 1 */
};

/* What an operation of lsm_write_encoded is. */
enum {
  LSM_OP_PUT = 1,         /* key, value */
  LSM_OP_DELETE = 2,      /* key, and a value of size 0 */
  LSM_OP_DELETE_RANGE = 3 /* begin, end */
};

/* What lsm_progress.phase says. A later library may add phases; in one call they only rise. */
enum {
  LSM_PHASE_FLUSH = 0, /* lsm_compact_range: writing what is in memory to a table */
  LSM_PHASE_MERGE = 1, /* lsm_compact_range: merging tables */
  LSM_PHASE_VERIFY = 2 /* lsm_verify: reading and checking */
};

/* ---- Types ----------------------------------------------------------------------------------- */

typedef struct lsm_error lsm_error;       /* why a call failed */
typedef struct lsm_options lsm_options;   /* how to open */
typedef struct lsm_db lsm_db;             /* an open database */
typedef struct lsm_snapshot lsm_snapshot; /* the database as it stood at one moment */
typedef struct lsm_batch lsm_batch;       /* several writes that become one */
typedef struct lsm_iter lsm_iter;         /* a cursor over a range */
typedef struct lsm_rows lsm_rows;         /* the result of a scan */

/* A value found by lsm_get. Its bytes may lie in the engine's own memory; lsm_value_release lets
 * go. */
typedef struct {
  const void* data;
  size_t size;
  void* pin; /* the library's */
} lsm_value;

/* A row of lsm_rows_data or lsm_iter_next_n, borrowed. */
typedef struct {
  const void* key;
  size_t key_size;
  const void* value;
  size_t value_size;
} lsm_row;

/* One row of the table of options. Strings are static and never NULL; later versions may add fields
 * at the end. */
typedef struct {
  const char* name;          /* as lsm_options_set takes it */
  const char* type;          /* "bool", "size", "duration", "number" or "choice" */
  const char* unit;          /* of a number without a suffix: "bytes", "microseconds"...; or "" */
  const char* default_value; /* as lsm_options_set takes it */
  const char* minimum;       /* the smallest value accepted; "" where there is no order */
  const char* maximum;       /* the largest */
  const char* summary;       /* one sentence; of a choice it names the choices */
} lsm_option;

/* What a progress callback is told. bytes_done <= bytes_total, and the counters only grow within a
 * phase; bytes_total may be an estimate that grows too. */
typedef struct {
  uint32_t struct_size; /* sizeof(lsm_progress) in the library: fields beyond it are absent */
  uint32_t phase;       /* LSM_PHASE_... */
  uint64_t bytes_done, bytes_total, entries_done;
} lsm_progress;

/* Told how a long call is getting on, on the thread that made the call; returns 0 to go on,
 * anything else to cancel. It must return (no exception, no longjmp). From inside it, reads of the
 * same database are allowed; lsm_compact_range, lsm_flush, lsm_wait_idle and lsm_close of it, and
 * writes to it, answer LSM_BUSY. After it cancelled it is not called again. */
typedef int32_t (*lsm_progress_fn)(void* payload, const lsm_progress* progress);

/* ---- Version and status ---------------------------------------------------------------------- */

/* Returns the library's version as text, such as "1.0.0".
 * Parameters: none.
 * Result: static, never NULL.
 * Threads: any.
 * Since: 1.0 */
LSM_API const char* lsm_version(void);

/* Returns the library's version as a number, major * 1000000 + minor * 1000 + patch.
 * Parameters: none.
 * Threads: any.
 * Since: 1.0 */
LSM_API uint32_t lsm_version_number(void);

/* Returns the name of a status, such as "LSM_NOT_FOUND".
 * Parameters: any number; "LSM_UNKNOWN" for one that this library does not know.
 * Result: static, never NULL.
 * Threads: any.
 * Since: 1.0 */
LSM_API const char* lsm_status_name(lsm_status status);

/* ---- Errors ---------------------------------------------------------------------------------- */

/* Returns the status that the failed call returned.
 * Parameters: error, nullable: LSM_OK.
 * Threads: any.
 * Since: 1.0 */
LSM_API lsm_status lsm_error_code(const lsm_error* error);

/* Returns what happened, what was expected and what to do, in one line.
 * Parameters: error, nullable: "".
 * Result: borrowed until lsm_error_free; never NULL.
 * Threads: any.
 * Since: 1.0 */
LSM_API const char* lsm_error_message(const lsm_error* error);

/* Returns the system's errno behind the failure.
 * Parameters: error, nullable: 0.
 * Result: 0 when no system call failed.
 * Threads: any.
 * Since: 1.0 */
LSM_API int32_t lsm_error_errno(const lsm_error* error);

/* Returns the path of the file at fault.
 * Parameters: error, nullable: NULL.
 * Result: borrowed until lsm_error_free; NULL when no file is to blame.
 * Threads: any.
 * Since: 1.0 */
LSM_API const char* lsm_error_file(const lsm_error* error);

/* Returns the offset in that file, in bytes.
 * Parameters: error, nullable: UINT64_MAX.
 * Result: UINT64_MAX when no place is known.
 * Threads: any.
 * Since: 1.0 */
LSM_API uint64_t lsm_error_offset(const lsm_error* error);

/* Tells whether the same call may succeed later with nothing changed: no space, locked, out of
 * memory, too many open files.
 * Parameters: error, nullable: 0.
 * Result: 1 or 0.
 * Threads: any.
 * Since: 1.0 */
LSM_API int32_t lsm_error_retryable(const lsm_error* error);

/* Frees an error.
 * Parameters: error, nullable.
 * Threads: any; the error's last use.
 * Since: 1.0 */
LSM_API void lsm_error_free(lsm_error* error);

/* ---- Options --------------------------------------------------------------------------------- */

/* Returns how many options there are.
 * Parameters: none.
 * Threads: any.
 * Since: 1.0 */
LSM_API size_t lsm_option_count(void);

/* Returns one row of the table of options, for command lines, builders and printed references.
 * Parameters: index, from 0.
 * Result: static; NULL when index >= lsm_option_count().
 * Threads: any.
 * Since: 1.0 */
LSM_API const lsm_option* lsm_option_info(size_t index);

/* Makes a set of options that hold their defaults.
 * Parameters: none.
 * Result: yours, until lsm_options_destroy; NULL when memory ran out.
 * Threads: any.
 * Since: 1.0 */
LSM_API lsm_options* lsm_options_create(void);

/* Frees a set of options; databases opened with it are not affected.
 * Parameters: options, nullable.
 * Threads: one at a time; the last use of options.
 * Since: 1.0 */
LSM_API void lsm_options_destroy(lsm_options* options);

/* Sets one option by name; the table is lsm_option_info.
 * Parameters: options; name and value, NUL-terminated, borrowed for the call. Sizes take a unit
 *   ("64MiB", "4KiB"; without one, bytes), durations too ("10ms", "2s"), booleans "true" or
 *   "false".
 * Returns: LSM_OK; LSM_INVALID_ARGUMENT for an unknown name (the message lists the known ones) or a
 *   value not accepted (the message names the bounds), and then nothing is changed; usual codes.
 * Threads: one at a time.
 * Since: 1.0 */
LSM_API lsm_status lsm_options_set(lsm_options* options, const char* name, const char* value,
                                   lsm_error** error);

/* ---- Open and close -------------------------------------------------------------------------- */

/* Opens the database in a directory, recovering what the log holds.
 * Parameters: path, NUL-terminated, borrowed for the call; options, nullable: defaults; out, not
 *   NULL. With create_if_missing the directory is made, but not its parents. With read_only several
 *   may open at once, nothing is changed, and a read-only file system serves.
 * Returns: LSM_OK; LSM_IO_ERROR with errno ENOENT when no database is there and none is to be made;
 *   LSM_EXISTS with error_if_exists; LSM_LOCKED when it is open elsewhere, in this process by
 *   whatever path or in another; LSM_UNSUPPORTED for a newer format; LSM_NO_SPACE; file
 *   codes; usual codes.
 * Result: *out is yours, until lsm_close.
 * Threads: any.
 * Blocks: until the log is replayed; never for a lock.
 * Since: 1.0 */
LSM_API lsm_status lsm_open(const char* path, const lsm_options* options, lsm_db** out,
                            lsm_error** error);

/* Closes a database, always, whatever it returns.
 * Parameters: db, nullable: LSM_OK.
 * Returns: LSM_OK; an error of background work that no call has told of yet, and the database is
 *   closed all the same; LSM_CLOSED the second time; LSM_BUSY, as the one case in which it stays
 *   open, from inside its own progress callback; usual codes.
 * Result: the handle, its iterators and its snapshots answer LSM_CLOSED from now on (fewer than 256
 *   bytes stay behind for that); values and rows stay readable. The children are still to be freed.
 * Threads: any. Calls under way finish first; a waiting writer is woken.
 * Blocks: until running background work has ended. The lock is free on return. The log is synced:
 *   every acknowledged write survives power loss if this returns LSM_OK.
 * Since: 1.0 */
LSM_API lsm_status lsm_close(lsm_db* db, lsm_error** error);

/* ---- Write and read one key ------------------------------------------------------------------ */

/* Stores a value under a key, in place of the one there.
 * Parameters: db; key, NULL only with size 0; value, NULL only with size 0; flags, 0 or LSM_SYNC.
 * Returns: LSM_OK; LSM_TOO_LARGE; write codes; usual codes.
 * Threads: any.
 * Durability: survives the process on return; power loss with LSM_SYNC.
 * Blocks: for the disk with LSM_SYNC; briefly when compaction falls behind.
 * Since: 1.0 */
LSM_API lsm_status lsm_put(lsm_db* db, const void* key, size_t key_size, const void* value,
                           size_t value_size, uint32_t flags, lsm_error** error);

/* Removes a key; one that is not there is LSM_OK too.
 * Parameters: db; key, NULL only with size 0; flags, 0 or LSM_SYNC.
 * Returns: LSM_OK; LSM_TOO_LARGE; write codes; usual codes.
 * Threads: any.
 * Durability and blocking: as lsm_put.
 * Since: 1.0 */
LSM_API lsm_status lsm_delete(lsm_db* db, const void* key, size_t key_size, uint32_t flags,
                              lsm_error** error);

/* Removes every key in [begin, end), atomically and whatever their number.
 * Parameters: db; begin and end, NULL: unbounded, of any size; flags, 0 or LSM_SYNC.
 * Returns: LSM_OK; LSM_INVALID_ARGUMENT when begin > end; write codes; usual codes.
 * Threads: any.
 * Durability and blocking: as lsm_put.
 * Since: 1.0 */
LSM_API lsm_status lsm_delete_range(lsm_db* db, const void* begin, size_t begin_size,
                                    const void* end, size_t end_size, uint32_t flags,
                                    lsm_error** error);

/* Finds a key's value without copying it where that can be done.
 * Parameters: db; snapshot, nullable: now; key, NULL only with size 0; out, not NULL.
 * Returns: LSM_OK; LSM_NOT_FOUND, and *out is zeroed; LSM_TOO_LARGE for the key;
 *   LSM_INVALID_ARGUMENT for a snapshot of another database; file codes; usual codes.
 * Result: *out is yours, until lsm_value_release; it stays readable after lsm_close.
 * Threads: any.
 * Since: 1.0 */
LSM_API lsm_status lsm_get(lsm_db* db, const lsm_snapshot* snapshot, const void* key,
                           size_t key_size, lsm_value* out, lsm_error** error);

/* Copies a key's value into your buffer, so that nothing needs releasing.
 * Parameters: db; snapshot, nullable: now; key, NULL only with size 0; buffer, NULL only with
 *   capacity 0; value_size, not NULL: receives the value's size.
 * Returns: LSM_OK; LSM_NOT_FOUND; LSM_TOO_LARGE, with the size needed in *value_size and the buffer
 *   as it was (or 0 there when it is the key that is too large); else as lsm_get.
 * Threads: any.
 * Since: 1.0 */
LSM_API lsm_status lsm_get_into(lsm_db* db, const lsm_snapshot* snapshot, const void* key,
                                size_t key_size, void* buffer, size_t capacity, size_t* value_size,
                                lsm_error** error);

/* Lets go of a value and zeroes the struct, so that releasing twice is harmless.
 * Parameters: value, nullable; copies of the struct become invalid.
 * Threads: any; the value's last use.
 * Since: 1.0 */
LSM_API void lsm_value_release(lsm_value* value);

/* ---- Batches --------------------------------------------------------------------------------- */

/* Makes an empty batch.
 * Parameters: none.
 * Result: yours, until lsm_batch_destroy; NULL when memory ran out.
 * Threads: any.
 * Since: 1.0 */
LSM_API lsm_batch* lsm_batch_create(void);

/* Frees a batch.
 * Parameters: batch, nullable.
 * Threads: one at a time; the batch's last use.
 * Since: 1.0 */
LSM_API void lsm_batch_destroy(lsm_batch* batch);

/* Empties a batch and keeps its memory for the next use.
 * Parameters: batch, nullable.
 * Threads: one at a time.
 * Since: 1.0 */
LSM_API void lsm_batch_clear(lsm_batch* batch);

/* Adds a put to a batch; of several writes to one key the last wins.
 * Parameters: batch; key and value, NULL only with size 0, copied.
 * Returns: LSM_OK; LSM_TOO_LARGE for the key, the value or the batch, and the batch is as it was;
 *   usual codes.
 * Threads: one at a time.
 * Since: 1.0 */
LSM_API lsm_status lsm_batch_put(lsm_batch* batch, const void* key, size_t key_size,
                                 const void* value, size_t value_size, lsm_error** error);

/* Adds a delete to a batch.
 * Parameters: batch; key, NULL only with size 0, copied.
 * Returns: as lsm_batch_put.
 * Threads: one at a time.
 * Since: 1.0 */
LSM_API lsm_status lsm_batch_delete(lsm_batch* batch, const void* key, size_t key_size,
                                    lsm_error** error);

/* Adds the removal of [begin, end) to a batch: of keys that are in the database and of keys that
 * were put earlier in the batch.
 * Parameters: batch; begin and end, NULL: unbounded, of any size, copied.
 * Returns: as lsm_batch_put; LSM_INVALID_ARGUMENT when begin > end.
 * Threads: one at a time.
 * Since: 1.0 */
LSM_API lsm_status lsm_batch_delete_range(lsm_batch* batch, const void* begin, size_t begin_size,
                                          const void* end, size_t end_size, lsm_error** error);

/* Returns how many writes a batch holds.
 * Parameters: batch, nullable: 0.
 * Threads: one at a time.
 * Since: 1.0 */
LSM_API size_t lsm_batch_count(const lsm_batch* batch);

/* Returns how many bytes a batch takes in the log, the figure that LSM_BATCH_SIZE_MAX bounds.
 * Parameters: batch, nullable: 0.
 * Threads: one at a time.
 * Since: 1.0 */
LSM_API size_t lsm_batch_size(const lsm_batch* batch);

/* Applies a batch atomically: all of it or nothing, also after a crash.
 * Parameters: db; batch, borrowed for the call and unchanged, so that it can be written again; an
 *   empty one is LSM_OK; flags, 0 or LSM_SYNC.
 * Returns: LSM_OK; write codes; usual codes.
 * Threads: any.
 * Durability and blocking: as lsm_put.
 * Since: 1.0 */
LSM_API lsm_status lsm_write(lsm_db* db, const lsm_batch* batch, uint32_t flags, lsm_error** error);

/* Applies a batch that the caller encoded in its own memory, in one call: for languages in which a
 * call costs more than a copy. The bytes hold any number of operations, one behind the other and
 * none aligned:
 *
 *     kind          1 byte: LSM_OP_PUT, LSM_OP_DELETE or LSM_OP_DELETE_RANGE
 *     first size    4 bytes, little-endian: of the key, or of begin
 *     second size   4 bytes, little-endian: of the value (0 of a delete), or of end
 *     first bytes, second bytes
 *
 * A bound of a range that is unbounded has the size 0xffffffff and no bytes.
 * Parameters: db; ops, NULL only with size 0, borrowed for the call; no operations are LSM_OK;
 *   flags, 0 or LSM_SYNC.
 * Returns: LSM_OK; LSM_INVALID_ARGUMENT for bytes that are no operations and for begin > end, with
 *   the offset and what was expected there in the message; LSM_TOO_LARGE as lsm_batch_put; write
 *   codes; usual codes. All of the bytes are checked before anything is written.
 * Threads: any; the bytes must not change meanwhile.
 * Durability and blocking: as lsm_put. Atomic as lsm_write.
 * Since: 1.0 */
LSM_API lsm_status lsm_write_encoded(lsm_db* db, const void* ops, size_t size, uint32_t flags,
                                     lsm_error** error);

/* ---- Snapshots ------------------------------------------------------------------------------- */

/* Keeps the database readable as it stands now.
 * Parameters: db; out, not NULL.
 * Returns: LSM_OK; usual codes.
 * Result: *out is yours, until lsm_snapshot_release. While it lives, what it sees keeps its disk
 *   space.
 * Threads: any.
 * Since: 1.0 */
LSM_API lsm_status lsm_snapshot_create(lsm_db* db, lsm_snapshot** out, lsm_error** error);

/* Lets go of a snapshot; iterators made with it are not affected.
 * Parameters: snapshot, nullable.
 * Threads: any; the snapshot's last use.
 * Since: 1.0 */
LSM_API void lsm_snapshot_release(lsm_snapshot* snapshot);

/* ---- Scans ----------------------------------------------------------------------------------- */

/* Reads the rows of [begin, end) in one call and one consistent view.
 * Parameters: db; snapshot, nullable: now; begin and end, NULL: unbounded, of any size; limit, how
 *   many rows at most, 0: all; out, not NULL.
 * Returns: LSM_OK, also for no rows; LSM_INVALID_ARGUMENT when begin > end or the snapshot is of
 *   another database; file codes; usual codes.
 * Result: *out is yours, until lsm_rows_free; it holds all rows in memory and outlives lsm_close.
 * Threads: any.
 * Since: 1.0 */
LSM_API lsm_status lsm_scan(lsm_db* db, const lsm_snapshot* snapshot, const void* begin,
                            size_t begin_size, const void* end, size_t end_size, uint64_t limit,
                            lsm_rows** out, lsm_error** error);

/* Returns the rows of a scan, in order.
 * Parameters: rows, nullable: NULL; count, nullable: receives their number.
 * Result: borrowed until lsm_rows_free; not NULL even when there are none.
 * Threads: any.
 * Since: 1.0 */
LSM_API const lsm_row* lsm_rows_data(const lsm_rows* rows, size_t* count);

/* Frees the rows of a scan and their bytes.
 * Parameters: rows, nullable.
 * Threads: any; the last use of rows.
 * Since: 1.0 */
LSM_API void lsm_rows_free(lsm_rows* rows);

/* ---- Iterators ------------------------------------------------------------------------------- */

/* An iterator is before a seek, on a row, at the end, or failed. Seeks move it from anywhere. At
 * the end, next and prev answer LSM_END; failed, they answer the failure again; before any seek
 * they are LSM_INVALID_ARGUMENT. Only LSM_OK means a row; a damaged block is an error, never an
 * end. */

/* Makes an iterator over [lower, upper), whose view is fixed here and outlives the snapshot.
 * Parameters: db; snapshot, nullable: now; lower and upper, NULL: unbounded, of any size, copied;
 *   out, not NULL.
 * Returns: LSM_OK; LSM_INVALID_ARGUMENT when lower > upper or the snapshot is of another database;
 *   file codes; usual codes.
 * Result: *out is yours, until lsm_iter_destroy; it is on no row yet. While it lives, what it sees
 *   keeps its memory and disk space.
 * Threads: any.
 * Since: 1.0 */
LSM_API lsm_status lsm_iter_create(lsm_db* db, const lsm_snapshot* snapshot, const void* lower,
                                   size_t lower_size, const void* upper, size_t upper_size,
                                   lsm_iter** out, lsm_error** error);

/* Frees an iterator.
 * Parameters: it, nullable.
 * Threads: one at a time; the iterator's last use.
 * Since: 1.0 */
LSM_API void lsm_iter_destroy(lsm_iter* it);

/* Moves to the first row.
 * Parameters: it.
 * Returns: LSM_OK, on a row; LSM_END; file codes; usual codes.
 * Threads: one at a time.
 * Since: 1.0 */
LSM_API lsm_status lsm_iter_seek_first(lsm_iter* it, lsm_error** error);

/* Moves to the last row.
 * Parameters: it.
 * Returns: LSM_OK, on a row; LSM_END; file codes; usual codes.
 * Threads: one at a time.
 * Since: 1.0 */
LSM_API lsm_status lsm_iter_seek_last(lsm_iter* it, lsm_error** error);

/* Moves to the first row whose key is >= key; a key below the lower bound is taken for that bound.
 * Parameters: it; key, NULL only with size 0.
 * Returns: LSM_OK, on a row; LSM_END; LSM_TOO_LARGE; file codes; usual codes.
 * Threads: one at a time.
 * Since: 1.0 */
LSM_API lsm_status lsm_iter_seek(lsm_iter* it, const void* key, size_t key_size, lsm_error** error);

/* Moves to the last row whose key is <= key; a key beyond the upper bound finds the last row.
 * Parameters: it; key, NULL only with size 0.
 * Returns: LSM_OK, on a row; LSM_END; LSM_TOO_LARGE; file codes; usual codes.
 * Threads: one at a time.
 * Since: 1.0 */
LSM_API lsm_status lsm_iter_seek_for_prev(lsm_iter* it, const void* key, size_t key_size,
                                          lsm_error** error);

/* Moves to the next row.
 * Parameters: it.
 * Returns: LSM_OK, on a row; LSM_END, until a seek; LSM_INVALID_ARGUMENT before any seek; file
 *   codes; usual codes.
 * Threads: one at a time.
 * Since: 1.0 */
LSM_API lsm_status lsm_iter_next(lsm_iter* it, lsm_error** error);

/* Moves to the row before.
 * Parameters: it.
 * Returns: as lsm_iter_next.
 * Threads: one at a time.
 * Since: 1.0 */
LSM_API lsm_status lsm_iter_prev(lsm_iter* it, lsm_error** error);

/* Returns the key of the row that the iterator is on.
 * Parameters: it, nullable; size, nullable: receives the key's size.
 * Result: borrowed until the next call on the iterator that moves or frees it; NULL with size 0 off
 *   a row and after lsm_close.
 * Threads: one at a time.
 * Since: 1.0 */
LSM_API const void* lsm_iter_key(const lsm_iter* it, size_t* size);

/* Returns the value of the row that the iterator is on.
 * Parameters: it, nullable; size, nullable: receives the value's size.
 * Result: as lsm_iter_key.
 * Threads: one at a time.
 * Since: 1.0 */
LSM_API const void* lsm_iter_value(const lsm_iter* it, size_t* size);

/* Gives many rows in one call, from the current one on, and moves to the first row not given.
 * Parameters: it; rows, an array of yours of `capacity` elements, at least 1; count, not NULL:
 *   receives how many were filled.
 * Returns: LSM_OK; LSM_END when the range ended, with the *count < capacity rows before its end
 *   (exactly `capacity` rows are LSM_OK, and the next call is LSM_END with 0); LSM_INVALID_ARGUMENT
 *   before any seek or for capacity 0; file codes; usual codes. Rows before a damaged place come
 *   with LSM_OK and a short count; the next call answers the error.
 * Result: the bytes of the rows are borrowed until the next call on the iterator that moves or
 *   frees it.
 * Threads: one at a time.
 * Since: 1.0 */
LSM_API lsm_status lsm_iter_next_n(lsm_iter* it, lsm_row* rows, size_t capacity, size_t* count,
                                   lsm_error** error);

/* ---- Upkeep ---------------------------------------------------------------------------------- */

/* Writes what is in memory to tables.
 * Parameters: db.
 * Returns: LSM_OK; LSM_BUSY from inside a progress callback; write codes; usual codes.
 * Threads: any.
 * Durability: every write acknowledged before the call survives power loss on return.
 * Blocks: until the tables are written and synced.
 * Since: 1.0 */
LSM_API lsm_status lsm_flush(lsm_db* db, lsm_error** error);

/* Merges [begin, end) into one sorted run and drops what no reader can see.
 * Parameters: db; begin and end, NULL: unbounded, of any size; progress, nullable; payload, passed
 *   to progress untouched.
 * Returns: LSM_OK; LSM_ABORTED when progress cancelled, and nothing is lost; LSM_BUSY from inside a
 *   progress callback; LSM_INVALID_ARGUMENT when begin > end; write codes; usual codes.
 * Threads: any; a second one waits its turn. Reads and writes go on meanwhile.
 * Blocks: until done. Needs free disk space for the tables that it merges, at most.
 * Since: 1.0 */
LSM_API lsm_status lsm_compact_range(lsm_db* db, const void* begin, size_t begin_size,
                                     const void* end, size_t end_size, lsm_progress_fn progress,
                                     void* payload, lsm_error** error);

/* Waits until no background work is pending.
 * Parameters: db.
 * Returns: LSM_OK; LSM_BUSY from inside a progress callback; the error that stopped background
 *   work: write codes; usual codes.
 * Threads: any.
 * Blocks: until idle; for as long as others keep writing, perhaps.
 * Since: 1.0 */
LSM_API lsm_status lsm_wait_idle(lsm_db* db, lsm_error** error);

/* Reads a property: "stats", "levels", "memory" (each JSON) or "estimate-keys" (a number).
 * Parameters: db; name, NUL-terminated, borrowed for the call; out, not NULL.
 * Returns: LSM_OK; LSM_INVALID_ARGUMENT for an unknown name (the message lists the known ones);
 *   usual codes.
 * Result: *out is valid UTF-8, NUL-terminated and yours, until lsm_string_free.
 * Threads: any.
 * Since: 1.0 */
LSM_API lsm_status lsm_property(lsm_db* db, const char* name, char** out, lsm_error** error);

/* Frees a string that this library gave.
 * Parameters: string, nullable.
 * Threads: any; the string's last use.
 * Since: 1.0 */
LSM_API void lsm_string_free(char* string);

/* Reads every byte of a closed database, or of one table file, and checks all that can be checked.
 * It changes no file. A database that crashed is sound if opening would recover it.
 * Parameters: path of a directory or of a table, NUL-terminated, borrowed for the call; progress,
 *   nullable; payload, passed to progress untouched.
 * Returns: LSM_OK; LSM_CORRUPTION with the first damage found, also for a file that is no table;
 *   LSM_IO_ERROR with errno ENOENT when nothing is there; LSM_LOCKED when a writer has it open;
 *   LSM_UNSUPPORTED for a newer format; LSM_ABORTED when progress cancelled; file codes; usual
 *   codes.
 * Threads: any.
 * Blocks: until all is read.
 * Since: 1.0 */
LSM_API lsm_status lsm_verify(const char* path, lsm_progress_fn progress, void* payload,
                              lsm_error** error);

/* Deletes a database: the files that it knows, then the directory if nothing else is in it.
 * Parameters: path, NUL-terminated, borrowed for the call.
 * Returns: LSM_OK, also when nothing is there; LSM_LOCKED when it is open; LSM_INVALID_ARGUMENT,
 *   and nothing is removed, where the database is LevelDB's or of its kin; file codes; usual codes.
 * Threads: any.
 * Durability: the deletion is synced.
 * Since: 1.0 */
LSM_API lsm_status lsm_destroy(const char* path, lsm_error** error);

#ifdef __cplusplus
}
#endif

#endif /* LSM_LSM_H_ */
