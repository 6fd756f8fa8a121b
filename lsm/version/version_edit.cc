#include "lsm/version/version_edit.h"

#include "lsm/base/coding.h"
#include "lsm/base/limits.h"
#include "lsm/base/write_batch.h"

namespace lsm {
namespace {

enum Tag : uint64_t {
  kNextFileNumber = 1,
  kNextRunId = 2,
  kLastSequence = 3,
  kAddedLog = 4,
  kRemovedLog = 5,
  kRemovedSlice = 6,
  kAddedSlice = 7,
  kLogSynced = 8,
};

void AppendRange(std::string* target, const KeyRange& range) {
  AppendLengthPrefixed(target, range.begin);
  AppendRangeEnd(target, range.end);
}

bool ReadRange(std::string_view* input, KeyRange* range) {
  std::string_view begin;
  std::string_view end;
  if (!ReadLengthPrefixed(input, &begin) || !ReadRangeEnd(input, &end) || begin >= end ||
      begin.size() > kMaxKeySize + 1) {
    return false;
  }
  range->begin = begin;
  range->end = end;
  return true;
}

void AppendTable(std::string* target, const TableMeta& table) {
  for (const uint64_t number :
       {table.number, table.file_size, table.entry_count, table.delete_count,
        table.range_tombstone_count, table.min_sequence, table.max_sequence}) {
    AppendVarint(target, number);
  }
  AppendRange(target, table.range);
}

bool ReadTable(std::string_view* input, TableMeta* table) {
  for (uint64_t* number :
       {&table->number, &table->file_size, &table->entry_count, &table->delete_count,
        &table->range_tombstone_count, &table->min_sequence, &table->max_sequence}) {
    if (!ReadVarint64(input, number)) return false;
  }
  return ReadRange(input, &table->range) && table->min_sequence <= table->max_sequence &&
         table->max_sequence <= kMaxSequence && table->delete_count <= table->entry_count;
}

bool ReadLevel(std::string_view* input, uint32_t* level) {
  return ReadVarint32(input, level) && *level < kMaxLevels;
}

void AppendField(std::string* target, Tag tag, std::string_view body) {
  AppendVarint(target, tag);
  AppendLengthPrefixed(target, body);
}

void AppendNumberField(std::string* target, Tag tag, const std::optional<uint64_t>& number) {
  if (!number.has_value()) return;
  std::string body;
  AppendVarint(&body, *number);
  AppendField(target, tag, body);
}

bool ReadNumber(std::string_view* input, std::optional<uint64_t>* number) {
  uint64_t value;
  if (!ReadVarint64(input, &value)) return false;
  *number = value;
  return true;
}

bool DecodeField(uint64_t tag, std::string_view* body, VersionEdit* edit, bool* unsupported) {
  switch (tag) {
    case kNextFileNumber:
      return ReadNumber(body, &edit->next_file_number);
    case kNextRunId:
      return ReadNumber(body, &edit->next_run_id);
    case kLastSequence:
      return ReadNumber(body, &edit->last_sequence) && *edit->last_sequence <= kMaxSequence;
    case kLogSynced:
      return ReadNumber(body, &edit->log_synced) && *edit->log_synced <= kMaxLogPosition;
    case kAddedLog: {
      LogSegmentRef& log = edit->added_logs.emplace_back();
      return ReadVarint64(body, &log.number) && ReadVarint64(body, &log.size);
    }
    case kRemovedLog:
      return ReadVarint64(body, &edit->removed_logs.emplace_back());
    case kRemovedSlice: {
      RemovedSlice& slice = edit->removed_slices.emplace_back();
      std::string_view begin;
      if (!ReadLevel(body, &slice.level) || !ReadVarint64(body, &slice.run_id) ||
          !ReadVarint64(body, &slice.table_number) || !ReadLengthPrefixed(body, &begin)) {
        return false;
      }
      slice.begin = begin;
      return true;
    }
    case kAddedSlice: {
      AddedSlice& slice = edit->added_slices.emplace_back();
      return ReadLevel(body, &slice.level) && ReadVarint64(body, &slice.run_id) &&
             ReadVarint64(body, &slice.size) && ReadRange(body, &slice.range) &&
             ReadTable(body, &slice.table) && slice.table.range.begin <= slice.range.begin &&
             slice.range.end <= slice.table.range.end;
    }
    default:
      *unsupported = true;
      return false;
  }
}

}  // namespace

std::string EncodeVersionEdit(const VersionEdit& edit) {
  std::string bytes;
  AppendNumberField(&bytes, kNextFileNumber, edit.next_file_number);
  AppendNumberField(&bytes, kNextRunId, edit.next_run_id);
  AppendNumberField(&bytes, kLastSequence, edit.last_sequence);
  AppendNumberField(&bytes, kLogSynced, edit.log_synced);
  std::string body;
  for (const LogSegmentRef& log : edit.added_logs) {
    body.clear();
    AppendVarint(&body, log.number);
    AppendVarint(&body, log.size);
    AppendField(&bytes, kAddedLog, body);
  }
  for (const uint64_t number : edit.removed_logs) AppendNumberField(&bytes, kRemovedLog, number);
  for (const RemovedSlice& slice : edit.removed_slices) {
    body.clear();
    AppendVarint(&body, slice.level);
    AppendVarint(&body, slice.run_id);
    AppendVarint(&body, slice.table_number);
    AppendLengthPrefixed(&body, slice.begin);
    AppendField(&bytes, kRemovedSlice, body);
  }
  for (const AddedSlice& slice : edit.added_slices) {
    body.clear();
    AppendVarint(&body, slice.level);
    AppendVarint(&body, slice.run_id);
    AppendVarint(&body, slice.size);
    AppendRange(&body, slice.range);
    AppendTable(&body, slice.table);
    AppendField(&bytes, kAddedSlice, body);
  }
  return bytes;
}

bool DecodeVersionEdit(std::string_view bytes, VersionEdit* edit, bool* unsupported) {
  *edit = VersionEdit();
  *unsupported = false;
  while (!bytes.empty()) {
    uint64_t tag;
    std::string_view body;
    if (!ReadVarint64(&bytes, &tag) || !ReadLengthPrefixed(&bytes, &body)) return false;
    if (!DecodeField(tag, &body, edit, unsupported) || !body.empty()) return false;
  }
  return true;
}

}  // namespace lsm
