// What threads asked of a map and were answered, and whether one order explains it.
//
// Every key is a register of its own that is read and written, deletions being writes of kNone. The
// history is linearizable if each operation can be given a moment between its beginning and its end
// such that every read answers the last write before it (Herlihy and Wing, "Linearizability",
// TOPLAS 1990). The moments are searched for as Wing and Gong do ("Testing and Verifying Concurrent
// Objects", 1993), remembering what was tried (Lowe, "Testing for Linearizability", 2017).

#ifndef LSM_TESTS_SCHED_HISTORY_H_
#define LSM_TESTS_SCHED_HISTORY_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace lsm {

// What is read where there is no such key.
inline const char kNone[] = "(none)";

struct Operation {
  uint64_t begin = 0;
  uint64_t end = 0;
  bool is_write = false;
  std::string value;
  // A write that failed: it may happen at any time after its beginning, or never.
  bool is_certain = true;
};

// An order of the operations of one key, which has `initial` at first, exists.
bool IsLinearizable(const std::vector<Operation>& operations, const std::string& initial);

// Of a map that is empty at first. Used by one thread at a time.
class History {
 public:
  static constexpr size_t kMaxOperationsPerKey = 512;

  // The time, another one each time it is asked for.
  uint64_t Now() { return ++now_; }
  void Add(const std::string& key, Operation operation) {
    operations_[key].push_back(std::move(operation));
  }
  // Empty, or the operations of a key that no order explains.
  std::string Check() const;

 private:
  uint64_t now_ = 0;
  std::map<std::string, std::vector<Operation>> operations_;
};

}  // namespace lsm

#endif  // LSM_TESTS_SCHED_HISTORY_H_
