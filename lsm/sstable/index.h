// The index of a table: which data block holds a key. One level, read in place.
//
//   index := block_count:8 shared_size:4 zero:52       64 bytes
//            group*                        for each eight blocks, the last filled up: 128 bytes of
//              prefix:8[8]                 KeyPrefix(separator, shared_size); ff* where filled up
//              offset:8[8]                 of each data block in the file; their end if filled up
//            top:8[group_count]            the last prefix of each group
//            separator_end:4[block_count]  in the region of separators
//            separators                    shared_size: of the prefix that all of them begin with
//
// The separator of a block is >= every key in it and <= every key behind it, and as short as that
// allows; equal to the next block's first key only where the versions of that key go on there,
// which is also how equal separators come about.
//
// A search is a binary search without branches over `top`, which stays in the processor's caches,
// then a count within one group, whose two lines are fetched side by side. Whole separators are
// compared only where eight bytes of them tie. Refused: a binary search over all prefixes in one
// array, with the offsets in another. Each of its steps has a line of its own, so that all of the
// array competes for the caches; with it the index took more than half of the time of a get.

#ifndef LSM_SSTABLE_INDEX_H_
#define LSM_SSTABLE_INDEX_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lsm/base/check.h"
#include "lsm/base/coding.h"
#include "lsm/base/entry.h"
#include "lsm/sstable/format.h"

namespace lsm {

// A short key s with last <= s, and s < next unless last == next. REQUIRES: last <= next.
std::string_view ShortSeparator(std::string_view last, std::string_view next);

class IndexBuilder {
 public:
  // Blocks in order. `offset`: where the block begins in the file.
  void Add(uint64_t offset, std::string_view separator);
  uint64_t block_count() const { return offsets_.size(); }
  // What Finish() will append.
  uint64_t size() const;
  // `data_end`: where the last block ends. kTooLarge where the separators pass 4 GiB.
  Status Finish(uint64_t data_end, std::string* target) const;

 private:
  std::string_view separator(uint64_t i) const {
    const uint64_t begin = i == 0 ? 0 : separator_ends_[i - 1];
    return std::string_view(separators_).substr(begin, separator_ends_[i] - begin);
  }

  std::vector<uint64_t> offsets_;
  std::vector<uint64_t> separator_ends_;
  std::string separators_;
};

class IndexReader {
 public:
  // No blocks.
  IndexReader() = default;
  // Null, and `*index` reads `bytes` (aligned to 64, outliving it), where they are a sound index of
  // data blocks in [0, data_end); else what is wrong. Looks at all of it, so that the rest may
  // trust it.
  static const char* Parse(std::string_view bytes, uint64_t data_end, IndexReader* index);

  uint64_t block_count() const { return count_; }
  // REQUIRES here and below: block < block_count().
  uint64_t offset(uint64_t block) const {
    LSM_DCHECK(block < count_);
    return GroupOf(block).offsets[block % kGroupSize];
  }
  FileRange range(uint64_t block) const {
    const uint64_t begin = offset(block);
    return {begin, (block + 1 < count_ ? offset(block + 1) : data_end_) - begin};
  }
  std::string_view separator(uint64_t block) const {
    const uint64_t begin = block == 0 ? 0 : separator_ends_[block - 1];
    return {separators_ + begin, separator_ends_[block] - begin};
  }

  // The first block whose separator is >= `key` (LowerBound) or > `key` (UpperBound); block_count()
  // if none. LowerBound is where the first version of `key` is if it is anywhere; the last entry
  // with a key <= `key` is in the block of UpperBound or the one before.
  uint64_t LowerBound(std::string_view key) const { return Search<false>(key); }
  uint64_t UpperBound(std::string_view key) const { return Search<true>(key); }
  // Where that block begins; the end of the data if there is none.
  uint64_t OffsetOf(std::string_view key) const {
    const uint64_t block = LowerBound(key);
    return block < count_ ? offset(block) : data_end_;
  }

 private:
  static constexpr uint64_t kGroupSize = 8;
  struct Group {
    uint64_t prefixes[kGroupSize];
    uint64_t offsets[kGroupSize];
  };

  const Group& GroupOf(uint64_t block) const { return groups_[block / kGroupSize]; }
  uint64_t prefix(uint64_t block) const { return GroupOf(block).prefixes[block % kGroupSize]; }
  // How many blocks have a prefix < `wanted`.
  uint64_t CountBelow(uint64_t wanted) const;
  template <bool kBehindEqual>
  uint64_t Search(std::string_view key) const;
  template <bool kBehindEqual>
  uint64_t SearchTied(std::string_view key, uint64_t begin, uint64_t prefix) const;
  const char* CheckOffsets() const;
  const char* CheckSeparators(uint64_t separators_size) const;
  const char* CheckGroups() const;

  uint64_t count_ = 0;
  uint64_t group_count_ = 0;
  uint64_t data_end_ = 0;
  std::string_view shared_;
  const Group* groups_ = nullptr;
  const uint64_t* top_ = nullptr;
  const uint32_t* separator_ends_ = nullptr;
  const char* separators_ = nullptr;
};

}  // namespace lsm

#endif  // LSM_SSTABLE_INDEX_H_
