#include "tools/cli/row_codec.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lsm/base/coding.h"
#include "lsm/base/hash.h"
#include "lsm/base/limits.h"
#include "lsm/base/write_batch.h"
#include "tools/cli/escape.h"

namespace lsm::cli {
namespace {

constexpr std::string_view kMagic = "lsmrows1";
constexpr char kRowMark = 1;
constexpr char kEndMark = 0;
constexpr size_t kSumSize = 8;
// Of a row's or the end's bytes before its key: the mark and two varints.
constexpr size_t kMaxHeadSize = 1 + 2 * kMaxVarint64Size;
constexpr size_t kReadSize = 256 * kKiB;

// A byte takes at most four when escaped and five when that stands in JSON; the rest is generous
// room for white space and names.
constexpr uint64_t kMaxLineSize = 6 * (kMaxKeySize + kMaxValueSize) + kKiB;

Status CheckSizes(std::string_view key, std::string_view value) {
  LSM_RETURN_IF_ERROR(CheckKeySize(key));
  return CheckValueSize(value);
}

}  // namespace

void RowEncoder::Begin(std::string* out) const {
  if (format_ == RowFormat::kBinary) out->append(kMagic);
}

void RowEncoder::Add(std::string_view key, std::string_view value, std::string* out) {
  switch (format_) {
    case RowFormat::kText:
      AppendEscaped(key, out);
      *out += '\t';
      AppendEscaped(value, out);
      *out += '\n';
      break;
    case RowFormat::kNdjson:
      *out += R"({"key":)";
      AppendJsonString(key, out);
      *out += R"(,"value":)";
      AppendJsonString(value, out);
      *out += "}\n";
      break;
    case RowFormat::kBinary: {
      const size_t begin = out->size();
      *out += kRowMark;
      AppendVarint(out, key.size());
      AppendVarint(out, value.size());
      out->append(key);
      out->append(value);
      AppendFixed(out, Checksum64(std::string_view(*out).substr(begin), row_count_));
      break;
    }
  }
  ++row_count_;
}

void RowEncoder::End(std::string* out) const {
  if (format_ != RowFormat::kBinary) return;
  const size_t begin = out->size();
  *out += kEndMark;
  AppendVarint(out, row_count_);
  AppendFixed(out, Checksum64(std::string_view(*out).substr(begin), row_count_));
}

RowDecoder::RowDecoder(RowFormat format, std::string name, Source source)
    : format_(format), name_(std::move(name)), source_(std::move(source)) {}

Status RowDecoder::Next(Row* row) {
  switch (format_) {
    case RowFormat::kText:
      return NextText(row);
    case RowFormat::kNdjson:
      return NextNdjson(row);
    case RowFormat::kBinary:
      break;
  }
  return NextBinary(row);
}

Status RowDecoder::FillMore() {
  if (buffer_.size() - end_ < kReadSize) {
    // Moving costs no more than was consumed; growing doubles. So both are cheap a byte.
    if (begin_ >= buffer_.size() / 2) {
      std::copy(buffer_.begin() + static_cast<ptrdiff_t>(begin_),
                buffer_.begin() + static_cast<ptrdiff_t>(end_), buffer_.begin());
      end_ -= begin_;
      begin_ = 0;
    }
    if (buffer_.size() - end_ < kReadSize) buffer_.resize(2 * buffer_.size() + kReadSize);
  }
  LSM_ASSIGN_OR_RETURN(const size_t count, source_(buffer_.data() + end_, buffer_.size() - end_));
  end_ += count;
  at_end_ = count == 0;
  return Status::Ok();
}

Status RowDecoder::Fill(uint64_t size) {
  while (!at_end_ && buffered().size() < size) LSM_RETURN_IF_ERROR(FillMore());
  return Status::Ok();
}

void RowDecoder::Consume(size_t size) {
  begin_ += size;
  offset_ += size;
}

Status RowDecoder::BadLine(std::string_view what) const {
  return Status::InvalidArgument(
      absl::StrCat(EscapeMessage(name_), ", line ", line_number_, ": ", what));
}

Status RowDecoder::BadBytes(std::string_view what) const {
  return Status::Corruption(name_, offset_, what);
}

// The next line without its LF. It points into the buffer: valid until the next Fill.
Status RowDecoder::NextLine(std::string_view* line) {
  size_t searched = 0;
  size_t end;
  while ((end = buffered().find('\n', searched)) == std::string_view::npos) {
    searched = buffered().size();
    if (at_end_) break;
    if (searched > kMaxLineSize) {
      ++line_number_;
      return BadLine("the line is longer than any row");
    }
    LSM_RETURN_IF_ERROR(FillMore());
  }
  if (end == std::string_view::npos && buffered().empty()) return Status::End();
  ++line_number_;
  *line = buffered().substr(0, end);
  Consume(end == std::string_view::npos ? line->size() : end + 1);
  return Status::Ok();
}

Status RowDecoder::NextText(Row* row) {
  std::string_view line;
  LSM_RETURN_IF_ERROR(NextLine(&line));
  const size_t tab = line.find('\t');
  if (tab == std::string_view::npos) return BadLine("no TAB: expected key TAB value");
  const Status key = Unescape(line.substr(0, tab), &key_);
  if (!key.ok()) return BadLine(absl::StrCat("key: ", key.message()));
  const Status value = Unescape(line.substr(tab + 1), &value_);
  if (!value.ok()) return BadLine(absl::StrCat("value: ", value.message()));
  *row = {key_, value_};
  const Status sizes = CheckSizes(row->key, row->value);
  return sizes.ok() ? sizes : BadLine(sizes.message()).WithCode(sizes.code());
}

Status RowDecoder::NextNdjson(Row* row) {
  constexpr std::string_view kExpected = R"(expected {"key":"...","value":"..."})";
  std::string_view line;
  LSM_RETURN_IF_ERROR(NextLine(&line));
  const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return BadLine(absl::StrCat("no valid JSON: ", kExpected));
  if (!json.is_object() || json.size() != 2) return BadLine(kExpected);
  for (const auto& [name, target] : {std::pair{"key", &key_}, std::pair{"value", &value_}}) {
    const auto member = json.find(name);
    if (member == json.end() || !member->is_string()) return BadLine(kExpected);
    const Status status = Unescape(member->get_ref<const std::string&>(), target);
    if (!status.ok()) return BadLine(absl::StrCat(name, ": ", status.message()));
  }
  *row = {key_, value_};
  const Status sizes = CheckSizes(row->key, row->value);
  return sizes.ok() ? sizes : BadLine(sizes.message()).WithCode(sizes.code());
}

Status RowDecoder::ReadMagic() {
  LSM_RETURN_IF_ERROR(Fill(kMagic.size()));
  if (!buffered().starts_with(kMagic)) {
    return BadBytes("these are no binary rows: expected the magic lsmrows1; see --format");
  }
  Consume(kMagic.size());
  magic_read_ = true;
  return Status::Ok();
}

Status RowDecoder::ReadEnd() {
  const std::string_view all = buffered();
  std::string_view rest = all.substr(1);
  uint64_t count;
  if (!ReadVarint64(&rest, &count) || rest.size() < kSumSize) {
    return BadBytes("the end mark is cut off: the rest of the rows is missing");
  }
  const std::string_view summed = all.substr(0, all.size() - rest.size());
  if (LoadFixed<uint64_t>(rest.data()) != Checksum64(summed, row_count_) || count != row_count_) {
    return BadBytes(
        absl::StrCat("the end mark does not match the ", row_count_, " rows before it"));
  }
  if (rest.size() > kSumSize) return BadBytes("bytes follow the end mark");
  Consume(all.size());
  return Status::End();
}

Status RowDecoder::NextBinary(Row* row) {
  if (!magic_read_) LSM_RETURN_IF_ERROR(ReadMagic());
  LSM_RETURN_IF_ERROR(Fill(kMaxHeadSize + kSumSize));
  if (buffered().empty()) {
    return BadBytes(
        absl::StrCat("cut off after ", row_count_, " rows: expected another or the end mark"));
  }
  if (buffered()[0] == kEndMark) return ReadEnd();
  std::string_view rest = buffered().substr(1);
  uint64_t key_size;
  uint64_t value_size;
  if (buffered()[0] != kRowMark || !ReadVarint64(&rest, &key_size) ||
      !ReadVarint64(&rest, &value_size)) {
    return BadBytes("expected a row or the end mark");
  }
  if (key_size > kMaxKeySize || value_size > kMaxValueSize) {
    return BadBytes("a row claims a key or value over the limit");
  }
  const size_t head_size = buffered().size() - rest.size();
  const uint64_t content_size = head_size + key_size + value_size;
  LSM_RETURN_IF_ERROR(Fill(content_size + kSumSize));
  if (buffered().size() < content_size + kSumSize) return BadBytes("the row is cut off");
  const std::string_view content = buffered().substr(0, content_size);
  if (LoadFixed<uint64_t>(buffered().data() + content_size) != Checksum64(content, row_count_)) {
    return BadBytes("the row does not match its sum");
  }
  *row = {content.substr(head_size, key_size), content.substr(head_size + key_size)};
  Consume(content_size + kSumSize);
  ++row_count_;
  return Status::Ok();
}

}  // namespace lsm::cli
