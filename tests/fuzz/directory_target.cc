// A whole directory: an input is a program that alters the files of a small database and then uses
// what is left of it.
//
//   program    := which database, flags, count of alterations, alteration*, operation*
//
// What must come of it depends on how far the damage can be known:
// - At most one file was altered and no sum repaired: what tests/db/damage_testing.h says, and the
//   same of the rows written from then on.
// - More files, no sum repaired: together they may look like an older state; but each row that
//   shows was written once, and failures are corruption.
// - Sums were repaired: nothing is right or wrong, but it ends, and in no crash.

#include <algorithm>
#include <array>
#include <iostream>
#include <map>
#include <set>

#include "lsm/env/mem_env.h"
#include "lsm/version/file_names.h"
#include "tests/db/damage_testing.h"
#include "tests/db/db_testing.h"
#include "tests/fuzz/byte_program.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/segment_repair.h"
#include "tests/sstable/table_testing.h"

namespace lsm::fuzz {
namespace {

constexpr size_t kDatabases = 3;
constexpr uint8_t kRepairSums = 1;
constexpr uint8_t kReadUnmapped = 2;
constexpr uint8_t kLook = 4;  // all of LookForTrouble(), which takes its time
constexpr uint8_t kLookCompact = 8;
constexpr int kMaxAlterations = 12;
constexpr int kMaxOperations = 40;
// A hostile index may name the same block often.
constexpr int kMaxSteps = 20'000;

using WrittenValues = std::map<std::string, std::set<std::string>, std::less<>>;

struct Original {
  SmallDatabase database;
  WrittenValues written;
};

const Original& OriginalOf(uint8_t which) {
  static const std::vector<Original>* const originals = [] {
    auto* const made = new std::vector<Original>;  // never deleted: it is the program's
    for (const auto kind :
         {SmallDatabaseKind::kCompressed, SmallDatabaseKind::kRaw, SmallDatabaseKind::kReopened}) {
      Original& original = made->emplace_back(Original{MakeSmallDatabase(kind), {}});
      for (const auto& [sequence, rows] : original.database.models) {
        for (const auto& [key, value] : rows) original.written[key].insert(value);
      }
    }
    return made;
  }();
  return (*originals)[which % kDatabases];
}

// --- alterations ---

enum class Alteration : uint8_t {
  kFlipBit,
  kSetBytes,
  kFillRange,
  kCut,
  kExtend,
  kCopyRange,  // from another file
  kRemove,
  kSwap,
  kDuplicate,  // under another name
  kRename,
  kOlderVersion,
  kCount,
};

// Alters an image as its program says.
class Vandal {
 public:
  Vandal(ByteProgram* program, const SmallDatabase& database)
      : program_(program), database_(database), image_(database.files) {}

  void Alter() {
    if (image_.empty()) return;
    const auto what =
        static_cast<Alteration>(program_->Byte() % static_cast<uint8_t>(Alteration::kCount));
    const std::string name = ExistingName();
    std::string& bytes = image_.at(name);
    switch (what) {
      case Alteration::kRemove:
        image_.erase(name);
        return;
      case Alteration::kSwap:
        std::swap(bytes, image_.at(ExistingName()));
        return;
      case Alteration::kDuplicate:
        image_[AnyName()] = std::string(bytes);
        return;
      case Alteration::kRename: {
        std::string moved = std::move(bytes);
        image_.erase(name);
        image_[AnyName()] = std::move(moved);
        return;
      }
      case Alteration::kOlderVersion: {
        const auto& stage = database_.stages[program_->Byte() % database_.stages.size()];
        if (const auto found = stage.find(name); found != stage.end()) bytes = found->second;
        return;
      }
      default:
        AlterBytes(what, name, &bytes);
    }
  }

  // Those of files that were altered.
  void RepairSums() {
    for (auto& [name, bytes] : image_) {
      const auto good = database_.files.find(name);
      FileType type;
      uint64_t number;
      if ((good != database_.files.end() && good->second == bytes) ||
          !ParseFileName(name, &type, &number)) {
        continue;
      }
      if (type == FileType::kTable) FixSums(&bytes);
      if (type == FileType::kLog || type == FileType::kManifest) RepairSegment(number, &bytes);
    }
  }

