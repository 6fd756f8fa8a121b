// Sorted string tables, byte by byte (the outside; block.h, index.h and properties.h have the
// inside).
//
//   table    := data_block* section* footer      sections in this order: dictionary, filter,
//                                                tombstones, index, properties
//   data_block := payload zero* trailer    starts at a multiple of 8, a raw one of 1 KiB or more
//                                                at a multiple of 64, where its first bytes share a
//                                                line
//   trailer  := compression:1 padding:1 zero:2 content_size:4 sum:8
//               padding: the zeros before it; content_size: of the block uncompressed; `sum` covers
//               the block up to itself
//   section  := content zero* content_size:8 sum:8  starts at and has a multiple of 64
//   footer   := number:8 (offset:8 size:8)[5] zero:16 version:4 zero:4 sum:8 magic:8      128 bytes
//               handles of filter, tombstones, index, properties, dictionary; size 0: absent; `sum`
//               covers all before
//   dictionary := a zstd dictionary (RFC 8878, section 5), which compressed blocks may need
//
// Sums are Checksum64 seeded with ChecksumSeed(file number, offset of the block, section or
// footer), so what lies in the wrong file or place fails. Every byte of the file is under one of
// them, but the footer's magic, which is compared. Blocks and sections follow each other without
// gaps: each ends where the next begins. Size, magic, sum and version of the footer keep their
// places in every version.

#ifndef LSM_SSTABLE_FORMAT_H_
#define LSM_SSTABLE_FORMAT_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "lsm/base/limits.h"
#include "lsm/base/status.h"

namespace lsm {

inline constexpr uint64_t kTableMagic = 0x31656c6261746d73;  // "smtable1", little-endian
// 1: the first. 2: has a dictionary; a table without one is still written as version 1.
inline constexpr uint32_t kTableVersion = 2;
inline constexpr uint64_t kBlockTrailerSize = 16;
inline constexpr uint64_t kSectionTrailerSize = 16;
inline constexpr uint64_t kFooterSize = 128;
inline constexpr uint64_t kBlockAlignment = 8;
inline constexpr uint64_t kRawBlockAlignment = 64;
inline constexpr uint64_t kSectionAlignment = 64;
// A raw block below this size would lose too much to the wider alignment.
inline constexpr uint64_t kMinRawAlignedSize = 1 * kKiB;
// Larger contents (rows of many megabytes) stay raw, so that no small file can ask for more memory.
inline constexpr uint64_t kMaxCompressedContentSize = 32 * kMiB;

static_assert(kMaxCompressedContentSize > kMaxBlockSize + kMaxKeySize + kMiB,
              "blocks of every size an option allows can be compressed");

// kZstdDictionary: a frame that needs the table's dictionary.
enum class BlockCompression : uint8_t { kRaw = 0, kZstd = 1, kZstdDictionary = 2 };

// Where something stands in a table file.
struct FileRange {
  uint64_t offset = 0;
  uint64_t size = 0;  // trailer included; 0: absent

  uint64_t end() const { return offset + size; }
};

// A block or section as it lies in its file.
struct StoredBytes {
  std::string_view bytes;  // trailer included
  uint64_t file_number = 0;
  uint64_t offset = 0;
  std::string_view path;  // for messages
};

struct TableFooter {
  uint64_t file_number = 0;
  FileRange filter;
  FileRange tombstones;
  FileRange index;
  FileRange properties;
  FileRange dictionary;

  uint32_t version() const { return dictionary.size == 0 ? 1 : 2; }

  struct Section {
    const char* name;
    FileRange range;  // of size 0 where it is absent
  };
  // In the order in which they stand in the file.
  std::array<Section, 5> Sections() const;
  // Where the data blocks end.
  uint64_t data_end() const;
};

// `offset`: where in the file it will stand.
void AppendFooter(const TableFooter& footer, uint64_t offset, std::string* target);
// `bytes` are the last kFooterSize of the file, which has `file_size`. kCorruption (of `path`, with
// the offset) where they are no footer or point outside the file, kUnsupported for a newer version.
Status ParseFooter(std::string_view bytes, uint64_t file_size, std::string_view path,
                   TableFooter* footer);

// What a block's trailer says, checked against the block's size.
struct BlockTrailer {
  BlockCompression compression = BlockCompression::kRaw;
  uint8_t padding = 0;
  uint32_t content_size = 0;
};

// Ends the block that is the tail of `target` from `begin` on: pads it so that what follows it in
// the file starts at a multiple of `alignment`, and appends the trailer. `offset`: of the block in
// its file.
void SealBlock(BlockCompression compression, uint64_t content_size, uint64_t alignment,
               uint64_t file_number, uint64_t offset, size_t begin, std::string* target);
// Takes the trailer apart without a look at the sum; kCorruption where it cannot be one.
Status ParseBlockTrailer(const StoredBytes& stored, BlockTrailer* trailer);
// As ParseBlockTrailer, and the sum. `payload`: what lies before padding and trailer.
Status CheckBlock(const StoredBytes& stored, BlockTrailer* trailer, std::string_view* payload);

// Appends `content` as a section. REQUIRES: `offset`, where it will stand, is a multiple of 64.
FileRange AppendSection(std::string_view content, uint64_t file_number, uint64_t offset,
                        std::string* target);
// Checks the sum and answers the content.
Status CheckSection(const StoredBytes& stored, std::string_view* content);

// What a table says of itself (encoding: properties.h). All are checked by a verification.
struct TableProperties {
  uint64_t entry_count = 0;
  uint64_t delete_count = 0;
  uint64_t range_tombstone_count = 0;
  uint64_t data_block_count = 0;
  uint64_t data_size = 0;     // bytes of data blocks in the file
  uint64_t raw_key_size = 0;  // bytes of the keys of all entries
  uint64_t raw_value_size = 0;
  uint64_t min_sequence = 0;  // of entries and tombstones
  uint64_t max_sequence = 0;
  double filter_bits_per_key = 0;
  std::string smallest_key;  // of the entries; meaningless where there are none
  std::string largest_key;
  std::string compression;  // as the option was, e.g. "zstd:1"
};

}  // namespace lsm

#endif  // LSM_SSTABLE_FORMAT_H_
