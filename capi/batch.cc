// Batches: several writes that become one. A range deletion is a batch of one.

#include "absl/strings/str_cat.h"
#include "capi/handles.h"
#include "lsm/base/coding.h"

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

// The operations of lsm_write_encoded, which come from anywhere: every size is held against the
// bytes that are left before it is used, and each operation consumes its nine bytes at least.
class EncodedOps {
 public:
  explicit EncodedOps(std::string_view ops) : ops_(ops), rest_(ops) {}

  // Appends all of them to an empty batch, which is good for nothing where this fails.
  Status AppendTo(WriteBatch* batch) {
    batch->Reserve(ops_.size());
    while (!rest_.empty()) {
      start_ = Offset();
      const Status status = AppendOne(batch);
      if (!status.ok()) [[unlikely]]
        return AtOperation(status);
    }
    return Status::Ok();
  }

 private:
  // A key, a value or a bound.
  struct Field {
    std::string_view bytes;
    bool is_unbounded = false;
  };
  static constexpr uint32_t kUnbounded = UINT32_MAX;

  size_t Offset() const { return ops_.size() - rest_.size(); }

  [[gnu::cold]] Status AtOperation(const Status& status) const {
    if (status.Is(Code::kOutOfMemory)) return status;
    return Status(status.code(), absl::StrCat("the operation at byte ", start_, " of ", ops_.size(),
                                              ": ", status.message()));
  }

  [[gnu::cold]] static Status TooShort(std::string_view what, uint64_t size, size_t left) {
    return Status::InvalidArgument(
        absl::StrCat("expected ", size, " bytes of ", what, ", and ", left, " are left"));
  }

  Status AppendOne(WriteBatch* batch) {
    const auto kind = static_cast<uint8_t>(rest_.front());
    if (kind < LSM_OP_PUT || kind > LSM_OP_DELETE_RANGE) [[unlikely]] {
      return Status::InvalidArgument(
          absl::StrCat("its kind is ", kind,
                       "; expected LSM_OP_PUT (1), LSM_OP_DELETE (2) or LSM_OP_DELETE_RANGE (3)"));
    }
    if (rest_.size() < kHeadSize) [[unlikely]]
      return TooShort("kind and sizes", kHeadSize, rest_.size());
    const auto first_size = LoadFixed<uint32_t>(rest_.data() + 1);
    const auto second_size = LoadFixed<uint32_t>(rest_.data() + 5);
    rest_.remove_prefix(kHeadSize);
    const bool is_range = kind == LSM_OP_DELETE_RANGE;
    Field first, second;
    LSM_RETURN_IF_ERROR(Take(is_range ? "begin" : "key", first_size, is_range, &first));
    if (kind == LSM_OP_DELETE && second_size != 0) [[unlikely]] {
      return Status::InvalidArgument(
          absl::StrCat("a delete has no value; expected 0 for its size, not ", second_size));
    }
    LSM_RETURN_IF_ERROR(Take(is_range ? "end" : "value", second_size, is_range, &second));
    if (kind == LSM_OP_PUT) return batch->Put(first.bytes, second.bytes);
    if (kind == LSM_OP_DELETE) return batch->Delete(first.bytes);
    return batch->DeleteRange(first.bytes, second.is_unbounded ? InfiniteKey() : second.bytes);
  }

  Status Take(std::string_view what, uint32_t size, bool is_bound, Field* field) {
    if (is_bound && size == kUnbounded) {
      field->is_unbounded = true;
      return Status::Ok();
    }
    if (size > rest_.size()) [[unlikely]]
      return TooShort(what, size, rest_.size());
    field->bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return Status::Ok();
  }

  static constexpr size_t kHeadSize = 9;

  const std::string_view ops_;
  std::string_view rest_;
  size_t start_ = 0;
};

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

lsm_status lsm_write_encoded(lsm_db* db, const void* ops, size_t size, uint32_t flags,
                             lsm_error** error) {
  return Call(error, [&]() -> Status {
    std::string_view view;
    LSM_RETURN_IF_ERROR(ReadBytes("ops", ops, size, &view));
    lsm::WriteBatch batch;
    LSM_RETURN_IF_ERROR(lsm::capi::EncodedOps(view).AppendTo(&batch));
    return lsm::capi::Write(db, batch, flags);
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
