#include "lsm/cache/block_cache.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <new>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "lsm/base/check.h"
#include "lsm/base/limits.h"
#include "lsm/base/sync.h"

namespace lsm {

namespace {

// A slot: tag:16 address:44 flags:4. Blocks are aligned to 16 and user addresses take 47 bits. The
// tag's lowest bit is set, so no tag matches a slot without a block.
constexpr uint64_t kEmpty = 0;
constexpr uint64_t kMarked = 1;
constexpr uint64_t kErased = 2;
constexpr uint64_t kAddressMask = (uint64_t{1} << 48) - 16;
constexpr int kTagShift = 48;

MemoryBlock* BlockOf(uint64_t word) { return reinterpret_cast<MemoryBlock*>(word & kAddressMask); }

// The upper half of a tag, the same for all blocks of a table.
uint64_t TableTag(uint64_t table_number) { return table_number * 0x9e3779b97f4a7c15u >> 56; }

constexpr uint64_t kMaxShards = 32;
constexpr uint64_t kMinShardCapacity = 8 * kMiB;
constexpr uint64_t kMinSlots = 16;

constexpr uint32_t kStripes = 64;
std::atomic<uint32_t> next_stripe{0};
constinit thread_local uint32_t thread_stripe __attribute__((tls_model("initial-exec"))) =
    UINT32_MAX;

uint32_t Stripe() {
  if (thread_stripe == UINT32_MAX) [[unlikely]] {
    thread_stripe = next_stripe.fetch_add(1, std::memory_order_relaxed) % kStripes;
  }
  return thread_stripe;
}

}  // namespace

RefPtr<MemoryBlock> MemoryBlock::Allocate(uint64_t size) {
  static_assert(sizeof(MemoryBlock) == 64 && alignof(std::max_align_t) == 16);
  if (size > SIZE_MAX - sizeof(MemoryBlock)) return nullptr;
  void* memory = std::malloc(sizeof(MemoryBlock) + size);
  if (memory == nullptr) return nullptr;
  return RefPtr<MemoryBlock>::Adopt(new (memory) MemoryBlock(size));
}

void MemoryBlock::operator delete(void* memory) { std::free(memory); }

// The slots follow the object. Fewer than all of them are ever in use, so every probe ends.
class alignas(64) BlockCache::SlotArray final : public Retirable {
 public:
  // Null where memory is out. `slots` is a power of two.
  static SlotArray* Allocate(uint64_t slots) {
    void* memory = ::operator new (sizeof(SlotArray) + slots * sizeof(std::atomic<uint64_t>),
                                   std::align_val_t{alignof(SlotArray)}, std::nothrow);
    return memory == nullptr ? nullptr : new (memory) SlotArray(slots);
  }
  static void operator delete(void* memory) {
    ::operator delete (memory, std::align_val_t{alignof(SlotArray)});
  }
  ~SlotArray() override = default;

  uint64_t mask() const { return mask_; }
  std::atomic<uint64_t>& operator[](uint64_t i) {
    return reinterpret_cast<std::atomic<uint64_t>*>(this + 1)[i];
  }

 private:
  explicit SlotArray(uint64_t slots) : mask_(slots - 1) {
    for (uint64_t i = 0; i < slots; ++i) new (&(*this)[i]) std::atomic<uint64_t>(kEmpty);
  }

  uint64_t mask_;
};

// What a call took out of the cache, let go when it holds the mutex no longer.
struct BlockCache::Dropped {
  ~Dropped() {
    while (blocks != nullptr) std::exchange(blocks, blocks->next_dropped_)->Unref();
    if (slots != nullptr) EpochRetire(slots);
  }

  MemoryBlock* blocks = nullptr;
  SlotArray* slots = nullptr;
};

struct BlockCache::Shard {
  // Sees to it that one more slot may be used and at least half stay empty. False where memory is
  // out.
  bool MakeRoom(Dropped* dropped) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  // CLOCK: the hand takes the first block that was not looked up since it passed last; after a
  // whole turn any block, so that readers cannot keep it going. REQUIRES: there is a block.
  void EvictOne(Dropped* dropped) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  // Takes the block out of slot `index`.
  void Remove(uint64_t index, Dropped* dropped) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  void SetUsage(uint64_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    usage.store(bytes, std::memory_order_relaxed);
  }

