#include "lsm/version/version_edit.h"

#include <random>

#include "gtest/gtest.h"
#include "lsm/base/coding.h"
#include "lsm/base/limits.h"
#include "lsm/base/write_batch.h"

namespace lsm {
namespace {

std::string RandomKey(std::mt19937_64* random) {
  std::string key((*random)() % 20, '\0');
  for (char& c : key) c = static_cast<char>((*random)());
  return key;
}

VersionEdit RandomEdit(std::mt19937_64* random) {
  const auto dice = [&](uint64_t n) { return (*random)() % n; };
  VersionEdit edit;
  if (dice(2) == 0) edit.next_file_number = (*random)();
  if (dice(2) == 0) edit.next_run_id = (*random)() >> dice(64);
  if (dice(2) == 0) edit.last_sequence = dice(kMaxSequence + 1);
  if (dice(2) == 0) edit.log_synced = dice(kMaxLogPosition + 1);
  for (uint64_t i = dice(4); i > 0; --i) edit.added_logs.push_back({(*random)(), (*random)()});
  for (uint64_t i = dice(4); i > 0; --i) edit.removed_logs.push_back(dice(100));
  for (uint64_t i = dice(4); i > 0; --i) {
    edit.removed_slices.push_back({.level = static_cast<uint32_t>(dice(kMaxLevels)),
                                   .run_id = (*random)(),
                                   .table_number = (*random)(),
                                   .begin = RandomKey(random)});
  }
  for (uint64_t i = dice(4); i > 0; --i) {
    AddedSlice slice{.level = static_cast<uint32_t>(dice(kMaxLevels)), .run_id = (*random)()};
    slice.table = {.number = (*random)(),
                   .file_size = (*random)(),
                   .entry_count = 1000 + dice(1000),
                   .delete_count = dice(1000),
                   .range_tombstone_count = (*random)(),
                   .min_sequence = dice(1000),
                   .max_sequence = 1000 + dice(1000),
                   .range = {}};
    const std::string key = RandomKey(random);
    const bool unbounded = dice(3) == 0;
    slice.table.range = {key, unbounded ? std::string(InfiniteKey()) : key + "zz"};
    slice.range = {key + (dice(2) == 0 ? "a" : ""),
                   unbounded && dice(2) == 0 ? std::string(InfiniteKey()) : key + "z"};
    slice.size = (*random)();
    edit.added_slices.push_back(std::move(slice));
  }
  return edit;
}

// The encoding is canonical: the same edit has the same bytes, and every field shows in them.
TEST(VersionEditTest, RoundTrip) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 500; ++i) {
    const VersionEdit edit = RandomEdit(&random);
    const std::string bytes = EncodeVersionEdit(edit);
    VersionEdit decoded;
    bool unsupported = true;
    ASSERT_TRUE(DecodeVersionEdit(bytes, &decoded, &unsupported)) << "edit " << i;
    EXPECT_FALSE(unsupported);
    EXPECT_EQ(EncodeVersionEdit(decoded), bytes);
    EXPECT_EQ(decoded.next_file_number, edit.next_file_number);
    EXPECT_EQ(decoded.last_sequence, edit.last_sequence);
    EXPECT_EQ(decoded.log_synced, edit.log_synced);
    ASSERT_EQ(decoded.added_slices.size(), edit.added_slices.size());
    for (size_t s = 0; s < edit.added_slices.size(); ++s) {
      const AddedSlice& a = decoded.added_slices[s];
      const AddedSlice& b = edit.added_slices[s];
      EXPECT_EQ(a.range.begin, b.range.begin);
      EXPECT_EQ(a.range.end, b.range.end);
      EXPECT_EQ(a.table.range.end, b.table.range.end);
      EXPECT_EQ(a.table.max_sequence, b.table.max_sequence);
      EXPECT_EQ(a.size, b.size);
    }
  }
}

TEST(VersionEditTest, DamagedBytesNeverCrashAndWhatDecodesIsValid) {
  std::mt19937_64 random(2);
  const auto decode = [](std::string_view bytes) {
    // In memory of just that size, so that a sanitizer sees who reads beyond.
    const std::vector<char> exact(bytes.begin(), bytes.end());
    VersionEdit edit;
    bool unsupported;
    if (!DecodeVersionEdit({exact.data(), exact.size()}, &edit, &unsupported)) return;
    EXPECT_FALSE(unsupported);
    for (const AddedSlice& slice : edit.added_slices) {
      EXPECT_LT(slice.level, kMaxLevels);
      EXPECT_LT(slice.range.begin, slice.range.end);
      EXPECT_LE(slice.table.range.begin, slice.range.begin);
      EXPECT_LE(slice.range.end, slice.table.range.end);
      EXPECT_LE(slice.table.max_sequence, kMaxSequence);
    }
  };
  for (int i = 0; i < 30; ++i) {
    const std::string bytes = EncodeVersionEdit(RandomEdit(&random));
    for (size_t size = 0; size < bytes.size(); ++size) decode(bytes.substr(0, size));
    for (size_t at = 0; at < bytes.size(); ++at) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string flipped = bytes;
        flipped[at] = static_cast<char>(flipped[at] ^ 1 << bit);
        decode(flipped);
      }
    }
  }
  for (int i = 0; i < 20'000; ++i) {
    std::string noise(random() % 40, '\0');
    for (char& c : noise) c = static_cast<char>(random() % 3 == 0 ? random() : random() % 9);
    decode(noise);
  }
}

