#include "lsm/db/stats.h"

namespace lsm {

uint64_t Stats::Samples(Timed what) const {
  uint64_t total = 0;
  for (const Stripe& stripe : stripes_) {
    for (const auto& bucket : stripe.latencies[static_cast<size_t>(what)]) {
      total += bucket.load(std::memory_order_relaxed);
    }
  }
  return total;
}

uint64_t Stats::Latency(Timed what, double quantile) const {
  const auto wanted = static_cast<double>(Samples(what)) * quantile;
  if (wanted == 0) return 0;
  uint64_t seen = 0;
  for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
    for (const Stripe& stripe : stripes_) {
      seen += stripe.latencies[static_cast<size_t>(what)][bucket].load(std::memory_order_relaxed);
    }
    if (static_cast<double>(seen) >= wanted) return BucketEnd(bucket);
  }
  return BucketEnd(kBuckets - 1);
}

}  // namespace lsm
