// The rows of benchmarks. They have numbers from 0 on: a key is the number in decimal, padded with
// zeros to the key size; values are compressible as asked.

#ifndef LSM_TOOLS_CLI_BENCH_ROWS_H_
#define LSM_TOOLS_CLI_BENCH_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lsm::cli {

// The bytes that values are cut from.
class ValueSource {
 public:
  ValueSource(uint64_t value_size, double compression_ratio, uint64_t seed);
  // Valid until the source is gone; one differs from the next.
  std::string_view Next();

 private:
  uint64_t value_size_;
  std::string bytes_;
  size_t position_ = 0;
};

// Writes the key of row `number` into a buffer that it keeps.
class KeyMaker {
 public:
  explicit KeyMaker(uint64_t key_size) : key_(key_size, '0') {}
  std::string_view Make(uint64_t number);
  // One that stands between those of `number` and `number + 1`, and is no row's.
  std::string_view MakeMissing(uint64_t number);

 private:
  std::string key_;
  std::string missing_;
};

}  // namespace lsm::cli

#endif  // LSM_TOOLS_CLI_BENCH_ROWS_H_
