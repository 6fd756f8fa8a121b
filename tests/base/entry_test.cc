#include "lsm/base/entry.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace lsm {
namespace {

int Sign(int value) { return (value > 0) - (value < 0); }

// In ascending order, with the traps: zeros, bytes above 0x7f, prefixes around eight bytes.
const std::vector<std::string>& Keys() {
  static const auto* const keys = new std::vector<std::string>{"",
                                                               std::string(1, '\0'),
                                                               std::string(8, '\0'),
                                                               std::string(9, '\0'),
                                                               "a",
                                                               std::string("a\0", 2),
                                                               "ab",
                                                               "abcdefg",
                                                               "abcdefgh",
                                                               "abcdefghi",
                                                               "abcdefgi",
                                                               "b",
                                                               "\x7f",
                                                               "\x80",
                                                               "\xff",
                                                               std::string(9, '\xff')};
  return *keys;
}

TEST(EntryTest, KeysInByteOrderThenNewestFirst) {
  const auto& keys = Keys();
  for (size_t i = 0; i < keys.size(); ++i) {
    for (size_t j = 0; j < keys.size(); ++j) {
      const Entry a = {.key = keys[i], .sequence = 5};
      const Entry b = {.key = keys[j], .sequence = 5};
      EXPECT_EQ(Sign(CompareEntries(a, b)), (i > j) - (i < j)) << i << " " << j;
    }
  }
  const Entry older = {.key = "k", .sequence = 5};
  const Entry newer = {.key = "k", .sequence = 6};
  EXPECT_LT(CompareEntries(newer, older), 0);
  EXPECT_GT(CompareEntries(older, newer), 0);
}

TEST(EntryTest, TagsRoundTripAndOrderBySequence) {
  for (const SequenceNumber sequence : {SequenceNumber{0}, SequenceNumber{1}, kMaxSequence}) {
    for (const EntryKind kind : {EntryKind::kDelete, EntryKind::kPut}) {
      const uint64_t tag = PackTag(sequence, kind);
      EXPECT_EQ(TagSequence(tag), sequence);
      EXPECT_EQ(TagKind(tag), kind);
      EXPECT_TRUE(IsEntryTag(tag));
    }
  }
  EXPECT_FALSE(IsEntryTag(PackTag(1, EntryKind::kRangeDelete)));
  EXPECT_FALSE(IsEntryTag(0xff));
  EXPECT_LT(PackTag(1, EntryKind::kPut), PackTag(2, EntryKind::kDelete));
}

TEST(EntryTest, PrefixesNeverContradictTheOrder) {
  const auto& keys = Keys();
  for (size_t i = 0; i < keys.size(); ++i) {
    for (size_t j = i + 1; j < keys.size(); ++j) {
      const size_t shared = SharedPrefixSize(keys[i], keys[j]);
      for (size_t skip = 0; skip <= shared; ++skip) {
        EXPECT_LE(KeyPrefix(keys[i], skip), KeyPrefix(keys[j], skip)) << i << " " << j;
      }
    }
  }
  EXPECT_EQ(KeyPrefix("abcdefgh"), 0x6162636465666768u);
  EXPECT_EQ(KeyPrefix("xab", 1), 0x6162000000000000u);
  EXPECT_EQ(KeyPrefix("ab", 2), 0u);
  EXPECT_EQ(KeyPrefix("ab", 100), 0u);
}

TEST(EntryTest, SharedPrefixOfAllLengths) {
  const std::string base(40, 'x');
  for (size_t size = 0; size <= base.size(); ++size) {
    for (size_t shared = 0; shared <= size; ++shared) {
      std::string other = base.substr(0, size);
      if (shared < size) other[shared] = '\xf8';  // differs in a high bit only
      EXPECT_EQ(SharedPrefixSize(base, other), shared);
      EXPECT_EQ(SharedPrefixSize(other, base), shared);
    }
  }
}

}  // namespace
}  // namespace lsm
