#include "tests/sched/scheduled_env.h"

#include <deque>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lsm/env/mem_env.h"

namespace lsm {
namespace {

class ScheduledExecutor final : public Executor {
 public:
  ScheduledExecutor(SeededScheduler* scheduler, const std::string& name, uint64_t threads)
      : scheduler_(scheduler) {
    for (uint64_t i = 0; i < threads; ++i) {
      threads_.push_back(scheduler->Spawn(absl::StrCat(name, "-", i), [this] { TakeWork(); }));
    }
  }
  ~ScheduledExecutor() override {
    {
      MutexLock lock(&mutex_);
      ending_ = true;
      changed_.SignalAll();
    }
    for (const SeededScheduler::ThreadId thread : threads_) scheduler_->Join(thread);
  }

  void Schedule(std::function<void()> work) override {
    MutexLock lock(&mutex_);
    queue_.push_back(std::move(work));
    changed_.SignalAll();
  }

 private:
  void TakeWork() {
    while (true) {
      std::function<void()> work;
      {
        MutexLock lock(&mutex_);
        while (queue_.empty() && !ending_) changed_.Wait(&mutex_);
        if (queue_.empty()) return;
        work = std::move(queue_.front());
        queue_.pop_front();
      }
      work();
    }
  }

  SeededScheduler* const scheduler_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<std::function<void()>> queue_;
  bool ending_ = false;
  std::vector<SeededScheduler::ThreadId> threads_;
};

}  // namespace

ScheduledEnv::ScheduledEnv(SeededScheduler* scheduler)
    : scheduler_(scheduler), memory_(NewMemEnv()), files_(memory_.get()) {}

Result<std::unique_ptr<Executor>> ScheduledEnv::NewExecutor(const std::string& name,
                                                            uint64_t threads) {
  return std::unique_ptr<Executor>(std::make_unique<ScheduledExecutor>(scheduler_, name, threads));
}

}  // namespace lsm
