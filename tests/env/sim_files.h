// What a simulated disk (sim_disk.h) knows of its files beyond their bytes: how much of each, and
// of the names they bear, a loss of power would leave.
//
// Invariants:
// 1. What was synced is never lost: the disk writes whole sectors of 512 bytes, so a sector of
//    which something was synced holds, after a loss of power, either what it held then or what was
//    put there since; never zeros or rubbish.
// 2. All other sectors that differ from what is durable may hold the new bytes, the durable ones,
//    zeros or rubbish, each for itself.
// 3. A file that is appended to has any size from the durable to the present one. A log segment
//    has its whole size as soon as it has its name.
// 4. Operations on names since the last sync of the directory have each happened or not, whatever
//    became of those before. A file never bears two names: where it was renamed, the last rename
//    that happened counts. Where one that replaced a file did not happen, that file is there.
//
// Thread safety: none; the disk's mutex guards all.

#ifndef LSM_TESTS_ENV_SIM_FILES_H_
#define LSM_TESTS_ENV_SIM_FILES_H_

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "lsm/env/env.h"

namespace lsm {

inline constexpr uint64_t kSimSectorSize = 512;

// A file's bytes; zeros follow them up to `size`.
struct SimFileImage {
  std::string bytes;
  uint64_t size = 0;
  bool operator==(const SimFileImage&) const = default;
};
using DiskImage = std::map<std::string, SimFileImage>;

// Decides, by a seed, what becomes of each thing that is not durable. Some seeds keep everything,
// some nothing, others this and that.
class CrashFates {
 public:
  explicit CrashFates(uint64_t seed);

  enum class Fate : uint8_t { kKept, kDropped, kZeroed, kRubbish };
  // `promised`: something in the sector was synced (invariant 1).
  Fate OfSector(bool promised);
  bool KeepsName() { return Happens(names_kept_); }
  // From `durable` to `present`, bounds included.
  uint64_t SizeFrom(uint64_t durable, uint64_t present);
  void FillWithRubbish(char* bytes, uint64_t size);

 private:
  // So many times out of sixteen.
  bool Happens(uint64_t sixteenths) { return random_() % 16 < sixteenths; }

  std::mt19937_64 random_;
  uint64_t names_kept_;
  uint64_t sectors_kept_;
  bool only_drops_;
};

// A file, whatever its name.
class SimInode {
 public:
  // Durable as it is.
  explicit SimInode(SimFileImage durable)
      : durable_(std::move(durable.bytes)), size_(durable.size) {}
  // New and empty, to be appended to.
  SimInode() : kind_(Kind::kAppended) {}

  void Append(std::string_view bytes) { present_ += bytes; }
  // The file is a log segment from now on; `live` shows what its writer reserved, too.
  void BecomeLog(std::unique_ptr<FileMapping> live);
  // The writer may change [0, end) of the log.
  void Touch(uint64_t end);

  void Sync();
  // REQUIRES: a log.
  void SyncRange(uint64_t begin, uint64_t end);

  SimFileImage AfterPowerLoss(CrashFates* fates) const;
  SimFileImage Now() const;
  // The same file for another disk: what is durable and what is not stay so.
  std::shared_ptr<SimInode> Copy() const;

 private:
  enum class Kind : uint8_t { kDurable, kAppended, kLog };

  const char* present() const { return live_ != nullptr ? live_->data() : present_.data(); }
  // Where the bytes end that may differ from the durable ones; of a log, up to a sector's end.
  uint64_t PresentEnd() const;
  bool IsPromised(uint64_t offset) const;

  Kind kind_ = Kind::kDurable;
  std::string durable_;  // zeros follow, up to size_, unless kAppended
  std::string present_;  // of what is appended to, or of a log that nobody writes
  std::unique_ptr<FileMapping> live_;
  uint64_t size_ = 0;           // unless kAppended
  uint64_t touched_ = 0;        // of a log
  std::vector<bool> promised_;  // of a log, by sector
};

// The names of one directory.
class SimNames {
 public:
  using InodePtr = std::shared_ptr<SimInode>;
  using Map = std::map<std::string, InodePtr, std::less<>>;

  // The name is there, durably.
  void AddDurable(std::string_view name, InodePtr inode);

  // REQUIRES of all: what Directory requires, and it has been done.
  void Create(std::string_view name, InodePtr inode);
  void Rename(std::string_view from, std::string_view to);
  void Remove(std::string_view name);
  void Sync();
  const InodePtr& Find(std::string_view name) const;
  const Map& now() const { return now_; }

  Map AfterPowerLoss(CrashFates* fates) const;
  // With copies of the files.
  SimNames Copy() const;

 private:
  struct Operation {
    enum class Kind : uint8_t { kCreate, kRename, kRemove };
    Kind kind;
    std::string name;  // that the file bears after it; before it, where it is removed
    InodePtr inode;
  };
  static void Do(const Operation& operation, Map* names);
  void DoNow(Operation operation);

  Map durable_;
  Map now_;
  std::vector<Operation> pending_;
};

}  // namespace lsm

#endif  // LSM_TESTS_ENV_SIM_FILES_H_
