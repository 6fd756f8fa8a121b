#include "lsm/base/write_batch.h"

#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "lsm/base/coding.h"

namespace lsm {
namespace {

struct Op {
  EntryKind kind;
  std::string key;
  std::string value;

  bool operator==(const Op&) const = default;
};

struct Parsed {
  std::vector<Op> ops;
  bool ok = false;
};

Parsed Parse(std::string_view bytes) {
  Parsed parsed;
  BatchReader reader(bytes);
  EXPECT_LE(reader.count(), bytes.size());
  WriteOp op;
  while (reader.Next(&op)) {
    parsed.ops.push_back({op.kind, std::string(op.key), std::string(op.value)});
    EXPECT_LE(reader.offset(), bytes.size());
  }
  EXPECT_FALSE(reader.Next(&op)) << "the last answer must stay";
  parsed.ok = reader.ok();
  if (parsed.ok) {
    EXPECT_EQ(parsed.ops.size(), reader.count());
    EXPECT_EQ(reader.offset(), bytes.size());
  }
  return parsed;
}

std::string Join(const SingleOpBatch& batch) {
  std::string bytes;
  for (const std::string_view part : batch.parts()) bytes += part;
  return bytes;
}

// A batch with the header's count and these operation bytes.
std::string Raw(uint32_t count, std::string_view ops) {
  std::string bytes;
  AppendFixed(&bytes, count);
  bytes += ops;
  return bytes;
}

TEST(WriteBatchTest, RoundTrip) {
  WriteBatch batch;
  EXPECT_EQ(batch.count(), 0u);
  ASSERT_TRUE(batch.Put("key", "value").ok());
  ASSERT_TRUE(batch.Put("", "").ok());
  ASSERT_TRUE(batch.Delete("gone").ok());
  ASSERT_TRUE(batch.Delete(std::string(kMaxKeySize, 'k')).ok());
  ASSERT_TRUE(batch.DeleteRange("a", "b").ok());
  ASSERT_TRUE(batch.DeleteRange("", InfiniteKey()).ok());
  ASSERT_TRUE(batch.Put(std::string("\0\xff", 2), std::string(100000, 'v')).ok());
  EXPECT_EQ(batch.count(), 7u);
  const Parsed parsed = Parse(batch.bytes());
  ASSERT_TRUE(parsed.ok);
  EXPECT_EQ(parsed.ops, (std::vector<Op>{
                            {EntryKind::kPut, "key", "value"},
                            {EntryKind::kPut, "", ""},
                            {EntryKind::kDelete, "gone", ""},
                            {EntryKind::kDelete, std::string(kMaxKeySize, 'k'), ""},
                            {EntryKind::kRangeDelete, "a", "b"},
                            {EntryKind::kRangeDelete, "", std::string(InfiniteKey())},
                            {EntryKind::kPut, std::string("\0\xff", 2), std::string(100000, 'v')},
                        }));
  batch.Clear();
  EXPECT_EQ(batch.count(), 0u);
  EXPECT_TRUE(Parse(batch.bytes()).ok);
}

// Part of the log's format.
TEST(WriteBatchTest, GoldenBytes) {
  WriteBatch batch;
  ASSERT_TRUE(batch.Put("k", "vw").ok());
  ASSERT_TRUE(batch.Delete("d").ok());
  ASSERT_TRUE(batch.DeleteRange("a", "b").ok());
  ASSERT_TRUE(batch.DeleteRange("c", InfiniteKey()).ok());
  EXPECT_EQ(batch.bytes(), std::string("\x04\0\0\0"
                                       "\x01\x01k\x02vw"
                                       "\x00\x01"
                                       "d"
                                       "\x02\x01"
                                       "a\0\x01"
                                       "b"
                                       "\x02\x01"
                                       "c\x01",
                                       4 + 6 + 3 + 6 + 4));
}

TEST(WriteBatchTest, SingleOpBatchHasTheSameBytes) {
  for (const size_t key_size : {size_t{0}, size_t{1}, size_t{127}, size_t{128}, kMaxKeySize}) {
    const std::string key(key_size, 'k');
    WriteBatch deletion;
    ASSERT_TRUE(deletion.Delete(key).ok());
    EXPECT_EQ(Join(SingleOpBatch({EntryKind::kDelete, key, ""})), deletion.bytes());
    for (const size_t value_size : {0, 1, 127, 128, 20000, 3000000}) {
      const std::string value(value_size, 'v');
      WriteBatch put;
      ASSERT_TRUE(put.Put(key, value).ok());
      EXPECT_EQ(Join(SingleOpBatch({EntryKind::kPut, key, value})), put.bytes());
    }
  }
}

TEST(WriteBatchTest, OverLimitsNothingIsWritten) {
  WriteBatch batch;
  ASSERT_TRUE(batch.Put("k", "v").ok());
  const std::string before(batch.bytes());
  const std::string long_key(kMaxKeySize + 1, 'k');
  EXPECT_EQ(batch.Put(long_key, "v").code(), Code::kTooLarge);
  EXPECT_EQ(batch.Delete(long_key).code(), Code::kTooLarge);
  // Its size decides; the bytes of an over-long value are not looked at.
  const std::string_view long_value(before.data(), kMaxValueSize + 1);
  EXPECT_EQ(batch.Put("k", long_value).code(), Code::kTooLarge);
  EXPECT_EQ(batch.bytes(), before);
}

TEST(WriteBatchTest, MoreThanABatchMayHaveIsRefused) {
  // Memory of zeros that is never written takes no room.
  const std::unique_ptr<char, decltype(&std::free)> zeros(
      static_cast<char*>(std::calloc(kMaxValueSize, 1)), &std::free);
  ASSERT_NE(zeros, nullptr);
  WriteBatch batch;
  ASSERT_TRUE(batch.Put("k", {zeros.get(), kMaxValueSize}).ok());
  const size_t before = batch.bytes().size();
  // Kind, key and sizes are eight bytes.
  const uint64_t left = kMaxBatchSize - before - 8;
  ASSERT_LT(left, kMaxValueSize);
  const Status status = batch.Put("k", {zeros.get(), left + 1});
  EXPECT_EQ(status.code(), Code::kTooLarge);
  EXPECT_NE(status.message().find("the batch would have 2147483648 bytes"), std::string_view::npos)
      << status.ToString();
  EXPECT_EQ(batch.count(), 1u);
  EXPECT_EQ(batch.bytes().size(), before);
}

TEST(WriteBatchTest, RangeBounds) {
  WriteBatch batch;
  EXPECT_EQ(batch.DeleteRange("b", "a").code(), Code::kInvalidArgument);
  EXPECT_TRUE(batch.DeleteRange("a", "a").ok());
  EXPECT_TRUE(batch.DeleteRange(InfiniteKey(), InfiniteKey()).ok());
  EXPECT_EQ(batch.count(), 0u) << "empty ranges add nothing";

  // Longer bounds than any key are cut where that changes nothing for keys.
  const std::string end = std::string(kMaxKeySize + 1, 'e') + "tail";
  ASSERT_TRUE(batch.DeleteRange("a", end).ok());
  const std::string begin(kMaxKeySize + 1, 'b');
  ASSERT_TRUE(batch.DeleteRange(begin, "c").ok());
  const Parsed parsed = Parse(batch.bytes());
  ASSERT_TRUE(parsed.ok);
  ASSERT_FALSE(parsed.ops.empty());
  EXPECT_EQ(parsed.ops[0].value, std::string(kMaxKeySize + 1, 'e'));
}

// A begin longer than any key still has keys above it.
TEST(WriteBatchTest, LongRangeBeginKeepsTheKeysAboveIt) {
  WriteBatch batch;
  const std::string begin(kMaxKeySize + 1, 'b');
  ASSERT_TRUE(batch.DeleteRange(begin, "c").ok());
  const Parsed parsed = Parse(batch.bytes());
  ASSERT_TRUE(parsed.ok);
  ASSERT_EQ(parsed.ops.size(), 1u);
  // "bbbc" lies in the range, a run of b as long as a key may be does not.
  EXPECT_LE(parsed.ops[0].key, "bbbc");
  EXPECT_GT(parsed.ops[0].key, std::string(kMaxKeySize, 'b'));
  EXPECT_EQ(parsed.ops[0].value, "c");
}

TEST(WriteBatchTest, LongBoundsInTheWrongOrder) {
  WriteBatch batch;
  const std::string shared(kMaxKeySize + 1, 'x');
  EXPECT_EQ(batch.DeleteRange(shared + "b", shared + "a").code(), Code::kInvalidArgument);
  EXPECT_TRUE(batch.DeleteRange(shared + "a", shared + "b").ok());
  EXPECT_TRUE(batch.DeleteRange(std::string(kMaxKeySize + 9, '\xff'), InfiniteKey()).ok());
  EXPECT_EQ(batch.count(), 0u);
}

TEST(WriteBatchTest, InfiniteKeyIsAboveAllKeys) {
  EXPECT_GT(InfiniteKey(), std::string(kMaxKeySize, '\xff'));
}

TEST(BatchReaderTest, ReadsSeveralAtOnce) {
  WriteBatch batch;
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(batch.Put(std::to_string(i), "v").ok());
  for (const size_t size : {size_t{1}, size_t{3}, size_t{10}, size_t{11}}) {
    BatchReader reader(batch.bytes());
    std::vector<WriteOp> ops(size);
    size_t read = 0;
    while (const size_t count = reader.Next(ops)) {
      for (size_t i = 0; i < count; ++i) EXPECT_EQ(ops[i].key, std::to_string(read++));
    }
    EXPECT_EQ(read, 10u);
    EXPECT_TRUE(reader.ok());
  }
}

TEST(BatchReaderTest, EveryTruncationIsRefused) {
  WriteBatch batch;
  ASSERT_TRUE(batch.Put("key", "value").ok());
  ASSERT_TRUE(batch.DeleteRange("a", "bb").ok());
  ASSERT_TRUE(batch.Delete("z").ok());
  for (size_t size = 0; size < batch.bytes().size(); ++size) {
    EXPECT_FALSE(Parse(batch.bytes().substr(0, size)).ok) << size;
  }
  EXPECT_FALSE(Parse(std::string(batch.bytes()) + '\0').ok);
}

TEST(BatchReaderTest, CountsThatDiffer) {
  const std::string_view two(
      "\0\x01"
      "a"
      "\0\x01"
      "b",
      6);
  EXPECT_FALSE(Parse(Raw(0, two)).ok);
  EXPECT_FALSE(Parse(Raw(1, two)).ok);
  EXPECT_TRUE(Parse(Raw(2, two)).ok);
  EXPECT_FALSE(Parse(Raw(3, two)).ok);
  EXPECT_FALSE(Parse(Raw(UINT32_MAX, two)).ok);
  EXPECT_EQ(BatchReader(Raw(UINT32_MAX, two)).count(), 0u) << "nobody may reserve that much";
}

TEST(BatchReaderTest, BadOperations) {
  const auto bad = [](std::string_view op) { return !Parse(Raw(1, op)).ok; };
  EXPECT_TRUE(
      bad(std::string_view("\x03\x01"
                           "a",
                           3)))
      << "an unknown kind";
  EXPECT_TRUE(
      bad(std::string_view("\xff\x01"
                           "a",
                           3)));
  EXPECT_TRUE(
      bad(std::string_view("\x01\x01"
                           "a\x02v",
                           5)))
      << "a value that is cut";
  EXPECT_TRUE(
      bad(std::string_view("\x02\x01"
                           "b\x00\x01"
                           "a",
                           6)))
      << "a range that ends first";
  EXPECT_TRUE(
      bad(std::string_view("\x02\x01"
                           "a\x00\x01"
                           "a",
                           6)))
      << "an empty range";
  EXPECT_TRUE(
      bad(std::string_view("\x02\x01"
                           "a\x02",
                           4)))
      << "an unknown range end";
  EXPECT_TRUE(
      bad(std::string_view("\x02\x01"
                           "a",
                           3)))
      << "no range end";
  EXPECT_TRUE(bad(std::string_view("\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11)));
  const auto deletion = [](size_t key_size) {
    std::string op(1, '\0');
    AppendLengthPrefixed(&op, std::string(key_size, 'k'));
    return op;
  };
  EXPECT_FALSE(bad(deletion(kMaxKeySize)));
  EXPECT_TRUE(bad(deletion(kMaxKeySize + 1)));
  std::string range("\x02\x00\x00", 3);
  AppendLengthPrefixed(&range, std::string(kMaxKeySize + 2, 'e'));
  EXPECT_TRUE(bad(range)) << "a bound longer than any that is written";
}

TEST(BatchReaderTest, AValueOverItsLimit) {
  for (const uint64_t size : {kMaxValueSize, kMaxValueSize + 1}) {
    std::string bytes = Raw(1, "\x01\x01k");
    AppendVarint(&bytes, size);
    // Its bytes are not looked at, so they need not be there.
    BatchReader reader(std::string_view(bytes.data(), bytes.size() + size));
    WriteOp op;
    EXPECT_EQ(reader.Next(&op), size == kMaxValueSize);
    EXPECT_EQ(reader.ok(), size == kMaxValueSize);
  }
}

TEST(BatchReaderTest, HostileBytes) {
  std::mt19937_64 random(11);
  WriteBatch batch;
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(batch.Put("key" + std::to_string(i), std::string(i, 'v')).ok());
    ASSERT_TRUE(batch.DeleteRange("a", "b" + std::to_string(i)).ok());
    ASSERT_TRUE(batch.Delete("gone").ok());
  }
  size_t accepted = 0;
  constexpr int kRounds = 50000;
  for (int round = 0; round < kRounds; ++round) {
    std::string bytes(batch.bytes());
    const size_t changes = 1 + random() % 3;
    for (size_t i = 0; i < changes; ++i) {
      bytes[random() % bytes.size()] = static_cast<char>(random() >> random() % 64);
    }
    accepted += Parse(bytes).ok;
  }
  EXPECT_GT(accepted, 0u);
  EXPECT_LT(accepted, size_t{kRounds});
  for (int round = 0; round < 5000; ++round) {
    std::string bytes(random() % 100, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random() % 5);
    (void)Parse(bytes);
  }
}

TEST(RangeEndTest, RoundTrip) {
  for (const std::string& end : {std::string(), std::string("e"), std::string(kMaxKeySize + 1, 'e'),
                                 std::string(InfiniteKey())}) {
    std::string bytes;
    AppendRangeEnd(&bytes, end);
    bytes += "rest";
    std::string_view input = bytes;
    std::string_view read;
    ASSERT_TRUE(ReadRangeEnd(&input, &read));
    EXPECT_EQ(read, end);
    EXPECT_EQ(input, "rest");
  }
}

}  // namespace
}  // namespace lsm
