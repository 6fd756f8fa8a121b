// Cache-line-blocked Bloom filter (Putze, Sanders, Singler, "Cache-, hash- and space-efficient
// Bloom filters", 2007): a key sets and tests bits of one 64-byte line only, so a probe costs one
// cache miss.
//
//   filter := line[line_count] trailer          line: 64 bytes, aligned to 64 in the file
//   trailer := line_count:4 probes:4            8 bytes
//
// A line is eight little-endian words of 64 bits. The line and the bits in it follow from
// h = HashKey(key) alone, so one hash serves all filters of a get:
//
//   line              = (h >> 32) * line_count >> 32
//   first             = h * 0x9e3779b97f4a7c15                     (mod 2^64)
//   second            = (first ^ first >> 32) * 0xd6e8feb86659fd93 (mod 2^64)
//   bits i, 7 + i     = bits [9 i, 9 i + 9) of first and of second, for i < 7
//
// and bit b of a line is bit b % 64 of its word b / 64. Part of the table format: builder and
// prober never change within a format version.
//
// No lines and no probes: a filter that holds everything. Else 1 <= probes <= 14; the builder takes
// the number that gives the least rate of false positives in lines of 512 bits (an exact model of
// the line chose it, measurement confirms it within noise):
//
//   bits a key           1     2     4     6     8    10    12    14     16     20      24
//   probes               1     1     3     4     5     6     8     9      9     11      12
//   false positives, %  63    39  14.8   5.8  2.32  0.96  0.41  0.18  0.084  0.020  0.0052
//
// A filter that is not blocked would give 0.82 % at 10 bits: the price of one cache miss instead of
// six.

#ifndef LSM_FILTER_BLOOM_H_
#define LSM_FILTER_BLOOM_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lsm/base/coding.h"

namespace lsm {

class BloomBuilder {
 public:
  // `bits_per_key` from 0 (an empty filter, which holds everything) to 64.
  explicit BloomBuilder(double bits_per_key);

  void Add(uint64_t key_hash) { hashes_.push_back(key_hash); }
  size_t key_count() const { return hashes_.size(); }
  // What Finish() will return, in bytes.
  uint64_t size() const;
  // The filter's bytes; the builder is then empty again. Without a key the filter holds nothing,
  // unless bits_per_key is 0.
  std::string Finish();

 private:
  uint32_t LineCount() const;

  double bits_per_key_;
  std::vector<uint64_t> hashes_;
};

// Reads a filter in place. The bytes outlive it; they were checked against their sum, but nothing
// they say is believed beyond their size.
class BloomFilter {
 public:
  // Holds everything.
  BloomFilter() = default;
  // False where the bytes are no filter.
  static bool Parse(std::string_view bytes, BloomFilter* filter);

  // False: no key with this hash was added.
  bool MayContain(uint64_t key_hash) const;
  // Asks for the line that MayContain will read.
  void Prefetch(uint64_t key_hash) const;

 private:
  const char* lines_ = nullptr;
  uint32_t line_count_ = 0;
  uint32_t probes_ = 0;
};

namespace internal {

inline constexpr size_t kBloomLineSize = 64;
inline constexpr uint32_t kBloomProbesPerWord = 7;
inline constexpr uint32_t kBloomMaxProbes = 2 * kBloomProbesPerWord;

inline size_t BloomLineOffset(uint64_t key_hash, uint32_t line_count) {
  return ((key_hash >> 32) * line_count >> 32) * kBloomLineSize;
}
inline uint64_t BloomFirstBits(uint64_t key_hash) { return key_hash * 0x9e3779b97f4a7c15u; }
// The shift keeps low bits from depending on low bits alone: else bit 7 would follow from bit 0.
inline uint64_t BloomSecondBits(uint64_t first) {
  return (first ^ first >> 32) * 0xd6e8feb86659fd93u;
}

// The AND of the first `count` <= 7 bits of the line. It never leaves early: a filter is half full,
// so that branch would be mispredicted every other time, while the jump into the row of tests goes
// the same way for a whole filter.
inline uint64_t BloomTest(const char* line, uint64_t bits, uint32_t count) {
  const auto bit = [line, bits](int i) {
    const uint64_t index = bits >> (9 * i);
    return LoadFixed<uint64_t>(line + (index >> 6 & 7) * 8) >> (index & 63);
  };
  uint64_t all = 1;
  switch (count) {
    case 7:
      all &= bit(6);
      [[fallthrough]];
    case 6:
      all &= bit(5);
      [[fallthrough]];
    case 5:
      all &= bit(4);
      [[fallthrough]];
    case 4:
      all &= bit(3);
      [[fallthrough]];
    case 3:
      all &= bit(2);
      [[fallthrough]];
    case 2:
      all &= bit(1);
      [[fallthrough]];
    case 1:
      all &= bit(0);
  }
  return all;
}

}  // namespace internal

inline bool BloomFilter::MayContain(uint64_t key_hash) const {
  const char* line = lines_ + internal::BloomLineOffset(key_hash, line_count_);
  const uint64_t first = internal::BloomFirstBits(key_hash);
  if (probes_ <= internal::kBloomProbesPerWord)
    return internal::BloomTest(line, first, probes_) != 0;
  return (internal::BloomTest(line, first, internal::kBloomProbesPerWord) &
          internal::BloomTest(line, internal::BloomSecondBits(first),
                              probes_ - internal::kBloomProbesPerWord)) != 0;
}

inline void BloomFilter::Prefetch(uint64_t key_hash) const {
  __builtin_prefetch(lines_ + internal::BloomLineOffset(key_hash, line_count_));
}

}  // namespace lsm

#endif  // LSM_FILTER_BLOOM_H_
