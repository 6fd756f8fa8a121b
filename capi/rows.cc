// Scans: the rows of a range, copied out in pieces, so that they hold nothing of the database.

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "capi/handles.h"

struct lsm_rows {
  // Their bytes lie in `pieces`, the rows of one piece together.
  std::vector<lsm_row> rows;
  std::vector<std::unique_ptr<char[]>> pieces;
};

namespace lsm::capi {
namespace {

const void* CopyTo(char** to, const void* bytes, size_t size) {
  const void* copy = std::memcpy(*to, bytes, size);
  *to += size;
  return copy;
}

void AppendCopies(std::span<const Scan::Row> from, lsm_rows* rows) {
  size_t size = 0;
  for (const Scan::Row& row : from) size += row.key_size + row.value_size;
  // One byte more than needed, so that rows of empty keys and values have an address too.
  rows->pieces.push_back(std::make_unique_for_overwrite<char[]>(size + 1));
  char* to = rows->pieces.back().get();
  for (const Scan::Row& row : from) {
    const void* key = CopyTo(&to, row.key, row.key_size);
    const void* value = CopyTo(&to, row.value, row.value_size);
    rows->rows.push_back({key, row.key_size, value, row.value_size});
  }
}

// `limit` 0: all.
Status ReadRows(Scan& scan, uint64_t limit, lsm_rows* rows) {
  std::array<Scan::Row, 128> piece;
  uint64_t left = limit != 0 ? limit : UINT64_MAX;
  Status status = scan.SeekFirst();
  while (status.ok() && left > 0) {
    const size_t wanted = static_cast<size_t>(std::min<uint64_t>(left, piece.size()));
    size_t count = 0;
    status = scan.NextN({piece.data(), wanted}, &count);
    if (!status.ok() && !status.Is(Code::kEnd)) break;
    AppendCopies({piece.data(), count}, rows);
    left -= count;
  }
  return status.Is(Code::kEnd) ? Status::Ok() : status;
}

}  // namespace
}  // namespace lsm::capi

using lsm::Status;

extern "C" {

lsm_status lsm_scan(lsm_db* db, const lsm_snapshot* snapshot, const void* begin, size_t begin_size,
                    const void* end, size_t end_size, uint64_t limit, lsm_rows** out,
                    lsm_error** error) {
  if (out != nullptr) *out = nullptr;
  return lsm::capi::Call(error, [&]() -> Status {
    if (out == nullptr) return lsm::capi::NullArgument("out");
    lsm::capi::DbCall call;
    LSM_RETURN_IF_ERROR(call.Enter(db));
    lsm::KeyRangeView range;
    LSM_RETURN_IF_ERROR(lsm::capi::ReadRange(begin, begin_size, end, end_size, &range));
    const lsm::Snapshot* at;
    LSM_RETURN_IF_ERROR(lsm::capi::ReadSnapshot(db, snapshot, &at));
    LSM_ASSIGN_OR_RETURN(std::unique_ptr<lsm::Scan> scan, call->NewScan(at, range));
    auto rows = std::make_unique<lsm_rows>();
    LSM_RETURN_IF_ERROR(lsm::capi::ReadRows(*scan, limit, rows.get()));
    *out = rows.release();
    return Status::Ok();
  });
}

const lsm_row* lsm_rows_data(const lsm_rows* rows, size_t* count) {
  static constexpr lsm_row kNoRows[1] = {};
  if (count != nullptr) *count = rows != nullptr ? rows->rows.size() : 0;
  if (rows == nullptr) return nullptr;
  return rows->rows.empty() ? kNoRows : rows->rows.data();
}

void lsm_rows_free(lsm_rows* rows) { delete rows; }

}  // extern "C"
