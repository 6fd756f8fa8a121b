// What is done to a database that is not open: verification and removal.

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "lsm/db/db.h"
#include "lsm/db/recovery.h"
#include "lsm/version/file_names.h"
#include "lsm/version/manifest.h"
#include "lsm/version/table_file.h"

namespace lsm {
namespace {

constexpr uint32_t kVerifyPhase = 2;

// Collects damage, counts progress, and remembers the first failure.
class Verification {
 public:
  Verification(const ProgressFn& progress, const DamageFn& on_damage)
      : progress_(progress), on_damage_(on_damage) {}

  void ExpectBytes(uint64_t bytes) { state_.bytes_total += bytes; }

  // Fails where the caller cancels.
  Status Advance(uint64_t bytes) {
    state_.bytes_done = std::min(state_.bytes_done + bytes, state_.bytes_total);
    if (progress_ && progress_(state_)) {
      return Status(Code::kAborted, "the verification was cancelled");
    }
    return Status::Ok();
  }

  void Damage(const Status& status, std::string_view first_key, std::string_view last_key) {
    if (on_damage_) on_damage_(status, first_key, last_key);
    if (first_damage_.ok()) first_damage_ = status;
  }

  Status first_damage() const { return first_damage_; }

  // All of one table. kAborted where cancelled; damage is collected.
  Status CheckTable(const Table& table) {
    const Status status = table.Verify(
        [this](const Table::DamageInfo& info) {
          Damage(info.status, info.first_key, info.last_key);
        },
        [this](uint64_t bytes) { return Advance(bytes); });
    state_.entries_done += table.properties().entry_count;
    if (status.Is(Code::kAborted)) return status;
    if (!status.ok() && first_damage_.ok()) Damage(status, "", "");
    return Status::Ok();
  }

 private:
  const ProgressFn& progress_;
  const DamageFn& on_damage_;
  Progress state_{.phase = kVerifyPhase};
  Status first_damage_;
};

Status VerifyTableFile(Env* env, const std::string& path, Verification* verification) {
  LSM_ASSIGN_OR_RETURN(auto file, env->OpenFile(path));
  verification->ExpectBytes(file->size());
  auto table = Table::Open(std::move(file), Table::kAnyNumber, {.cache = nullptr, .map = false});
  if (!table.ok()) {
    verification->Damage(table.status(), "", "");
    return verification->first_damage();
  }
  LSM_RETURN_IF_ERROR(verification->CheckTable(**table));
  return verification->first_damage();
}

Status VerifyTables(const Version& version, Directory* directory, Verification* verification) {
  std::vector<TableMeta> metas;
  version.VisitTables([&](const TableFile& file) {
    metas.push_back(file.meta());
    verification->ExpectBytes(file.meta().file_size);
  });
  for (const TableMeta& meta : metas) {
    auto file = directory->OpenForReading(TableFileName(meta.number));
    if (!file.ok()) {
      verification->Damage(file.status(), meta.range.begin, meta.range.end);
      continue;
    }
    auto table = Table::Open(file.Take(), meta.number, {.cache = nullptr, .map = false});
    if (!table.ok()) {
      verification->Damage(table.status(), meta.range.begin, meta.range.end);
      continue;
    }
    const Status same = CompareWithManifest(meta, **table);
    if (!same.ok()) verification->Damage(same, meta.range.begin, meta.range.end);
    LSM_RETURN_IF_ERROR(verification->CheckTable(**table));
  }
  return Status::Ok();
}

Status VerifyDirectory(Env* env, const std::string& path, Verification* verification) {
  DbContext context;
  context.env = env;
  context.options.read_only = true;
  context.options.mmap_reads = false;
  context.options = ResolveOptions(context.options);
  // Table files that wait for the epochs would keep the directory, and its lock, through it.
  const absl::Cleanup close_tables = [&context] {
    if (context.tables != nullptr) context.tables->Close();
  };
  const Status opened = OpenStorage(&context, path);
  if (!opened.ok()) {
    if (opened.Is(Code::kCorruption)) verification->Damage(opened, "", "");
    return opened;
  }
  for (const LogSegmentRef& log : context.versions->logs()) verification->ExpectBytes(log.size);
  const auto version = context.versions->current();
  Status status = VerifyTables(*version, context.directory.get(), verification);
  if (status.ok()) {
    status = CheckLog(context.directory.get(), *context.versions,
                      [&](uint64_t bytes) { return verification->Advance(bytes); });
    if (status.Is(Code::kCorruption) || status.Is(Code::kUnsupported)) {
      verification->Damage(status, "", "");
    }
  }
  return status.ok() ? verification->first_damage() : status;
}

}  // namespace

Status VerifyPath(Env* env, const std::string& path, const ProgressFn& progress,
                  const DamageFn& on_damage) {
  Verification verification(progress, on_damage);
  LSM_ASSIGN_OR_RETURN(const Env::PathKind kind, env->Classify(path));
  switch (kind) {
    case Env::PathKind::kDirectory:
      return VerifyDirectory(env, path, &verification);
    case Env::PathKind::kFile:
      return VerifyTableFile(env, path, &verification);
    case Env::PathKind::kOther:
      break;
  }
  return Status::Corruption(path, 0, "expected a database directory or a table file");
}

Status DestroyDb(Env* env, const std::string& path) {
  auto opened = env->OpenDirectory(path, Env::OpenMode::kMustExist, nullptr);
  if (!opened.ok()) {
    return opened.status().errnum() == ENOENT ? Status::Ok() : opened.status();
  }
  const std::unique_ptr<Directory> directory = opened.Take();
  LSM_RETURN_IF_ERROR(directory->Lock(Directory::LockKind::kExclusive));
  LSM_ASSIGN_OR_RETURN(const bool not_ours, IsAnotherEngines(directory.get()));
  if (not_ours) {
    return Status::InvalidArgument(
        absl::StrCat(path,
                     " holds a database of another engine; nothing was removed: remove it "
                     "by that engine's own means"));
  }
  LSM_ASSIGN_OR_RETURN(const auto entries, directory->List());
  std::vector<std::string> files;
  bool foreign = false;
  for (const DirectoryEntry& entry : entries) {
    FileType type;
    uint64_t number;
    const bool ours = ParseFileName(entry.name, &type, &number) && entry.is_regular_file;
    foreign |= !ours;
    if (ours) files.push_back(entry.name);
  }
  if (files.empty()) return Status::Ok();
  for (const std::string& file : files) LSM_RETURN_IF_ERROR(directory->Remove(file));
  LSM_RETURN_IF_ERROR(directory->Sync());
  return foreign ? Status::Ok() : env->RemoveDirectory(path);
}

}  // namespace lsm
