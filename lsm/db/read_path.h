// The read path: gets and the making of scans.
//
// A get pins its state by an EpochGuard, reads the sequence number after it, and asks memtables and
// then runs, newest first, until one knows the key. Within a get, a range tombstone found on the
// way hides every older source, so the search ends there.

#ifndef LSM_DB_READ_PATH_H_
#define LSM_DB_READ_PATH_H_

#include <memory>
#include <string_view>

#include "lsm/base/status.h"
#include "lsm/db/db.h"
#include "lsm/db/read_state.h"
#include "lsm/db/scan.h"

namespace lsm {

// REQUIRES: inside the EpochGuard in which `state` was borrowed; `sequence` was read after that.
Status GetFrom(const ReadState& state, SequenceNumber sequence, std::string_view key,
               Db::Value* value);

Result<std::unique_ptr<Scan>> NewScanOver(RefPtr<const ReadState> state, SequenceNumber sequence,
                                          KeyRangeView range);

}  // namespace lsm

#endif  // LSM_DB_READ_PATH_H_
