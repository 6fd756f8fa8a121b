// WriteQueue: gathers concurrent writers into groups, each committed by its first member, the
// leader.
//
// Writers push themselves on a lock-free stack. Whoever finds it empty leads; the others spin for a
// moment (a commit takes about a microsecond) and then sleep. When a leader is done it wakes its
// group and hands leadership to the first writer that is left over.
//
//        push, stack empty                 previous leader left it first
//   ─────────────────────────► kLeader ◄────────────────────────────────┐
//   push, stack not empty                                               │
//   ─────────────────────────► kWaiting ──spun enough──► kSleeping ─────┤
//                                  └──────────committed by a leader─────┴──► kDone
//
// A writer's memory is its caller's stack: nobody touches it after its state has become kLeader or
// kDone.
//
// Considered and refused: one mutex and a condition variable a writer (LevelDB): two switches
// between threads a write cost several times the write itself here.

#ifndef LSM_DB_WRITE_QUEUE_H_
#define LSM_DB_WRITE_QUEUE_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>

#include "lsm/base/status.h"
#include "lsm/base/sync.h"
#include "lsm/base/write_batch.h"

namespace lsm {

// One call that writes, or that needs to be alone with the write path.
struct Writer {
  // The encoded batch, in pieces.
  std::span<const std::string_view> parts;
  uint64_t bytes = 0;
  uint32_t count = 0;
  bool sync = false;
  // Set for a batch of one, to spare decoding it.
  const WriteOp* single = nullptr;
  // Does not write but wants a group of its own.
  bool alone = false;

  // The answer, set by the leader.
  Status status;

 private:
  friend class WriteQueue;
  friend class WriteGroup;
  enum class State : uint32_t { kWaiting, kSleeping, kLeader, kDone };
  std::atomic<State> state{State::kWaiting};
  Writer* older = nullptr;
  Writer* newer = nullptr;  // the leader's to set and read
};

// Neighbours in the queue, oldest first; the first leads. Linked through the writers themselves: a
// group needs no memory, and is nobody's but its leader's.
class WriteGroup {
 public:
  class Iterator {
   public:
    Iterator(Writer* writer, const Writer* last) : writer_(writer), last_(last) {}
    Writer& operator*() const { return *writer_; }
    Iterator& operator++() {
      writer_ = writer_ == last_ ? nullptr : writer_->newer;
      return *this;
    }
    bool operator==(const Iterator& other) const { return writer_ == other.writer_; }

   private:
    Writer* writer_;
    const Writer* last_;
  };

  Iterator begin() const { return {first_, last_}; }
  Iterator end() const { return {nullptr, last_}; }

 private:
  friend class WriteQueue;
  WriteGroup(Writer* first, Writer* last) : first_(first), last_(last) {}
  Writer* first_;
  Writer* last_;
};

class WriteQueue {
 public:
  // Queues up. True: the caller leads, and calls Group() and Complete(). False: a leader has
  // committed it, writer->status is the answer.
  bool Join(Writer* writer);
  // The writers to commit together. At most `max_bytes`, unless the leader alone has more. One that
  // is to sync first waits a moment for as many as there lately were: those of the last group have
  // just been woken, and to share a sync pays for that.
  WriteGroup Group(Writer* leader, uint64_t max_bytes);
  // Ends the leader's turn; every status of its group is set.
  void Complete(const WriteGroup& group);

 private:
  using State = Writer::State;
  struct alignas(64) ParkingLot {
    Mutex mutex;
    CondVar woken;
  };
  static constexpr size_t kParkingLots = 16;

  ParkingLot& LotOf(const Writer* writer);
  void Await(Writer* writer);
  void AwaitCompany(const Writer* leader) const;
  void Wake(Writer* writer, State state);
  static uint32_t Count(const Writer* newest, const Writer* oldest);
  // Sets the newer links from `newest` back to `oldest`.
  static void LinkNewer(Writer* newest, const Writer* oldest);

  std::atomic<Writer*> newest_{nullptr};
  // The leader's: how many writers there were when the last group ended, its own and those left.
  uint32_t company_ = 1;
  std::array<ParkingLot, kParkingLots> lots_;
};

}  // namespace lsm

#endif  // LSM_DB_WRITE_QUEUE_H_
