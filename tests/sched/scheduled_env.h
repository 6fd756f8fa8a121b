// A file system in memory whose threads, clock and file calls are a SeededScheduler's.

#ifndef LSM_TESTS_SCHED_SCHEDULED_ENV_H_
#define LSM_TESTS_SCHED_SCHEDULED_ENV_H_

#include <memory>
#include <string>

#include "lsm/env/env.h"
#include "tests/env/faulty_env.h"
#include "tests/sched/scheduler.h"

namespace lsm {

class ScheduledEnv final : public Env {
 public:
  // `scheduler` outlives this.
  explicit ScheduledEnv(SeededScheduler* scheduler);

  // Every file call passes its lock, and so is a place where threads are exchanged.
  FaultyEnv* files() { return &files_; }

  Result<std::unique_ptr<Directory>> OpenDirectory(const std::string& path, OpenMode mode,
                                                   bool* created) override {
    return files_.OpenDirectory(path, mode, created);
  }
  Status RemoveDirectory(const std::string& path) override { return files_.RemoveDirectory(path); }
  Result<std::unique_ptr<ReadableFile>> OpenFile(const std::string& path) override {
    return files_.OpenFile(path);
  }
  Result<PathKind> Classify(const std::string& path) override { return files_.Classify(path); }

  uint64_t NowMicros() override { return scheduler_->NowMicros(); }
  void SleepMicros(uint64_t micros) override { BackOff(absl::Microseconds(micros)); }
  Result<std::unique_ptr<Executor>> NewExecutor(const std::string& name, uint64_t threads) override;

 private:
  SeededScheduler* const scheduler_;
  const std::unique_ptr<Env> memory_;
  FaultyEnv files_;
};

}  // namespace lsm

#endif  // LSM_TESTS_SCHED_SCHEDULED_ENV_H_
