// sst dump, sst info, sst verify: table files looked at one by one, without a database.

#include <CLI/CLI.hpp>
#include <cmath>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lsm/base/write_batch.h"
#include "lsm/env/env.h"
#include "lsm/sstable/table.h"
#include "tools/cli/commands.h"
#include "tools/cli/damage.h"
#include "tools/cli/escape.h"
#include "tools/cli/format.h"

namespace lsm::cli {
namespace {

using Json = nlohmann::ordered_json;

Result<RefPtr<Table>> OpenTable(const std::string& path) {
  LSM_ASSIGN_OR_RETURN(std::unique_ptr<ReadableFile> file, Env::Posix()->OpenFile(path));
  return Table::Open(std::move(file), Table::kAnyNumber, {.cache = nullptr, .map = false});
}

// Runs `visit` on every file, telling each failure; the worst exit code wins.
ExitCode ForEachTable(Context* context, const std::vector<std::string>& files,
                      const std::function<ExitCode(const Table&, const std::string& path)>& visit) {
  ExitCode worst = ExitCode::kSuccess;
  for (const std::string& path : files) {
    auto table = OpenTable(path);
    worst = Worse(worst, table.ok() ? visit(**table, path) : context->Fail(table.status()));
    if (worst == ExitCode::kCancelled || !context->out().ok()) break;
  }
  return worst;
}

const char* KindName(EntryKind kind) {
  switch (kind) {
    case EntryKind::kDelete:
      return "delete";
    case EntryKind::kPut:
      return "put";
    case EntryKind::kRangeDelete:
      return "delete-range";
  }
  return "unknown";
}

struct DumpOptions {
  std::vector<std::string> files;
  RangeOptions range;
  std::optional<uint64_t> limit;
  RowStyle style;
  bool blocks = false;
};

// Prints the rows of one table.
class RowDumper {
 public:
  RowDumper(Context* context, const DumpOptions& options, KeyBounds range)
      : context_(context), options_(options), range_(std::move(range)) {}

  Status Dump(const Table& table, const std::string& path) {
    path_ = path;
    rows_ = 0;
    if (range_.empty) return Status::Ok();
    DumpTombstones(table);
    const auto iterator = table.NewIterator(Table::ScanKind::kLong);
    if (range_.from) {
      iterator->Seek(*range_.from);
    } else {
      iterator->SeekFirst();
    }
    for (; iterator->valid() && WantsMore(); iterator->Next()) {
      if (CancelRequested()) return Status(Code::kAborted, "cancelled");
      if (!range_.Contains(iterator->entry().key)) break;
      Print(iterator->entry());
    }
    return iterator->status();
  }

 private:
  bool WantsMore() const { return rows_ != options_.limit && context_->out().ok(); }

  // Range tombstones stand first: they are not among the entries. Those that reach into the range
  // count.
  void DumpTombstones(const Table& table) {
    for (const RangeTombstone& tombstone : table.raw_tombstones()) {
      if (!WantsMore()) return;
      if (range_.from && tombstone.end <= *range_.from) continue;
      if (range_.to && tombstone.begin >= *range_.to) continue;
      Print({tombstone.begin, tombstone.sequence, EntryKind::kRangeDelete, tombstone.end});
    }
  }

  void Print(const Entry& entry) {
    ++rows_;
    const bool has_value = entry.kind != EntryKind::kDelete && !options_.style.keys_only &&
                           entry.value != InfiniteKey();
    std::string line;
    if (context_->json) {
      line = R"({"key":)";
      AppendJsonString(entry.key, &line);
      absl::StrAppend(&line, R"(,"sequence":)", entry.sequence, R"(,"kind":")",
                      KindName(entry.kind), "\"");
      if (has_value) {
        line += entry.kind == EntryKind::kRangeDelete ? R"(,"end":)" : R"(,"value":)";
        AppendJsonString(entry.value, &line);
      }
      if (options_.files.size() > 1) {
        line += R"(,"file":)";
        AppendJsonString(path_, &line);
      }
      line += "}";
    } else {
      line = absl::StrCat(PrintBytes(entry.key, options_.style.hex), "\t", entry.sequence, "\t",
                          KindName(entry.kind));
      if (has_value) absl::StrAppend(&line, "\t", PrintBytes(entry.value, options_.style.hex));
    }
    context_->out().Write(line + "\n");
  }

