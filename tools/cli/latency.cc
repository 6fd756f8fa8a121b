#include "tools/cli/latency.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace lsm::cli {

uint32_t LatencyHistogram::BucketOf(uint64_t nanos) {
  const auto width = static_cast<uint32_t>(std::bit_width(nanos));
  if (width <= kSubBits + 1) return static_cast<uint32_t>(nanos);
  const uint32_t shift = width - (kSubBits + 1);
  return shift * kSubBuckets + static_cast<uint32_t>(nanos >> shift);
}

uint64_t LatencyHistogram::UpperBound(uint32_t bucket) {
  if (bucket < 2 * kSubBuckets) return bucket;
  const uint32_t shift = bucket / kSubBuckets - 1;
  const uint64_t mantissa = kSubBuckets + bucket % kSubBuckets;
  return (mantissa << shift) + ((uint64_t{1} << shift) - 1);
}

void LatencyHistogram::Record(uint64_t nanos, uint64_t count) {
  counts_[BucketOf(nanos)] += count;
  count_ += count;
  max_ = std::max(max_, nanos);
}

void LatencyHistogram::Merge(const LatencyHistogram& other) {
  for (uint32_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

uint64_t LatencyHistogram::QuantileNanos(double quantile) const {
  if (count_ == 0) return 0;
  const double wanted = std::ceil(quantile * static_cast<double>(count_));
  const uint64_t rank = std::clamp<uint64_t>(static_cast<uint64_t>(wanted), 1, count_);
  uint64_t seen = 0;
  for (uint32_t i = 0; i < kBuckets; ++i) {
    seen += counts_[i];
    if (seen >= rank) return std::min(UpperBound(i), max_);
  }
  return max_;
}

}  // namespace lsm::cli
