#include "tests/capi/faulty_libc.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define VISIBLE __attribute__((visibility("default")))

// The real call of that name, looked up once, before there are threads.
#define REAL(name) real_##name
#define DECLARE_REAL(name) static __typeof__(&(name)) real_##name
DECLARE_REAL(openat);
DECLARE_REAL(fdopendir);
DECLARE_REAL(pread);
DECLARE_REAL(pwrite);
DECLARE_REAL(mmap);
DECLARE_REAL(fallocate);
DECLARE_REAL(fdatasync);
DECLARE_REAL(fsync);
DECLARE_REAL(renameat);
DECLARE_REAL(unlinkat);
DECLARE_REAL(rmdir);
DECLARE_REAL(close);
DECLARE_REAL(flock);
DECLARE_REAL(fstat);
DECLARE_REAL(fstatat);
DECLARE_REAL(stat);
DECLARE_REAL(fstatfs);
DECLARE_REAL(readdir);
DECLARE_REAL(mkdir);
DECLARE_REAL(pthread_create);

// Without a cast from a pointer to data to one to a function, which ISO C does not have.
static void find_real(const char* name, void* target) {
  void* const found = dlsym(RTLD_NEXT, name);
  if (found == NULL) {
    fprintf(stderr, "the C library has no %s\n", name);
    abort();
  }
  memcpy(target, &found, sizeof found);
}

static void find_all(void) {
  find_real("openat", &real_openat);
  find_real("fdopendir", &real_fdopendir);
  find_real("pread", &real_pread);
  find_real("pwrite", &real_pwrite);
  find_real("mmap", &real_mmap);
  find_real("fallocate", &real_fallocate);
  find_real("fdatasync", &real_fdatasync);
  find_real("fsync", &real_fsync);
  find_real("renameat", &real_renameat);
  find_real("unlinkat", &real_unlinkat);
  find_real("rmdir", &real_rmdir);
  find_real("close", &real_close);
  find_real("flock", &real_flock);
  find_real("fstat", &real_fstat);
  find_real("fstatat", &real_fstatat);
  find_real("stat", &real_stat);
  find_real("fstatfs", &real_fstatfs);
  find_real("readdir", &real_readdir);
  find_real("mkdir", &real_mkdir);
  find_real("pthread_create", &real_pthread_create);
}

static pthread_once_t found_all = PTHREAD_ONCE_INIT;

// ---- What fails ---------------------------------------------------------------------------------

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct {
  int armed;
  call_kind kind;
  long k;
  int for_good;
  int errnum;
  long seen[CALL_KINDS];
  long failed;
} plan;
static atomic_int syncs_are_skipped;
static char limited_directory[1000];
static atomic_long disk_bytes = -1;

const char* call_kind_name(call_kind kind) {
  static const char* const kNames[CALL_KINDS] = {
      "open",   "read",  "write", "map",  "allocate", "sync",  "rename",
      "remove", "close", "lock",  "stat", "list",     "mkdir", "pthread_create"};
  return kNames[kind];
}

void fail_call(call_kind kind, long k, int for_good, int errnum) {
  pthread_once(&found_all, find_all);
  pthread_mutex_lock(&mutex);
  memset(&plan, 0, sizeof plan);
  plan.armed = 1;
  plan.kind = kind;
  plan.k = k;
  plan.for_good = for_good;
  plan.errnum = errnum;
  pthread_mutex_unlock(&mutex);
}

void fail_no_call(void) {
  pthread_mutex_lock(&mutex);
  plan.armed = 0;
  pthread_mutex_unlock(&mutex);
}

long calls_seen(call_kind kind) {
  pthread_mutex_lock(&mutex);
  const long seen = plan.seen[kind];
  pthread_mutex_unlock(&mutex);
  return seen;
}

long calls_failed(void) {
  pthread_mutex_lock(&mutex);
  const long failed = plan.failed;
  pthread_mutex_unlock(&mutex);
  return failed;
}

void limit_disk(const char* directory, long bytes) {
  snprintf(limited_directory, sizeof limited_directory, "%s", directory);
  atomic_store(&disk_bytes, bytes);
}

void skip_syncs(void) { atomic_store(&syncs_are_skipped, 1); }

// Counts a call. Whether it is to fail, with which errno.
static int must_fail(call_kind kind, int* errnum) {
  pthread_once(&found_all, find_all);
  pthread_mutex_lock(&mutex);
  const long number = plan.seen[kind]++;
  const int fails = plan.armed && plan.kind == kind && plan.k >= 0 &&
                    (number == plan.k || (plan.for_good && number > plan.k));
  if (fails) plan.failed++;
  *errnum = plan.errnum;
  pthread_mutex_unlock(&mutex);
  return fails;
}

// For calls that transfer nothing. Sets errno where the call is to fail.
static int fails(call_kind kind) {
  int errnum;
  if (!must_fail(kind, &errnum)) return 0;
  errno = errnum;
  return 1;
}

