#include "lsm/base/hash.h"

#include "xxhash.h"

namespace lsm {

uint64_t HashKey(std::string_view key) { return XXH3_64bits(key.data(), key.size()); }

uint64_t ChecksumSeed(uint64_t file_number, uint64_t offset) {
  // Odd multipliers keep distinct pairs distinct in all but a vanishing share of cases.
  return file_number * 0x9e3779b97f4a7c15u ^ (offset + 0x632be59bd9b4e019u) * 0xff51afd7ed558ccdu;
}

uint64_t Checksum64(std::string_view bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace lsm
