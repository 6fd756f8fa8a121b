// An Env whose files live in memory: for tests that need the engine but no disk. It keeps what was
// written (there is no power to lose) and otherwise behaves as Env promises, locks and messages
// included. Clock, sleep and threads are the operating system's.

#ifndef LSM_ENV_MEM_ENV_H_
#define LSM_ENV_MEM_ENV_H_

#include <memory>

#include "lsm/env/env.h"

namespace lsm {

// Independent of every other one. Outlives what was opened through it.
std::unique_ptr<Env> NewMemEnv();

}  // namespace lsm

#endif  // LSM_ENV_MEM_ENV_H_