  Context* context_;
  const DumpOptions& options_;
  KeyBounds range_;
  std::string path_;
  uint64_t rows_ = 0;
};

double Ratio(uint64_t stored, uint64_t content) {
  return content == 0 ? 1 : static_cast<double>(stored) / static_cast<double>(content);
}

const char* CompressionOf(const Table::BlockInfo& block) {
  switch (block.compression) {
    case BlockCompression::kRaw:
      return "raw";
    case BlockCompression::kZstd:
      return "zstd";
    case BlockCompression::kZstdDictionary:
      return "zstd, dictionary";
  }
  return "unknown";
}

Status DumpBlocks(Context* context, const DumpOptions& options, const Table& table,
                  const std::string& path) {
  TextTable text({{"block"},
                  {"offset"},
                  {"stored"},
                  {"content"},
                  {"ratio"},
                  {"rows"},
                  {"compression", TextTable::Align::kLeft},
                  {"keys up to", TextTable::Align::kLeft}});
  uint64_t number = 0;
  const Status status = table.VisitBlocks([&](const Table::BlockInfo& block) {
    if (number == options.limit || !context->out().ok()) return Status::End();
    const double ratio = Ratio(block.range.size, block.content_size);
    const char* compression = CompressionOf(block);
    if (context->json) {
      Json row = {{"block", number},
                  {"offset", block.range.offset},
                  {"size", block.range.size},
                  {"content_size", block.content_size},
                  {"ratio", ratio},
                  {"rows", block.row_count},
                  {"compression", compression},
                  {"separator", Escape(block.separator)}};
      if (options.files.size() > 1) row["file"] = Escape(path);
      context->out().Write(row.dump() + "\n");
    } else {
      text.AddRow({absl::StrCat(number), absl::StrCat(block.range.offset),
                   absl::StrCat(block.range.size), absl::StrCat(block.content_size),
                   FormatFixed(ratio, 2), absl::StrCat(block.row_count), compression,
                   PrintBytes(block.separator, options.style.hex)});
    }
    ++number;
    return Status::Ok();
  });
  if (!context->json) context->out().Write(text.ToString());
  return status.Is(Code::kEnd) ? Status::Ok() : status;
}

ExitCode Dump(Context* context, const DumpOptions& options) {
  auto range = ParseBounds(options.range);
  if (!range.ok()) return context->Fail(range.status());
  CatchCancelSignals();
  RowDumper dumper(context, options, range.Take());
  return ForEachTable(context, options.files, [&](const Table& table, const std::string& path) {
    if (options.files.size() > 1 && !context->json) {
      context->out().Write(absl::StrCat("==> ", Escape(path), " <==\n"));
    }
    return context->Fail(options.blocks ? DumpBlocks(context, options, table, path)
                                        : dumper.Dump(table, path));
  });
}

Json InfoOf(const Table& table, const std::string& path) {
  const TableProperties& properties = table.properties();
  const TableFooter& footer = table.footer();
  Json info = {{"file", Escape(path)},
               {"file_size", table.file_size()},
               {"file_number", table.file_number()},
               {"format_version", footer.version()},
               {"entries", properties.entry_count},
               {"deletes", properties.delete_count},
               {"range_deletes", properties.range_tombstone_count}};
  if (properties.entry_count > 0) {
    info["smallest_key"] = Escape(properties.smallest_key);
    info["largest_key"] = Escape(properties.largest_key);
  }
  info.update({{"min_sequence", properties.min_sequence},
               {"max_sequence", properties.max_sequence},
               {"compression", properties.compression},
               {"data_blocks", properties.data_block_count},
               {"data_bytes", properties.data_size},
               {"raw_key_bytes", properties.raw_key_size},
               {"raw_value_bytes", properties.raw_value_size},
               {"filter_bits_per_key", std::round(properties.filter_bits_per_key * 100) / 100}});
  for (const auto& [name, range] : footer.Sections()) {
    info["sections"][name] = {{"offset", range.offset}, {"size", range.size}};
  }
  info["sections"]["footer"] = {{"offset", table.file_size() - kFooterSize}, {"size", kFooterSize}};
  return info;
}

// The names and values of a flat object, one a line; sections as "offset N, size N".
std::string InfoText(const Json& info) {
  TextTable text({{"", TextTable::Align::kLeft}, {"", TextTable::Align::kLeft}});
  for (const auto& [name, value] : info.items()) {
    if (name == "sections") {
      for (const auto& [section, range] : value.items()) {
        text.AddRow({section, absl::StrCat("offset ", range["offset"].get<uint64_t>(), ", size ",
                                           range["size"].get<uint64_t>())});
      }
      continue;
    }
    text.AddRow({name, value.is_string() ? value.get<std::string>() : value.dump()});
  }
  return text.ToString();
}

ExitCode Info(Context* context, const std::vector<std::string>& files) {
  Json tables = Json::array();
  const ExitCode code =
      ForEachTable(context, files, [&](const Table& table, const std::string& path) {
        const Json info = InfoOf(table, path);
        if (context->json) {
          tables.push_back(info);
        } else {
          context->out().Write(InfoText(info) + (files.size() > 1 ? "\n" : ""));
        }
        return ExitCode::kSuccess;
      });
  if (context->json) context->PrintJson("sst info", {{"tables", tables}});
  return code;
}

ExitCode Verify(Context* context, const std::vector<std::string>& files) {
  CatchCancelSignals();
  DamageReport report(context);
  ExitCode code = ExitCode::kSuccess;
  for (const std::string& path : files) {
    auto table = OpenTable(path);
    if (!table.ok()) {
      code = Worse(code, report.Close(path, table.status()));
      continue;
    }
    ProgressReporter progress(context->progress_mode(), "verify");
    const Status status = (*table)->Verify(
        [&](const Table::DamageInfo& damage) {
          progress.Finish();
          report.Add(damage.status, damage.first_key, damage.last_key);
        },
        [&](uint64_t bytes) {
          progress.Update({.bytes_done = bytes, .bytes_total = (*table)->file_size()});
          return CancelRequested() ? Status(Code::kAborted, "cancelled") : Status::Ok();
        });
    progress.Finish();
    code = Worse(code, report.Close(path, status));
    if (code == ExitCode::kCancelled) break;
  }
  report.Print("sst verify");
  return code;
}

}  // namespace

