#include "lsm/memtable/tombstone_list.h"

#include <algorithm>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "lsm/base/epoch.h"
#include "lsm/base/limits.h"
#include "lsm/base/write_batch.h"

namespace lsm {

struct TombstoneList::Record {
  // Stands for InfiniteKey(), whose bytes are not stored.
  static constexpr uint32_t kInfinite = UINT32_MAX;
  static constexpr uint64_t kBytesOffset = 20;

  SequenceNumber sequence;
  ArenaOffset older;
  uint32_t begin_size;
  uint32_t end_size;

  char* bytes() { return reinterpret_cast<char*>(this) + kBytesOffset; }
};

// A stretch of the list.
struct TombstoneList::Run {
  uint64_t count;
  FragmentedRangeTombstones tombstones;
};

struct TombstoneList::Index : Retirable {
  std::vector<std::shared_ptr<const Run>> runs;  // oldest first
  uint64_t count = 0;                            // of the records in them
  ArenaOffset newest = 0;                        // the newest of those
};

TombstoneList::TombstoneList(Arena* arena) : arena_(arena), index_(new Index) {}

TombstoneList::~TombstoneList() { delete index_.load(std::memory_order_relaxed); }

void TombstoneList::Add(std::string_view begin, std::string_view end, SequenceNumber sequence) {
  static_assert(Record::kBytesOffset + Arena::kUnit - 1 == kRecordOverhead);
  const bool infinite = IsInfiniteKey(end);
  if (infinite) end = {};
  const ArenaOffset at = arena_->AllocateEntry(Record::kBytesOffset + begin.size() + end.size());
  Record* record = new (arena_->At(at)) Record;
  record->sequence = sequence;
  record->older = head_.load(std::memory_order_relaxed);
  record->begin_size = static_cast<uint32_t>(begin.size());
  record->end_size = infinite ? Record::kInfinite : static_cast<uint32_t>(end.size());
  begin.copy(record->bytes(), begin.size());
  end.copy(record->bytes() + begin.size(), end.size());
  count_.store(count_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  SchedulePoint();
  head_.store(at, std::memory_order_release);
}

RangeTombstone TombstoneList::TombstoneAt(ArenaOffset at) const {
  Record* record = reinterpret_cast<Record*>(arena_->At(at));
  const char* bytes = record->bytes();
  const std::string_view begin(bytes, record->begin_size);
  const std::string_view end = record->end_size == Record::kInfinite
                                   ? InfiniteKey()
                                   : std::string_view(bytes + begin.size(), record->end_size);
  return {begin, end, record->sequence};
}

ArenaOffset TombstoneList::OlderThan(ArenaOffset at) const {
  return reinterpret_cast<const Record*>(arena_->At(at))->older;
}

SequenceNumber TombstoneList::CoveringSequenceSlow(std::string_view key,
                                                   SequenceNumber snapshot) const {
  EpochGuard guard;
  const Index* index = index_.load(std::memory_order_acquire);
  if (count() - index->count > kMaxTail) {
    ExtendIndex();
    index = index_.load(std::memory_order_acquire);
  }
  SchedulePoint();
  SequenceNumber covering = 0;
  // Loaded after the index, so the index is not ahead of it.
  for (ArenaOffset at = head_.load(std::memory_order_acquire); at != index->newest;
       at = OlderThan(at)) {
    const RangeTombstone tombstone = TombstoneAt(at);
    if (tombstone.sequence <= snapshot && tombstone.begin <= key && key < tombstone.end) {
      covering = std::max(covering, tombstone.sequence);
    }
  }
  for (const auto& run : index->runs) {
    covering = std::max(covering, run->tombstones.CoveringSequence(key, snapshot));
  }
  return covering;
}

// That a clean-up lets go of the mutex is more than clang's analysis can follow.
void TombstoneList::ExtendIndex() const ABSL_NO_THREAD_SAFETY_ANALYSIS {
  if (!extending_.TryLock()) return;
  // Also where memory runs out.
  const absl::Cleanup unlock = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { extending_.Unlock(); };
  const Index* old = index_.load(std::memory_order_relaxed);
  auto index = std::make_unique<Index>();
  index->newest = head_.load(std::memory_order_acquire);
  index->runs = old->runs;

  std::vector<RangeTombstone> stretch;
  ArenaOffset at = index->newest;
  for (; at != old->newest; at = OlderThan(at)) stretch.push_back(TombstoneAt(at));
  index->count = old->count + stretch.size();
  uint64_t count = stretch.size();
  while (!index->runs.empty() && index->runs.back()->count <= 2 * count) {
    count += index->runs.back()->count;
    index->runs.pop_back();
  }
  for (; stretch.size() < count; at = OlderThan(at)) stretch.push_back(TombstoneAt(at));
  if (count > 0) {
    index->runs.push_back(
        std::make_shared<const Run>(Run{count, FragmentedRangeTombstones(stretch)}));
  }

  index_.store(index.release(), std::memory_order_release);
  EpochRetire(const_cast<Index*>(old));
}

}  // namespace lsm
