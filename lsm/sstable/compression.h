// Compression of data blocks: the one place that knows zstd.
//
// A frame's own word on its size is never believed: the block's trailer has the size, and a frame
// that does not give exactly that many bytes is damaged.

#ifndef LSM_SSTABLE_COMPRESSION_H_
#define LSM_SSTABLE_COMPRESSION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "lsm/base/options.h"
#include "lsm/base/status.h"
#include "lsm/sstable/format.h"

namespace lsm {

// "none" or "zstd:1", as the option is written.
std::string CompressionName(const Compression& compression);

// Compresses block after block with one context. One thread at a time.
class BlockCompressor {
 public:
  explicit BlockCompressor(const Compression& compression);
  ~BlockCompressor();

  // False: the content is better kept raw, since it would not lose at least a sixteenth, or since
  // there is no memory. Else `*payload` is the compressed form, readable until the next call.
  bool Compress(std::string_view content, std::string_view* payload);

 private:
  struct Context;
  std::unique_ptr<Context> context_;  // null: nothing is compressed
  std::string buffer_;
};

// Fills `content` with exactly `content_size` bytes from the frame in `payload`, the inside of
// `stored`; kCorruption where it is no such frame. Any thread; each keeps a context for its next
// call.
Status DecompressBlock(const StoredBytes& stored, std::string_view payload, char* content,
                       size_t content_size);

}  // namespace lsm

#endif  // LSM_SSTABLE_COMPRESSION_H_
