// wal dump: the write-ahead log, one line an operation.

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lsm/base/write_batch.h"
#include "lsm/version/file_names.h"
#include "lsm/wal/log_reader.h"
#include "tools/cli/commands.h"
#include "tools/cli/database_files.h"
#include "tools/cli/escape.h"

namespace lsm::cli {
namespace {

struct WalOptions {
  std::string path;
  RowStyle style;
};

struct Log {
  // Keeps the database locked while its segments are read; null for a single file.
  std::unique_ptr<Directory> directory;
  LogReader reader;
};

Result<Log> OpenLog(const std::string& path) {
  LSM_ASSIGN_OR_RETURN(const Env::PathKind kind, Env::Posix()->Classify(path));
  if (kind == Env::PathKind::kDirectory) {
    LSM_ASSIGN_OR_RETURN(std::unique_ptr<Directory> directory, OpenForLooking(path));
    LSM_ASSIGN_OR_RETURN(const ManifestState state, ReadManifestState(directory.get()));
    LSM_ASSIGN_OR_RETURN(LogReader reader, OpenLogReader(directory.get(), state));
    return Log{std::move(directory), std::move(reader)};
  }
  LSM_ASSIGN_OR_RETURN(std::unique_ptr<ReadableFile> file, Env::Posix()->OpenFile(path));
  LSM_ASSIGN_OR_RETURN(const uint64_t number, ReadSegmentNumber(file.get()));
  std::vector<LogReader::Segment> segments;
  segments.push_back({number, std::move(file)});
  return Log{nullptr, LogReader(std::move(segments))};
}

class LogDumper {
 public:
  LogDumper(Context* context, const WalOptions& options) : context_(context), options_(options) {}

  Status Dump(const LogRecord& record) {
    if (record.header.kind == LogRecordKind::kMark) {
      PrintMark(record);
      return Status::Ok();
    }
    BatchReader reader(record.batch);
    WriteOp op;
    for (uint64_t i = 0; reader.Next(&op); ++i) PrintOp(record, record.header.sequence + i, op);
    if (reader.ok()) return Status::Ok();
    return Status::Corruption(LogFileName(record.segment_number), record.offset,
                              "the record's sums are right but it holds no batch of writes");
  }

 private:
  std::string JsonHead(const LogRecord& record, const char* kind) const {
    return absl::StrCat(R"({"segment":)", record.segment_number, R"(,"offset":)", record.offset,
                        R"(,"kind":")", kind, "\"");
  }

  void PrintMark(const LogRecord& record) {
    if (context_->json) {
      context_->out().Write(absl::StrCat(JsonHead(record, "mark"), R"(,"known_synced":)",
                                         record.header.known_synced, "}\n"));
    } else {
      context_->out().Write(absl::StrCat(record.segment_number, ":", record.offset,
                                         "\t-\tmark\tknown synced below position ",
                                         record.header.known_synced, "\n"));
    }
  }

  void PrintOp(const LogRecord& record, SequenceNumber sequence, const WriteOp& op) {
    const char* kind = op.kind == EntryKind::kPut      ? "put"
                       : op.kind == EntryKind::kDelete ? "delete"
                                                       : "delete-range";
    const bool has_value =
        op.kind != EntryKind::kDelete && !options_.style.keys_only && op.value != InfiniteKey();
    std::string line;
    if (context_->json) {
      line = absl::StrCat(JsonHead(record, kind), R"(,"sequence":)", sequence, R"(,"key":)");
      AppendJsonString(op.key, &line);
      if (has_value) {
        line += op.kind == EntryKind::kPut ? R"(,"value":)" : R"(,"end":)";
        AppendJsonString(op.value, &line);
      }
      line += "}";
    } else {
      line = absl::StrCat(record.segment_number, ":", record.offset, "\t", sequence, "\t", kind,
                          "\t", PrintBytes(op.key, options_.style.hex));
      if (has_value) absl::StrAppend(&line, "\t", PrintBytes(op.value, options_.style.hex));
    }
    context_->out().Write(line + "\n");
  }

  Context* context_;
  const WalOptions& options_;
};

Status WalDump(Context* context, const WalOptions& options) {
  CatchCancelSignals();
  LSM_ASSIGN_OR_RETURN(Log log, OpenLog(options.path));
  LogReader& reader = log.reader;
  LogDumper dumper(context, options);
  LogRecord record;
  while (context->out().ok()) {
    if (CancelRequested()) return Status(Code::kAborted, "cancelled");
    const Status next = reader.Next(&record);
    if (next.Is(Code::kEnd)) {
      if (reader.end().torn) {
        context->Note(absl::StrCat("the log ends with a torn write at offset ", reader.end().offset,
                                   " of segment ", reader.end().segment_number,
                                   ", which was never known to be synced; opening cuts it"));
      }
      break;
    }
    LSM_RETURN_IF_ERROR(next);
    LSM_RETURN_IF_ERROR(dumper.Dump(record));
  }
  return Status::Ok();
}

}  // namespace

void AddWalCommands(CLI::App* app, Context* context) {
  CLI::App* wal = app->add_subcommand("wal", "Look into the write-ahead log");
  wal->require_subcommand(1);
  auto options = std::make_shared<WalOptions>();
  CLI::App* dump = AddCommand(
      wal, context, "dump",
      "Print every write in the log: SEGMENT:OFFSET TAB SEQUENCE TAB KIND TAB KEY TAB VALUE",
      "lsm wal dump fruit.db", [=] { return context->Fail(WalDump(context, *options)); });
  dump->add_option("DB|FILE", options->path, "A database, or one segment of a log")->required();
  dump->add_flag("--keys-only", options->style.keys_only, "Leave the values out");
  dump->add_flag("--hex", options->style.hex, "Print hex digits");
}

}  // namespace lsm::cli
