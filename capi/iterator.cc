// Iterators: handles of lsm::Scan, which keeps the contract of lsm.h itself.

#include <span>

#include "capi/handles.h"

namespace lsm::capi {
namespace {

// lsm_iter_next_n fills the caller's rows in place.
static_assert(sizeof(lsm_row) == sizeof(Scan::Row) &&
              offsetof(lsm_row, key) == offsetof(Scan::Row, key) &&
              offsetof(lsm_row, key_size) == offsetof(Scan::Row, key_size) &&
              offsetof(lsm_row, value) == offsetof(Scan::Row, value) &&
              offsetof(lsm_row, value_size) == offsetof(Scan::Row, value_size));

enum class Motion { kStep, kSeek };

// Calls `move` on the scan of an iterator that may be used. Where memory runs out half-way the
// iterator is lost until a seek.
template <typename Move>
lsm_status Run(lsm_iter* it, lsm_error** error, Motion motion, Move move) noexcept {
  bool is_moving = false;
  try {
    if (const Status usable = CheckChild("it", it); !usable.ok()) [[unlikely]]
      return Finish(usable, error);
    if (it->is_lost) [[unlikely]] {
      if (motion == Motion::kStep) return Finish(Status::OutOfMemory(), error);
      it->is_lost = false;
    }
    is_moving = true;
    return Finish(move(*it->scan), error);
  } catch (...) {
    if (is_moving) it->is_lost = true;
    return Fail(CaughtStatus(), error);
  }
}

// A seek to a key, which is checked before anything moves.
template <typename Seek>
lsm_status RunSeek(lsm_iter* it, const void* key, size_t key_size, lsm_error** error,
                   Seek seek) noexcept {
  std::string_view target;
  const auto check = [&]() -> Status {
    LSM_RETURN_IF_ERROR(CheckChild("it", it));
    LSM_RETURN_IF_ERROR(ReadBytes("key", key, key_size, &target));
    return CheckKeySize(target);
  };
  if (const lsm_status status = Call(error, check); status != LSM_OK) return status;
  return Run(it, error, Motion::kSeek, [&](Scan& scan) { return seek(scan, target); });
}

Status NextN(Scan& scan, lsm_row* rows, size_t capacity, size_t* count) {
  if (count == nullptr) return NullArgument("count");
  if (rows == nullptr) return NullArgument("rows");
  if (capacity == 0) return Status::InvalidArgument("capacity is 0; at least 1 is needed");
  return scan.NextN({reinterpret_cast<Scan::Row*>(rows), capacity}, count);
}

bool IsServed(const lsm_iter* it) {
  return IsHandle(it) && !it->is_lost && !IsInherited(it->db) &&
         it->db->open.load(std::memory_order_relaxed) != nullptr;
}

const void* GiveBytes(std::string_view bytes, size_t* size) {
  if (size != nullptr) *size = bytes.size();
  return bytes.data();
}

}  // namespace
}  // namespace lsm::capi

using lsm::Scan;
using lsm::Status;
using lsm::capi::Call;
using lsm::capi::Motion;
using lsm::capi::Run;
using lsm::capi::RunSeek;

extern "C" {

lsm_status lsm_iter_create(lsm_db* db, const lsm_snapshot* snapshot, const void* lower,
                           size_t lower_size, const void* upper, size_t upper_size, lsm_iter** out,
                           lsm_error** error) {
  if (out != nullptr) *out = nullptr;
  return Call(error, [&]() -> Status {
    if (out == nullptr) return lsm::capi::NullArgument("out");
    lsm::capi::DbCall call;
    LSM_RETURN_IF_ERROR(call.Enter(db));
    lsm::KeyRangeView range;
    LSM_RETURN_IF_ERROR(lsm::capi::ReadRange(lower, lower_size, upper, upper_size, &range));
    const lsm::Snapshot* at;
    LSM_RETURN_IF_ERROR(lsm::capi::ReadSnapshot(db, snapshot, &at));
    LSM_ASSIGN_OR_RETURN(std::unique_ptr<Scan> scan, call->NewScan(at, range));
    *out = new lsm_iter(db, std::move(scan));
    return Status::Ok();
  });
}

void lsm_iter_destroy(lsm_iter* it) {
  if (lsm::capi::IsHandle(it) && !lsm::capi::IsInherited(it->db)) delete it;
}

lsm_status lsm_iter_seek_first(lsm_iter* it, lsm_error** error) {
  return Run(it, error, Motion::kSeek, [](Scan& scan) { return scan.SeekFirst(); });
}

lsm_status lsm_iter_seek_last(lsm_iter* it, lsm_error** error) {
  return Run(it, error, Motion::kSeek, [](Scan& scan) { return scan.SeekLast(); });
}

lsm_status lsm_iter_seek(lsm_iter* it, const void* key, size_t key_size, lsm_error** error) {
  return RunSeek(it, key, key_size, error,
                 [](Scan& scan, std::string_view target) { return scan.Seek(target); });
}

lsm_status lsm_iter_seek_for_prev(lsm_iter* it, const void* key, size_t key_size,
                                  lsm_error** error) {
  return RunSeek(it, key, key_size, error,
                 [](Scan& scan, std::string_view target) { return scan.SeekForPrev(target); });
}

lsm_status lsm_iter_next(lsm_iter* it, lsm_error** error) {
  return Run(it, error, Motion::kStep, [](Scan& scan) { return scan.Next(); });
}

lsm_status lsm_iter_prev(lsm_iter* it, lsm_error** error) {
  return Run(it, error, Motion::kStep, [](Scan& scan) { return scan.Prev(); });
}

lsm_status lsm_iter_next_n(lsm_iter* it, lsm_row* rows, size_t capacity, size_t* count,
                           lsm_error** error) {
  if (count != nullptr) *count = 0;
  return Run(it, error, Motion::kStep,
             [&](Scan& scan) { return lsm::capi::NextN(scan, rows, capacity, count); });
}

const void* lsm_iter_key(const lsm_iter* it, size_t* size) {
  return lsm::capi::GiveBytes(lsm::capi::IsServed(it) ? it->scan->key() : std::string_view(), size);
}

const void* lsm_iter_value(const lsm_iter* it, size_t* size) {
  return lsm::capi::GiveBytes(lsm::capi::IsServed(it) ? it->scan->value() : std::string_view(),
                              size);
}

}  // extern "C"
