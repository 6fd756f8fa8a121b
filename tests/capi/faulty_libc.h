// A C library that fails when it is told to, for programs that link it: its calls stand in front of
// the real ones. What is to fail is not done, but for close(2), which closes all the same.
//
// All functions may be called while threads of the engine are in such calls.

#ifndef LSM_TESTS_CAPI_FAULTY_LIBC_H_
#define LSM_TESTS_CAPI_FAULTY_LIBC_H_

typedef enum {
  CALL_OPEN,      // openat
  CALL_READ,      // pread
  CALL_WRITE,     // pwrite
  CALL_MAP,       // mmap
  CALL_ALLOCATE,  // fallocate
  CALL_SYNC,      // fdatasync, fsync
  CALL_RENAME,    // renameat
  CALL_REMOVE,    // unlinkat, rmdir
  CALL_CLOSE,     // close
  CALL_LOCK,      // flock
  CALL_STAT,      // fstat, fstatat, stat, fstatfs
  CALL_LIST,      // fdopendir, readdir
  CALL_MAKE,      // mkdir
  CALL_THREAD,    // pthread_create
  CALL_KINDS,
} call_kind;

// The name of a kind, for messages.
const char* call_kind_name(call_kind kind);

// As errnum: the call succeeds, but transfers only half of the bytes.
#define SHORT_TRANSFER 0

// The k-th call of that kind from now on, the first being 0, fails with `errnum`; where `for_good`,
// so do all after it. k < 0: none fails, but they are counted.
void fail_call(call_kind kind, long k, int for_good, int errnum);

// None fails from now on.
void fail_no_call(void);

// How many calls of that kind there were since fail_call, and how many failed.
long calls_seen(call_kind kind);
long calls_failed(void);

// The file system of `directory`, which holds files alone, has only so many bytes: a call that asks
// for more fails with ENOSPC. bytes < 0: as many as there are.
void limit_disk(const char* directory, long bytes);

// Syncs, unless they are to fail, do nothing and succeed: for tests that live through no loss of
// power, thousands of times.
void skip_syncs(void);

#endif  // LSM_TESTS_CAPI_FAULTY_LIBC_H_