  const DirectoryFiles& image() const { return image_; }
  size_t FilesAltered() const {
    size_t count = 0;
    for (const auto& [name, bytes] : image_) {
      const auto good = database_.files.find(name);
      count += good == database_.files.end() || good->second != bytes ? 1 : 0;
    }
    for (const auto& [name, bytes] : database_.files) count += image_.contains(name) ? 0 : 1;
    return count;
  }

 private:
  std::string ExistingName() {
    return std::next(image_.begin(), static_cast<ptrdiff_t>(program_->Byte() % image_.size()))
        ->first;
  }
  std::string AnyName() {
    const uint8_t kind = program_->Byte();
    const uint64_t number = kind < 250 ? program_->Byte() : UINT64_MAX - program_->Byte();
    switch (kind % 5) {
      case 0:
        return ManifestFileName(number);
      case 1:
        return LogFileName(number);
      case 2:
        return TableFileName(number);
      case 3:
        return std::string(kCurrentTempFileName);
      default:
        return std::string(kCurrentFileName);
    }
  }

  // Somewhere in the part that has a meaning.
  size_t Place(const std::string& name, const std::string& bytes) {
    uint64_t used = bytes.size();
    const auto& logs = database_.log.files;
    const auto log = std::find(logs.begin(), logs.end(), name);
    if (log != logs.end()) {
      used = database_.log.UsedBytes(static_cast<size_t>(log - logs.begin())) + 64;
    } else if (name == database_.manifest) {
      used = database_.edits.UsedBytes(0) + 64;
    }
    const uint64_t limit = std::min<uint64_t>(used, bytes.size());
    return limit == 0 ? 0 : program_->Number() % limit;
  }

  void AlterBytes(Alteration what, const std::string& name, std::string* bytes) {
    const size_t at = Place(name, *bytes);
    const auto room = [&](size_t size) { return std::min(size, bytes->size() - at); };
    switch (what) {
      case Alteration::kFlipBit:
        if (!bytes->empty()) (*bytes)[at] ^= static_cast<char>(1 << program_->Byte() % 8);
        return;
      case Alteration::kSetBytes:
        for (size_t i = 0, size = room(program_->Byte() % 17); i < size; ++i) {
          (*bytes)[at + i] = static_cast<char>(program_->Byte());
        }
        return;
      case Alteration::kFillRange: {
        const size_t size = room(program_->Number());
        bytes->replace(at, size, size, static_cast<char>(program_->Byte()));
        return;
      }
      case Alteration::kCut:
        bytes->resize(at);
        return;
      case Alteration::kExtend:
        bytes->append(program_->Byte() * 8u, static_cast<char>(program_->Byte()));
        return;
      default: {
        const std::string other_name = ExistingName();
        const std::string other = image_.at(other_name);
        const size_t from = Place(other_name, other);
        const size_t size = std::min(room(program_->Number()), other.size() - from);
        bytes->replace(at, size, other, from, size);
      }
    }
  }

  ByteProgram* const program_;
  const SmallDatabase& database_;
  DirectoryFiles image_;
};

// --- operations ---

// What the database may answer.
struct Truth {
  bool genuine = true;  // what shows was written once
  bool known = true;    // and `rows` are the rows
  bool sound = true;    // and nothing fails
  bool closed = false;  // it cannot be opened
  Model rows;
  WrittenValues written;
};

// Uses the image.
class User {
 public:
  User(ByteProgram* program, const SmallDatabase& database, const DirectoryFiles& image,
       bool mmap_reads, Truth truth)
      : program_(program), mmap_reads_(mmap_reads), truth_(std::move(truth)) {
    for (const std::string& key : database.keys) keys_.push_back(key);
    WriteDirectory(env_.get(), kDbPath, image);
  }
  ~User() { Close(); }