TEST(VersionEditTest, AFieldIsWholeOrRefused) {
  VersionEdit edit;
  edit.next_file_number = 300;
  edit.added_logs = {{5, 65536}};
  const std::string bytes = EncodeVersionEdit(edit);
  VersionEdit decoded;
  bool unsupported;
  size_t whole = 0;
  for (size_t size = 0; size < bytes.size(); ++size) {
    whole += DecodeVersionEdit(bytes.substr(0, size), &decoded, &unsupported) ? 1 : 0;
    EXPECT_FALSE(unsupported);
  }
  EXPECT_EQ(whole, 2u) << "none and the first field";
  // A body with something left over.
  std::string longer;
  AppendVarint(&longer, 5);
  AppendLengthPrefixed(&longer, std::string_view("\x07\x07", 2));
  EXPECT_FALSE(DecodeVersionEdit(longer, &decoded, &unsupported));
  EXPECT_FALSE(unsupported);
}

TEST(VersionEditTest, AnUnknownTagIsOfANewerVersion) {
  for (const uint64_t tag : {uint64_t{0}, uint64_t{9}, uint64_t{1000}, UINT64_MAX}) {
    std::string bytes = EncodeVersionEdit({.next_file_number = 3});
    AppendVarint(&bytes, tag);
    AppendLengthPrefixed(&bytes, "whatever it means");
    VersionEdit decoded;
    bool unsupported = false;
    EXPECT_FALSE(DecodeVersionEdit(bytes, &decoded, &unsupported));
    EXPECT_TRUE(unsupported) << tag;
  }
}

TEST(VersionEditTest, ValuesOutOfBoundsAreRefused) {
  VersionEdit good;
  good.added_slices = {{.level = 1,
                        .run_id = 2,
                        .table = {.number = 3,
                                  .entry_count = 2,
                                  .delete_count = 1,
                                  .min_sequence = 1,
                                  .max_sequence = 2,
                                  .range = {"b", "y"}},
                        .range = {"c", "x"},
                        .size = 10}};
  const auto accepted = [](const VersionEdit& edit) {
    VersionEdit decoded;
    bool unsupported;
    return DecodeVersionEdit(EncodeVersionEdit(edit), &decoded, &unsupported);
  };
  ASSERT_TRUE(accepted(good));
  const auto refuses = [&](auto change) {
    VersionEdit bad = good;
    change(&bad.added_slices[0]);
    return !accepted(bad);
  };
  EXPECT_TRUE(refuses([](AddedSlice* s) { s->level = kMaxLevels; }));
  EXPECT_TRUE(refuses([](AddedSlice* s) { s->range.begin = "a"; }));
  EXPECT_TRUE(refuses([](AddedSlice* s) { s->range.end = "z"; }));
  EXPECT_TRUE(refuses([](AddedSlice* s) { s->range.end = s->range.begin; }));
  EXPECT_TRUE(refuses([](AddedSlice* s) { s->table.range = {"y", "b"}; }));
  // A bound may be one byte longer than a key.
  EXPECT_FALSE(refuses([](AddedSlice* s) { s->range.begin = std::string(kMaxKeySize + 1, 'c'); }));
  EXPECT_TRUE(refuses([](AddedSlice* s) { s->range.begin = std::string(kMaxKeySize + 2, 'c'); }));
  EXPECT_TRUE(refuses([](AddedSlice* s) { s->table.delete_count = 3; }));
  EXPECT_TRUE(refuses([](AddedSlice* s) { s->table.min_sequence = 3; }));
  EXPECT_TRUE(refuses([](AddedSlice* s) { s->table.max_sequence = kMaxSequence + 1; }));
  EXPECT_FALSE(accepted({.last_sequence = kMaxSequence + 1}));
  EXPECT_FALSE(accepted({.log_synced = kMaxLogPosition + 1}));
}

}  // namespace
}  // namespace lsm
