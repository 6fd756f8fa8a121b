// Many threads on one database: transfers between accounts keep their sum in every view, whatever
// runs beside them.

#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "lsm/env/mem_env.h"
#include "tests/db/db_testing.h"

namespace lsm {
namespace {

constexpr int kAccounts = 64;
constexpr int64_t kStart = 1000;

std::string Account(uint64_t number) {
  return std::string("account") + static_cast<char>('0' + number / 10) +
         static_cast<char>('0' + number % 10);
}

class Bank {
 public:
  explicit Bank(std::initializer_list<std::pair<const char*, const char*>> changes = {})
      : env_(NewMemEnv()), db_(MustOpen(env_.get(), TinyOptions(changes))) {
    WriteBatch batch;
    for (uint64_t i = 0; i < kAccounts; ++i) {
      EXPECT_TRUE(batch.Put(Account(i), std::to_string(kStart)).ok());
    }
    EXPECT_TRUE(db_->Write(batch, false).ok());
  }

  Db* db() { return db_.get(); }

  // Moves amounts among the accounts [first, first + count), which nobody else writes. Ends early
  // where the database is closed, which is then the answer.
  Status Transfer(uint64_t first, uint64_t count, int times) {
    std::mt19937_64 random(first);
    std::vector<int64_t> balances(count, kStart);
    for (int i = 0; i < times; ++i) {
      const uint64_t from = random() % count;
      const uint64_t to = random() % count;
      const int64_t amount = static_cast<int64_t>(random() % 10);
      balances[from] -= amount;
      balances[to] += amount;
      WriteBatch batch;
      // Deleted or overwritten: old values must not shine through.
      if (i % 3 == 0) {
        const std::string begin = Account(first + from);
        EXPECT_TRUE(batch.DeleteRange(begin, begin + "~").ok());
      }
      EXPECT_TRUE(batch.Put(Account(first + from), std::to_string(balances[from])).ok());
      EXPECT_TRUE(batch.Put(Account(first + to), std::to_string(balances[to])).ok());
      LSM_RETURN_IF_ERROR(db_->Write(batch, i % 64 == 0));
      // Read your own write.
      EpochGuard guard;
      Db::Value value;
      LSM_RETURN_IF_ERROR(db_->Get(nullptr, Account(first + to), &value));
      EXPECT_EQ(value.data, std::to_string(balances[to]));
    }
    return Status::Ok();
  }

  // False where the database is closed.
  bool CheckSum(const Snapshot* snapshot, bool forward) {
    auto scan = db_->NewScan(snapshot, {"account", "accounu"});
    if (!scan.ok()) {
      EXPECT_TRUE(scan.status().Is(Code::kClosed)) << scan.status().ToString();
      return false;
    }
    int64_t sum = 0;
    int rows = 0;
    Status status = forward ? (*scan)->SeekFirst() : (*scan)->SeekLast();
    for (; status.ok(); status = forward ? (*scan)->Next() : (*scan)->Prev()) {
      sum += std::stoll(std::string((*scan)->value()));
      ++rows;
    }
    // A table that was not open when the database closed cannot be opened any more.
    if (status.Is(Code::kClosed)) return false;
    EXPECT_TRUE(status.Is(Code::kEnd)) << status.ToString();
    EXPECT_EQ(rows, kAccounts);
    EXPECT_EQ(sum, kAccounts * kStart);
    return true;
  }

