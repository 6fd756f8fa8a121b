#include "lsm/db/write_queue.h"

namespace lsm {
namespace {

// About as long as an unsynced commit takes; a synced one takes a hundred times longer. Under a
// scheduler each is a step.
constexpr int kSpins = kScheduled ? 2 : 400;
// Until a leader takes it that nobody comes any more: less than a sync takes, where nobody does.
constexpr int kIdleYields = kScheduled ? 2 : 100;

}  // namespace

bool WriteQueue::Join(Writer* writer) {
  Writer* newest = newest_.load(std::memory_order_relaxed);
  do {
    writer->older = newest;
    SchedulePoint();
  } while (!newest_.compare_exchange_weak(newest, writer, std::memory_order_acq_rel,
                                          std::memory_order_relaxed));
  if (newest == nullptr) return true;
  Await(writer);
  return writer->state.load(std::memory_order_acquire) == State::kLeader;
}

void WriteQueue::Await(Writer* writer) {
  for (int i = 0; i < kSpins; ++i) {
    if (writer->state.load(std::memory_order_acquire) != State::kWaiting) return;
    __builtin_ia32_pause();
    SchedulePoint();
  }
  ParkingLot& lot = LotOf(writer);
  MutexLock lock(&lot.mutex);
  State expected = State::kWaiting;
  if (!writer->state.compare_exchange_strong(expected, State::kSleeping,
                                             std::memory_order_acq_rel)) {
    return;
  }
  while (writer->state.load(std::memory_order_acquire) == State::kSleeping) {
    lot.woken.Wait(&lot.mutex);
  }
}

void WriteQueue::Wake(Writer* writer, State state) {
  ParkingLot& lot = LotOf(writer);
  if (writer->state.exchange(state, std::memory_order_acq_rel) != State::kSleeping) return;
  SchedulePoint();
  // It holds the lot's mutex from going to sleep until it waits: after this it does wait.
  { MutexLock lock(&lot.mutex); }
  lot.woken.SignalAll();
}

WriteQueue::ParkingLot& WriteQueue::LotOf(const Writer* writer) {
  const auto address = reinterpret_cast<uintptr_t>(writer);
  return lots_[(address >> 6 ^ address >> 12) % kParkingLots];
}

void WriteQueue::LinkNewer(Writer* newest, const Writer* oldest) {
  for (Writer* writer = newest; writer != oldest; writer = writer->older) {
    writer->older->newer = writer;
  }
}

uint32_t WriteQueue::Count(const Writer* newest, const Writer* oldest) {
  uint32_t count = 1;
  for (const Writer* writer = newest; writer != oldest; writer = writer->older) ++count;
  return count;
}

void WriteQueue::AwaitCompany(const Writer* leader) const {
  uint32_t seen = 0;
  for (int idle = 0; idle < kIdleYields; ++idle) {
    const uint32_t count = Count(newest_.load(std::memory_order_acquire), leader);
    if (count >= company_) return;
    if (count > seen) idle = 0;
    seen = count;
    Yield();
  }
}

WriteGroup WriteQueue::Group(Writer* leader, uint64_t max_bytes) {
  if (leader->sync && company_ > 1) AwaitCompany(leader);
  Writer* const newest = newest_.load(std::memory_order_acquire);
  LinkNewer(newest, leader);
  Writer* last = leader;
  if (leader->alone) return {leader, last};
  uint64_t bytes = leader->bytes;
  while (last != newest) {
    Writer* const next = last->newer;
    bytes += next->bytes;
    if (next->alone || bytes > max_bytes) break;
    last = next;
  }
  return {leader, last};
}

void WriteQueue::Complete(const WriteGroup& group) {
  Writer* const last = group.last_;
  Writer* expected = last;
  Writer* next_leader = nullptr;
  company_ = Count(last, group.first_);
  SchedulePoint();
  // From here on others may lead where nobody was left over: only the group itself is ours.
  if (!newest_.compare_exchange_strong(expected, nullptr, std::memory_order_acq_rel,
                                       std::memory_order_acquire)) {
    LinkNewer(expected, last);
    next_leader = last->newer;
    company_ += Count(expected, next_leader);
    next_leader->older = nullptr;
  }
  SchedulePoint();
  Writer* member = group.first_;
  while (member != last) {
    // The first one is the caller. The others end when they are woken, so the link is read before.
    Writer* const newer = member->newer;
    if (member != group.first_) Wake(member, State::kDone);
    member = newer;
  }
  if (last != group.first_) Wake(last, State::kDone);
  if (next_leader != nullptr) Wake(next_leader, State::kLeader);
}

}  // namespace lsm
