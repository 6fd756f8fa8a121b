// load and export: rows in bulk, in and out (row_codec.h).

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "lsm/base/limits.h"
#include "tools/cli/commands.h"
#include "tools/cli/engine.h"
#include "tools/cli/escape.h"
#include "tools/cli/format.h"
#include "tools/cli/row_codec.h"

namespace lsm::cli {
namespace {

// Large enough to make one log record cheap a row, small enough to notice a cancel soon.
constexpr size_t kBatchBytes = 256 * kKiB;

struct BulkOptions {
  std::string db;
  std::string file = "-";
  RowFormat format = RowFormat::kText;
  RangeOptions range;  // export only
};

struct BulkCounts {
  uint64_t rows = 0;
  uint64_t bytes = 0;  // of keys and values
};

// Writes rows in batches. Rows of a batch that was not written are not counted.
class Loader {
 public:
  explicit Loader(const Database* db) : db_(db), batch_(lsm_batch_create()) {}

  Status Add(const RowDecoder::Row& row) {
    if (batch_ == nullptr) return Status::OutOfMemory();
    lsm_error* error = nullptr;
    const lsm_status added = lsm_batch_put(batch_.get(), row.key.data(), row.key.size(),
                                           row.value.data(), row.value.size(), &error);
    LSM_RETURN_IF_ERROR(ToStatus(added, error));
    ++pending_.rows;
    pending_.bytes += row.key.size() + row.value.size();
    return lsm_batch_size(batch_.get()) >= kBatchBytes ? Write() : Status::Ok();
  }

  Status Write() {
    LSM_RETURN_IF_ERROR(db_->Write(batch_.get(), 0));
    lsm_batch_clear(batch_.get());
    written_.rows += pending_.rows;
    written_.bytes += pending_.bytes;
    pending_ = {};
    return Status::Ok();
  }

  const BulkCounts& written() const { return written_; }

 private:
  const Database* db_;
  BatchPtr batch_;
  BulkCounts pending_;
  BulkCounts written_;
};

Status LoadRows(const Context& context, const BulkOptions& options, InputStream* input,
                Loader* loader) {
  RowDecoder decoder(options.format, input->name(),
                     [&](char* buffer, size_t size) { return input->Read(buffer, size); });
  ProgressReporter progress(context.progress_mode(), "load");
  RowDecoder::Row row;
  while (true) {
    const Status next = decoder.Next(&row);
    if (next.Is(Code::kEnd)) break;
    LSM_RETURN_IF_ERROR(next);
    if (CancelRequested()) return Status(Code::kAborted, "cancelled");
    LSM_RETURN_IF_ERROR(loader->Add(row));
    progress.Update({.bytes_done = input->position(),
                     .bytes_total = input->size(),
                     .rows_done = loader->written().rows});
  }
  return loader->Write();
}

// What was loaded is durable on return, also when the rest could not be.
ExitCode Load(Context* context, const BulkOptions& options) {
  CatchCancelSignals();
  auto input = InputStream::Open(options.file);
  if (!input.ok()) return context->Fail(input.status());
  auto db = Database::Open(*context, options.db, Database::Mode::kCreate);
  if (!db.ok()) return context->Fail(db.status());
  Loader loader(&*db);
  Status status = LoadRows(*context, options, input->get(), &loader);
  const Status flushed = db->Flush();
  const Status closed = db->Close();
  if (status.ok()) status = !flushed.ok() ? flushed : closed;
  const BulkCounts& written = loader.written();
  const ExitCode code = context->Fail(status);
  if (context->json) {
    context->PrintJson(
        "load", {{"rows", written.rows}, {"bytes", written.bytes}, {"complete", status.ok()}});
  } else {
    context->Note(absl::StrCat(status.ok() ? "loaded " : "loaded before that: ",
                               FormatCount(written.rows), " rows, ", FormatBytes(written.bytes)));
  }
  return code;
}

Status ExportRows(const Context& context, const Database& db, const BulkOptions& options,
                  OutputStream* out, BulkCounts* counts) {
  LSM_ASSIGN_OR_RETURN(const KeyBounds range, ParseBounds(options.range));
  RowEncoder encoder(context.json ? RowFormat::kNdjson : options.format);
  ProgressReporter progress(context.progress_mode(), "export");
  std::string encoded;
  encoder.Begin(&encoded);
  LSM_RETURN_IF_ERROR(db.Scan(range, [&](const lsm_row& row) {
    if (CancelRequested()) return Status(Code::kAborted, "cancelled");
    encoder.Add({static_cast<const char*>(row.key), row.key_size},
                {static_cast<const char*>(row.value), row.value_size}, &encoded);
    out->Write(encoded);
    encoded.clear();
    ++counts->rows;
    counts->bytes += row.key_size + row.value_size;
    progress.Update({.bytes_done = counts->bytes, .rows_done = counts->rows});
    return out->ok() ? Status::Ok() : Status::End();
  }));
  encoder.End(&encoded);
  out->Write(encoded);
  return Status::Ok();
}

ExitCode Export(Context* context, const BulkOptions& options) {
  CatchCancelSignals();
  auto db = Database::Open(*context, options.db, Database::Mode::kLook);
  if (!db.ok()) return context->Fail(db.status());
  BulkCounts counts;
  if (options.file == "-") {
    return context->Fail(ExportRows(*context, *db, options, &context->out(), &counts));
  }
  auto file = OutputFile::Create(options.file);
  if (!file.ok()) return context->Fail(file.status());
  Status status = ExportRows(*context, *db, options, file->get(), &counts);
  if (status.ok()) status = (*file)->Commit();
  if (!status.ok() && !(*file)->closed_by_reader()) return context->Fail(status);
  context->Note(absl::StrCat("exported ", FormatCount(counts.rows), " rows, ",
                             FormatBytes(counts.bytes), " to ", Escape(options.file)));
  return ExitCode::kSuccess;
}

void AddFormat(CLI::App* command, BulkOptions* options) {
  static const std::map<std::string, RowFormat> kFormats = {
      {"text", RowFormat::kText}, {"ndjson", RowFormat::kNdjson}, {"binary", RowFormat::kBinary}};
  command
      ->add_option("--format", options->format, "text (KEY TAB VALUE, escaped), ndjson or binary")
      ->transform(CLI::Transformer(kFormats).description(""))
      ->type_name("FORMAT");
}

}  // namespace

void AddLoadExportCommands(CLI::App* app, Context* context) {
  auto load_options = std::make_shared<BulkOptions>();
  CLI::App* load =
      AddCommand(app, context, "load",
                 "Read rows in bulk; the database is made if missing. Durable on success",
                 "lsm load fruit.db fruit.tsv    (or: … | lsm load fruit.db)",
                 [=] { return Load(context, *load_options); });
  load->add_option("DB", load_options->db, "Directory of the database")->required();
  load->add_option("FILE", load_options->file, "Where the rows are; - or nothing: standard input");
  AddFormat(load, load_options.get());

  auto export_options = std::make_shared<BulkOptions>();
  CLI::App* command = AddCommand(app, context, "export", "Write rows in bulk, as load reads them",
                                 "lsm export fruit.db --format binary fruit.rows",
                                 [=] { return Export(context, *export_options); });
  command->add_option("DB", export_options->db, "Directory of the database")->required();
  command->add_option("FILE", export_options->file,
                      "Where to write; - or nothing: standard output");
  export_options->range.AddTo(command);
  AddFormat(command, export_options.get());
}

}  // namespace lsm::cli
