#include "lsm/base/hash.h"

#include <set>
#include <string>

#include "gtest/gtest.h"

namespace lsm {
namespace {

std::string Bytes(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7 + 1);
  return bytes;
}

// Part of the file formats. The values are XXH3's own (xxHash 0.8.1), one for each of its code
// paths.
TEST(HashTest, GoldenValues) {
  constexpr uint64_t kSeed = 0x1122334455667788;
  struct Case {
    size_t size;
    uint64_t unseeded;
    uint64_t seeded;
  };
  const Case cases[] = {
      {0, 0x2d06800538d394c2u, 0xe0a68475e02b3eddu},
      {1, 0xe12ef9d2eb86ceebu, 0x2f18d5aaf7d33cf0u},
      {8, 0x96cc97a6768fd7a9u, 0xcffae3d889d11519u},
      {16, 0x913bd4a8038027a7u, 0x63d90d2f48c8c146u},
      {17, 0x2bf6f66973a6179du, 0xbebe2004f1dae5c8u},
      {100, 0x985c0aa35f523fe6u, 0xf5d18c6a711a9614u},
      {128, 0xc4399c7829d0628fu, 0xe26cdcbe9568431du},
      {129, 0x8433489056750b32u, 0x5fc9b6d8f66e1c6du},
      {240, 0x3c0bb96864e543a1u, 0xfd859d65d6b35812u},
      {241, 0xbff7215089202d8fu, 0x469a5928ee44b570u},
      {1000, 0xb8b406a98622d913u, 0xf5abec026495169du},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.size);
    const std::string bytes = Bytes(c.size);
    EXPECT_EQ(HashKey(bytes), c.unseeded);
    EXPECT_EQ(Checksum64(bytes, 0), c.unseeded);
    EXPECT_EQ(Checksum64(bytes, kSeed), c.seeded);
    EXPECT_EQ(Checksum32(bytes, kSeed), static_cast<uint32_t>(c.seeded));
  }
}

TEST(HashTest, NullViewHashesLikeAnyEmptyOne) {
  EXPECT_EQ(HashKey(std::string_view()), HashKey(""));
  EXPECT_EQ(Checksum64(std::string_view(), 5), Checksum64("", 5));
}

TEST(HashTest, GoldenSeeds) {
  EXPECT_EQ(ChecksumSeed(0, 0), 0x632be59bd9b4e019u * 0xff51afd7ed558ccdu);
  EXPECT_EQ(ChecksumSeed(7, 4096),
            7 * 0x9e3779b97f4a7c15u ^ (4096 + 0x632be59bd9b4e019u) * 0xff51afd7ed558ccdu);
}

// Neighbours are what a misplaced block is mistaken for.
TEST(HashTest, SeedsOfNeighboursDiffer) {
  std::set<uint64_t> seeds;
  size_t count = 0;
  for (uint64_t number = 0; number < 100; ++number) {
    for (uint64_t offset = 0; offset < 8 * 200; offset += 8, ++count) {
      seeds.insert(ChecksumSeed(number, offset));
    }
  }
  EXPECT_EQ(seeds.size(), count);
}

}  // namespace
}  // namespace lsm
