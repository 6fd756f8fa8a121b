// Latencies of many operations in little memory: a histogram whose buckets are at most a 64th of
// their value wide (as in HdrHistogram), and the exact maximum.

#ifndef LSM_TOOLS_CLI_LATENCY_H_
#define LSM_TOOLS_CLI_LATENCY_H_

#include <array>
#include <cstdint>

namespace lsm::cli {

class LatencyHistogram {
 public:
  void Record(uint64_t nanos, uint64_t count = 1);
  void Merge(const LatencyHistogram& other);

  uint64_t count() const { return count_; }
  uint64_t max_nanos() const { return max_; }
  // The least latency that at least `quantile` (0 to 1) of the operations did not exceed, up to the
  // bucket's width and never above the maximum; 0 where there are none.
  uint64_t QuantileNanos(double quantile) const;

 private:
  static constexpr uint32_t kSubBits = 6;
  static constexpr uint32_t kSubBuckets = 1u << kSubBits;
  // Values below 2 * kSubBuckets have a bucket each, every doubling above them kSubBuckets.
  static constexpr uint32_t kBuckets = (64 - kSubBits + 1) * kSubBuckets;

  static uint32_t BucketOf(uint64_t nanos);
  // The largest value that falls in the bucket.
  static uint64_t UpperBound(uint32_t bucket);

  std::array<uint64_t, kBuckets> counts_ = {};
  uint64_t count_ = 0;
  uint64_t max_ = 0;
};

}  // namespace lsm::cli

#endif  // LSM_TOOLS_CLI_LATENCY_H_
