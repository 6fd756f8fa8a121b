#include "lsm/base/epoch.h"

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"

namespace lsm {
namespace {

// Counts its deletions; its value is wiped then, so that a reader who comes too late can tell.
class Counted : public Retirable {
 public:
  explicit Counted(std::atomic<int>* deleted) : deleted_(deleted) {}
  ~Counted() override {
    value.store(0);
    deleted_->fetch_add(1);
  }
  std::atomic<int> value{42};

 private:
  std::atomic<int>* const deleted_;
};

class Shared : public RefCounted {
 public:
  explicit Shared(std::atomic<int>* deleted) : deleted_(deleted) {}
  ~Shared() override { deleted_->fetch_add(1); }

 private:
  std::atomic<int>* const deleted_;
};

TEST(EpochTest, DrainDeletesWhatWasRetired) {
  std::atomic<int> deleted{0};
  for (int i = 0; i < 100; ++i) EpochRetire(new Counted(&deleted));
  EpochDrain();
  EXPECT_EQ(deleted, 100);
}

// Nobody needs to drain: memory comes back by collecting now and then, and never by retiring, which
// happens under locks that a destructor may want.
TEST(EpochTest, CollectingDeletesOlderObjects) {
  EpochDrain();
  std::atomic<int> deleted{0};
  constexpr int kObjects = 10000;
  for (int i = 0; i < kObjects; ++i) {
    const int before = deleted;
    EpochRetire(new Counted(&deleted));
    EXPECT_EQ(deleted, before);
    EpochCollect();
  }
  EXPECT_GT(deleted, kObjects - 200);
  EpochDrain();
  EXPECT_EQ(deleted, kObjects);
}

TEST(EpochTest, AGuardKeepsWhatItMaySee) {
  std::atomic<int> deleted{0};
  {
    const EpochGuard guard;
    const auto retire_and_collect = [&] {
      EpochRetire(new Counted(&deleted));
      EpochCollect();
    };
    for (int i = 0; i < 1000; ++i) retire_and_collect();
    EXPECT_EQ(deleted, 0);
    { const EpochGuard nested; }
    for (int i = 0; i < 100; ++i) retire_and_collect();
    EXPECT_EQ(deleted, 0) << "the end of a nested guard ends nothing";
  }
  EpochDrain();
  EXPECT_EQ(deleted, 1100);
}

TEST(EpochTest, AGuardOfAnotherThreadKeepsIt) {
  std::atomic<int> deleted{0};
  absl::Notification entered;
  absl::Notification leave;
  std::thread reader([&] {
    const EpochGuard guard;
    entered.Notify();
    leave.WaitForNotification();
    EXPECT_EQ(deleted, 0);
  });
  entered.WaitForNotification();
  for (int i = 0; i < 200; ++i) {
    EpochRetire(new Counted(&deleted));
    EpochCollect();
  }
  EXPECT_EQ(deleted, 0);
  std::thread drainer([&] {
    EpochDrain();
    EXPECT_EQ(deleted, 200);
  });
  EXPECT_EQ(deleted, 0);
  leave.Notify();
  reader.join();
  drainer.join();
}

// New guards come all the time; a drain waits only for those that were there.
TEST(EpochTest, LaterGuardsDoNotHoldUpADrain) {
  std::atomic<bool> done{false};
  std::atomic<int> guards{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!done.load()) {
        const EpochGuard guard;
        guards.fetch_add(1);
      }
    });
  }
  while (guards.load() == 0) std::this_thread::yield();
  std::atomic<int> deleted{0};
  for (int i = 0; i < 10; ++i) {
    EpochRetire(new Counted(&deleted));
    EpochDrain();
    EXPECT_EQ(deleted, i + 1);
  }
  done.store(true);
  for (std::thread& reader : readers) reader.join();
}

// Each deletion retires the next: a read state its version, a version its tables, and so on.
class Link : public Retirable {
 public:
  Link(std::atomic<int>* deleted, int more) : deleted_(deleted), more_(more) {}
  ~Link() override {
    deleted_->fetch_add(1);
    if (more_ > 0) EpochRetire(new Link(deleted_, more_ - 1));
  }

 private:
  std::atomic<int>* const deleted_;
  const int more_;
};

TEST(EpochTest, DrainFollowsChains) {
  std::atomic<int> deleted{0};
  EpochRetire(new Link(&deleted, 4));
  EpochDrain();
  EXPECT_EQ(deleted, 5);
}

class Slow : public Retirable {
 public:
  Slow(absl::Notification* begun, absl::Notification* go, std::atomic<int>* deleted)
      : begun_(begun), go_(go), deleted_(deleted) {}
  ~Slow() override {
    begun_->Notify();
    go_->WaitForNotification();
    deleted_->fetch_add(1);
  }

 private:
  absl::Notification* const begun_;
  absl::Notification* const go_;
  std::atomic<int>* const deleted_;
};

