// Snapshots.

#include "capi/handles.h"

using lsm::Status;
using lsm::capi::IsHandle;

extern "C" {

lsm_status lsm_snapshot_create(lsm_db* db, lsm_snapshot** out, lsm_error** error) {
  if (out != nullptr) *out = nullptr;
  return lsm::capi::Call(error, [&]() -> Status {
    if (out == nullptr) return lsm::capi::NullArgument("out");
    lsm::capi::DbCall call;
    LSM_RETURN_IF_ERROR(call.Enter(db));
    LSM_ASSIGN_OR_RETURN(std::unique_ptr<lsm::Snapshot> snapshot, call->NewSnapshot());
    *out = new lsm_snapshot(db, std::move(snapshot));
    return Status::Ok();
  });
}

void lsm_snapshot_release(lsm_snapshot* snapshot) {
  if (IsHandle(snapshot) && !lsm::capi::IsInherited(snapshot->db)) delete snapshot;
}

}  // extern "C"
