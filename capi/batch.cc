// Batches: several writes that become one. A range deletion is a batch of one.

#include "capi/handles.h"

namespace lsm::capi {
namespace {

Status CheckBatch(const lsm_batch* batch) {
  if (batch == nullptr) return NullArgument("batch");
  return batch->IsMarked() ? Status::Ok() : BadHandle("batch");
}

Status AddRangeDeletion(const void* begin, size_t begin_size, const void* end, size_t end_size,
                        WriteBatch* batch) {
  KeyRangeView range;
  LSM_RETURN_IF_ERROR(ReadRange(begin, begin_size, end, end_size, &range));
  return batch->DeleteRange(range.begin, range.end);
}

Status Write(lsm_db* db, const WriteBatch& batch, uint32_t flags) {
  LSM_RETURN_IF_ERROR(CheckFlags(flags));
  DbCall call;
  LSM_RETURN_IF_ERROR(call.Enter(db));
  LSM_RETURN_IF_ERROR(CheckNotInProgress(db));
  return call->Write(batch, (flags & LSM_SYNC) != 0);
}

}  // namespace
}  // namespace lsm::capi

using lsm::Status;
using lsm::capi::Call;
using lsm::capi::CheckBatch;
using lsm::capi::IsHandle;
using lsm::capi::ReadBytes;

extern "C" {

lsm_batch* lsm_batch_create(void) { return lsm::capi::MakeHandle<lsm_batch>(); }

void lsm_batch_destroy(lsm_batch* batch) {
  if (IsHandle(batch)) delete batch;
}

void lsm_batch_clear(lsm_batch* batch) {
  if (IsHandle(batch)) batch->batch.Clear();
}

lsm_status lsm_batch_put(lsm_batch* batch, const void* key, size_t key_size, const void* value,
                         size_t value_size, lsm_error** error) {
  return Call(error, [&]() -> Status {
    std::string_view key_view;
    std::string_view value_view;
    LSM_RETURN_IF_ERROR(CheckBatch(batch));
    LSM_RETURN_IF_ERROR(ReadBytes("key", key, key_size, &key_view));
    LSM_RETURN_IF_ERROR(ReadBytes("value", value, value_size, &value_view));
    return batch->batch.Put(key_view, value_view);
  });
}

lsm_status lsm_batch_delete(lsm_batch* batch, const void* key, size_t key_size, lsm_error** error) {
  return Call(error, [&]() -> Status {
    std::string_view key_view;
    LSM_RETURN_IF_ERROR(CheckBatch(batch));
    LSM_RETURN_IF_ERROR(ReadBytes("key", key, key_size, &key_view));
    return batch->batch.Delete(key_view);
  });
}

lsm_status lsm_batch_delete_range(lsm_batch* batch, const void* begin, size_t begin_size,
                                  const void* end, size_t end_size, lsm_error** error) {
  return Call(error, [&]() -> Status {
    LSM_RETURN_IF_ERROR(CheckBatch(batch));
    return lsm::capi::AddRangeDeletion(begin, begin_size, end, end_size, &batch->batch);
  });
}

size_t lsm_batch_count(const lsm_batch* batch) {
  return IsHandle(batch) ? batch->batch.count() : 0;
}

size_t lsm_batch_size(const lsm_batch* batch) {
  return IsHandle(batch) ? batch->batch.bytes().size() : 0;
}

lsm_status lsm_write(lsm_db* db, const lsm_batch* batch, uint32_t flags, lsm_error** error) {
  return Call(error, [&]() -> Status {
    LSM_RETURN_IF_ERROR(CheckBatch(batch));
    return lsm::capi::Write(db, batch->batch, flags);
  });
}

lsm_status lsm_delete_range(lsm_db* db, const void* begin, size_t begin_size, const void* end,
                            size_t end_size, uint32_t flags, lsm_error** error) {
  return Call(error, [&]() -> Status {
    lsm::WriteBatch batch;
    LSM_RETURN_IF_ERROR(lsm::capi::AddRangeDeletion(begin, begin_size, end, end_size, &batch));
    return lsm::capi::Write(db, batch, flags);
  });
}

}  // extern "C"