// What another thread is about to delete is not deleted yet: whoever drains is about to take away
// what the objects stand on.
TEST(EpochTest, DrainWaitsForDeletionsOfOtherThreads) {
  EpochDrain();
  absl::Notification begun;
  absl::Notification go;
  std::atomic<int> deleted{0};
  std::atomic<int> others{0};
  EpochRetire(new Slow(&begun, &go, &deleted));
  std::thread collector([&] {
    while (!begun.HasBeenNotified()) {
      EpochRetire(new Counted(&others));
      EpochCollect();
    }
  });
  begun.WaitForNotification();
  absl::Notification draining;
  std::thread drainer([&] {
    draining.Notify();
    EpochDrain();
    EXPECT_EQ(deleted, 1);
  });
  draining.WaitForNotification();
  // Gives a drain that does not wait the time to return; it is no error if it did not.
  for (int i = 0; i < 1000; ++i) std::this_thread::yield();
  go.Notify();
  collector.join();
  drainer.join();
}

TEST(EpochTest, SlotsOfEndedThreadsServeAgain) {
  std::atomic<int> deleted{0};
  for (int i = 0; i < 300; ++i) {
    std::thread([&] {
      const EpochGuard guard;
      EpochRetire(new Counted(&deleted));
    }).join();
  }
  EpochDrain();
  EXPECT_EQ(deleted, 300);
}

TEST(RefCountedTest, LastUnrefRetires) {
  std::atomic<int> deleted{0};
  RefPtr<Shared> one = MakeRef<Shared>(&deleted);
  RefPtr<Shared> two = one;
  RefPtr<Shared> three = RefPtr<Shared>::Share(two.get());
  one = nullptr;
  two = std::move(three);
  EXPECT_FALSE(three);  // NOLINT: a moved-from pointer is null
  EpochDrain();
  EXPECT_EQ(deleted, 0);
  two = nullptr;
  EpochDrain();
  EXPECT_EQ(deleted, 1);
}

TEST(RefCountedTest, SelfAssignment) {
  std::atomic<int> deleted{0};
  RefPtr<Shared> pointer = MakeRef<Shared>(&deleted);
  const RefPtr<Shared>& alias = pointer;
  pointer = alias;
  EpochDrain();
  EXPECT_EQ(deleted, 0);
  EXPECT_TRUE(pointer);
  pointer = nullptr;
  EpochDrain();
  EXPECT_EQ(deleted, 1);
}

TEST(RefCountedTest, ReleaseGivesTheReferenceAway) {
  std::atomic<int> deleted{0};
  RefPtr<Shared> pointer = MakeRef<Shared>(&deleted);
  Shared* const raw = pointer.Release();
  EXPECT_FALSE(pointer);
  RefPtr<RefCounted> base = RefPtr<Shared>::Adopt(raw);
  base = nullptr;
  EpochDrain();
  EXPECT_EQ(deleted, 1);
}

TEST(RefCountedTest, TryRefAfterTheLastUnref) {
  std::atomic<int> deleted{0};
  auto* const object = new Shared(&deleted);
  {
    const EpochGuard guard;
    EXPECT_TRUE(object->TryRef());
    object->Unref();
    object->Unref();
    EXPECT_FALSE(object->TryRef());
    EXPECT_EQ(deleted, 0) << "the guard still sees it";
  }
  EpochDrain();
  EXPECT_EQ(deleted, 1);
}

// Readers borrow what a writer keeps replacing; some turn it into a reference that outlives the
// guard.
TEST(EpochThreadsTest, ReadersNeverSeeWhatIsDeleted) {
  class Node : public RefCounted {
   public:
    explicit Node(std::atomic<int>* alive) : alive_(alive) { alive_->fetch_add(1); }
    ~Node() override {
      value = 0;
      alive_->fetch_sub(1);
    }
    int value = 42;  // not atomic: a race with a deletion is for the sanitizer to find

   private:
    std::atomic<int>* const alive_;
  };
  std::atomic<int> alive{0};
  std::atomic<Node*> current{new Node(&alive)};
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!done.load()) {
        RefPtr<Node> kept;
        {
          const EpochGuard guard;
          Node* const node = current.load(std::memory_order_acquire);
          ASSERT_EQ(node->value, 42);
          if (node->TryRef()) kept = RefPtr<Node>::Adopt(node);
        }
        if (kept) {
          ASSERT_EQ(kept->value, 42);
        }
      }
    });
  }
  for (int i = 0; i < 20000; ++i) {
    current.exchange(new Node(&alive), std::memory_order_seq_cst)->Unref();
  }
  done.store(true);
  for (std::thread& reader : readers) reader.join();
  current.load()->Unref();
  EpochDrain();
  EXPECT_EQ(alive, 0);
}

TEST(EpochThreadsTest, ManyThreadsRetireAndDrain) {
  std::atomic<int> deleted{0};
  constexpr int kThreads = 4;
  constexpr int kObjects = 3000;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      std::atomic<int> own{0};
      for (int i = 0; i < kObjects; ++i) {
        EpochRetire(new Counted(&deleted));
        EpochCollect();
        if (i % 100 != 0) continue;
        // Its counter is on this thread's stack: nobody may delete it after the drain.
        EpochRetire(new Counted(&own));
        EpochDrain();
        ASSERT_EQ(own.exchange(0), 1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EpochDrain();
  EXPECT_EQ(deleted, kThreads * kObjects);
}

}  // namespace
}  // namespace lsm
