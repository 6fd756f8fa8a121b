// For dictionaries that are used where they lie. The library is linked in, in a version of our
// choice.
#define ZSTD_STATIC_LINKING_ONLY

#include "lsm/sstable/compression.h"

#include <zdict.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"

namespace lsm {
namespace {

// What a dictionary is made of: so many bytes of the samples as they are, and room for its tables.
constexpr size_t kDictionaryContentSize = 15 * kKiB;
constexpr size_t kDictionaryRoom = kDictionaryContentSize + kKiB;
static_assert(kDictionaryRoom <= kMaxDictionarySize);

// Entropy coding of literals (what zstd finds no match for) takes up to six times as long to undo
// as all the rest of a small block. At this level it is done only where it saves a fifth of the
// size; above it size goes first, and below it zstd never does it.
constexpr int32_t kChoosingLevel = 1;
constexpr size_t kWorthEntropyCoding = 5;

constexpr int32_t kHastyLevel = -5;

struct FreeDecompressor {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// Samples from all over, as many as have room.
std::string DictionaryContent(std::span<const std::string> samples, size_t samples_size) {
  std::string content;
  const size_t step = samples_size / kDictionaryContentSize + 1;
  for (size_t i = 0; i < samples.size(); i += step) {
    content.append(samples[i], 0, kDictionaryContentSize - content.size());
  }
  return content;
}

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

Compression HastyCompression(const Compression& compression) {
  return {compression.kind, std::min(compression.level, kHastyLevel)};
}

struct BlockCompressor::Context {
  const int level;
  ZSTD_CCtx* const zstd;
  ZSTD_CDict* dictionary = nullptr;

  explicit Context(int compression_level) : level(compression_level), zstd(ZSTD_createCCtx()) {
    if (zstd == nullptr) return;
    ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(zstd, ZSTD_c_dictIDFlag, 0);
  }
  ~Context() {
    ZSTD_freeCCtx(zstd);
    ZSTD_freeCDict(dictionary);
  }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
};

BlockCompressor::BlockCompressor(const Compression& compression) {
  if (compression.kind == Compression::Kind::kZstd) {
    context_ = std::make_unique<Context>(compression.level);
  }
}

BlockCompressor::~BlockCompressor() = default;

void BlockCompressor::MakeDictionary(std::span<const std::string> samples) {
  if (context_ == nullptr || context_->zstd == nullptr || !dictionary_.empty()) return;
  std::string all;
  std::vector<size_t> sizes;
  for (const std::string& sample : samples) {
    all += sample;
    sizes.push_back(sample.size());
  }
  const std::string content = DictionaryContent(samples, all.size());
  std::string made(kDictionaryRoom, '\0');
  const size_t size = ZDICT_finalizeDictionary(
      made.data(), made.size(), content.data(), content.size(), all.data(), sizes.data(),
      static_cast<unsigned>(sizes.size()), {.compressionLevel = context_->level});
  if (ZDICT_isError(size)) return;
  made.resize(size);
  ZSTD_CDict* const dictionary = ZSTD_createCDict(made.data(), made.size(), context_->level);
  if (dictionary == nullptr) return;
  if (ZSTD_isError(ZSTD_CCtx_refCDict(context_->zstd, dictionary))) {
    ZSTD_freeCDict(dictionary);
    return;
  }
  context_->dictionary = dictionary;
  dictionary_ = std::move(made);
  if (context_->level == kChoosingLevel) ChooseLiterals(samples);
}

void BlockCompressor::ChooseLiterals(std::span<const std::string> samples) {
  const auto set = [this](ZSTD_paramSwitch_e coded) {
    ZSTD_CCtx_setParameter(context_->zstd, ZSTD_c_literalCompressionMode, coded);
  };
  const auto size = [this, samples] {
    size_t sum = 0;
    for (const std::string& sample : samples) {
      std::string_view payload;
      const bool is_raw = Compress(sample, &payload) == BlockCompression::kRaw;
      sum += is_raw ? sample.size() : payload.size();
    }
    return sum;
  };
  const size_t coded = size();
  set(ZSTD_ps_disable);
  const size_t raw = size();
  if (raw - std::min(raw, coded) >= raw / kWorthEntropyCoding) set(ZSTD_ps_auto);
}

BlockCompression BlockCompressor::Compress(std::string_view content, std::string_view* payload) {
  if (context_ == nullptr || context_->zstd == nullptr) return BlockCompression::kRaw;
  if (content.size() < 16 || content.size() > kMaxCompressedContentSize) {
    return BlockCompression::kRaw;
  }
  // The room is no larger than what is worth having, so zstd gives up as early as it can tell.
  const size_t room = content.size() - content.size() / 16;
  if (buffer_.size() < room) buffer_.resize(room);
  const size_t size =
      ZSTD_compress2(context_->zstd, buffer_.data(), room, content.data(), content.size());
  if (ZSTD_isError(size)) return BlockCompression::kRaw;
  *payload = std::string_view(buffer_).substr(0, size);
  return dictionary_.empty() ? BlockCompression::kZstd : BlockCompression::kZstdDictionary;
}

BlockDictionary::~BlockDictionary() { ZSTD_freeDDict(zstd_); }

uint64_t BlockDictionary::memory_used() const { return ZSTD_sizeof_DDict(zstd_); }

Result<std::unique_ptr<const BlockDictionary>> BlockDictionary::Parse(std::string_view content) {
  // Anything else would be taken for a dictionary of nothing but content.
  if (content.size() > kMaxDictionarySize || ZDICT_getDictID(content.data(), content.size()) == 0) {
    return Status::Corruption("", 0, "the dictionary is not one of this format");
  }
  ZSTD_DDict* const zstd = ZSTD_createDDict_byReference(content.data(), content.size());
  if (zstd != nullptr) {
    return std::unique_ptr<const BlockDictionary>(new BlockDictionary(zstd));
  }
  // It does not say why.
  const size_t size = ZDICT_getDictHeaderSize(content.data(), content.size());
  if (ZSTD_isError(size) && ZSTD_getErrorCode(size) == ZSTD_error_dictionary_corrupted) {
    return Status::Corruption("", 0, "the dictionary's tables are damaged");
  }
  return Status::OutOfMemory();
}

Status DecompressBlock(const StoredBytes& stored, std::string_view payload,
                       const BlockDictionary* dictionary, char* content, size_t content_size) {
  static thread_local const std::unique_ptr<ZSTD_DCtx, FreeDecompressor> context(ZSTD_createDCtx());
  if (context == nullptr) return Status::OutOfMemory();
  const size_t size = ZSTD_decompress_usingDDict(
      context.get(), content, content_size, payload.data(), payload.size(),
      dictionary == nullptr ? nullptr : dictionary->zstd_);
  if (!ZSTD_isError(size) && size == content_size) return Status::Ok();
  return Status::Corruption(stored.path, stored.offset,
                            absl::StrCat("a data block does not decompress to the ", content_size,
                                         " bytes it should have", ZSTD_isError(size) ? ": " : "",
                                         ZSTD_isError(size) ? ZSTD_getErrorName(size) : ""));
}

}  // namespace lsm