 private:
  const std::unique_ptr<Env> env_;
  const std::shared_ptr<Db> db_;
};

class Threads {
 public:
  ~Threads() { Join(); }
  template <typename F>
  void Start(F work) {
    threads_.emplace_back(std::move(work));
  }
  void Join() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  std::vector<std::thread> threads_;
};

TEST(ConcurrencyTest, EveryViewHasTheSameSum) {
  Bank bank;
  std::atomic<bool> done{false};
  Threads readers;
  for (const bool forward : {true, false}) {
    readers.Start([&, forward] {
      while (!done.load()) bank.CheckSum(nullptr, forward);
    });
  }
  readers.Start([&] {
    while (!done.load()) {
      auto snapshot = bank.db()->NewSnapshot();
      ASSERT_TRUE(snapshot.ok());
      int64_t sum = 0;
      for (uint64_t i = 0; i < kAccounts; ++i) {
        sum += std::stoll(Get(bank.db(), Account(i), snapshot->get()));
      }
      EXPECT_EQ(sum, kAccounts * kStart);
      EXPECT_TRUE(bank.CheckSum(snapshot->get(), true));
    }
  });
  readers.Start([&] {
    for (int i = 0; !done.load(); ++i) {
      EXPECT_TRUE(
          bank.db()
              ->CompactRange({Account(0), i % 2 == 0 ? InfiniteKey() : Account(30)}, nullptr)
              .ok());
      EXPECT_TRUE(bank.db()->Flush().ok());
      EXPECT_TRUE(bank.db()->GetProperty("stats").ok());
      EXPECT_TRUE(bank.db()->GetProperty("levels").ok());
      EXPECT_TRUE(bank.db()->GetProperty("memory").ok());
    }
  });
  Threads writers;
  for (uint64_t i = 0; i < 4; ++i) {
    writers.Start([&, i] { EXPECT_TRUE(bank.Transfer(i * 16, 16, 2000).ok()); });
  }
  writers.Join();
  done = true;
  readers.Join();
  EXPECT_TRUE(bank.CheckSum(nullptr, true));
  EXPECT_TRUE(bank.db()->Close().ok());
}

TEST(ConcurrencyTest, CloseMayComeAtAnyTimeAndFromSeveralThreads) {
  for (int round = 0; round < 12; ++round) {
    SCOPED_TRACE(round);
    Bank bank({{"max_open_tables", "16"}});
    std::atomic<int> writes{0};
    std::atomic<int> closes{0};
    Threads threads;
    for (uint64_t i = 0; i < 2; ++i) {
      threads.Start([&, i] {
        Status status;
        for (; status.ok(); ++writes) status = bank.Transfer(i * 32, 32, 5);
        EXPECT_TRUE(status.Is(Code::kClosed)) << status.ToString();
      });
    }
    threads.Start([&] {
      while (bank.CheckSum(nullptr, true)) continue;
    });
    threads.Start([&] {
      Status status;
      while (status.ok()) status = bank.db()->CompactRange({"", InfiniteKey()}, nullptr);
      EXPECT_TRUE(status.Is(Code::kClosed)) << status.ToString();
    });
    threads.Start([&] {
      Status status;
      while (status.ok()) status = bank.db()->WaitIdle();
      EXPECT_TRUE(status.Is(Code::kClosed)) << status.ToString();
    });
    for (int i = 0; i < 2; ++i) {
      threads.Start([&] {
        while (writes.load() < round * 10) std::this_thread::yield();
        const Status status = bank.db()->Close();
        EXPECT_TRUE(status.ok() || status.Is(Code::kClosed)) << status.ToString();
        if (status.ok()) ++closes;
      });
    }
    threads.Join();
    EXPECT_EQ(closes, 1);
    // Nothing but a kClosed is left of it.
    EXPECT_TRUE(Put(bank.db(), "k", "v").Is(Code::kClosed));
    EXPECT_TRUE(bank.db()->Close().Is(Code::kClosed));
  }
}

// What scans and snapshots hold outlives the close.
TEST(ConcurrencyTest, WhatReadersHoldOutlivesTheDatabase) {
  Bank bank;
  ASSERT_TRUE(bank.Transfer(0, kAccounts, 500).ok());
  const std::unique_ptr<Snapshot> snapshot = bank.db()->NewSnapshot().Take();
  const std::unique_ptr<Scan> scan = bank.db()->NewScan(nullptr, {"", InfiniteKey()}).Take();
  ASSERT_TRUE(scan->SeekFirst().ok());
  const std::string key(scan->key());
  const std::string value(scan->value());
  EXPECT_TRUE(bank.db()->Close().ok());
  EXPECT_EQ(scan->key(), key);
  EXPECT_EQ(scan->value(), value);
  // It may go on, or say that it cannot.
  const Status status = scan->Next();
  EXPECT_TRUE(status.ok() || status.Is(Code::kClosed)) << status.ToString();
}

}  // namespace
}  // namespace lsm