// What the files of the limited directory occupy.
static long bytes_used(void) {
  long used = 0;
  DIR* const directory = opendir(limited_directory);
  if (directory == NULL) return 0;
  for (struct dirent* entry = REAL(readdir)(directory); entry != NULL;
       entry = REAL(readdir)(directory)) {
    struct stat info;
    if (REAL(fstatat)(dirfd(directory), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(info.st_mode)) {
      used += info.st_blocks * 512;
    }
  }
  closedir(directory);
  return used;
}

// Whether the disk has room for the file to reach to `end`. Sets errno where it has not.
static int has_room(int fd, off_t end) {
  const long limit = atomic_load(&disk_bytes);
  struct stat info;
  if (limit < 0 || REAL(fstat)(fd, &info) != 0) return 1;
  const long growth = (long)end - info.st_blocks * 512;
  if (growth <= 0 || bytes_used() + growth <= limit) return 1;
  errno = ENOSPC;
  return 0;
}

// ---- The calls ----------------------------------------------------------------------------------

VISIBLE int openat(int directory, const char* name, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return fails(CALL_OPEN) ? -1 : REAL(openat)(directory, name, flags, mode);
}

VISIBLE DIR* fdopendir(int fd) { return fails(CALL_LIST) ? NULL : REAL(fdopendir)(fd); }

VISIBLE ssize_t pread(int fd, void* bytes, size_t size, off_t offset) {
  int errnum;
  if (must_fail(CALL_READ, &errnum)) {
    errno = errnum;
    if (errnum != SHORT_TRANSFER) return -1;
    size = (size + 1) / 2;
  }
  return REAL(pread)(fd, bytes, size, offset);
}

VISIBLE ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  int errnum;
  if (must_fail(CALL_WRITE, &errnum)) {
    errno = errnum;
    if (errnum != SHORT_TRANSFER) return -1;
    size = (size + 1) / 2;
  }
  return has_room(fd, offset + (off_t)size) ? REAL(pwrite)(fd, bytes, size, offset) : -1;
}

VISIBLE void* mmap(void* address, size_t size, int protection, int flags, int fd, off_t offset) {
  return fails(CALL_MAP) ? MAP_FAILED : REAL(mmap)(address, size, protection, flags, fd, offset);
}

VISIBLE int fallocate(int fd, int mode, off_t offset, off_t size) {
  if (fails(CALL_ALLOCATE)) return -1;
  if (mode == 0 && !has_room(fd, offset + size)) return -1;
  return REAL(fallocate)(fd, mode, offset, size);
}

VISIBLE int fdatasync(int fd) {
  if (fails(CALL_SYNC)) return -1;
  return atomic_load(&syncs_are_skipped) ? 0 : REAL(fdatasync)(fd);
}

VISIBLE int fsync(int fd) {
  if (fails(CALL_SYNC)) return -1;
  return atomic_load(&syncs_are_skipped) ? 0 : REAL(fsync)(fd);
}

VISIBLE int renameat(int from, const char* old_name, int to, const char* new_name) {
  return fails(CALL_RENAME) ? -1 : REAL(renameat)(from, old_name, to, new_name);
}

VISIBLE int unlinkat(int directory, const char* name, int flags) {
  return fails(CALL_REMOVE) ? -1 : REAL(unlinkat)(directory, name, flags);
}

VISIBLE int rmdir(const char* path) { return fails(CALL_REMOVE) ? -1 : REAL(rmdir)(path); }

VISIBLE int close(int fd) {
  int errnum;
  const int failed = must_fail(CALL_CLOSE, &errnum);
  const int status = REAL(close)(fd);
  if (!failed) return status;
  errno = errnum;
  return -1;
}

VISIBLE int flock(int fd, int operation) {
  return fails(CALL_LOCK) ? -1 : REAL(flock)(fd, operation);
}

VISIBLE int fstat(int fd, struct stat* info) {
  return fails(CALL_STAT) ? -1 : REAL(fstat)(fd, info);
}

VISIBLE int fstatat(int directory, const char* name, struct stat* info, int flags) {
  return fails(CALL_STAT) ? -1 : REAL(fstatat)(directory, name, info, flags);
}

VISIBLE int stat(const char* path, struct stat* info) {
  return fails(CALL_STAT) ? -1 : REAL(stat)(path, info);
}

VISIBLE int fstatfs(int fd, struct statfs* info) {
  return fails(CALL_STAT) ? -1 : REAL(fstatfs)(fd, info);
}

VISIBLE struct dirent* readdir(DIR* directory) {
  return fails(CALL_LIST) ? NULL : REAL(readdir)(directory);
}

VISIBLE int mkdir(const char* path, mode_t mode) {
  return fails(CALL_MAKE) ? -1 : REAL(mkdir)(path, mode);
}

VISIBLE int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                           void* (*start)(void*), void* argument) {
  int errnum;
  if (must_fail(CALL_THREAD, &errnum)) return errnum;
  return REAL(pthread_create)(thread, attributes, start, argument);
}
