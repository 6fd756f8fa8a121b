// compact: merges a range into one sorted run, by hand.

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "tools/cli/commands.h"
#include "tools/cli/compaction_estimate.h"
#include "tools/cli/database_files.h"
#include "tools/cli/engine.h"
#include "tools/cli/escape.h"
#include "tools/cli/format.h"

namespace lsm::cli {
namespace {

struct CompactOptions {
  std::string db;
  RangeOptions range;
  bool dry_run = false;
};

const char* PhaseName(uint32_t phase) { return phase == LSM_PHASE_FLUSH ? "flush" : "merge"; }

Status Refusal(const CompactionEstimate& estimate, const std::string& path) {
  return Status(
      Code::kNoSpace,
      absl::StrCat("compacting ", Escape(path), " may take ",
                   FormatBytes(estimate.peak_extra_bytes), " more on disk for a while, and ",
                   FormatBytes(estimate.free_bytes), " are free: not started"));
}

Result<CompactionEstimate> Estimate(const std::string& path, const KeyBounds& range) {
  LSM_ASSIGN_OR_RETURN(const std::unique_ptr<Directory> directory, OpenForLooking(path));
  LSM_ASSIGN_OR_RETURN(const ManifestState state, ReadManifestState(directory.get()));
  LSM_ASSIGN_OR_RETURN(const uint64_t free_bytes, directory->FreeBytes());
  LSM_ASSIGN_OR_RETURN(const uint64_t log_bytes, UnflushedLogBytes(directory.get(), state));
  return EstimateCompaction(state, log_bytes, range, free_bytes);
}

void PrintEstimate(Context* context, const CompactionEstimate& estimate) {
  if (context->json) {
    context->PrintJson("compact", {{"dry_run", true},
                                   {"tables", estimate.tables},
                                   {"bytes_to_read", estimate.bytes_to_read},
                                   {"bytes_to_write", estimate.bytes_to_write},
                                   {"peak_extra_bytes", estimate.peak_extra_bytes},
                                   {"free_bytes", estimate.free_bytes},
                                   {"fits", estimate.fits()}});
    return;
  }
  TextTable text({{"", TextTable::Align::kLeft}, {""}});
  text.AddRow({"tables to merge", FormatCount(estimate.tables)});
  text.AddRow({"to read", FormatBytes(estimate.bytes_to_read)});
  text.AddRow({"to write, at most", FormatBytes(estimate.bytes_to_write)});
  text.AddRow({"peak extra disk, at most", FormatBytes(estimate.peak_extra_bytes)});
  text.AddRow({"free on the disk", FormatBytes(estimate.free_bytes)});
  context->out().Write(text.ToString());
}

Status CompactRange(const Context& context, const Database& db, const KeyBounds& range) {
  ProgressReporter progress(context.progress_mode(), "compact");
  const auto on_progress = [](void* payload, const lsm_progress* state) -> int32_t {
    static_cast<ProgressReporter*>(payload)->Update({.phase = PhaseName(state->phase),
                                                     .bytes_done = state->bytes_done,
                                                     .bytes_total = state->bytes_total,
                                                     .rows_done = state->entries_done});
    return CancelRequested() ? 1 : 0;
  };
  lsm_error* error = nullptr;
  const lsm_status status =
      lsm_compact_range(db.handle(), range.from ? range.from->data() : nullptr,
                        range.from ? range.from->size() : 0, range.to ? range.to->data() : nullptr,
                        range.to ? range.to->size() : 0, on_progress, &progress, &error);
  return ToStatus(status, error);
}

Status Compact(Context* context, const CompactOptions& options) {
  LSM_ASSIGN_OR_RETURN(const KeyBounds range, ParseBounds(options.range));
  LSM_ASSIGN_OR_RETURN(const CompactionEstimate before, Estimate(options.db, range));
  if (options.dry_run) PrintEstimate(context, before);
  if (!before.fits()) return Refusal(before, options.db);
  if (options.dry_run) return Status::Ok();

  CatchCancelSignals();
  LSM_ASSIGN_OR_RETURN(Database db, Database::Open(*context, options.db, Database::Mode::kChange));
  const Status compacted = CompactRange(*context, db, range);
  const Status closed = db.Close();
  if (compacted.Is(Code::kAborted)) {
    return Status(Code::kAborted,
                  "cancelled; the database is whole, and what was merged stays merged");
  }
  LSM_RETURN_IF_ERROR(compacted);
  LSM_RETURN_IF_ERROR(closed);

  LSM_ASSIGN_OR_RETURN(const CompactionEstimate after, Estimate(options.db, range));
  if (context->json) {
    context->PrintJson("compact", {{"dry_run", false},
                                   {"bytes_before", before.bytes_to_read},
                                   {"bytes_after", after.bytes_to_read}});
  } else {
    context->Note(absl::StrCat("compacted ", FormatBytes(before.bytes_to_read), " into ",
                               FormatBytes(after.bytes_to_read)));
  }
  return Status::Ok();
}

}  // namespace

void AddCompactCommand(CLI::App* app, Context* context) {
  auto options = std::make_shared<CompactOptions>();
  CLI::App* command = AddCommand(
      app, context, "compact",
      "Merge a range, or all, into one sorted run without garbage; Ctrl-C cancels cleanly",
      "lsm compact fruit.db --dry-run", [=] { return context->Fail(Compact(context, *options)); });
  command->add_option("DB", options->db, "Directory of the database")->required();
  options->range.AddTo(command, /*with_prefix=*/false);
  command->add_flag("--dry-run", options->dry_run,
                    "Only tell how much there is to read and write, and whether it fits");
}

}  // namespace lsm::cli
