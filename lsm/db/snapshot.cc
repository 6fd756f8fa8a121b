#include "lsm/db/snapshot.h"

#include "lsm/base/check.h"

namespace lsm {

void SnapshotList::Release(SequenceNumber sequence) {
  MutexLock lock(&mutex_);
  const auto held = held_.find(sequence);
  LSM_DCHECK(held != held_.end());
  if (--held->second == 0) held_.erase(held);
}

std::vector<SequenceNumber> SnapshotList::List() const {
  MutexLock lock(&mutex_);
  std::vector<SequenceNumber> sequences;
  sequences.reserve(held_.size());
  for (const auto& [sequence, count] : held_) sequences.push_back(sequence);
  return sequences;
}

}  // namespace lsm
