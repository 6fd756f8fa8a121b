#include "lsm/filter/monkey.h"

#include <algorithm>
#include <cmath>

namespace lsm {

namespace {

// A rate of e^-level a key: the run's rate is that times its keys, but at most 1 (no bits).
double BitsAt(double level, uint64_t key_count) {
  const double log_rate = level - std::log(static_cast<double>(key_count));
  return std::clamp(log_rate / kFilterRateExponent, 0.0, kMaxFilterBits);
}

}  // namespace

std::vector<double> MonkeyFilterBits(std::span<const uint64_t> run_key_counts,
                                     double average_bits_per_key) {
  std::vector<double> bits(run_key_counts.size(), 0.0);
  if (average_bits_per_key <= 0) return bits;

  double keys = 0;
  double highest = 0;
  for (const uint64_t count : run_key_counts) {
    keys += static_cast<double>(count);
    if (count > 0) highest = std::max(highest, std::log(static_cast<double>(count)));
  }
  // The total grows with the level, from nothing at `low` to the cap everywhere at `high`.
  double low = 0;
  double high = highest + kFilterRateExponent * kMaxFilterBits;
  constexpr int kHalvings = 64;
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = (low + high) / 2;
    double total = 0;
    for (const uint64_t count : run_key_counts) {
      if (count > 0) total += static_cast<double>(count) * BitsAt(middle, count);
    }
    (total < average_bits_per_key * keys ? low : high) = middle;
  }
  for (size_t i = 0; i < bits.size(); ++i) {
    bits[i] = run_key_counts[i] == 0 ? kMaxFilterBits : BitsAt(high, run_key_counts[i]);
  }
  return bits;
}

}  // namespace lsm
