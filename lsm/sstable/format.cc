#include "lsm/sstable/format.h"

#include "absl/strings/str_cat.h"
#include "lsm/base/check.h"
#include "lsm/base/coding.h"
#include "lsm/base/hash.h"

namespace lsm {
namespace {

constexpr uint64_t kFooterReserved = 16;
constexpr uint64_t kFooterVersionAt = 8 + 5 * 16 + kFooterReserved;
constexpr uint64_t kFooterSumAt = kFooterVersionAt + 8;
constexpr uint64_t kFooterMagicAt = kFooterSumAt + 8;
static_assert(kFooterMagicAt + 8 == kFooterSize);

// Of a block's trailer, from its start.
constexpr uint64_t kBlockSumAt = 8;

uint64_t PaddingTo(uint64_t size, uint64_t alignment) {
  return (alignment - size % alignment) % alignment;
}

bool AllZero(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

Status Bad(const StoredBytes& stored, std::string_view message) {
  return Status::Corruption(stored.path, stored.offset, message);
}

// The sections, with the offsets their order demands, must fill the file up to the footer.
bool SectionsAreConsecutive(const TableFooter& footer, uint64_t footer_offset) {
  uint64_t position = footer.data_end();
  for (const auto& [name, range] : footer.Sections()) {
    if (range.size == 0) {
      if (range.offset != 0) return false;
      continue;
    }
    if (range.offset != position || range.offset % kSectionAlignment != 0) return false;
    if (range.size % kSectionAlignment != 0 || range.size > footer_offset - position) return false;
    position += range.size;
  }
  return position == footer_offset && footer.index.size != 0 && footer.properties.size != 0;
}

}  // namespace

std::array<TableFooter::Section, 5> TableFooter::Sections() const {
  return {{{"dictionary", dictionary},
           {"filter", filter},
           {"tombstones", tombstones},
           {"index", index},
           {"properties", properties}}};
}

uint64_t TableFooter::data_end() const {
  for (const FileRange& range : {dictionary, filter, tombstones}) {
    if (range.size != 0) return range.offset;
  }
  return index.offset;
}

void AppendFooter(const TableFooter& footer, uint64_t offset, std::string* target) {
  const size_t begin = target->size();
  AppendFixed<uint64_t>(target, footer.file_number);
  for (const FileRange& range :
       {footer.filter, footer.tombstones, footer.index, footer.properties, footer.dictionary}) {
    AppendFixed<uint64_t>(target, range.offset);
    AppendFixed<uint64_t>(target, range.size);
  }
  target->append(kFooterReserved, '\0');
  AppendFixed<uint32_t>(target, footer.version());
  AppendFixed<uint32_t>(target, 0);
  const std::string_view covered = std::string_view(*target).substr(begin);
  AppendFixed<uint64_t>(target, Checksum64(covered, ChecksumSeed(footer.file_number, offset)));
  AppendFixed<uint64_t>(target, kTableMagic);
}

Status ParseFooter(std::string_view bytes, uint64_t file_size, std::string_view path,
                   TableFooter* footer) {
  if (bytes.size() != kFooterSize) {
    return Status::Corruption(
        path, 0, absl::StrCat("not a table: it has ", file_size, " bytes, a table has more"));
  }
  const uint64_t offset = file_size - kFooterSize;
  if (LoadFixed<uint64_t>(bytes.data() + kFooterMagicAt) != kTableMagic) {
    return Status::Corruption(
        path, offset + kFooterMagicAt,
        "not a table, or its end is missing: expected the magic \"smtable1\"");
  }
  const auto number = LoadFixed<uint64_t>(bytes.data());
  const uint64_t sum = Checksum64(bytes.substr(0, kFooterSumAt), ChecksumSeed(number, offset));
  if (LoadFixed<uint64_t>(bytes.data() + kFooterSumAt) != sum) {
    return Status::Corruption(path, offset, "the checksum of the footer does not match");
  }
  const auto version = LoadFixed<uint32_t>(bytes.data() + kFooterVersionAt);
  if (version > kTableVersion) {
    return Status(Code::kUnsupported,
                  absl::StrCat(path, " has table format version ", version, ", this library knows ",
                               kTableVersion, " and older; open it with a newer one"));
  }
  TableFooter result;
  result.file_number = number;
  const char* handle = bytes.data() + 8;
  for (FileRange* range : {&result.filter, &result.tombstones, &result.index, &result.properties,
                           &result.dictionary}) {
    range->offset = LoadFixed<uint64_t>(handle);
    range->size = LoadFixed<uint64_t>(handle + 8);
    handle += 16;
  }
  if (version != result.version() ||
      !AllZero(bytes.substr(kFooterVersionAt - kFooterReserved, kFooterReserved)) ||
      LoadFixed<uint32_t>(bytes.data() + kFooterVersionAt + 4) != 0) {
    return Status::Corruption(
        path, offset, absl::StrCat("the footer is not one of table format version ", version));
  }
  if (result.data_end() > offset || !SectionsAreConsecutive(result, offset)) {
    return Status::Corruption(path, offset, "the footer's sections do not fill the file in order");
  }
  *footer = result;
  return Status::Ok();
}

void SealBlock(BlockCompression compression, uint64_t content_size, uint64_t alignment,
               uint64_t file_number, uint64_t offset, size_t begin, std::string* target) {
  LSM_DCHECK(content_size <= kMaxBlockContentSize);
  const uint64_t payload_size = target->size() - begin;
  const uint64_t padding = PaddingTo(offset + payload_size + kBlockTrailerSize, alignment);
  target->append(padding, '\0');
  target->push_back(static_cast<char>(compression));
  target->push_back(static_cast<char>(padding));
  target->append(2, '\0');
  AppendFixed<uint32_t>(target, static_cast<uint32_t>(content_size));
  const std::string_view covered = std::string_view(*target).substr(begin);
  AppendFixed<uint64_t>(target, Checksum64(covered, ChecksumSeed(file_number, offset)));
}

Status ParseBlockTrailer(const StoredBytes& stored, BlockTrailer* trailer) {
  const uint64_t size = stored.bytes.size();
  if (size < kBlockTrailerSize) return Bad(stored, "a data block is too short for its trailer");
  const char* bytes = stored.bytes.data() + size - kBlockTrailerSize;
  trailer->compression = static_cast<BlockCompression>(bytes[0]);
  trailer->padding = static_cast<uint8_t>(bytes[1]);
  trailer->content_size = LoadFixed<uint32_t>(bytes + 4);
  if (LoadFixed<uint16_t>(bytes + 2) != 0 || trailer->padding > size - kBlockTrailerSize) {
    return Bad(stored, "the trailer of a data block is damaged");
  }
  const uint64_t payload_size = size - kBlockTrailerSize - trailer->padding;
  switch (trailer->compression) {
    case BlockCompression::kRaw:
      if (trailer->content_size == payload_size) return Status::Ok();
      return Bad(stored, absl::StrCat("a raw data block of ", payload_size, " bytes says it has ",
                                      trailer->content_size));
    case BlockCompression::kZstd:
    case BlockCompression::kZstdDictionary:
      if (trailer->content_size <= kMaxCompressedContentSize) return Status::Ok();
      return Bad(stored,
                 absl::StrCat("a compressed data block says it has ", trailer->content_size,
                              " bytes, at most ", kMaxCompressedContentSize, " are allowed"));
  }
  return Bad(stored, absl::StrCat("a data block has the unknown compression ",
                                  static_cast<unsigned>(trailer->compression)));
}

Status CheckBlock(const StoredBytes& stored, BlockTrailer* trailer, std::string_view* payload) {
  const uint64_t size = stored.bytes.size();
  if (size < kBlockTrailerSize) return Bad(stored, "a data block is too short for its trailer");
  const uint64_t covered = size - kBlockTrailerSize + kBlockSumAt;
  const uint64_t sum =
      Checksum64(stored.bytes.substr(0, covered), ChecksumSeed(stored.file_number, stored.offset));
  if (LoadFixed<uint64_t>(stored.bytes.data() + covered) != sum) {
    return Bad(stored, "the checksum of a data block does not match");
  }
  LSM_RETURN_IF_ERROR(ParseBlockTrailer(stored, trailer));
  *payload = stored.bytes.substr(0, size - kBlockTrailerSize - trailer->padding);
  return Status::Ok();
}

FileRange AppendSection(std::string_view content, uint64_t file_number, uint64_t offset,
                        std::string* target) {
  LSM_DCHECK(offset % kSectionAlignment == 0);
  const size_t begin = target->size();
  target->append(content);
  target->append(PaddingTo(content.size() + kSectionTrailerSize, kSectionAlignment), '\0');
  AppendFixed<uint64_t>(target, content.size());
  const std::string_view covered = std::string_view(*target).substr(begin);
  AppendFixed<uint64_t>(target, Checksum64(covered, ChecksumSeed(file_number, offset)));
  return {offset, target->size() - begin};
}

Status CheckSection(const StoredBytes& stored, std::string_view* content) {
  const uint64_t size = stored.bytes.size();
  if (size < kSectionTrailerSize) return Bad(stored, "a section is too short for its trailer");
  const uint64_t covered = size - 8;
  const uint64_t sum =
      Checksum64(stored.bytes.substr(0, covered), ChecksumSeed(stored.file_number, stored.offset));
  if (LoadFixed<uint64_t>(stored.bytes.data() + covered) != sum) {
    return Bad(stored, "the checksum of a section does not match");
  }
  const auto content_size = LoadFixed<uint64_t>(stored.bytes.data() + size - kSectionTrailerSize);
  if (content_size > size - kSectionTrailerSize) {
    return Bad(stored, "a section says it is larger than its place in the file");
  }
  *content = stored.bytes.substr(0, content_size);
  return Status::Ok();
}

}  // namespace lsm
