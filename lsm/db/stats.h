// Counters of a database, striped so that threads do not share cache lines, and sampled latencies.

#ifndef LSM_DB_STATS_H_
#define LSM_DB_STATS_H_

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace lsm {

enum class Counter : uint8_t {
  kPuts,
  kDeletes,
  kRangeDeletes,
  kGets,
  kGetHits,
  kScans,
  kWriteGroups,
  kLogSyncs,
  kUserBytesWritten,  // keys and values
  kLogBytes,
  kFlushes,
  kFlushBytes,
  kCompactions,
  kTrivialMoves,
  kCompactionBytesRead,
  kCompactionBytesWritten,
  kStallMicros,
  kStalls,
  kCount,
};

enum class Timed : uint8_t { kGet, kWrite, kFlush, kCompaction, kCount };

class Stats {
 public:
  void Add(Counter counter, uint64_t amount = 1) {
    Mine().counters[static_cast<size_t>(counter)].fetch_add(amount, std::memory_order_relaxed);
  }
  // For the one thread at a time that leads writes: no locked instruction.
  void AddSerial(Counter counter, uint64_t amount = 1) {
    std::atomic<uint64_t>& cell = stripes_[kStripes].counters[static_cast<size_t>(counter)];
    cell.store(cell.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  uint64_t Get(Counter counter) const {
    uint64_t total = 0;
    for (const Stripe& stripe : stripes_) {
      total += stripe.counters[static_cast<size_t>(counter)].load(std::memory_order_relaxed);
    }
    return total;
  }

  // One call in this many is timed where timing each would cost more than the call.
  static constexpr uint64_t kSampleEvery = 256;

  void AddLatency(Timed what, uint64_t micros) {
    Mine().latencies[static_cast<size_t>(what)][Bucket(micros)].fetch_add(
        1, std::memory_order_relaxed);
  }
  // An upper bound of the latency, in microseconds, that `quantile` of the samples stay below;
  // within a factor of 1.25. 0 where there is no sample.
  uint64_t Latency(Timed what, double quantile) const;
  uint64_t Samples(Timed what) const;

 private:
  static constexpr size_t kStripes = 16;
  // Four buckets an octave.
  static constexpr size_t kBuckets = 160;

  struct alignas(64) Stripe {
    std::array<std::atomic<uint64_t>, static_cast<size_t>(Counter::kCount)> counters{};
    std::array<std::array<std::atomic<uint64_t>, kBuckets>, static_cast<size_t>(Timed::kCount)>
        latencies{};
  };

  static size_t Bucket(uint64_t micros) {
    if (micros < 4) return static_cast<size_t>(micros);
    const auto octave = static_cast<size_t>(std::bit_width(micros)) - 1;
    const size_t bucket = 4 * (octave - 1) + (micros >> (octave - 2) & 3);
    return bucket < kBuckets ? bucket : kBuckets - 1;
  }
  static uint64_t BucketEnd(size_t bucket) {
    if (bucket < 4) return bucket + 1;
    return (uint64_t{4} + bucket % 4 + 1) << (bucket / 4 - 1);
  }

  Stripe& Mine() {
    static std::atomic<size_t> next_thread{0};
    static thread_local const size_t index =
        next_thread.fetch_add(1, std::memory_order_relaxed) % kStripes;
    return stripes_[index];
  }

  std::array<Stripe, kStripes + 1> stripes_;  // the last is the write leader's
};

}  // namespace lsm

#endif  // LSM_DB_STATS_H_
