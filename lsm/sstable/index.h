// The index of a table: which data block holds a key. One level, read in place.
//
//   index := block_count:8 shared_size:4 zero:4
//            offset:8[block_count + 1]     of each data block in the file; the last: where they end
//            prefix:8[block_count]         KeyPrefix(separator, shared_size)
//            separator_end:4[block_count]  in the region of separators
//            separators                    shared_size: of the prefix that all of them begin with
//
// The separator of a block is >= every key in it and <= every key behind it, and as short as that
// allows; equal to the next block's first key only where the versions of that key go on there, which
// is also how equal separators come about.
//
// A search is a binary search without branches over the prefixes, eight bytes of each separator behind
// what all share; whole separators are compared only where those eight bytes tie.

#ifndef LSM_SSTABLE_INDEX_H_
#define LSM_SSTABLE_INDEX_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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
  // Null, and `*index` reads `bytes` (aligned to 8, outliving it), where they are a sound index of data
  // blocks in [0, data_end); else what is wrong. Looks at all of it, so that the rest may trust it.
  static const char* Parse(std::string_view bytes, uint64_t data_end, IndexReader* index);

  uint64_t block_count() const { return count_; }
  uint64_t offset(uint64_t block) const { return offsets_[block]; }
  FileRange range(uint64_t block) const {
    return {offsets_[block], offsets_[block + 1] - offsets_[block]};
  }
  std::string_view separator(uint64_t block) const {
    const uint64_t begin = block == 0 ? 0 : separator_ends_[block - 1];
    return {separators_ + begin, separator_ends_[block] - begin};
  }

  // The first block whose separator is >= `key` (LowerBound) or > `key` (UpperBound); block_count() if
  // none. LowerBound is where the first version of `key` is if it is anywhere; the last entry with a key
  // <= `key` is in the block of UpperBound or the one before.
  uint64_t LowerBound(std::string_view key) const { return Search<false>(key); }
  uint64_t UpperBound(std::string_view key) const { return Search<true>(key); }

 private:
  template <bool kBehindEqual>
  uint64_t Search(std::string_view key) const;
  template <bool kBehindEqual>
  uint64_t SearchTied(std::string_view key, uint64_t begin, uint64_t prefix) const;
  const char* CheckOffsets(uint64_t data_end) const;
  const char* CheckSeparators(uint64_t separators_size) const;

  uint64_t count_ = 0;
  std::string_view shared_;
  const uint64_t* offsets_ = nullptr;
  const uint64_t* prefixes_ = nullptr;
  const uint32_t* separator_ends_ = nullptr;
  const char* separators_ = nullptr;
};

}  // namespace lsm

#endif  // LSM_SSTABLE_INDEX_H_
