#include "lsm/sstable/table_builder.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "lsm/base/check.h"
#include "lsm/base/hash.h"
#include "lsm/filter/bloom.h"
#include "lsm/sstable/block.h"
#include "lsm/sstable/compression.h"
#include "lsm/sstable/index.h"
#include "lsm/sstable/properties.h"
#include "lsm/sstable/tombstones.h"

namespace lsm {
namespace {

// The file is written in pieces of this size, at multiples of it: so Linux comes to cache it in
// huge pages and to map it by them, which spares random reads most misses of the TLB.
constexpr uint64_t kWriteSize = 2 * kMiB;
// A dictionary is made of this many blocks, the first; a table has none that has fewer, or whose
// first blocks are larger than this, all together.
constexpr size_t kSampledBlocks = 64;
constexpr uint64_t kSampleSize = kSampledBlocks * kMaxDictionaryBlockSize;

}  // namespace

// A block goes three steps: it is open (block_), then its payload stands at the end of buffer_,
// unsealed since its padding depends on how the next one wants to be aligned, then it is sealed.
// Its index entry waits for the key that follows, which decides the separator. The first blocks of
// a table that may get a dictionary wait in sample_ between the first step and the second.
class TableBuilder::Impl {
 public:
  Impl(const TableBuilderOptions& options, std::unique_ptr<WritableFile> file)
      : options_(options),
        file_(std::move(file)),
        compressor_(options.compression),
        filter_(options.filter_bits_per_key),
        sampling_(options.compression.kind == Compression::Kind::kZstd &&
                  options.block_size <= kMaxDictionaryBlockSize) {
    properties_.filter_bits_per_key = options.filter_bits_per_key;
    properties_.compression = CompressionName(options.compression);
    properties_.min_sequence = kMaxSequence;
  }

  Status Add(const Entry& entry);
  void AddRangeTombstone(const RangeTombstone& tombstone);
  Status Finish();

  bool empty() const {
    return properties_.entry_count == 0 && properties_.range_tombstone_count == 0;
  }
  uint64_t estimated_size() const {
    return closed_size_ + tombstones_.size() + (block_.empty() ? 0 : block_.content_size());
  }
  const TableProperties& properties() const { return properties_; }
  uint64_t file_size() const { return written_; }

 private:
  void Count(const Entry& entry);
  void CountSequence(SequenceNumber sequence);
  Status CloseBlock();
  void SetSeparator(std::string_view separator);
  // Compresses what was sampled, with a dictionary where it is enough for one.
  Status EndSampling();
  // The second step, for a content that may be compressed.
  Status AppendCompressed(std::string_view content);
  // Before a payload is appended to buffer_.
  Status BeginPayload(BlockCompression compression, uint64_t content_size);
  // Seals the block at the end of buffer_, if there is one, and writes whole pieces.
  Status SealAndWrite(uint64_t alignment);
  Status WritePieces();
  Status Write(uint64_t size);
  Status WriteSections(TableFooter* footer);
  Status WriteSection(std::string_view content, FileRange* range);

  const TableBuilderOptions options_;
  const std::unique_ptr<WritableFile> file_;
  Status status_;
  TableProperties properties_;

  BlockCompressor compressor_;
  BloomBuilder filter_;
  IndexBuilder index_;
  std::string tombstones_;

  BlockBuilder block_;
  std::string content_;  // of a block that may be compressed
  bool sampling_;
  std::vector<std::string> sample_;             // contents
  std::vector<std::string> sample_separators_;  // of all of them, or of all but the last
  uint64_t sample_size_ = 0;
  uint64_t last_hash_ = 0;
  std::string last_key_;  // where block_ is empty: of the block closed last

