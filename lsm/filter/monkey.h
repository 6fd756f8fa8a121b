// How many filter bits a key gets in each run (Dayan, Athanassoulis, Idreos, "Monkey", SIGMOD
// 2017).
//
// A lookup of an absent key costs the sum of the runs' false positive rates. For a given total of
// bits that sum is least when each run's rate is proportional to its number of keys: small runs get
// more bits a key, the largest fewer, down to none.
//
// The rate of a filter of b bits a key is taken as e^(-kFilterRateExponent b). For a plain Bloom
// filter the exponent is ln^2 2 = 0.48; for the blocked filter of bloom.h it falls from 0.49 at 2
// bits to 0.36 at 20, 0.42 on the average.

#ifndef LSM_FILTER_MONKEY_H_
#define LSM_FILTER_MONKEY_H_

#include <cstdint>
#include <span>
#include <vector>

namespace lsm {

inline constexpr double kMaxFilterBits = 24;
inline constexpr double kFilterRateExponent = 0.42;

// Bits a key for each run, so that their average over all keys is `average_bits_per_key` (within
// what the cap of kMaxFilterBits allows). A run of 0 keys gets the cap. An average of 0 gives 0 to
// all. Pure.
std::vector<double> MonkeyFilterBits(std::span<const uint64_t> run_key_counts,
                                     double average_bits_per_key);

}  // namespace lsm

#endif  // LSM_FILTER_MONKEY_H_
