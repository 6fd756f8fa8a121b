// LookForTrouble: opens a damaged image in all ways and holds each answer against its fate.

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>
#include <sstream>

#include "lsm/base/limits.h"
#include "lsm/env/mem_env.h"
#include "lsm/version/file_names.h"
#include "tests/db/damage_testing.h"
#include "tests/db/db_testing.h"

namespace {

// The largest piece of memory that anybody in this program asked for.
std::atomic<size_t> largest_request{0};

void NoteRequest(size_t size) {
  if (size > largest_request.load(std::memory_order_relaxed)) {
    largest_request.store(size, std::memory_order_relaxed);
  }
}

}  // namespace

// The other forms of new and delete come down to these. The sanitizers, which clang is used with,
// have their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(__clang__)
void* operator new(size_t size) {
  NoteRequest(size);
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void* operator new(size_t size, std::align_val_t alignment) {
  NoteRequest(size);
  void* memory = nullptr;
  const size_t at_least = std::max(static_cast<size_t>(alignment), sizeof(void*));
  if (posix_memalign(&memory, at_least, size == 0 ? 1 : size) == 0) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }
#endif

namespace lsm {
namespace {

constexpr size_t kMostMemory = 64 * kMiB;

class Examiner {
 public:
  Examiner(const SmallDatabase& database, const Fate& fate, const DirectoryFiles& image,
           const LookOptions& options)
      : database_(database), fate_(fate), image_(image), options_(options) {}

  std::string Run() {
    largest_request.store(0, std::memory_order_relaxed);
    WriteDirectory(env_.get(), kDbPath, image_);
    const Status verified = VerifyPath(env_.get(), kDbPath, nullptr, nullptr);
    CheckStatus("verify", verified);
    if (verified.ok() && (fate_.must_fail || !fate_.damaged_tables.empty())) {
      Trouble("verify") << "found nothing";
    }
    const bool readable = OpenReadOnly("read_only");
    CheckUnchanged("verify or read_only");
    if (fate_.damaged_tables.empty() && verified.ok() != readable) {
      Trouble("verify") << "says " << verified.ToString() << ", but open says otherwise";
    }
    if (OpenForWriting() != readable) Trouble("open") << "unlike open read_only";
    CheckMemory();
    return out_.str();
  }

 private:
  // The first few tell enough.
  std::ostream& Trouble(const char* where) {
    static std::ostream nowhere(nullptr);
    if (++troubles_ > 12) return nowhere;
    return out_ << "\n  " << where << ": ";
  }

  Options DbOptions(const char* read_only) const {
    return TinyOptions({{"write_buffer_size", "48KiB"},
                        {"background_threads", "1"},
                        {"size_ratio", "8"},
                        {"create_if_missing", "true"},
                        {"mmap_reads", options_.mmap_reads ? "true" : "false"},
                        {"read_only", read_only}});
  }

  // A failure says what is damaged, and where.
  void CheckStatus(const char* where, const Status& status) {
    if (status.ok()) return;
    const std::string prefix = std::string(kDbPath) + "/";
    if (!status.Is(Code::kCorruption) || !status.file().starts_with(prefix)) {
      Trouble(where) << "expected corruption of a file, not " << status.ToString();
      return;
    }
    const std::string name(status.file().substr(prefix.size()));
    const auto found = image_.find(name);
    if (found == image_.end()) {
      if (!IsKnown(name)) Trouble(where) << "names no file there is: " << status.ToString();
      return;
    }
    uint64_t size = found->second.size();
    if (const auto good = database_.files.find(name); good != database_.files.end()) {
      size = std::max(size, good->second.size());
    }
    if (status.offset() > size) Trouble(where) << "has no offset in it: " << status.ToString();
  }

  bool IsKnown(const std::string& name) const {
    return database_.files.contains(name) ||
           std::any_of(database_.stages.begin(), database_.stages.end(),
                       [&](const DirectoryFiles& stage) { return stage.contains(name); });
  }

  void CheckUnchanged(const char* where) {
    if (ReadDirectory(env_.get(), kDbPath) != image_) Trouble(where) << "changed the files";
  }

  void CheckOpened(const char* where, const Status& status) {
    CheckStatus(where, status);
    if (status.ok() && fate_.must_fail) Trouble(where) << "noticed nothing";
    if (!status.ok() && !fate_.must_fail && !fate_.may_fail) {
      Trouble(where) << "refused: " << status.ToString();
    }
  }

  // Whether it opened.
  bool OpenReadOnly(const char* where) {
    const auto db = Db::Open(env_.get(), kDbPath, DbOptions("true"));
    CheckOpened(where, db.status());
    if (!db.ok()) return false;
    ReadAll(where, db->get());
    if (const Status closed = (*db)->Close(); !closed.ok()) {
      Trouble(where) << "close: " << closed.ToString();
    }
    return true;
  }

  bool OpenForWriting() {
    const bool damaged = !fate_.damaged_tables.empty();
    {
      const auto db = Db::Open(env_.get(), kDbPath, DbOptions("false"));
      CheckOpened("open", db.status());
      if (!db.ok()) {
        CheckUnchanged("open");
        return false;
      }
      ReadAll("open", db->get());
      if (options_.compact) {
        const Status compacted = (*db)->CompactRange({"", InfiniteKey()}, nullptr);
        CheckStatus("compact", compacted);
        if (compacted.ok() == damaged) Trouble("compact") << compacted.ToString();
        ReadAll("compacted", db->get());
      }
      const Status closed = (*db)->Close();
      CheckStatus("close", closed);
      if (!closed.ok() && !damaged) Trouble("close") << closed.ToString();
    }
    // What the first open has made of it is as good as it was.
    const bool changed = options_.compact || fate_.may_fail || fate_.rows != &database_.rows();
    if (!changed && !options_.again) return true;
    if (!OpenReadOnly("second open")) Trouble("second open") << "refused";
    if (changed) {
      const Status verified = VerifyPath(env_.get(), kDbPath, nullptr, nullptr);
      if (verified.ok() == damaged) Trouble("second verify") << verified.ToString();
    }
    return true;
  }

  bool AtStake(std::string_view key) const {
    return std::any_of(fate_.damaged_tables.begin(), fate_.damaged_tables.end(),
                       [&](const auto& table) { return table.second.Contains(key); });
  }

  void ReadAll(const char* where, Db* db) {
    for (const std::string& key : database_.keys) CheckGet(where, db, key);
    CheckScan(where, db, {"", InfiniteKey()}, fate_.damaged_tables.empty());
    // What stands before and behind all damage.
    if (fate_.damaged_tables.empty()) return;
    std::string begin(InfiniteKey());
    std::string end;
    for (const auto& [name, range] : fate_.damaged_tables) {
      begin = std::min(begin, range.begin);
      end = std::max(end, range.end);
    }
    CheckScan(where, db, {"", begin}, true);
    if (end != InfiniteKey()) CheckScan(where, db, {end, InfiniteKey()}, true);
  }

  void CheckGet(const char* where, Db* db, const std::string& key) {
    EpochGuard guard;
    Db::Value value;
    const Status status = db->Get(nullptr, key, &value);
    const auto row = fate_.rows->find(key);
    const bool exists = row != fate_.rows->end();
    if (status.ok() || status.Is(Code::kNotFound)) {
      if (status.ok() != exists || (exists && row->second != value.data)) {
        Trouble(where) << "get " << key << " answers "
                       << (status.ok() ? "a wrong value" : "that there is none");
      }
      return;
    }
    CheckStatus(where, status);
    if (!AtStake(key)) Trouble(where) << "get " << key << " fails: " << status.ToString();
  }

  // Both ways: the right rows in order, then the end; or a failure, unless the range is sound.
  void CheckScan(const char* where, Db* db, KeyRangeView range, bool sound) {
    auto scan = db->NewScan(nullptr, range);
    if (!scan.ok()) {
      CheckStatus(where, scan.status());
      if (sound) Trouble(where) << "no scan: " << scan.status().ToString();
      return;
    }
    const auto begin = fate_.rows->lower_bound(range.begin);
    const auto end = fate_.rows->lower_bound(range.end);
    Status status = (*scan)->SeekFirst();
    auto row = begin;
    for (; status.ok(); status = (*scan)->Next(), ++row) {
      if (!IsRow(scan->get(), row, end)) return void(Trouble(where) << "a scan shows wrong rows");
    }
    CheckScanEnd(where, status, row == end, sound);
    status = (*scan)->SeekLast();
    for (row = end; status.ok(); status = (*scan)->Prev(), --row) {
      if (row == begin || !IsRow(scan->get(), std::prev(row), end)) {
        return void(Trouble(where) << "a scan backward shows wrong rows");
      }
    }
    CheckScanEnd(where, status, row == begin, sound);
  }

  static bool IsRow(Scan* scan, Model::const_iterator row, Model::const_iterator end) {
    return row != end && scan->key() == row->first && scan->value() == row->second;
  }

  void CheckScanEnd(const char* where, const Status& status, bool complete, bool sound) {
    if (status.Is(Code::kEnd)) {
      if (!complete) Trouble(where) << "a scan lacks rows and does not say so";
      return;
    }
    CheckStatus(where, status);
    if (sound) Trouble(where) << "a scan fails: " << status.ToString();
  }

  void CheckMemory() {
    size_t most = kMostMemory;
    for (const auto& [name, bytes] : image_) most = std::max(most, kMostMemory + bytes.size());
    const size_t largest = largest_request.load(std::memory_order_relaxed);
    if (largest > most) Trouble("memory") << largest << " bytes were asked for at once";
  }

  const SmallDatabase& database_;
  const Fate& fate_;
  const DirectoryFiles& image_;
  const LookOptions options_;
  const std::unique_ptr<Env> env_ = NewMemEnv();
  std::ostringstream out_;
  int troubles_ = 0;
};

}  // namespace

std::string LookForTrouble(const SmallDatabase& database, const Fate& fate,
                           const DirectoryFiles& image, const LookOptions& options) {
  return Examiner(database, fate, image, options).Run();
}

}  // namespace lsm
