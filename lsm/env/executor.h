// A fixed number of threads that take work from one queue, first come first served.

#ifndef LSM_ENV_EXECUTOR_H_
#define LSM_ENV_EXECUTOR_H_

#include <cstdint>
#include <memory>
#include <string>

#include "lsm/env/env.h"

namespace lsm::internal {

// `threads` of them, at least one, under `name` (of which the system shows 15 bytes). They take no
// signals: those are the host's. A thread that cannot be made is a retryable failure, and none is
// left behind.
Result<std::unique_ptr<Executor>> NewThreadExecutor(const std::string& name, uint64_t threads);

}  // namespace lsm::internal

#endif  // LSM_ENV_EXECUTOR_H_
