// Random numbers of a benchmark: fast, and the same for the same seed everywhere.

#ifndef LSM_TOOLS_CLI_RANDOM_H_
#define LSM_TOOLS_CLI_RANDOM_H_

#include <cstdint>

namespace lsm::cli {

// A bijection of 64 bits that scatters neighbours (the finisher of SplitMix64: Steele, Lea, Flood,
// "Fast splittable pseudorandom number generators", OOPSLA 2014).
constexpr uint64_t Scatter(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() { return Scatter(state_ += 0x9e3779b97f4a7c15); }
  // In [0, n). REQUIRES: n > 0. The bias is below n / 2^64.
  uint64_t Below(uint64_t n) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * n) >> 64);
  }
  // In [0, 1).
  double Unit() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

 private:
  uint64_t state_;
};

}  // namespace lsm::cli

#endif  // LSM_TOOLS_CLI_RANDOM_H_
