#include "tools/cli/row_codec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lsm/base/coding.h"
#include "lsm/base/limits.h"
#include "tools/cli/random.h"

namespace lsm::cli {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;

std::string Encode(RowFormat format, const Rows& rows) {
  RowEncoder encoder(format);
  std::string bytes;
  encoder.Begin(&bytes);
  for (const auto& [key, value] : rows) encoder.Add(key, value, &bytes);
  encoder.End(&bytes);
  return bytes;
}

// Reads until the end or a failure; `piece`: how many bytes come at once.
Status Decode(RowFormat format, std::string_view bytes, Rows* rows, size_t piece = SIZE_MAX) {
  RowDecoder decoder(format, "rows.in", [&](char* buffer, size_t size) -> Result<size_t> {
    const size_t count = std::min({size, piece, bytes.size()});
    std::copy_n(bytes.begin(), count, buffer);
    bytes.remove_prefix(count);
    return count;
  });
  RowDecoder::Row row;
  while (true) {
    const Status status = decoder.Next(&row);
    if (!status.ok()) return status;
    rows->emplace_back(row.key, row.value);
  }
}

class RowCodecTest : public testing::TestWithParam<RowFormat> {
 protected:
  void ExpectRoundTrip(const Rows& rows) {
    const std::string bytes = Encode(GetParam(), rows);
    for (const size_t piece : {size_t{1}, size_t{7}, SIZE_MAX}) {
      Rows read;
      const Status status = Decode(GetParam(), bytes, &read, piece);
      EXPECT_TRUE(status.Is(Code::kEnd)) << status.ToString();
      EXPECT_EQ(read, rows);
    }
  }
};

TEST_P(RowCodecTest, NoRows) { ExpectRoundTrip({}); }

TEST_P(RowCodecTest, EmptyKeysAndValues) { ExpectRoundTrip({{"", ""}, {"a", ""}, {"", "b"}}); }

TEST_P(RowCodecTest, EveryByteInKeyAndValue) {
  Rows rows;
  for (int byte = 0; byte < 256; ++byte) {
    const std::string one(1, static_cast<char>(byte));
    rows.emplace_back(one, "v" + one + one);
    rows.emplace_back("k" + one, one);
  }
  ExpectRoundTrip(rows);
}

TEST_P(RowCodecTest, RandomRows) {
  constexpr uint64_t kSeed = 17;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  Random random(kSeed);
  const auto bytes = [&](uint64_t size) {
    std::string text;
    for (uint64_t i = 0; i < size; ++i) text += static_cast<char>(random.Next());
    return text;
  };
  Rows rows;
  for (int i = 0; i < 300; ++i) {
    rows.emplace_back(bytes(random.Below(40)), bytes(random.Below(300)));
  }
  ExpectRoundTrip(rows);
}

TEST_P(RowCodecTest, RowsLargerThanAReadAndTheLargestKey) {
  ExpectRoundTrip({{std::string(kMaxKeySize, '\0'), std::string(3 * kMiB, '\\')}, {"b", "c"}});
}

TEST_P(RowCodecTest, AFailureOfTheSourceIsTold) {
  RowDecoder decoder(GetParam(), "x", [](char*, size_t) -> Result<size_t> {
    return Status::FromErrno(5, "read", "x");
  });
  RowDecoder::Row row;
  EXPECT_TRUE(decoder.Next(&row).Is(Code::kIoError));
}

INSTANTIATE_TEST_SUITE_P(Formats, RowCodecTest,
                         testing::Values(RowFormat::kText, RowFormat::kNdjson, RowFormat::kBinary));

TEST(TextRowsTest, Lines) {
  EXPECT_EQ(Encode(RowFormat::kText, {{"a\tb", "c\n\\"}}), "a\\x09b\tc\\x0a\\\\\n");
  Rows rows;
  EXPECT_TRUE(Decode(RowFormat::kText, "k\tv\tw\n\t\nlast\trow", &rows).Is(Code::kEnd));
  EXPECT_EQ(rows, (Rows{{"k", "v\tw"}, {"", ""}, {"last", "row"}}));
}

TEST(TextRowsTest, MalformedLinesAreToldByNumber) {
  for (const char* line : {"no tab", "", "bad\\q\tx", "k\tbad\\x1", "k\\\tv"}) {
    Rows rows;
    const Status status =
        Decode(RowFormat::kText, std::string("a\tb\n") + line + "\nc\td\n", &rows);
    EXPECT_TRUE(status.Is(Code::kInvalidArgument)) << line;
    EXPECT_NE(status.message().find("rows.in, line 2:"), std::string_view::npos)
        << status.ToString();
    EXPECT_EQ(rows, (Rows{{"a", "b"}}));
  }
}

TEST(TextRowsTest, OverlongKeys) {
  Rows rows;
  const std::string line = std::string(kMaxKeySize + 1, 'k') + "\tv\n";
  EXPECT_TRUE(Decode(RowFormat::kText, line, &rows).Is(Code::kTooLarge));
}

TEST(NdjsonRowsTest, MembersInAnyOrderAndJsonEscapes) {
  Rows rows;
  EXPECT_TRUE(Decode(RowFormat::kNdjson,
                     "{ \"value\" : \"\\u0000\\n\\\\x41\", \"key\":\"\\u00e9\" }\n", &rows)
                  .Is(Code::kEnd));
  EXPECT_EQ(rows, (Rows{{"\xc3\xa9", std::string("\0\nA", 3)}}));
}

TEST(NdjsonRowsTest, RefusesWhatIsNoRow) {
  const std::vector<std::string> lines = {
      "",
      "{",
      "[]",
      "{}",
      R"({"key":"a"})",
      R"({"key":"a","value":1})",
      R"({"key":"a","value":"b","kind":"delete"})",
      R"({"key":"a","valeu":"b"})",
      R"({"key":"\\q","value":"b"})",
      R"({"key":"a","value":"b"} x)",
      "{\"key\":\"\xff\",\"value\":\"b\"}",
      std::string(100000, '['),
  };
  for (const std::string& line : lines) {
    Rows rows;
    const Status status = Decode(RowFormat::kNdjson, line + "\n", &rows);
    EXPECT_TRUE(status.Is(Code::kInvalidArgument)) << line;
    EXPECT_TRUE(rows.empty());
  }
}

TEST(BinaryRowsTest, EveryCutIsNoticed) {
  const std::string bytes =
      Encode(RowFormat::kBinary, {{"apple", "red"}, {"fig", std::string(300, 'x')}});
  for (size_t size = 0; size < bytes.size(); ++size) {
    Rows rows;
    const Status status = Decode(RowFormat::kBinary, bytes.substr(0, size), &rows);
    ASSERT_TRUE(status.Is(Code::kCorruption)) << "cut to " << size;
    EXPECT_EQ(status.file(), "rows.in");
  }
}

TEST(BinaryRowsTest, EveryFlippedBitIsNoticed) {
  const std::string bytes = Encode(RowFormat::kBinary, {{"apple", "red"}, {"fig", "green"}});
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    Rows rows;
    ASSERT_TRUE(Decode(RowFormat::kBinary, damaged, &rows).Is(Code::kCorruption)) << "bit " << bit;
  }
}

