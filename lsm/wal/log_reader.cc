#include "lsm/wal/log_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lsm/base/coding.h"

namespace lsm {
namespace {

constexpr std::string_view kWhatToDo = "; restore from a backup or run `lsm repair`";

Status Damaged(const ReadableFile& file, uint64_t offset, std::string_view what) {
  return Status::Corruption(file.path(), offset, absl::StrCat(what, kWhatToDo));
}

}  // namespace

LogReader::LogReader(std::vector<Segment> segments) {
  segments_.reserve(segments.size());
  for (Segment& segment : segments) {
    LSM_DCHECK(segments_.empty() || segments_.back().number < segment.number);
    segments_.push_back({.number = segment.number, .file = std::move(segment.file)});
  }
}

Status LogReader::Next(LogRecord* record) {
  if (!started_) {
    started_ = true;
    final_ = Start();
  }
  while (final_.ok()) {
    bool found = false;
    final_ = ReadRecord(record, &found);
    if (found || !final_.ok()) break;
    final_ = LeaveSegment();
  }
  return final_;
}

Status LogReader::Start() {
  if (segments_.empty()) return Status::End();
  for (OpenSegment& segment : segments_) LSM_RETURN_IF_ERROR(ReadSegmentHeader(&segment));
  LSM_RETURN_IF_ERROR(CheckFirstHeader());
  LSM_RETURN_IF_ERROR(CheckDuplicates());
  position_ = segments_.front().header.base;
  EnterSegment(0);
  return Status::Ok();
}

Status LogReader::ReadSegmentHeader(OpenSegment* segment) {
  ReadableFile& file = *segment->file;
  if (file.size() < kLogSegmentHeaderSize) {
    return Damaged(file, file.size(),
                   absl::StrCat("the log segment was cut to ", file.size(),
                                " bytes; expected at least ", kLogSegmentHeaderSize));
  }
  char bytes[kLogSegmentHeaderSize];
  LSM_RETURN_IF_ERROR(file.Read(0, sizeof(bytes), bytes));
  uint32_t newer_version;
  LogSegmentHeader& header = segment->header;
  if (DecodeSegmentHeader({bytes, sizeof(bytes)}, &header, &newer_version)) {
    segment->kind = header.number == segment->number ? HeaderKind::kOwn : HeaderKind::kForeign;
  } else if (newer_version != 0) {
    return Status::Corruption(file.path(), 0,
                              absl::StrCat("the log segment has format version ", newer_version,
                                           ", this library reads up to ", kLogVersion,
                                           "; open the database with a newer library"))
        .WithCode(Code::kUnsupported);
  } else {
    segment->kind = HeaderKind::kNone;
  }
  uint64_t size = file.size();
  if (segment->kind == HeaderKind::kOwn) {
    if (size < header.size) {
      return Damaged(
          file, size,
          absl::StrCat("the log segment was cut to ", size, " bytes; expected ", header.size));
    }
    size = header.size;
  }
  segment->limit = size / kLogAlignment * kLogAlignment;
  return Status::Ok();
}

Status LogReader::CheckFirstHeader() const {
  const OpenSegment& first = segments_.front();
  switch (first.kind) {
    case HeaderKind::kOwn:
      return Status::Ok();
    case HeaderKind::kForeign:
      return Damaged(*first.file, 0,
                     absl::StrCat("the file holds log segment ", first.header.number,
                                  "; expected segment ", first.number));
    case HeaderKind::kNone:
      break;
  }
  return Damaged(*first.file, 0,
                 "the log's first segment has no valid header; expected one, for it is synced "
                 "before any record is written");
}

// A file that says it is another segment of the list is no recycled one, but a copy.
Status LogReader::CheckDuplicates() const {
  for (const OpenSegment& segment : segments_) {
    if (segment.kind != HeaderKind::kForeign) continue;
    const uint64_t claimed = segment.header.number;
    const auto same = [&](const OpenSegment& other) { return other.number == claimed; };
    if (std::any_of(segments_.begin(), segments_.end(), same)) {
      return Damaged(*segment.file, 0,
                     absl::StrCat("the file holds log segment ", claimed,
                                  ", which another file is; expected segment ", segment.number));
    }
  }
  return Status::Ok();
}

void LogReader::EnterSegment(size_t index) {
  index_ = index;
  window_.Open(current().file.get(), current().limit);
  end_.known_synced = std::max(end_.known_synced, current().header.known_synced);
}

Status LogReader::ReadRecord(LogRecord* record, bool* found) {
  const OpenSegment& segment = current();
  const uint64_t offset = OffsetOf(position_);
  const uint64_t left = segment.limit - offset;
  if (left < kLogRecordHeaderSize) return Status::Ok();
  std::string_view bytes;
  LSM_RETURN_IF_ERROR(window_.Get(offset, kLogRecordHeaderSize, &bytes));
  if (!DecodeRecordHeader(bytes, segment.number, position_, &record->header)) return Status::Ok();

  const uint64_t size = LogRecordSize(record->header.size);
  std::string_view payload;
  bool whole = size <= left;
  if (whole) {
    LSM_RETURN_IF_ERROR(window_.Get(offset, size, &bytes));
    payload = bytes.substr(kLogRecordHeaderSize);
    whole = LogPayloadSum(payload, segment.number, position_) == record->header.payload_sum;
  }
  if (!whole) {
    end_.torn = true;
    return Status::Ok();
  }
  record->segment_number = segment.number;
  record->offset = offset;
  record->position = position_;
  LSM_RETURN_IF_ERROR(ParsePayload(payload.substr(0, record->header.size), record));
  position_ += size;
  end_.known_synced = std::max(end_.known_synced, record->header.known_synced);
  end_.segment_number = segment.number;
  end_.offset = offset + size;
  end_.first_unused_segment = index_ + 1;
  *found = true;
  return Status::Ok();
}

Status LogReader::ParsePayload(std::string_view payload, LogRecord* record) const {
  record->keyspace = 0;
  record->batch = payload;
  if (record->header.kind == LogRecordKind::kMark) return Status::Ok();
  if (!ReadVarint64(&record->batch, &record->keyspace)) {
    return Damaged(*current().file, record->offset + kLogRecordHeaderSize,
                   "a log record begins with no keyspace; expected a varint");
  }
  return Status::Ok();
}

Status LogReader::LeaveSegment() {
  for (size_t i = index_ + 1; i < segments_.size(); ++i) {
    const OpenSegment& next = segments_[i];
    if (next.kind != HeaderKind::kOwn) continue;
    if (next.header.base == position_) {
      // What looked lost at the end of this segment was none of the log.
      end_.torn = false;
      EnterSegment(i);
      return Status::Ok();
    }
    if (next.header.base < position_) {
      Result<Traces> traces = Scan(next, next.number, next.header.base, kLogSegmentHeaderSize);
      LSM_RETURN_IF_ERROR(traces.status());
      if (!traces->any) continue;
      return Damaged(*next.file, 0,
                     absl::StrCat("the log segment begins at position ", next.header.base,
                                  "; expected ", position_, ", where the one before it ends"));
    }
    break;
  }
  end_.position = position_;
  LSM_RETURN_IF_ERROR(CheckTail());
  return Status::End();
}

Status LogReader::CheckTail() {
  const OpenSegment& segment = current();
  Result<Traces> traces = Scan(segment, segment.number, segment.header.base, OffsetOf(position_));
  LSM_RETURN_IF_ERROR(traces.status());
  if (traces->known_synced > position_) return Rot(traces->known_synced);
  if (traces->any) end_.torn = true;
  for (size_t i = index_ + 1; i < segments_.size(); ++i) {
    LSM_RETURN_IF_ERROR(CheckLaterSegment(i));
  }
  return Status::Ok();
}

Status LogReader::CheckLaterSegment(size_t index) {
  const OpenSegment& segment = segments_[index];
  const LogSegmentHeader& header = segment.header;
  if (segment.kind == HeaderKind::kNone) {
    // Had it been used, it would have been from here on.
    Result<Traces> traces = Scan(segment, segment.number, position_, kLogSegmentHeaderSize);
    LSM_RETURN_IF_ERROR(traces.status());
    if (!traces->any) return Status::Ok();
    return Damaged(*segment.file, 0,
                   absl::StrCat("the log segment holds records, but no valid header; expected one "
                                "with base ",
                                position_));
  }
  if (header.known_synced > position_) return Rot(header.known_synced);
  // No record tells of a position behind itself, which spares reading what is left of former lives.
  if (header.base + segment.limit <= position_) return Status::Ok();
  Result<Traces> traces = Scan(segment, header.number, header.base, kLogSegmentHeaderSize);
  LSM_RETURN_IF_ERROR(traces.status());
  if (traces->known_synced > position_) return Rot(traces->known_synced);
  if (segment.kind == HeaderKind::kOwn) end_.torn = true;
  return Status::Ok();
}

Result<LogReader::Traces> LogReader::Scan(const OpenSegment& segment, uint64_t number,
                                          LogPosition base, uint64_t begin) {
  Traces traces;
  window_.Open(segment.file.get(), segment.limit);
  uint64_t offset = begin;
  while (segment.limit - offset >= kLogRecordHeaderSize) {
    // A segment is mostly space allocated ahead. A header may begin with zeros of the hole.
    const uint64_t data = std::min(segment.file->SkipHole(offset), segment.limit);
    if (data > offset + kLogRecordHeaderSize) {
      offset = (data - kLogRecordHeaderSize) / kLogAlignment * kLogAlignment;
    }
    const uint64_t size = std::min(internal::FileWindow::kPieceSize, segment.limit - offset);
    std::string_view bytes;
    LSM_RETURN_IF_ERROR(window_.Get(offset, size, &bytes));
    size_t i = 0;
    for (; i + kLogRecordHeaderSize <= bytes.size(); i += kLogAlignment) {
      if (!LooksLikeRecordHeader(bytes.data() + i)) [[likely]]
        continue;
      const LogPosition position = base + (offset + i - kLogSegmentHeaderSize);
      LogRecordHeader header;
      if (!DecodeRecordHeader(bytes.substr(i), number, position, &header)) continue;
      traces.any = true;
      traces.known_synced = std::max(traces.known_synced, header.known_synced);
    }
    offset += i;
  }
  return traces;
}

Status LogReader::Rot(LogPosition known_synced) const {
  return Damaged(
      *current().file, OffsetOf(position_),
      absl::StrCat("no valid log record at position ", position_,
                   "; expected one, for the log was synced up to position ", known_synced));
}

}  // namespace lsm