  std::string buffer_;     // not yet written
  uint64_t written_ = 0;   // bytes in the file
  bool unsealed_ = false;  // the tail of buffer_ is a block without padding and trailer
  size_t unsealed_begin_ = 0;
  BlockCompression unsealed_compression_ = BlockCompression::kRaw;
  uint64_t unsealed_content_size_ = 0;
  bool awaits_separator_ = false;  // the block closed last is not in index_ yet
  uint64_t closed_size_ = 0;       // what the file would have without block_
};

void TableBuilder::Impl::CountSequence(SequenceNumber sequence) {
  properties_.min_sequence = std::min(properties_.min_sequence, sequence);
  properties_.max_sequence = std::max(properties_.max_sequence, sequence);
}

void TableBuilder::Impl::Count(const Entry& entry) {
  if (properties_.entry_count == 0) properties_.smallest_key = entry.key;
  ++properties_.entry_count;
  if (entry.kind == EntryKind::kDelete) ++properties_.delete_count;
  properties_.raw_key_size += entry.key.size();
  properties_.raw_value_size += entry.value.size();
  CountSequence(entry.sequence);
}

Status TableBuilder::Impl::Add(const Entry& entry) {
  if (!status_.ok()) [[unlikely]]
    return status_;
  const std::string_view previous =
      block_.empty() ? std::string_view(last_key_) : block_.last_key();
  const bool first = properties_.entry_count == 0;
  LSM_DCHECK(first || previous <= entry.key);
  if (first || previous != entry.key) {
    last_hash_ = HashKey(entry.key);
    filter_.Add(last_hash_);
  }
  if (awaits_separator_) SetSeparator(ShortSeparator(last_key_, entry.key));
  Count(entry);
  block_.Add(entry, KeyFingerprint(last_hash_));
  if (block_.content_size() >= options_.block_size) status_ = CloseBlock();
  return status_;
}

void TableBuilder::Impl::AddRangeTombstone(const RangeTombstone& tombstone) {
  AppendTombstone(tombstone, &tombstones_);
  ++properties_.range_tombstone_count;
  CountSequence(tombstone.sequence);
}

void TableBuilder::Impl::SetSeparator(std::string_view separator) {
  if (sample_.empty()) {
    index_.Add(written_ + unsealed_begin_, separator);
  } else {
    sample_separators_.emplace_back(separator);
  }
  awaits_separator_ = false;
}

Status TableBuilder::Impl::CloseBlock() {
  last_key_ = block_.last_key();
  const uint64_t content_size = block_.content_size();
  const bool may_compress = options_.compression.kind == Compression::Kind::kZstd &&
                            content_size <= kMaxCompressedContentSize;
  if (sampling_ && (!may_compress || sample_size_ + content_size > kSampleSize)) {
    LSM_RETURN_IF_ERROR(EndSampling());
  }
  if (!may_compress) {
    LSM_RETURN_IF_ERROR(BeginPayload(BlockCompression::kRaw, content_size));
    block_.Finish(&buffer_);
  } else {
    content_.clear();
    block_.Finish(&content_);
    if (sampling_) {
      sample_.push_back(std::move(content_));
      sample_size_ += content_size;
      if (sample_.size() == kSampledBlocks) LSM_RETURN_IF_ERROR(EndSampling());
    } else {
      LSM_RETURN_IF_ERROR(AppendCompressed(content_));
    }
  }
  awaits_separator_ = true;
  ++properties_.data_block_count;
  closed_size_ = written_ + buffer_.size() + index_.size() + filter_.size() + sample_size_;
  return Status::Ok();
}

Status TableBuilder::Impl::EndSampling() {
  if (sample_.size() == kSampledBlocks) compressor_.MakeDictionary(sample_);
  for (size_t i = 0; i < sample_.size(); ++i) {
    LSM_RETURN_IF_ERROR(AppendCompressed(sample_[i]));
    if (i < sample_separators_.size()) {
      index_.Add(written_ + unsealed_begin_, sample_separators_[i]);
    }
  }
  sampling_ = false;
  sample_ = {};
  sample_separators_ = {};
  sample_size_ = 0;
  return Status::Ok();
}

Status TableBuilder::Impl::AppendCompressed(std::string_view content) {
  std::string_view payload = content;
  const BlockCompression compression = compressor_.Compress(content, &payload);
  LSM_RETURN_IF_ERROR(BeginPayload(compression, content.size()));
  buffer_.append(payload);
  return Status::Ok();
}

Status TableBuilder::Impl::BeginPayload(BlockCompression compression, uint64_t content_size) {
  const bool wide_alignment =
      compression == BlockCompression::kRaw && content_size >= kMinRawAlignedSize;
  LSM_RETURN_IF_ERROR(SealAndWrite(wide_alignment ? kRawBlockAlignment : kBlockAlignment));
  unsealed_ = true;
  unsealed_begin_ = buffer_.size();
  unsealed_compression_ = compression;
  unsealed_content_size_ = content_size;
  return Status::Ok();
}

Status TableBuilder::Impl::SealAndWrite(uint64_t alignment) {
  if (!unsealed_) return Status::Ok();
  SealBlock(unsealed_compression_, unsealed_content_size_, alignment, options_.file_number,
            written_ + unsealed_begin_, unsealed_begin_, &buffer_);
  unsealed_ = false;
  return WritePieces();
}

Status TableBuilder::Impl::WritePieces() {
  return buffer_.size() < kWriteSize ? Status::Ok()
                                     : Write(buffer_.size() / kWriteSize * kWriteSize);
}

Status TableBuilder::Impl::Write(uint64_t size) {
  LSM_RETURN_IF_ERROR(file_->Append(std::string_view(buffer_).substr(0, size)));
  written_ += size;
  buffer_.erase(0, size);
  // A huge row would otherwise cost its memory for good.
  if (buffer_.capacity() > 4 * kWriteSize) buffer_.shrink_to_fit();
  return Status::Ok();
}

Status TableBuilder::Impl::WriteSection(std::string_view content, FileRange* range) {
  *range = AppendSection(content, options_.file_number, written_ + buffer_.size(), &buffer_);
  return WritePieces();
}

Status TableBuilder::Impl::WriteSections(TableFooter* footer) {
  const uint64_t data_end = written_ + buffer_.size();
  properties_.data_size = data_end;
  if (!compressor_.dictionary().empty()) {
    LSM_RETURN_IF_ERROR(WriteSection(compressor_.dictionary(), &footer->dictionary));
  }
  if (filter_.key_count() > 0 && options_.filter_bits_per_key > 0) {
    LSM_RETURN_IF_ERROR(WriteSection(filter_.Finish(), &footer->filter));
  }
  if (!tombstones_.empty()) LSM_RETURN_IF_ERROR(WriteSection(tombstones_, &footer->tombstones));
  std::string content;
  LSM_RETURN_IF_ERROR(index_.Finish(data_end, &content));
  LSM_RETURN_IF_ERROR(WriteSection(content, &footer->index));
  content.clear();
  AppendProperties(properties_, &content);
  return WriteSection(content, &footer->properties);
}

Status TableBuilder::Impl::Finish() {
  LSM_RETURN_IF_ERROR(status_);
  LSM_DCHECK(!empty());
  status_ = Status(Code::kClosed);
  if (!block_.empty()) LSM_RETURN_IF_ERROR(CloseBlock());
  LSM_RETURN_IF_ERROR(EndSampling());
  if (awaits_separator_) SetSeparator(last_key_);
  properties_.largest_key = last_key_;
  LSM_RETURN_IF_ERROR(SealAndWrite(kSectionAlignment));
  TableFooter footer;
  footer.file_number = options_.file_number;
  LSM_RETURN_IF_ERROR(WriteSections(&footer));
  AppendFooter(footer, written_ + buffer_.size(), &buffer_);
  LSM_RETURN_IF_ERROR(Write(buffer_.size()));
  LSM_RETURN_IF_ERROR(file_->Sync());
  return file_->Close();
}

TableBuilder::TableBuilder(const TableBuilderOptions& options, std::unique_ptr<WritableFile> file)
    : impl_(std::make_unique<Impl>(options, std::move(file))) {}

TableBuilder::~TableBuilder() = default;

Status TableBuilder::Add(const Entry& entry) { return impl_->Add(entry); }
void TableBuilder::AddRangeTombstone(const RangeTombstone& tombstone) {
  impl_->AddRangeTombstone(tombstone);
}
bool TableBuilder::empty() const { return impl_->empty(); }
uint64_t TableBuilder::estimated_size() const { return impl_->estimated_size(); }
Status TableBuilder::Finish() { return impl_->Finish(); }
const TableProperties& TableBuilder::properties() const { return impl_->properties(); }
uint64_t TableBuilder::file_size() const { return impl_->file_size(); }

}  // namespace lsm
