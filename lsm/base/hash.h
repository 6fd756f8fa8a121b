// The two hashes of the engine, both XXH3 (xxhash.com; 64 bits of state, a dozen bytes a cycle).
//
// - HashKey: of a user key, computed once a get and shared by every filter and block it meets. Part
//   of the table format: filters and the tags in blocks are made from it.
// - Checksum*: of bytes on disk. `seed` ties a sum to the place the bytes belong (a file number and
//   an offset mixed by ChecksumSeed), so that a block in the wrong place fails although it is
//   whole.

#ifndef LSM_BASE_HASH_H_
#define LSM_BASE_HASH_H_

#include <cstdint>
#include <string_view>

namespace lsm {

uint64_t HashKey(std::string_view key);

uint64_t ChecksumSeed(uint64_t file_number, uint64_t offset);
uint64_t Checksum64(std::string_view bytes, uint64_t seed);
inline uint32_t Checksum32(std::string_view bytes, uint64_t seed) {
  return static_cast<uint32_t>(Checksum64(bytes, seed));
}

}  // namespace lsm

#endif  // LSM_BASE_HASH_H_
