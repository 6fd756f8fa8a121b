#include "lsm/sstable/compression.h"

#include <zstd.h>

#include "absl/strings/str_cat.h"

namespace lsm {
namespace {

struct FreeDecompressor {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

std::string CompressionName(const Compression& compression) {
  switch (compression.kind) {
    case Compression::Kind::kNone:
      return "none";
    case Compression::Kind::kZstd:
      return absl::StrCat("zstd:", compression.level);
  }
  return "unknown";
}

struct BlockCompressor::Context {
  ZSTD_CCtx* zstd = nullptr;

  explicit Context(int level) : zstd(ZSTD_createCCtx()) {
    if (zstd != nullptr) ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, level);
  }
  ~Context() { ZSTD_freeCCtx(zstd); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
};

BlockCompressor::BlockCompressor(const Compression& compression) {
  if (compression.kind == Compression::Kind::kZstd) {
    context_ = std::make_unique<Context>(compression.level);
  }
}

BlockCompressor::~BlockCompressor() = default;

bool BlockCompressor::Compress(std::string_view content, std::string_view* payload) {
  if (context_ == nullptr || context_->zstd == nullptr) return false;
  if (content.size() > kMaxCompressedContentSize) return false;
  // The room is no larger than what is worth having, so zstd gives up as early as it can tell.
  const size_t room = content.size() - content.size() / 16;
  if (buffer_.size() < room) buffer_.resize(room);
  const size_t size =
      ZSTD_compress2(context_->zstd, buffer_.data(), room, content.data(), content.size());
  if (ZSTD_isError(size) || content.size() < 16) return false;
  *payload = std::string_view(buffer_).substr(0, size);
  return true;
}

Status DecompressBlock(const StoredBytes& stored, std::string_view payload, char* content,
                       size_t content_size) {
  static thread_local const std::unique_ptr<ZSTD_DCtx, FreeDecompressor> context(ZSTD_createDCtx());
  if (context == nullptr) return Status::OutOfMemory();
  const size_t size =
      ZSTD_decompressDCtx(context.get(), content, content_size, payload.data(), payload.size());
  if (!ZSTD_isError(size) && size == content_size) return Status::Ok();
  return Status::Corruption(stored.path, stored.offset,
                            absl::StrCat("a data block does not decompress to the ", content_size,
                                         " bytes it should have", ZSTD_isError(size) ? ": " : "",
                                         ZSTD_isError(size) ? ZSTD_getErrorName(size) : ""));
}

}  // namespace lsm
