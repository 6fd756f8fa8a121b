#include "lsm/db/write_queue.h"

#include <atomic>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace lsm {
namespace {

size_t SizeOf(const WriteGroup& group) {
  size_t size = 0;
  for ([[maybe_unused]] const Writer& member : group) ++size;
  return size;
}

TEST(WriteQueueTest, AWriterByItselfLeadsAGroupOfOne) {
  static WriteQueue queue;  // gcc's sanitizer does not align it on the stack
  for (int i = 0; i < 3; ++i) {
    Writer writer;
    writer.bytes = 1'000'000;
    ASSERT_TRUE(queue.Join(&writer));
    const auto group = queue.Group(&writer, 10);
    ASSERT_EQ(SizeOf(group), 1u);
    EXPECT_EQ(&*group.begin(), &writer);
    queue.Complete(group);
  }
}

// Waits until `count` writers more than the leader stand in the queue.
size_t GroupSizeOnceJoined(WriteQueue* queue, Writer* leader, size_t count) {
  size_t size = 0;
  while (size < count + 1) {
    std::this_thread::yield();
    size = SizeOf(queue->Group(leader, UINT64_MAX));
  }
  return size;
}

TEST(WriteQueueTest, GroupsEndAtTheirBytesAndBeforeWhoWantsToBeAlone) {
  for (const bool alone : {false, true}) {
    static WriteQueue queue;  // gcc's sanitizer does not align it on the stack
    Writer leader;
    leader.bytes = 10;
    ASSERT_TRUE(queue.Join(&leader));
    std::vector<std::thread> threads;
    std::atomic<int> led{0};
    std::atomic<int> followed{0};
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] {
        Writer writer;
        writer.bytes = 10;
        if (!queue.Join(&writer)) {
          EXPECT_TRUE(writer.status.Is(Code::kAborted)) << "the leader's answer";
          ++followed;
          return;
        }
        ++led;
        const WriteGroup group = queue.Group(&writer, 20);
        for (Writer& member : group) member.status = Status(Code::kAborted);
        queue.Complete(group);
      });
      GroupSizeOnceJoined(&queue, &leader, static_cast<size_t>(i) + 1);
    }
    std::thread loner;
    if (alone) {
      // Stands behind the three; nobody may take it along.
      loner = std::thread([&] {
        Writer writer;
        writer.alone = true;
        ASSERT_TRUE(queue.Join(&writer));
        const WriteGroup group = queue.Group(&writer, UINT64_MAX);
        EXPECT_EQ(SizeOf(group), 1u);
        queue.Complete(group);
      });
    }
    EXPECT_EQ(SizeOf(queue.Group(&leader, 5)), 1u) << "the leader goes whatever it has";
    EXPECT_EQ(SizeOf(queue.Group(&leader, 29)), 2u);
    const WriteGroup group = queue.Group(&leader, 20);
    ASSERT_EQ(SizeOf(group), 2u);
    EXPECT_EQ(&*group.begin(), &leader);
    for (Writer& member : group) member.status = Status(Code::kAborted);
    queue.Complete(group);
    for (std::thread& thread : threads) thread.join();
    if (alone) loner.join();
    EXPECT_EQ(led, 1);
    EXPECT_EQ(followed, 2);
  }
}

// Leaders are alone, every writer is committed exactly once, and each thread's own come in order.
TEST(WriteQueueTest, EveryWriterIsCommittedOnceAndInOrder) {
  constexpr int kThreads = 6;
  constexpr uint32_t kWrites = 4000;
  static WriteQueue queue;          // gcc's sanitizer does not align it on the stack
  uint32_t last_of[kThreads] = {};  // the leader's, unguarded on purpose: a sanitizer would see two
  uint64_t committed = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (uint32_t i = 1; i <= kWrites; ++i) {
        Writer writer;
        // Who and which, where the queue does not look.
        writer.count = i * kThreads + static_cast<uint32_t>(t);
        writer.bytes = i % 7;
        writer.sync = i % 3 == 0;
        writer.alone = i % 50 == 0;
        if (!queue.Join(&writer)) {
          ASSERT_TRUE(writer.status.Is(Code::kEnd));
          continue;
        }
        const WriteGroup group = queue.Group(&writer, 20);
        EXPECT_EQ(&*group.begin(), &writer);
        for (Writer& member : group) {
          EXPECT_TRUE(!member.alone || SizeOf(group) == 1);
          uint32_t& last = last_of[member.count % kThreads];
          EXPECT_EQ(member.count / kThreads, last + 1);
          ++last;
          ++committed;
          member.status = Status(Code::kEnd);
        }
        queue.Complete(group);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(committed, uint64_t{kThreads} * kWrites);
}

}  // namespace
}  // namespace lsm
