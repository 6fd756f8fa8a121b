// Data blocks: a few dozen rows, each column in a region of its own, read in place.
//
//   block := row_count:4 key_size:2 flags:2 value_size:4 values_offset:4      16 bytes
//            fingerprint:1[row_count]    the low byte of each key's HashKey
//            zero*                       to a multiple of 4
//            key_offset[row_count + 1]   into the keys, from 0 to their size; absent if kFixedKeys:
//                                        then each key has key_size bytes (else key_size is 0)
//            zero*                       to a multiple of 4
//            value_offset[row_count + 1] the same of values and value_size; absent if kFixedValues
//            zero*                       to a multiple of 8
//            tag:8[row_count]            sequence << 8 | kind; absent if kAllPutsAtZero
//            keys
//            values                      from values_offset to the end
//
// Offsets are 4 bytes wide where kWide is set (keys or values of 64 KiB and more), else 2. A lookup
// compares sixteen fingerprints at once with the wanted key's and then mostly one key: header and
// fingerprints share a cache line or two, and key and value are fetched side by side. Seeks search
// the keys by halves; rows cost the same forward and backward; keys and values are handed out in
// place.
//
// Refused: a prefix shared by all keys of a block, kept once. Keys would have to be put together in
// a buffer for every row, and under zstd it saves next to nothing, since that finds the prefix by
// itself.
//
// CheckBlockContent() holds every number against the block's size once, so that the reader may
// trust them. It does not look at the order of keys: a block out of order gives wrong rows, never
// wild reads.

#ifndef LSM_SSTABLE_BLOCK_H_
#define LSM_SSTABLE_BLOCK_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lsm/base/coding.h"
#include "lsm/base/entry.h"

namespace lsm {

inline constexpr uint64_t kBlockHeaderSize = 16;
inline constexpr uint64_t kCacheLine = 64;
// BlockReader::Find may read (never believe) this many bytes behind a block's content.
inline constexpr uint64_t kBlockSlack = 16;

enum BlockFlag : uint16_t {
  kBlockWide = 1,
  kBlockFixedKeys = 2,
  kBlockFixedValues = 4,
  kBlockAllPutsAtZero = 8,
};
inline constexpr uint16_t kBlockFlags = 15;

constexpr uint8_t KeyFingerprint(uint64_t key_hash) { return static_cast<uint8_t>(key_hash); }

// Where the regions of a block begin, counted from its start; an absent one is empty.
struct BlockLayout {
  uint64_t key_offsets;
  uint64_t value_offsets;
  uint64_t tags;
  uint64_t keys;

  constexpr BlockLayout(uint64_t row_count, uint16_t flags) {
    const uint64_t offset_size = (flags & kBlockWide) != 0 ? 4 : 2;
    key_offsets = RoundUp(kBlockHeaderSize + row_count, 4);
    uint64_t end = key_offsets;
    if ((flags & kBlockFixedKeys) == 0) end += (row_count + 1) * offset_size;
    value_offsets = RoundUp(end, 4);
    end = value_offsets;
    if ((flags & kBlockFixedValues) == 0) end += (row_count + 1) * offset_size;
    tags = RoundUp(end, 8);
    keys = tags + ((flags & kBlockAllPutsAtZero) == 0 ? row_count * 8 : 0);
  }

 private:
  static constexpr uint64_t RoundUp(uint64_t size, uint64_t multiple) {
    return (size + multiple - 1) / multiple * multiple;
  }
};

// Null where `content` is a block that BlockReader may trust; else what is wrong with it.
const char* CheckBlockContent(std::string_view content);

// Reads a block in place. Rows are counted from 0.
class BlockReader {
 public:
  BlockReader() = default;
  // `content` passed CheckBlockContent, outlives the reader, and has kBlockSlack readable bytes
  // behind it.
  explicit BlockReader(const char* content) {
    row_count_ = LoadFixed<uint32_t>(content);
    key_size_ = LoadFixed<uint16_t>(content + 4);
    const auto flags = LoadFixed<uint16_t>(content + 6);
    value_size_ = LoadFixed<uint32_t>(content + 8);
    const BlockLayout layout(row_count_, flags);
    wide_ = (flags & kBlockWide) != 0;
    fingerprints_ = content + kBlockHeaderSize;
    if ((flags & kBlockFixedKeys) == 0) key_offsets_ = content + layout.key_offsets;
    if ((flags & kBlockFixedValues) == 0) value_offsets_ = content + layout.value_offsets;
    if ((flags & kBlockAllPutsAtZero) == 0) tags_ = content + layout.tags;
    keys_ = content + layout.keys;
    values_ = content + LoadFixed<uint32_t>(content + 12);
  }

