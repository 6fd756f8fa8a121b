// Checks of the programmer's own assumptions. Bad bytes, failed calls and misuse by the host are
// not programmer errors: they return a Status.

#ifndef LSM_BASE_CHECK_H_
#define LSM_BASE_CHECK_H_

#include <cstdio>
#include <cstdlib>

namespace lsm::internal {

[[noreturn]] inline void CheckFailed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "lsm: %s:%d: check failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace lsm::internal

// LSM_DCHECK vanishes from optimised builds (NDEBUG), so it may stand on hot paths.
#ifdef NDEBUG
#define LSM_DCHECK(condition) \
  do {                        \
    (void)sizeof(condition);  \
  } while (false)
#else
#define LSM_DCHECK(condition)                                       \
  do {                                                              \
    if (!(condition)) {                                             \
      ::lsm::internal::CheckFailed(__FILE__, __LINE__, #condition); \
    }                                                               \
  } while (false)
#endif

#endif  // LSM_BASE_CHECK_H_
