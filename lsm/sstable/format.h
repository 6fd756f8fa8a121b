// Sorted string tables, byte by byte (the outside; block.h and index.h have the inside).
//
//   table    := data_block+ section* footer      in this order: filter, tombstones, index, properties
//   data_block := payload zero* trailer          starts at a multiple of 8, a raw one mostly of 64
//   trailer  := compression:1 zero:3 content_size:4 sum:8
//               content_size: of the block uncompressed; `sum` covers the block up to itself
//   section  := content zero* content_size:8 sum:8    starts at a multiple of 64
//   footer   := number:8 (offset:8 size:8)[4] zero:32 version:4 zero:4 sum:8 magic:8      128 bytes
//               handles of filter, tombstones, index, properties; size 0: absent; `sum` covers all before
//
// Sums are Checksum64 seeded with ChecksumSeed(file number, offset), so a block that lies in the wrong
// file or place fails. Every byte of the file is under one of them. Data blocks follow each other
// without gaps: a block ends where the next begins, the last where the first section does.

#ifndef LSM_SSTABLE_FORMAT_H_
#define LSM_SSTABLE_FORMAT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "lsm/base/status.h"

namespace lsm {

inline constexpr uint64_t kTableMagic = 0x31656c6261746d73;  // "smtable1", little-endian
inline constexpr uint32_t kTableVersion = 1;                  // 1: the first
inline constexpr uint64_t kBlockTrailerSize = 16;
inline constexpr uint64_t kSectionTrailerSize = 16;
inline constexpr uint64_t kFooterSize = 128;
inline constexpr uint64_t kSectionAlignment = 64;

enum class BlockCompression : uint8_t { kRaw = 0, kZstd = 1 };

// Where something stands in a table file.
struct FileRange {
  uint64_t offset = 0;
  uint64_t size = 0;  // trailer included; 0: absent
};

struct TableFooter {
  uint64_t file_number = 0;
  FileRange filter;
  FileRange tombstones;
  FileRange index;
  FileRange properties;
};

void AppendFooter(const TableFooter& footer, std::string* target);
// `bytes` are the last kFooterSize of the file, which has `file_size`. kCorruption (of `path`, with the
// offset) where they are no footer or point outside the file, kUnsupported for a newer version.
Status ParseFooter(std::string_view bytes, uint64_t file_size, std::string_view path,
                   TableFooter* footer);

// What a table says of itself: counts and bounds, as text names and values in the file so that a later
// version may add some. All are checked by a verification.
struct TableProperties {
  uint64_t entry_count = 0;
  uint64_t delete_count = 0;
  uint64_t range_tombstone_count = 0;
  uint64_t data_block_count = 0;
  uint64_t data_size = 0;         // bytes of data blocks in the file
  uint64_t raw_key_size = 0;      // bytes of the keys of all entries
  uint64_t raw_value_size = 0;
  uint64_t min_sequence = 0;      // of entries and tombstones
  uint64_t max_sequence = 0;
  double filter_bits_per_key = 0;
  std::string smallest_key;       // of the entries; meaningless where there are none
  std::string largest_key;
  std::string compression;        // as the option was, e.g. "zstd:1"
};

}  // namespace lsm

#endif  // LSM_SSTABLE_FORMAT_H_
