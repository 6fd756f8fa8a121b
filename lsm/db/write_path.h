// The write path: queue -> log -> memtable -> visible.
//
// Invariants:
// 1. A group is appended to the log, synced where one of it asks for that, applied to the memtable
//    and then made visible, in this order and by one leader at a time: what is visible is in the
//    log, and what a synced write could see is durable with it.
// 2. A batch is one log record and becomes visible as a whole.
// 3. The active memtable's entries are in log segments from its first_log on; a new memtable begins
//    a new segment.
// 4. After a failed append or sync nothing more is written (the engine is read-only): what the log
//    holds is unknown until it is read again.

#ifndef LSM_DB_WRITE_PATH_H_
#define LSM_DB_WRITE_PATH_H_

#include <memory>

#include "lsm/base/status.h"
#include "lsm/base/write_batch.h"
#include "lsm/db/background.h"
#include "lsm/db/context.h"
#include "lsm/db/log_set.h"
#include "lsm/db/write_queue.h"

namespace lsm {

class WritePath {
 public:
  // The read state is published and has an active memtable.
  WritePath(DbContext* context, LogSet* logs, Background* background);

  Status Write(const WriteOp& op, bool sync);
  Status Write(const WriteBatch& batch, bool sync);
  // Makes the active memtable immutable unless it is empty, so that the background flushes it.
  Status SwitchMemTable();
  // Makes durable all that was written before.
  Status Sync();

 private:
  // What needs the appending thread's place, and nobody beside it.
  template <typename Work>
  Status DoAlone(Work work);
  Status Commit(Writer* writer);
  Status LeadGroup(const WriteGroup& group);
  Status MakeRoom(uint64_t bytes, uint32_t count, uint64_t log_bytes);
  Status Switch(uint64_t bytes, uint32_t count, uint64_t log_bytes);
  void Throttle(uint64_t bytes);
  // From log to visible. A failure leaves the log unknown (invariant 4).
  Status CommitGroup(const WriteGroup& group, bool sync);
  void ApplyToMemTable(const Writer& writer, SequenceNumber sequence);
  void CountOp(EntryKind kind);

  DbContext* const context_;
  LogSet* const logs_;
  Background* const background_;
  WriteQueue queue_;

  // The leader's.
  MemTable* memtable_;  // the active one of the read state
  SequenceNumber last_sequence_;
  uint64_t delay_nanos_owed_ = 0;
};

}  // namespace lsm

#endif  // LSM_DB_WRITE_PATH_H_
