// Open, close, and the writes of one key or range.

#include "capi/handles.h"

namespace lsm::capi {
namespace {

// Every shell of the process (invariant 1 of handles.h). Shells are added, never taken out.
std::atomic<lsm_db*> shells{nullptr};

void AddShell(lsm_db* shell) {
  shell->next_shell = shells.load(std::memory_order_relaxed);
  while (!shells.compare_exchange_weak(shell->next_shell, shell, std::memory_order_release,
                                       std::memory_order_relaxed)) {
  }
}

Status Open(const char* path, const lsm_options* options, lsm_db** out) {
  if (out == nullptr) return NullArgument("out");
  if (path == nullptr) return NullArgument("path");
  if (options != nullptr && !options->IsMarked()) return BadHandle("options");
  // What can fail for want of memory comes before what would have to be undone.
  auto shell = std::make_unique<lsm_db>();
  LSM_ASSIGN_OR_RETURN(
      std::shared_ptr<Db> db,
      Db::Open(Env::Posix(), path, options != nullptr ? options->options : Options()));
  shell->open.store(new OpenDb(std::move(db)), std::memory_order_release);
  AddShell(shell.get());
  *out = shell.release();
  return Status::Ok();
}

Status Close(lsm_db* db) {
  LSM_RETURN_IF_ERROR(CheckShell(db));
  LSM_RETURN_IF_ERROR(CheckNotInProgress(db));
  OpenDb* open = db->open.exchange(nullptr, std::memory_order_seq_cst);
  if (open == nullptr) return Closed();
  Status status = open->db->Close();
  // Calls that had entered before the exchange hold references or guards; the last of them, or
  // this, lets the memory go.
  open->Unref();
  EpochDrain();
  return status;
}

// A put or a deletion.
Status WriteOne(lsm_db* db, const WriteOp& op, uint32_t flags) {
  LSM_RETURN_IF_ERROR(CheckFlags(flags));
  DbCall call;
  LSM_RETURN_IF_ERROR(call.Enter(db));
  LSM_RETURN_IF_ERROR(CheckNotInProgress(db));
  return call->Write(op, (flags & LSM_SYNC) != 0);
}

}  // namespace
}  // namespace lsm::capi

using lsm::EntryKind;
using lsm::Status;
using lsm::WriteOp;
using lsm::capi::Call;

extern "C" {

lsm_status lsm_open(const char* path, const lsm_options* options, lsm_db** out, lsm_error** error) {
  if (out != nullptr) *out = nullptr;
  return Call(error, [&] { return lsm::capi::Open(path, options, out); });
}

lsm_status lsm_close(lsm_db* db, lsm_error** error) {
  return Call(error, [&] { return db != nullptr ? lsm::capi::Close(db) : Status::Ok(); });
}

lsm_status lsm_put(lsm_db* db, const void* key, size_t key_size, const void* value,
                   size_t value_size, uint32_t flags, lsm_error** error) {
  return Call(error, [&]() -> Status {
    WriteOp op = {EntryKind::kPut, {}, {}};
    LSM_RETURN_IF_ERROR(lsm::capi::ReadBytes("key", key, key_size, &op.key));
    LSM_RETURN_IF_ERROR(lsm::capi::ReadBytes("value", value, value_size, &op.value));
    return lsm::capi::WriteOne(db, op, flags);
  });
}

lsm_status lsm_delete(lsm_db* db, const void* key, size_t key_size, uint32_t flags,
                      lsm_error** error) {
  return Call(error, [&]() -> Status {
    WriteOp op = {EntryKind::kDelete, {}, {}};
    LSM_RETURN_IF_ERROR(lsm::capi::ReadBytes("key", key, key_size, &op.key));
    return lsm::capi::WriteOne(db, op, flags);
  });
}

}  // extern "C"
