// VersionEdit: one atomic change of the tree, as the manifest records it.
//
// Tables stand in runs as slices: a table file together with the key range of it that counts. A
// compaction that has merged a part of the key space cuts that part off its inputs by edit alone,
// so work of any size proceeds range by range and every version is whole.
//
//   edit  := field*
//   field := tag:varint body:prefixed          an unknown tag: the edit is of a newer version
//   tag 1 next file number   := varint         the fields may come in any order
//   tag 2 next run id        := varint
//   tag 3 last sequence      := varint
//   tag 4 log added          := number:varint size:varint
//   tag 5 log removed        := number:varint
//   tag 6 slice removed      := level:varint run_id:varint table_number:varint begin:prefixed
//   tag 7 slice added        := level:varint run_id:varint size:varint begin:prefixed range_end
//                             table
//   tag 8 log synced         := position:varint  of the log, below which all was durable
//   table := number:varint file_size:varint entries:varint deletes:varint range_tombstones:varint
//            min_sequence:varint max_sequence:varint begin:prefixed range_end
//
// prefixed and range_end are those of lsm/base/write_batch.h.

#ifndef LSM_VERSION_VERSION_EDIT_H_
#define LSM_VERSION_VERSION_EDIT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lsm/base/entry.h"
#include "lsm/base/status.h"
#include "lsm/wal/log_format.h"

namespace lsm {

// [begin, end). An end may be InfiniteKey().
struct KeyRange {
  std::string begin;
  std::string end;

  bool Contains(std::string_view key) const { return begin <= key && key < end; }
  bool Overlaps(std::string_view other_begin, std::string_view other_end) const {
    return begin < other_end && other_begin < end;
  }
};

// What a version knows of a table without opening it.
struct TableMeta {
  uint64_t number = 0;
  uint64_t file_size = 0;
  uint64_t entry_count = 0;
  uint64_t delete_count = 0;
  uint64_t range_tombstone_count = 0;
  SequenceNumber min_sequence = 0;
  SequenceNumber max_sequence = 0;
  KeyRange range;  // holds all its keys and range tombstones
};

struct AddedSlice {
  uint32_t level = 0;
  uint64_t run_id = 0;
  TableMeta table;
  KeyRange range;     // within table.range
  uint64_t size = 0;  // roughly, of the file's bytes that belong to the range
};

inline AddedSlice WholeTable(uint32_t level, uint64_t run_id, const TableMeta& table) {
  return {.level = level,
          .run_id = run_id,
          .table = table,
          .range = table.range,
          .size = table.file_size};
}

struct RemovedSlice {
  uint32_t level = 0;
  uint64_t run_id = 0;
  uint64_t table_number = 0;
  std::string begin;
};

struct LogSegmentRef {
  uint64_t number = 0;
  uint64_t size = 0;
};

struct VersionEdit {
  std::optional<uint64_t> next_file_number;
  std::optional<uint64_t> next_run_id;
  std::optional<SequenceNumber> last_sequence;
  std::optional<LogPosition> log_synced;
  std::vector<LogSegmentRef> added_logs;
  std::vector<uint64_t> removed_logs;
  std::vector<RemovedSlice> removed_slices;  // taken away before the others are added
  std::vector<AddedSlice> added_slices;
};

std::string EncodeVersionEdit(const VersionEdit& edit);
// False where the bytes are no edit; `*unsupported` tells an unknown tag.
bool DecodeVersionEdit(std::string_view bytes, VersionEdit* edit, bool* unsupported);

}  // namespace lsm

#endif  // LSM_VERSION_VERSION_EDIT_H_
