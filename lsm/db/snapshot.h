// Snapshots: sequence numbers that readers hold, which compaction must respect.

#ifndef LSM_DB_SNAPSHOT_H_
#define LSM_DB_SNAPSHOT_H_

#include <map>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "lsm/base/entry.h"
#include "lsm/base/sync.h"

namespace lsm {

// The sequence numbers held, with how many hold each. Thread-safe.
class SnapshotList {
 public:
  // Reads the number to hold and adds it in one step, so that none is taken that List() has missed.
  template <typename ReadSequence>
  SequenceNumber Acquire(ReadSequence read_sequence) {
    MutexLock lock(&mutex_);
    const SequenceNumber sequence = read_sequence();
    ++held_[sequence];
    return sequence;
  }
  void Release(SequenceNumber sequence);
  // Ascending, no two alike.
  std::vector<SequenceNumber> List() const;

 private:
  mutable Mutex mutex_;
  std::map<SequenceNumber, uint64_t> held_ ABSL_GUARDED_BY(mutex_);
};

class Snapshot {
 public:
  Snapshot(std::shared_ptr<SnapshotList> list, SequenceNumber sequence)
      : list_(std::move(list)), sequence_(sequence) {}
  ~Snapshot() { list_->Release(sequence_); }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  SequenceNumber sequence() const { return sequence_; }
  // Identifies the database it is of.
  const SnapshotList* list() const { return list_.get(); }

 private:
  std::shared_ptr<SnapshotList> list_;
  SequenceNumber sequence_;
};

}  // namespace lsm

#endif  // LSM_DB_SNAPSHOT_H_