  uint32_t row_count() const { return row_count_; }
  std::string_view key(uint32_t row) const { return Cell(keys_, key_offsets_, key_size_, row); }
  std::string_view value(uint32_t row) const {
    return Cell(values_, value_offsets_, value_size_, row);
  }
  uint64_t tag(uint32_t row) const {
    return tags_ != nullptr ? LoadFixed<uint64_t>(tags_ + uint64_t{row} * 8)
                            : PackTag(0, EntryKind::kPut);
  }
  uint8_t fingerprint(uint32_t row) const { return static_cast<uint8_t>(fingerprints_[row]); }
  void Load(uint32_t row, Entry* entry) const {
    entry->key = key(row);
    entry->value = value(row);
    const uint64_t packed = tag(row);
    entry->sequence = TagSequence(packed);
    entry->kind = TagKind(packed);
  }

  // The first row whose key is >= `key` (LowerBound) or > `key` (UpperBound); row_count() if none.
  uint32_t LowerBound(std::string_view key) const;
  uint32_t UpperBound(std::string_view key) const;
  // The first row that has `key`; row_count() if none.
  uint32_t Find(std::string_view key, uint8_t fingerprint) const;

 private:
  std::string_view Cell(const char* region, const char* offsets, uint32_t fixed_size,
                        uint32_t row) const {
    if (offsets == nullptr) return {region + uint64_t{row} * fixed_size, fixed_size};
    uint32_t begin;
    uint32_t end;
    if (wide_) {
      begin = LoadFixed<uint32_t>(offsets + uint64_t{row} * 4);
      end = LoadFixed<uint32_t>(offsets + uint64_t{row} * 4 + 4);
    } else {
      begin = LoadFixed<uint16_t>(offsets + uint64_t{row} * 2);
      end = LoadFixed<uint16_t>(offsets + uint64_t{row} * 2 + 2);
    }
    return {region + begin, end - begin};
  }
  template <bool kBehindEqual>
  uint32_t Search(std::string_view key) const;

  const char* fingerprints_ = nullptr;
  const char* key_offsets_ = nullptr;    // null: fixed
  const char* value_offsets_ = nullptr;  // null: fixed
  const char* tags_ = nullptr;           // null: all are puts at sequence 0
  const char* keys_ = nullptr;
  const char* values_ = nullptr;
  uint32_t row_count_ = 0;
  uint32_t key_size_ = 0;
  uint32_t value_size_ = 0;
  bool wide_ = false;
};

// Gathers rows into a block.
class BlockBuilder {
 public:
  // REQUIRES: the entry is in order and its value empty unless it is a put; the content stays
  // within kMaxBlockContentSize.
  void Add(const Entry& entry, uint8_t fingerprint);

  bool empty() const { return tags_.empty(); }
  uint64_t row_count() const { return tags_.size(); }
  // REQUIRES: !empty().
  std::string_view last_key() const;
  // What Finish() will append.
  uint64_t content_size() const;
  // Appends the block's content; the builder is then empty again. REQUIRES: !empty().
  void Finish(std::string* target);

 private:
  uint16_t Flags() const;

  std::string fingerprints_;
  std::vector<uint32_t> key_offsets_ = {0};
  std::vector<uint32_t> value_offsets_ = {0};
  std::vector<uint64_t> tags_;
  std::string keys_;
  std::string values_;
  bool fixed_keys_ = true;
  bool fixed_values_ = true;
  bool all_puts_at_zero_ = true;
};

}  // namespace lsm

#endif  // LSM_SSTABLE_BLOCK_H_
