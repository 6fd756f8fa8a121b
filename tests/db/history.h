// Histories as data: what is done to a database, one operation after another, drawn from a seed and
// independent of any option. As text they can be saved, read and edited:
//
//   # a comment
//   write sync put "k1" "a\x00z" delete "k2" delete_range "k3" infinity
//   snapshot 1
//   scan 1 "" infinity
//
// is a batch of three, then a snapshot in slot 1, then a look at all its rows. An operation on a
// slot that holds nothing does nothing, so any part of a history is a history.

#ifndef LSM_TESTS_DB_HISTORY_H_
#define LSM_TESTS_DB_HISTORY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lsm/base/status.h"
#include "lsm/base/write_batch.h"

namespace lsm {

struct Operation {
  enum class Kind : uint8_t {
    kWrite,  // the batch
    // Of what `snapshot` sees:
    kGet,
    kScan,      // all rows of the range, in all ways
    kIterator,  // opens one over the range in `slot`
    // Of the iterator in `slot`:
    kSeekFirst,
    kSeekLast,
    kSeek,
    kSeekForPrev,
    kNext,   // `number` times
    kPrev,   // `number` times
    kNextN,  // up to `number` rows at once
    kCloseIterator,
    kSnapshot,  // takes one into `slot`
    kRelease,   // the one in `slot`
    kProperty,  // reads the one of this name
    kFlush,
    kCompact,
    kWaitIdle,
    kReopen,    // with the options that stand `number` places behind the history's own
    kReadOnly,  // closes, looks at all rows through a read-only open, opens again
    kVerify,    // closes, verifies, opens again
    // Where the history runs on a simulated disk; elsewhere as kReopen.
    kKill,       // the process dies
    kPowerLoss,  // before the call that changes something behind `number` others, with this seed
  };

  Kind kind = Kind::kWrite;
  uint64_t slot = 0;      // from 1 on
  uint64_t snapshot = 0;  // a slot of snapshots; 0: the latest state
  uint64_t number = 0;
  uint64_t seed = 0;
  bool sync = false;
  std::string key;  // or the beginning of a range, or a name
  std::string end;
  WriteBatch batch;
};
using Operations = std::vector<Operation>;

inline constexpr uint64_t kHistorySlots = 4;

// The same for the same seed, everywhere. Every fourth seed has kills and losses of power.
Operations DrawHistory(uint64_t seed, size_t count);
// Whether it needs a simulated disk.
bool HasCrashes(const Operations& history);

// A line, without its end.
std::string OperationText(const Operation& operation);
// Lines.
std::string HistoryText(const Operations& history);
// kInvalidArgument names the line.
Result<Operations> ParseHistory(std::string_view text);

}  // namespace lsm

#endif  // LSM_TESTS_DB_HISTORY_H_
