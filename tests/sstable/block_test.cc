#include "lsm/sstable/block.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "lsm/base/hash.h"
#include "lsm/base/limits.h"

namespace lsm {
namespace {

struct Row {
  std::string key;
  SequenceNumber sequence = 0;
  EntryKind kind = EntryKind::kPut;
  std::string value;
};

struct Block {
  std::string bytes;  // with the slack behind
  std::string_view content;

  explicit Block(const std::vector<Row>& rows) {
    BlockBuilder builder;
    for (const Row& row : rows) {
      builder.Add({row.key, row.sequence, row.kind, row.value}, KeyFingerprint(HashKey(row.key)));
      EXPECT_EQ(builder.last_key(), row.key);
    }
    const uint64_t size = builder.content_size();
    builder.Finish(&bytes);
    EXPECT_EQ(bytes.size(), size);
    EXPECT_TRUE(builder.empty());
    bytes.append(kBlockSlack, '\xee');
    content = std::string_view(bytes).substr(0, size);
  }
};

// Reads all of the block and looks for each of its keys and their neighbours.
void ExpectHolds(const Block& block, const std::vector<Row>& rows) {
  ASSERT_EQ(CheckBlockContent(block.content), nullptr);
  const BlockReader reader(block.content.data());
  ASSERT_EQ(reader.row_count(), rows.size());
  std::vector<std::string> probes = {"", std::string(kMaxKeySize, '\xff')};
  for (uint32_t i = 0; i < rows.size(); ++i) {
    Entry entry;
    reader.Load(i, &entry);
    EXPECT_EQ(entry.key, rows[i].key);
    EXPECT_EQ(entry.value, rows[i].value);
    EXPECT_EQ(entry.sequence, rows[i].sequence);
    EXPECT_EQ(entry.kind, rows[i].kind);
    EXPECT_EQ(reader.fingerprint(i), KeyFingerprint(HashKey(rows[i].key)));
    probes.push_back(rows[i].key);
    probes.push_back(rows[i].key + '\0');
    if (!rows[i].key.empty()) {
      probes.push_back(rows[i].key.substr(0, rows[i].key.size() - 1));
      std::string smaller = rows[i].key;
      smaller.back() = static_cast<char>(smaller.back() - 1);
      probes.push_back(smaller);
    }
  }
  const auto by_key = [](const Row& row, const std::string& key) { return row.key < key; };
  const auto key_by = [](const std::string& key, const Row& row) { return key < row.key; };
  for (const std::string& probe : probes) {
    const auto lower = std::lower_bound(rows.begin(), rows.end(), probe, by_key) - rows.begin();
    const auto upper = std::upper_bound(rows.begin(), rows.end(), probe, key_by) - rows.begin();
    EXPECT_EQ(reader.LowerBound(probe), lower);
    EXPECT_EQ(reader.UpperBound(probe), upper);
    EXPECT_EQ(reader.Find(probe, KeyFingerprint(HashKey(probe))),
              lower < upper ? static_cast<size_t>(lower) : rows.size());
  }
}

std::vector<Row> RowsOf(int count, const std::string& prefix, size_t key_padding,
                        size_t value_size) {
  std::vector<Row> rows;
  for (int i = 0; i < count; ++i) {
    const std::string number = std::to_string(1'000'000 + i * 7);
    rows.push_back({prefix + number + std::string(key_padding, 'k'), 0, EntryKind::kPut,
                    std::string(value_size, static_cast<char>('a' + i % 26))});
  }
  return rows;
}

TEST(BlockTest, OneRow) {
  for (const std::string& key : {std::string(), std::string("k"), std::string(kMaxKeySize, 'x')}) {
    for (const std::string& value : {std::string(), std::string("v"), std::string(100'000, 'y')}) {
      const std::vector<Row> rows = {{key, 0, EntryKind::kPut, value}};
      ExpectHolds(Block(rows), rows);
    }
  }
  const std::vector<Row> deletion = {{"gone", 17, EntryKind::kDelete, ""}};
  ExpectHolds(Block(deletion), deletion);
}

TEST(BlockTest, FixedAndVaryingSizes) {
  for (const int count : {1, 2, 15, 16, 17, 33, 200, 511, 512, 513, 3000}) {
    auto rows = RowsOf(count, "user", 3, 10);
    ExpectHolds(Block(rows), rows);
    const size_t fixed = Block(rows).content.size();
    rows.back().key += "longer";
    ExpectHolds(Block(rows), rows);
    rows.front().value += "longer";
    ExpectHolds(Block(rows), rows);
    rows[rows.size() / 2].sequence = kMaxSequence;
    ExpectHolds(Block(rows), rows);
    if (count > 1) {
      EXPECT_GT(Block(rows).content.size(), fixed + static_cast<size_t>(count) * (2 + 2 + 8));
    }
  }
}

TEST(BlockTest, EmptyKeyAndEmptyValues) {
  std::vector<Row> rows = {{"", 9, EntryKind::kPut, ""}, {"", 3, EntryKind::kDelete, ""}};
  ExpectHolds(Block(rows), rows);
  rows.push_back({std::string(1, '\0'), 1, EntryKind::kPut, ""});
  rows.push_back({"\xff", 1, EntryKind::kPut, ""});
  ExpectHolds(Block(rows), rows);
}

TEST(BlockTest, WideBlocks) {
  auto rows = RowsOf(40, "", 0, 3000);  // values of 120,000 bytes
  ExpectHolds(Block(rows), rows);
  rows.back().key += "longer";
  rows.back().value += "longer";
  ExpectHolds(Block(rows), rows);
  auto keys = RowsOf(3, std::string(kMaxKeySize - 7, 'p'), 0, 1);
  ExpectHolds(Block(keys), keys);
  keys.back().key.pop_back();
  keys.back().value.clear();
  ExpectHolds(Block(keys), keys);
}

TEST(BlockTest, VersionsOfAKeyStandNewestFirst) {
  std::vector<Row> rows = {{"a", 5, EntryKind::kPut, "a5"}};
  for (SequenceNumber sequence = 900; sequence > 0; --sequence) {
    rows.push_back({"b", sequence, sequence % 3 == 0 ? EntryKind::kDelete : EntryKind::kPut,
                    sequence % 3 == 0 ? "" : std::to_string(sequence)});
  }
  rows.push_back({"c", 7, EntryKind::kPut, "c7"});
  ExpectHolds(Block(rows), rows);
}

TEST(BlockTest, RandomBlocks) {
  const uint32_t seed = 20240611;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 300; ++round) {
    std::vector<Row> rows(1 + random() % 60);
    for (Row& row : rows) {
      // Few letters, so that keys share prefixes and are prefixes of each other.
      for (size_t i = random() % 20; i > 0; --i) row.key += "ab\xff"[random() % 3];
      row.value = std::string(random() % 40, 'v');
    }
    std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.key < b.key; });
    SequenceNumber sequence = rows.size() + 1;
    for (Row& row : rows) row.sequence = --sequence;
    ExpectHolds(Block(rows), rows);
  }
}

// Whatever the bytes, a block that passes the check is read without a step outside of it (the
// sanitizers watch), since the content stands alone on the heap.
TEST(BlockTest, DamagedContentIsRefusedOrReadSafely) {
  const uint32_t seed = 7;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  std::vector<Row> varying = RowsOf(20, "user", 2, 9);
  varying[3].value = "other";
  varying[4].key += "other";
  varying[5].sequence = 77;
  int refused = 0;
  int accepted = 0;
  for (const std::vector<Row>& rows : {RowsOf(20, "user", 2, 9), varying}) {
    const Block block(rows);
    for (int round = 0; round < 30'000; ++round) {
      std::string damaged(block.content);
      for (uint32_t i = 0; i <= random() % 3; ++i) {
        // The numbers are what matters: header and offsets.
        damaged[random() % std::min<size_t>(damaged.size(), 160)] =
            static_cast<char>(random() % 2 == 0 ? random() : random() % 4);
      }
      if (random() % 8 == 0) damaged.resize(random() % damaged.size());
      if (CheckBlockContent(damaged) != nullptr) {
        ++refused;
        continue;
      }
      ++accepted;
      const size_t size = damaged.size();
      damaged.append(kBlockSlack, '\0');
      const BlockReader reader(damaged.data());
      const auto inside = [&](std::string_view bytes) {
        return bytes.data() >= damaged.data() &&
               bytes.data() + bytes.size() <= damaged.data() + size;
      };
      for (uint32_t row = 0; row < reader.row_count(); ++row) {
        ASSERT_TRUE(inside(reader.key(row)) && inside(reader.value(row)));
        ASSERT_TRUE(IsEntryTag(reader.tag(row)));
      }
      ASSERT_LE(reader.LowerBound("user1000021kk"), reader.row_count());
      ASSERT_LE(reader.UpperBound("user1000021kk"), reader.row_count());
      ASSERT_LE(reader.Find("user1000021kk", 3), reader.row_count());
    }
  }
  EXPECT_GT(refused, 1000);
  EXPECT_GT(accepted, 100);
}

// Numbers that lead nowhere wild, but are not what the format says.
TEST(BlockTest, RegionsThatBeginLateAndSizesOutOfForceAreRefused) {
  std::vector<Row> rows = RowsOf(20, "user", 2, 9);
  rows[3].value = "other";
  rows[4].key += "other";
  const Block block(rows);
  const BlockLayout layout(rows.size(), LoadFixed<uint16_t>(block.bytes.data() + 6));
  for (const uint64_t at : {layout.key_offsets, layout.value_offsets, uint64_t{4}, uint64_t{8}}) {
    std::string bytes(block.content);
    ASSERT_EQ(bytes[at], 0);
    bytes[at] = 1;
    EXPECT_NE(CheckBlockContent(bytes), nullptr) << at;
  }
}

// Each breaks what one check guards and nothing else, so that check must be the one to speak.
std::string WrongWith(std::string_view content) {
  const char* const wrong = CheckBlockContent(content);
  return wrong == nullptr ? "" : wrong;
}

TEST(BlockTest, HeadersThatCannotBe) {
  const Block block(RowsOf(2, "user", 0, 9));
  ASSERT_EQ(WrongWith(block.content), "");
  for (size_t size = 0; size < kBlockHeaderSize; ++size) {
    EXPECT_EQ(WrongWith(block.content.substr(0, size)), "a data block is shorter than its header");
  }
  for (const int unknown : {kBlockFlags + 1, 1 << 15}) {
    std::string bytes(block.content);
    const int flags = LoadFixed<uint16_t>(bytes.data() + 6) | unknown;
    StoreFixed<uint16_t>(bytes.data() + 6, static_cast<uint16_t>(flags));
    EXPECT_EQ(WrongWith(bytes), "a data block has unknown flags");
  }
  std::string empty(kBlockHeaderSize, '\0');
  empty[6] = kBlockFixedKeys | kBlockFixedValues | kBlockAllPutsAtZero;
  empty[12] = kBlockHeaderSize;
  EXPECT_EQ(WrongWith(empty), "a data block has no rows");
}

TEST(BlockTest, KeysAndValuesOverTheirLimitsAreRefused) {
  const auto with_key = [](size_t size) {
    return WrongWith(Block({{.key = std::string(size, 'k')}, {.key = "l"}}).content);
  };
  EXPECT_EQ(with_key(kMaxKeySize), "");
  EXPECT_EQ(with_key(kMaxKeySize + 1), "the keys of a data block do not fill their region");

  for (const int sizes : {int{kBlockFixedValues}, int{kBlockWide}}) {
    const auto flags = static_cast<uint16_t>(sizes | kBlockFixedKeys | kBlockAllPutsAtZero);
    const BlockLayout layout(1, flags);
    std::string bytes(layout.keys + 1, '\0');  // of one row, without its value
    StoreFixed<uint32_t>(bytes.data(), 1);
    StoreFixed<uint16_t>(bytes.data() + 4, 1);
    StoreFixed<uint16_t>(bytes.data() + 6, flags);
    StoreFixed<uint32_t>(bytes.data() + 12, static_cast<uint32_t>(bytes.size()));
    const auto with_value = [&](uint32_t size) {
      StoreFixed<uint32_t>(
          bytes.data() + (sizes == kBlockFixedValues ? 8 : layout.value_offsets + 4), size);
      // The bytes of a value are not looked at, so they need not be there.
      return WrongWith(std::string_view(bytes.data(), bytes.size() + size));
    };
    EXPECT_EQ(with_value(kMaxValueSize), "");
    EXPECT_EQ(with_value(kMaxValueSize + 1), "the values of a data block do not fill their region");
  }
}

TEST(BlockTest, EveryShortenedContentIsRefused) {
  auto rows = RowsOf(20, "user", 2, 9);
  rows[3].value = "other";
  const Block block(rows);
  for (size_t size = 0; size < block.content.size(); ++size) {
    EXPECT_NE(CheckBlockContent(block.content.substr(0, size)), nullptr) << size;
  }
  EXPECT_NE(CheckBlockContent(block.bytes), nullptr);
}

}  // namespace
}  // namespace lsm
