// Compression of data blocks: the one place that knows zstd.
//
// A frame's own word on its size is never believed: the block's trailer has the size, and a frame
// that does not give exactly that many bytes is damaged.
//
// A dictionary brings along what small blocks have in common: byte strings, and above all the
// entropy tables, whose setting up costs more time than the rest of a small block. It is made of
// blocks of the table that it serves: some of them as they are, and the statistics of all that were
// sampled (ZDICT_finalizeDictionary). Refused: zstd's trainers, which look for the best strings and
// cost ten times as much for some percent; tools/bench/LOG.md has the figures.

#ifndef LSM_SSTABLE_COMPRESSION_H_
#define LSM_SSTABLE_COMPRESSION_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "lsm/base/options.h"
#include "lsm/base/status.h"
#include "lsm/sstable/format.h"

struct ZSTD_DDict_s;

namespace lsm {

// "none" or "zstd:1", as the option is written.
std::string CompressionName(const Compression& compression);
// What suits a table that will soon be merged into others: less than half the time of the fastest
// level that keeps tables small, for a tenth more bytes.
Compression HastyCompression(const Compression& compression);

// Blocks that are larger gain too little from a dictionary.
inline constexpr uint64_t kMaxDictionaryBlockSize = 16 * kKiB;
// A dictionary that a table brings may not be larger.
inline constexpr uint64_t kMaxDictionarySize = 64 * kKiB;

// Compresses block after block with one context. One thread at a time.
class BlockCompressor {
 public:
  explicit BlockCompressor(const Compression& compression);
  ~BlockCompressor();

  // Makes a dictionary of contents that are like those to come, and compresses with it from now on.
  // Where that cannot be done, all stays as it was.
  void MakeDictionary(std::span<const std::string> samples);
  // "" where there is none.
  const std::string& dictionary() const { return dictionary_; }

  // kRaw: the content is better kept so, since it would not lose at least a sixteenth, or since
  // there is no memory. Else `*payload` is the compressed form, readable until the next call.
  BlockCompression Compress(std::string_view content, std::string_view* payload);

 private:
  struct Context;

  // Whether literals are coded, by what it saves on the samples.
  void ChooseLiterals(std::span<const std::string> samples);

  std::unique_ptr<Context> context_;  // null: nothing is compressed
  std::string dictionary_;
  std::string buffer_;
};

// A dictionary, ready for decompression by any thread.
class BlockDictionary {
 public:
  // Of the `content` of a dictionary section, which must outlive it. kCorruption, without a place,
  // where it is none.
  static Result<std::unique_ptr<const BlockDictionary>> Parse(std::string_view content);
  ~BlockDictionary();
  BlockDictionary(const BlockDictionary&) = delete;
  BlockDictionary& operator=(const BlockDictionary&) = delete;

  uint64_t memory_used() const;

 private:
  friend Status DecompressBlock(const StoredBytes& stored, std::string_view payload,
                                const BlockDictionary* dictionary, char* content,
                                size_t content_size);

  explicit BlockDictionary(ZSTD_DDict_s* zstd) : zstd_(zstd) {}

  ZSTD_DDict_s* const zstd_;
};

// Fills `content` with exactly `content_size` bytes from the frame in `payload`, the inside of
// `stored`; kCorruption where it is no such frame. `dictionary`: null for a frame without. Any
// thread; each keeps a context for its next call.
Status DecompressBlock(const StoredBytes& stored, std::string_view payload,
                       const BlockDictionary* dictionary, char* content, size_t content_size);

}  // namespace lsm

#endif  // LSM_SSTABLE_COMPRESSION_H_