void AddSstCommands(CLI::App* app, Context* context) {
  CLI::App* sst = app->add_subcommand("sst", "Look into table files");
  sst->require_subcommand(1);

  auto dump_options = std::make_shared<DumpOptions>();
  CLI::App* dump = AddCommand(sst, context, "dump",
                              "Print rows as KEY TAB SEQUENCE TAB KIND TAB VALUE, or the blocks",
                              "lsm sst dump fruit.db/*.sst --prefix ap --limit 10",
                              [=] { return Dump(context, *dump_options); });
  dump->add_option("FILE", dump_options->files, "Table files")->required();
  dump_options->range.AddTo(dump);
  dump->add_option("--limit", dump_options->limit, "How many rows or blocks of each file at most")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  dump->add_flag("--keys-only", dump_options->style.keys_only, "Leave the values out");
  dump->add_flag("--hex", dump_options->style.hex, "Print hex digits");
  dump->add_flag("--blocks", dump_options->blocks,
                 "Print where the data blocks lie, instead of rows");

  auto info_files = std::make_shared<std::vector<std::string>>();
  CLI::App* info =
      AddCommand(sst, context, "info", "Print properties and layout",
                 "lsm sst info fruit.db/000012.sst", [=] { return Info(context, *info_files); });
  info->add_option("FILE", *info_files, "Table files")->required();

  auto verify_files = std::make_shared<std::vector<std::string>>();
  CLI::App* verify =
      AddCommand(sst, context, "verify",
                 "Check every sum, the order, index against blocks, filter and properties",
                 "lsm sst verify fruit.db/*.sst", [=] { return Verify(context, *verify_files); });
  verify->add_option("FILE", *verify_files, "Table files")->required();
}

}  // namespace lsm::cli