  // Alone on its line: readers load it, and only a replacement of the array writes it.
  alignas(64) std::atomic<SlotArray*> slots{nullptr};

  alignas(64) Mutex mutex;
  uint64_t used ABSL_GUARDED_BY(mutex) = 0;
  uint64_t erased ABSL_GUARDED_BY(mutex) = 0;
  uint64_t hand ABSL_GUARDED_BY(mutex) = 0;
  std::atomic<uint64_t> usage{0};  // written under the mutex
};

struct alignas(64) BlockCache::Counters {
  std::atomic<uint64_t> hits{0};
  std::atomic<uint64_t> misses{0};
};

struct BlockCache::Place {
  uint64_t shard;
  uint64_t slot;  // to be masked
  uint64_t tag;
};

BlockCache::Place BlockCache::PlaceOf(Key key, uint64_t shard_count) {
  uint64_t hash = (key.table_number * 0x9e3779b97f4a7c15u ^ key.offset) * 0xd6e8feb86659fd93u;
  hash = (hash ^ hash >> 32) * 0xff51afd7ed558ccdu;
  return {.shard = hash >> 59 & (shard_count - 1),
          .slot = hash >> 20,
          .tag = TableTag(key.table_number) << 8 | (hash >> 51 & 0xfe) | 1};
}

bool BlockCache::Holds(uint64_t word, const Place& place, Key key) {
  if (word >> kTagShift != place.tag) return false;
  const MemoryBlock* block = BlockOf(word);
  return block->table_number_ == key.table_number && block->offset_ == key.offset;
}

BlockCache::BlockCache(uint64_t capacity)
    : capacity_(capacity),
      shard_count_(
          std::bit_floor(std::clamp<uint64_t>(capacity / kMinShardCapacity, 1, kMaxShards))),
      shard_capacity_(capacity / shard_count_),
      shards_(new Shard[shard_count_]),
      counters_(new Counters[kStripes]) {}

BlockCache::~BlockCache() {
  for (uint64_t i = 0; i < shard_count_; ++i) {
    SlotArray* slots = shards_[i].slots.load();
    if (slots == nullptr) continue;
    for (uint64_t j = 0; j <= slots->mask(); ++j) {
      MemoryBlock* block = BlockOf((*slots)[j].load());
      if (block != nullptr) block->Unref();
    }
    delete slots;
  }
}

// Loads and stores of `slots` and of its words are sequentially consistent where readers and
// reclaimers meet, as epoch.h asks for; on x86 such a load is a plain one.
const MemoryBlock* BlockCache::Lookup(Key key) {
  const Place place = PlaceOf(key, shard_count_);
  Counters& counters = counters_[Stripe()];
  const auto count = [](std::atomic<uint64_t>& counter) {
    // Not an atomic increment: a stripe has one writer, but for a great many threads.
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  };

  SlotArray* slots = shards_[place.shard].slots.load();
  SchedulePoint();
  if (slots != nullptr) {
    for (uint64_t i = place.slot & slots->mask();; i = (i + 1) & slots->mask()) {
      uint64_t word = (*slots)[i].load();
      if (word == kEmpty) break;
      SchedulePoint();
      if (!Holds(word, place, key)) continue;
      const MemoryBlock* block = BlockOf(word);
      // Fails, and then `word` is another, where the slot changes meanwhile: the mark is of no use
      // there.
      if ((word & kMarked) == 0) (*slots)[i].compare_exchange_strong(word, word | kMarked);
      count(counters.hits);
      return block;
    }
  }
  count(counters.misses);
  return nullptr;
}

void BlockCache::Insert(Key key, const RefPtr<MemoryBlock>& block) {
  const uint64_t charge = block->charge();
  if (charge > shard_capacity_) return;
  const Place place = PlaceOf(key, shard_count_);
  Shard& shard = shards_[place.shard];
  Dropped dropped;
  MutexLock lock(&shard.mutex);
  if (!shard.MakeRoom(&dropped)) return;

  SlotArray& slots = *shard.slots.load();
  const uint64_t first = place.slot & slots.mask();
  uint64_t i = first;
  for (uint64_t word; (word = slots[i].load()) != kEmpty; i = (i + 1) & slots.mask()) {
    if (Holds(word, place, key)) return;
  }
  while (shard.usage.load(std::memory_order_relaxed) + charge > shard_capacity_) {
    shard.EvictOne(&dropped);
  }
  // Only now, because an eviction may have emptied slots.
  for (i = first; BlockOf(slots[i].load()) != nullptr; i = (i + 1) & slots.mask()) {
  }

  MemoryBlock* object = block.get();
  object->table_number_ = key.table_number;
  object->offset_ = key.offset;
  object->AllowBorrowing();
  object->Ref();
  const auto address = reinterpret_cast<uint64_t>(object);
  LSM_DCHECK((address & ~kAddressMask) == 0);
  if (slots[i].load() == kErased) --shard.erased;
  ++shard.used;
  shard.SetUsage(shard.usage.load(std::memory_order_relaxed) + charge);
  slots[i].store(place.tag << kTagShift | address);
}

void BlockCache::EraseTable(uint64_t table_number) {
  for (uint64_t i = 0; i < shard_count_; ++i) {
    Shard& shard = shards_[i];
    Dropped dropped;
    MutexLock lock(&shard.mutex);
    SlotArray* slots = shard.slots.load();
    if (slots == nullptr) continue;
    for (uint64_t j = 0; j <= slots->mask(); ++j) {
      const uint64_t word = (*slots)[j].load();
      if (BlockOf(word) == nullptr || word >> 56 != TableTag(table_number)) continue;
      if (BlockOf(word)->table_number_ == table_number) shard.Remove(j, &dropped);
    }
  }
}

bool BlockCache::Shard::MakeRoom(Dropped* dropped) {
  SlotArray* old = slots.load();
  if (old != nullptr && 2 * (used + erased + 1) <= old->mask() + 1) return true;
  SlotArray* replacement = SlotArray::Allocate(std::bit_ceil(std::max(kMinSlots, 3 * (used + 1))));
  if (replacement == nullptr) return false;
  for (uint64_t i = 0; old != nullptr && i <= old->mask(); ++i) {
    const uint64_t word = (*old)[i].load();
    const MemoryBlock* block = BlockOf(word);
    if (block == nullptr) continue;
    uint64_t target = PlaceOf({block->table_number_, block->offset_}, 1).slot & replacement->mask();
    while ((*replacement)[target].load() != kEmpty) target = (target + 1) & replacement->mask();
    (*replacement)[target].store(word, std::memory_order_relaxed);
  }
  slots.store(replacement);
  erased = 0;
  hand = 0;
  dropped->slots = old;
  return true;
}

void BlockCache::Shard::EvictOne(Dropped* dropped) {
  SlotArray& array = *slots.load();
  for (uint64_t steps = 0;; ++steps) {
    const uint64_t i = hand;
    hand = (i + 1) & array.mask();
    const uint64_t word = array[i].load();
    if (BlockOf(word) == nullptr) continue;
    if ((word & kMarked) == 0 || steps > array.mask()) return Remove(i, dropped);
    array[i].fetch_and(~kMarked, std::memory_order_relaxed);
  }
}

// An erased slot keeps probes going. No probe goes on beyond an empty slot, so before one the slot,
// and the erased ones before it, may be empty too.
void BlockCache::Shard::Remove(uint64_t index, Dropped* dropped) {
  SlotArray& array = *slots.load();
  MemoryBlock* block = BlockOf(array[index].load());
  array[index].store(kErased);
  ++erased;
  if (array[(index + 1) & array.mask()].load() == kEmpty) {
    for (uint64_t i = index; array[i].load() == kErased; i = (i - 1) & array.mask()) {
      array[i].store(kEmpty);
      --erased;
    }
  }
  --used;
  SetUsage(usage.load(std::memory_order_relaxed) - block->charge());
  block->next_dropped_ = dropped->blocks;
  dropped->blocks = block;
}

uint64_t BlockCache::usage() const {
  uint64_t usage = 0;
  for (uint64_t i = 0; i < shard_count_; ++i) {
    usage += shards_[i].usage.load(std::memory_order_relaxed);
  }
  return usage;
}

uint64_t BlockCache::hits() const {
  uint64_t hits = 0;
  for (uint32_t i = 0; i < kStripes; ++i) {
    hits += counters_[i].hits.load(std::memory_order_relaxed);
  }
  return hits;
}

uint64_t BlockCache::misses() const {
  uint64_t misses = 0;
  for (uint32_t i = 0; i < kStripes; ++i) {
    misses += counters_[i].misses.load(std::memory_order_relaxed);
  }
  return misses;
}

}  // namespace lsm
