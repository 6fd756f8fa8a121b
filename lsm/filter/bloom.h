// Cache-line-blocked Bloom filter (Putze, Sanders, Singler, "Cache-, hash- and space-efficient Bloom
// filters", 2007): a key sets and tests bits of one 64-byte line only, so a probe costs one cache miss.
//
//   filter := line[line_count] trailer          line: 64 bytes, aligned to 64 in the file
//   trailer := line_count:4 probes:4            8 bytes
//
// The line and the bits in it follow from HashKey(key) alone, so one hash serves all filters of a get.
// Part of the table format: builder and prober never change within a format version.

#ifndef LSM_FILTER_BLOOM_H_
#define LSM_FILTER_BLOOM_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lsm {

class BloomBuilder {
 public:
  // `bits_per_key` from 0 (an empty filter, which holds everything) to 64.
  explicit BloomBuilder(double bits_per_key);

  void Add(uint64_t key_hash);
  size_t key_count() const { return hashes_.size(); }
  // What Finish() will return, in bytes.
  uint64_t size() const;
  // The filter's bytes; the builder is then empty again.
  std::string Finish();

 private:
  double bits_per_key_;
  std::vector<uint64_t> hashes_;
};

// Reads a filter in place. The bytes outlive it; they were checked against their sum, but nothing they
// say is believed beyond their size.
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

}  // namespace lsm

#endif  // LSM_FILTER_BLOOM_H_