  void Step() {
    switch (program_->Byte() % 12) {
      case 0:
        return Close();
      case 1:
        Close();
        return Open(/*read_only=*/true);
      case 2:
        Close();
        // Whatever it says of tables that nobody reads.
        return CheckFailure(VerifyPath(env_.get(), kDbPath, nullptr, nullptr), !truth_.sound);
      default:
        break;
    }
    if (db_ == nullptr) Open(/*read_only=*/false);
    if (db_ != nullptr) UseDb(program_->Byte());
  }

 private:
  void UseDb(uint8_t what) {
    switch (what % 8) {
      case 0:
        return Write(EntryKind::kDelete);
      case 1:
      case 2:
        return Write(EntryKind::kPut);
      case 3:
        return CheckWrite(db_->Flush());
      case 4:
        return CheckWrite(db_->CompactRange({"", InfiniteKey()}, nullptr));
      case 5:
        return ScanAll(/*forward=*/true);
      case 6:
        return ScanAll(/*forward=*/false);
      default:
        return CheckGet(Key());
    }
  }

  const std::string& Key() { return keys_[program_->Number() % keys_.size()]; }

  void Open(bool read_only) {
    auto opened = Db::Open(env_.get(), kDbPath,
                           TinyOptions({{"write_buffer_size", "48KiB"},
                                        {"background_threads", "1"},
                                        {"size_ratio", "8"},
                                        {"mmap_reads", mmap_reads_ ? "true" : "false"},
                                        {"read_only", read_only ? "true" : "false"}}));
    CheckFailure(opened.status(), !truth_.sound && !(truth_.known && opened_));
    if (!opened.ok()) return;
    FUZZ_CHECK(!truth_.closed);
    opened_ = true;
    read_only_ = read_only;
    db_ = opened.Take();
  }
  void Close() {
    if (db_ == nullptr) return;
    CheckFailure(db_->Close(), !truth_.sound);
    db_.reset();
  }

  void Write(EntryKind kind) {
    const std::string& key = Key();
    const std::string value =
        kind == EntryKind::kPut ? std::string(program_->Byte(), static_cast<char>('A')) : "";
    const WriteOp op{kind, key, value};
    if (kind == EntryKind::kPut && !read_only_) truth_.written[key].insert(value);
    const Status status = db_->Write(op, /*sync=*/false);
    CheckWrite(status);
    if (status.ok()) {
      ApplyToModel(op, &truth_.rows);
    } else if (!read_only_) {
      truth_.known = false;  // it may have happened
    }
  }
  void CheckWrite(const Status& status) {
    if (read_only_) {
      FUZZ_CHECK(status.Is(Code::kReadOnly));
    } else if (!status.Is(Code::kReadOnly) || truth_.sound) {  // from an earlier failure on
      CheckFailure(status, !truth_.sound);
    }
  }

  // `allowed`: it may fail, then because of bytes that are not what they were.
  void CheckFailure(const Status& status, bool allowed) {
    if (status.ok() || !truth_.genuine) return;
    if (!allowed || !status.Is(Code::kCorruption)) std::cerr << status.ToString() << std::endl;
    FUZZ_CHECK(allowed && status.Is(Code::kCorruption));
  }

  void CheckGet(const std::string& key) {
    EpochGuard guard;
    Db::Value value;
    const Status status = db_->Get(nullptr, key, &value);
    if (!status.Is(Code::kNotFound)) CheckFailure(status, !truth_.sound);
    if (truth_.genuine && status.ok()) FUZZ_CHECK(WasWritten(key, value.data));
    if (!truth_.known || !(status.ok() || status.Is(Code::kNotFound))) return;
    const auto row = truth_.rows.find(key);
    FUZZ_CHECK(status.ok() == (row != truth_.rows.end()));
    FUZZ_CHECK(!status.ok() || row->second == value.data);
  }

  bool WasWritten(std::string_view key, std::string_view value) const {
    const auto values = truth_.written.find(key);
    return values != truth_.written.end() && values->second.contains(std::string(value));
  }

