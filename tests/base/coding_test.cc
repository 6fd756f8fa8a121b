#include "lsm/base/coding.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace lsm {
namespace {

std::vector<uint64_t> Numbers() {
  std::vector<uint64_t> numbers = {0, UINT64_MAX};
  for (int bit = 0; bit < 64; ++bit) {
    const uint64_t power = uint64_t{1} << bit;
    numbers.insert(numbers.end(), {power - 1, power, power + 1});
  }
  return numbers;
}

TEST(CodingTest, FixedIsLittleEndian) {
  std::string bytes;
  AppendFixed<uint32_t>(&bytes, 0x04030201);
  EXPECT_EQ(bytes, "\x01\x02\x03\x04");
  EXPECT_EQ(LoadFixed<uint16_t>(bytes.data() + 1), 0x0302);
  StoreFixed<uint16_t>(bytes.data() + 1, 0xffee);
  EXPECT_EQ(bytes, "\x01\xee\xff\x04");
}

TEST(CodingTest, ReadFixedNeedsAllItsBytes) {
  const std::string bytes = "12345678";
  for (size_t size = 0; size < 8; ++size) {
    std::string_view input = std::string_view(bytes).substr(0, size);
    uint64_t value = 99;
    EXPECT_FALSE(ReadFixed(&input, &value));
    EXPECT_EQ(input.size(), size);
    EXPECT_EQ(value, 99u);
  }
  std::string_view input = bytes;
  uint64_t value;
  EXPECT_TRUE(ReadFixed(&input, &value));
  EXPECT_TRUE(input.empty());
}

TEST(CodingTest, VarintRoundTrip) {
  for (const uint64_t number : Numbers()) {
    std::string bytes;
    AppendVarint(&bytes, number);
    EXPECT_EQ(bytes.size(), VarintSize(number)) << number;
    EXPECT_LE(bytes.size(), kMaxVarint64Size);
    bytes += "rest";
    std::string_view input = bytes;
    uint64_t read;
    ASSERT_TRUE(ReadVarint64(&input, &read)) << number;
    EXPECT_EQ(read, number);
    EXPECT_EQ(input, "rest");

    input = bytes;
    uint32_t narrow;
    EXPECT_EQ(ReadVarint32(&input, &narrow), number <= UINT32_MAX) << number;
    EXPECT_EQ(input, number <= UINT32_MAX ? "rest" : std::string_view(bytes));
  }
}

TEST(CodingTest, VarintGoldenBytes) {
  std::string bytes;
  for (const uint64_t number : {0, 127, 128, 300}) AppendVarint(&bytes, number);
  EXPECT_EQ(bytes, std::string("\x00\x7f\x80\x01\xac\x02", 6));
}

TEST(CodingTest, BadVarintsLeaveTheInput) {
  std::string cut;
  AppendVarint(&cut, UINT64_MAX);
  for (size_t size = 0; size < cut.size(); ++size) {
    std::string_view input = std::string_view(cut).substr(0, size);
    uint64_t value;
    EXPECT_FALSE(ReadVarint64(&input, &value));
    EXPECT_EQ(input.size(), size);
  }
  // More than 64 bits, and no end within ten bytes.
  for (const std::string& bytes : {std::string(9, '\xff') + '\x02', std::string(9, '\x80') + '\x7f',
                                   std::string(10, '\x80'), std::string(1000, '\xff')}) {
    std::string_view input = bytes;
    uint64_t value;
    EXPECT_FALSE(ReadVarint64(&input, &value));
    EXPECT_EQ(input.size(), bytes.size());
  }
}

TEST(CodingTest, LengthPrefixed) {
  for (const size_t size : {0, 1, 127, 128, 100000}) {
    const std::string content(size, 'c');
    std::string bytes;
    AppendLengthPrefixed(&bytes, content);
    EXPECT_EQ(bytes.size(), VarintSize(size) + size);
    std::string_view input = bytes;
    std::string_view read;
    ASSERT_TRUE(ReadLengthPrefixed(&input, &read));
    EXPECT_EQ(read, content);
    EXPECT_TRUE(input.empty());
    if (size == 0) continue;
    input = std::string_view(bytes).substr(0, bytes.size() - 1);
    EXPECT_FALSE(ReadLengthPrefixed(&input, &read));
    EXPECT_EQ(input.size(), bytes.size() - 1);
  }
}

TEST(CodingTest, LengthsAreBelievedOnlyAsFarAsTheInputReaches) {
  for (const uint64_t number : Numbers()) {
    if (number < 2) continue;
    std::string bytes;
    AppendVarint(&bytes, number);
    bytes += 'x';
    std::string_view input = bytes;
    std::string_view read;
    EXPECT_FALSE(ReadLengthPrefixed(&input, &read)) << number;
    EXPECT_EQ(input, bytes);
  }
}

}  // namespace
}  // namespace lsm