TEST(BinaryRowsTest, RowsInAnotherPlaceAndBytesBehindTheEndAreNoticed) {
  const std::string ab = Encode(RowFormat::kBinary, {{"a", "1"}, {"b", "2"}});
  constexpr size_t kMagicSize = 8;
  constexpr size_t kRowSize = 1 + 1 + 1 + 1 + 1 + 8;
  std::string swapped = ab;
  std::swap_ranges(swapped.begin() + kMagicSize, swapped.begin() + kMagicSize + kRowSize,
                   swapped.begin() + kMagicSize + kRowSize);
  Rows rows;
  EXPECT_TRUE(Decode(RowFormat::kBinary, swapped, &rows).Is(Code::kCorruption));
  EXPECT_TRUE(rows.empty());
  const Status behind = Decode(RowFormat::kBinary, ab + "x", &rows);
  EXPECT_TRUE(behind.Is(Code::kCorruption));
  EXPECT_NE(behind.message().find("follow the end"), std::string_view::npos) << behind.ToString();
}

TEST(BinaryRowsTest, AnEnormousClaimTakesNoMemory) {
  std::string bytes = "lsmrows1\x01";
  AppendVarint(&bytes, 1);
  AppendVarint(&bytes, kMaxValueSize);
  bytes += "short";
  Rows rows;
  EXPECT_TRUE(Decode(RowFormat::kBinary, bytes, &rows).Is(Code::kCorruption));
  bytes = "lsmrows1\x01";
  AppendVarint(&bytes, UINT64_MAX);
  AppendVarint(&bytes, UINT64_MAX);
  bytes += std::string(64, 'x');
  EXPECT_TRUE(Decode(RowFormat::kBinary, bytes, &rows).Is(Code::kCorruption));
}

}  // namespace
}  // namespace lsm::cli
