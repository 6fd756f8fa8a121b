// manifest dump: the log of version edits, record by record.

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lsm/base/write_batch.h"
#include "lsm/version/file_names.h"
#include "lsm/version/manifest.h"
#include "tools/cli/commands.h"
#include "tools/cli/database_files.h"
#include "tools/cli/escape.h"

namespace lsm::cli {
namespace {

using Json = nlohmann::ordered_json;

// Null: no upper bound.
Json RangeEnd(const std::string& end) { return end == InfiniteKey() ? Json() : Json(Escape(end)); }

Json ToJson(const AddedSlice& slice) {
  return {{"level", slice.level},
          {"run", slice.run_id},
          {"table", slice.table.number},
          {"from", Escape(slice.range.begin)},
          {"to", RangeEnd(slice.range.end)},
          {"size", slice.size},
          {"file_size", slice.table.file_size},
          {"entries", slice.table.entry_count},
          {"deletes", slice.table.delete_count},
          {"range_deletes", slice.table.range_tombstone_count},
          {"min_sequence", slice.table.min_sequence},
          {"max_sequence", slice.table.max_sequence}};
}

Json ToJson(const ManifestRecord& record) {
  Json json = {
      {"offset", record.offset}, {"size", record.size}, {"kind", record.is_mark ? "mark" : "edit"}};
  const VersionEdit& edit = record.edit;
  if (edit.next_file_number) json["next_file_number"] = *edit.next_file_number;
  if (edit.next_run_id) json["next_run_id"] = *edit.next_run_id;
  if (edit.last_sequence) json["last_sequence"] = *edit.last_sequence;
  if (edit.log_synced) json["log_synced"] = *edit.log_synced;
  for (const LogSegmentRef& log : edit.added_logs) {
    json["logs_added"].push_back({{"number", log.number}, {"size", log.size}});
  }
  for (const uint64_t number : edit.removed_logs) json["logs_removed"].push_back(number);
  for (const RemovedSlice& slice : edit.removed_slices) {
    json["slices_removed"].push_back({{"level", slice.level},
                                      {"run", slice.run_id},
                                      {"table", slice.table_number},
                                      {"from", Escape(slice.begin)}});
  }
  for (const AddedSlice& slice : edit.added_slices) {
    json["slices_added"].push_back(ToJson(slice));
  }
  return json;
}

std::string ToText(const ManifestRecord& record) {
  std::string text =
      absl::StrCat("offset ", record.offset, ", ", record.size,
                   " bytes: ", record.is_mark ? "mark, all before it is synced" : "edit", "\n");
  const VersionEdit& edit = record.edit;
  if (edit.next_file_number) absl::StrAppend(&text, "  next file ", *edit.next_file_number, "\n");
  if (edit.next_run_id) absl::StrAppend(&text, "  next run ", *edit.next_run_id, "\n");
  if (edit.last_sequence) absl::StrAppend(&text, "  last sequence ", *edit.last_sequence, "\n");
  if (edit.log_synced) absl::StrAppend(&text, "  log synced up to ", *edit.log_synced, "\n");
  for (const LogSegmentRef& log : edit.added_logs) {
    absl::StrAppend(&text, "  + log ", LogFileName(log.number), ", ", log.size, " bytes\n");
  }
  for (const uint64_t number : edit.removed_logs) {
    absl::StrAppend(&text, "  - log ", LogFileName(number), "\n");
  }
  for (const RemovedSlice& slice : edit.removed_slices) {
    absl::StrAppend(&text, "  - level ", slice.level, " run ", slice.run_id, " table ",
                    TableFileName(slice.table_number), " from \"", Escape(slice.begin), "\"\n");
  }
  for (const AddedSlice& slice : edit.added_slices) {
    const bool bounded = slice.range.end != InfiniteKey();
    absl::StrAppend(&text, "  + level ", slice.level, " run ", slice.run_id, " table ",
                    TableFileName(slice.table.number), " from \"", Escape(slice.range.begin), "\"");
    if (bounded) absl::StrAppend(&text, " to \"", Escape(slice.range.end), "\"");
    absl::StrAppend(&text, ", ", slice.size, " of ", slice.table.file_size, " bytes, ",
                    slice.table.entry_count, " entries\n");
  }
  return text;
}

struct Manifest {
  // Keeps the database locked while the file is read; null for a single file.
  std::unique_ptr<Directory> directory;
  std::unique_ptr<ReadableFile> file;
  uint64_t number = 0;
};

Result<Manifest> OpenManifest(const std::string& path) {
  Manifest manifest;
  LSM_ASSIGN_OR_RETURN(const Env::PathKind kind, Env::Posix()->Classify(path));
  if (kind == Env::PathKind::kDirectory) {
    LSM_ASSIGN_OR_RETURN(manifest.directory, OpenForLooking(path));
    LSM_ASSIGN_OR_RETURN(manifest.number, ReadCurrentManifest(manifest.directory.get()));
    LSM_ASSIGN_OR_RETURN(manifest.file,
                         manifest.directory->OpenForReading(ManifestFileName(manifest.number)));
  } else {
    LSM_ASSIGN_OR_RETURN(manifest.file, Env::Posix()->OpenFile(path));
    LSM_ASSIGN_OR_RETURN(manifest.number, ReadSegmentNumber(manifest.file.get()));
  }
  return manifest;
}

Status ManifestDump(Context* context, const std::string& path) {
  LSM_ASSIGN_OR_RETURN(Manifest manifest, OpenManifest(path));
  const Status status =
      ReadManifest(std::move(manifest.file), manifest.number, [&](const ManifestRecord& record) {
        context->out().Write(context->json ? ToJson(record).dump() + "\n" : ToText(record));
        return context->out().ok() ? Status::Ok() : Status::End();
      });
  return status.Is(Code::kEnd) ? Status::Ok() : status;
}

}  // namespace

void AddManifestCommands(CLI::App* app, Context* context) {
  CLI::App* manifest = app->add_subcommand("manifest", "Look into the manifest");
  manifest->require_subcommand(1);
  auto path = std::make_shared<std::string>();
  CLI::App* dump = AddCommand(
      manifest, context, "dump", "Print every version edit and where it stands",
      "lsm manifest dump fruit.db", [=] { return context->Fail(ManifestDump(context, *path)); });
  dump->add_option("DB|FILE", *path, "A database, or a manifest")->required();
}

}  // namespace lsm::cli
