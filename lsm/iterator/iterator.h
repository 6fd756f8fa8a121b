// EntryIterator: how everything that holds entries is walked: a memtable, a block, a table, a run,
// and the merge of them all.
//
// An iterator stands on an entry or on none. It is created standing on none; a seek puts it
// somewhere; Next and Prev move one entry in the order of entry.h (all versions of a key, newest
// first), so Prev undoes Next and costs the same order of time.
//
// Contract:
// 1. valid() is true exactly when the iterator stands on an entry. When it is false, status() tells
//    why: OK is "no entry on that side", anything else is a failure. A failure is never taken for
//    the end, and it stays until the next seek.
// 2. entry() and what it points to hold until the iterator moves, unless pinned (rule 5).
// 3. Next and Prev require valid(). Moving off either end leaves the iterator on none; only a seek
//    brings it back.
// 4. Seek(key) goes to the first entry whose user key is >= key, the newest version of it;
//    SeekForPrev(key) to the last entry whose user key is <= key, the oldest version of it.
// 5. While a PinList is set, the iterator hands to it whatever keeps past entries readable (cache
//    handles) instead of letting it go, so all entries seen since stay readable until the list is
//    cleared. Setting null hands over what is left. A destructor hands nothing over: it may not
//    allocate.
// 6. One thread at a time uses an iterator. What it reads stays alive through references it holds.
//
// valid() and entry() are plain members so that a merge compares its sources without a virtual
// call.

#ifndef LSM_ITERATOR_ITERATOR_H_
#define LSM_ITERATOR_ITERATOR_H_

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "lsm/base/entry.h"
#include "lsm/base/epoch.h"
#include "lsm/base/status.h"

namespace lsm {

// Owners of memory that somebody still reads.
using PinList = std::vector<RefPtr<const RefCounted>>;

class EntryIterator {
 public:
  EntryIterator() = default;
  EntryIterator(const EntryIterator&) = delete;
  EntryIterator& operator=(const EntryIterator&) = delete;
  virtual ~EntryIterator() = default;

  bool valid() const { return valid_; }
  // REQUIRES: valid().
  const Entry& entry() const { return entry_; }
  // Why the iterator is not valid; OK while it is.
  const Status& status() const { return status_; }

  virtual void SeekFirst() = 0;
  virtual void SeekLast() = 0;
  virtual void Seek(std::string_view key) = 0;
  virtual void SeekForPrev(std::string_view key) = 0;
  virtual void Next() = 0;
  virtual void Prev() = 0;

  // Null ends pinning. The list outlives its being set.
  virtual void SetPinList(PinList* pins) { (void)pins; }

 protected:
  void Invalidate() { valid_ = false; }
  void Fail(Status status) {
    valid_ = false;
    status_ = std::move(status);
  }

  Entry entry_;
  bool valid_ = false;
  Status status_;
};

}  // namespace lsm

#endif  // LSM_ITERATOR_ITERATOR_H_
