#include "lsm/env/executor.h"

#include <pthread.h>
#include <signal.h>

#include <deque>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "lsm/base/sync.h"

namespace lsm::internal {
namespace {

constexpr size_t kMaxThreadNameSize = 15;

// Blocks all signals of the calling thread, and so of the threads it makes, while it lives.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

class ThreadExecutor final : public Executor {
 public:
  ~ThreadExecutor() override {
    {
      MutexLock lock(&mutex_);
      ending_ = true;
    }
    for (const pthread_t thread : threads_) pthread_join(thread, nullptr);
  }

  Status Start(const std::string& name, uint64_t threads) {
    const SignalsBlocked signals_blocked;
    const std::string thread_name = name.substr(0, kMaxThreadNameSize);
    threads_.reserve(threads);
    while (threads_.size() < threads) {
      pthread_t thread;
      const int errnum = pthread_create(&thread, nullptr, &Run, this);
      if (errnum != 0) return Status::FromErrno(errnum, "start thread", name);
      pthread_setname_np(thread, thread_name.c_str());
      threads_.push_back(thread);
    }
    return Status::Ok();
  }

  void Schedule(std::function<void()> work) override {
    MutexLock lock(&mutex_);
    queue_.push_back(std::move(work));
  }

 private:
  static void* Run(void* executor) {
    static_cast<ThreadExecutor*>(executor)->TakeWork();
    return nullptr;
  }

  void TakeWork() {
    for (;;) {
      std::function<void()> work;
      {
        MutexLock lock(&mutex_);
        mutex_.Await(absl::Condition(this, &ThreadExecutor::HasWorkOrEnds));
        if (queue_.empty()) return;
        work = std::move(queue_.front());
        queue_.pop_front();
      }
      work();
    }
  }

  bool HasWorkOrEnds() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return !queue_.empty() || ending_;
  }

  Mutex mutex_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<pthread_t> threads_;
};

}  // namespace

Result<std::unique_ptr<Executor>> NewThreadExecutor(const std::string& name, uint64_t threads) {
  if (threads == 0) return Status::InvalidArgument("an executor needs at least one thread");
  auto executor = std::make_unique<ThreadExecutor>();
  LSM_RETURN_IF_ERROR(executor->Start(name, threads));
  return std::unique_ptr<Executor>(std::move(executor));
}

}  // namespace lsm::internal