  void ScanAll(bool forward) {
    auto scan = db_->NewScan(nullptr, {"", InfiniteKey()});
    CheckFailure(scan.status(), !truth_.sound);
    if (!scan.ok()) return;
    Model seen;
    std::string last;
    Status status = forward ? (*scan)->SeekFirst() : (*scan)->SeekLast();
    for (int i = 0; i < kMaxSteps && status.ok(); ++i) {
      const std::string key((*scan)->key());
      if (truth_.genuine) {
        FUZZ_CHECK(i == 0 || (forward ? last < key : key < last));
        FUZZ_CHECK(WasWritten(key, (*scan)->value()));
        seen.emplace(key, (*scan)->value());
      }
      last = key;
      status = forward ? (*scan)->Next() : (*scan)->Prev();
    }
    if (!status.Is(Code::kEnd)) CheckFailure(status, !truth_.sound);
    if (!truth_.known) return;
    // Up to where it failed.
    const Model& rows = truth_.rows;
    Model expected = rows;
    if (!status.Is(Code::kEnd)) {
      expected.clear();
      if (!seen.empty()) {
        expected = forward ? Model(rows.begin(), rows.upper_bound(last))
                           : Model(rows.lower_bound(last), rows.end());
      }
    }
    FUZZ_CHECK(seen == expected);
  }

  ByteProgram* const program_;
  const bool mmap_reads_;
  Truth truth_;
  std::vector<std::string> keys_;
  const std::unique_ptr<Env> env_ = NewMemEnv();
  std::shared_ptr<Db> db_;
  bool read_only_ = false;
  bool opened_ = false;  // once, so always
};

}  // namespace

const uint64_t kMutationsPerInput = 10;

std::vector<std::string> Seeds() {
  const auto text = [](std::initializer_list<int> bytes) {
    std::string seed;
    for (const int byte : bytes) seed.push_back(static_cast<char>(byte));
    return seed;
  };
  // Everything in turn, in both kinds of open.
  std::string use;
  for (int i = 0; i < 8; ++i) use += text({5, i, 9 * i, 0, i, 5, 7, i, 0});
  use += text({1, 5, 5, 5, 6, 5, 1, 1, 0, 3, 2, 5, 4, 5, 5, 0, 5, 6});
  std::vector<std::string> seeds;
  for (int which = 0; which < static_cast<int>(kDatabases); ++which) {
    seeds.push_back(text({which, kLook | kLookCompact, 0}) + use);
    for (const int flags : {0, kLook | kReadUnmapped, int{kRepairSums}}) {
      for (int what = 0; what < static_cast<int>(Alteration::kCount); ++what) {
        seeds.push_back(text({which, flags, 1, what, what + which + flags, 90, 0, 8, 0, 1, 3}) +
                        use);
      }
    }
  }
  return seeds;
}

void Run(std::string_view input) {
  ByteProgram program(input);
  const Original& original = OriginalOf(program.Byte());
  const uint8_t flags = program.Byte();
  const bool mmap_reads = (flags & kReadUnmapped) == 0;
  Vandal vandal(&program, original.database);
  for (int left = program.Byte() % (kMaxAlterations + 1); left > 0; --left) vandal.Alter();
  Truth truth;
  truth.genuine = (flags & kRepairSums) == 0;
  truth.known = truth.genuine && vandal.FilesAltered() <= 1;
  truth.sound = false;
  if (!truth.genuine) vandal.RepairSums();
  if (truth.known) {
    const Fate fate = FateOf(original.database, vandal.image());
    truth.rows = *fate.rows;
    truth.closed = fate.must_fail;
    truth.sound = !fate.must_fail && !fate.may_fail && fate.damaged_tables.empty();
    if ((flags & kLook) != 0) {
      const std::string trouble =
          LookForTrouble(original.database, fate, vandal.image(),
                         {.mmap_reads = mmap_reads, .compact = (flags & kLookCompact) != 0});
      if (!trouble.empty()) std::cerr << trouble << std::endl;
      FUZZ_CHECK(trouble.empty());
    }
  }
  truth.written = original.written;
  User user(&program, original.database, vandal.image(), mmap_reads, std::move(truth));
  for (int i = 0; i < kMaxOperations && !program.done(); ++i) user.Step();
}

void Repair(std::string*) {}

}  // namespace lsm::fuzz
