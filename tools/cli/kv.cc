// put, get, delete, scan, flush: single operations on a database.

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "tools/cli/commands.h"
#include "tools/cli/engine.h"
#include "tools/cli/escape.h"

namespace lsm::cli {
namespace {

struct PutOptions {
  std::string db;
  std::string key;
  std::string value;
};

// What put and delete acknowledge by success survives power loss.
Status Put(const Context& context, const PutOptions& options) {
  LSM_ASSIGN_OR_RETURN(const std::string key, ParseBytes("KEY", options.key));
  LSM_ASSIGN_OR_RETURN(const std::string value, ParseBytes("VALUE", options.value));
  LSM_ASSIGN_OR_RETURN(Database db, Database::Open(context, options.db, Database::Mode::kCreate));
  LSM_RETURN_IF_ERROR(db.Put(key, value, LSM_SYNC));
  return db.Close();
}

struct KeyOptions {
  std::string db;
  std::string key;
  bool hex = false;
  bool raw = false;
};

Status Delete(const Context& context, const KeyOptions& options) {
  LSM_ASSIGN_OR_RETURN(const std::string key, ParseBytes("KEY", options.key));
  LSM_ASSIGN_OR_RETURN(Database db, Database::Open(context, options.db, Database::Mode::kChange));
  LSM_RETURN_IF_ERROR(db.Delete(key, LSM_SYNC));
  return db.Close();
}

void PrintRow(std::string_view key, std::string_view value, const RowStyle& style,
              Context* context) {
  std::string line;
  if (context->json) {
    line = R"({"key":)";
    AppendJsonString(key, &line);
    if (!style.keys_only) {
      line += R"(,"value":)";
      AppendJsonString(value, &line);
    }
    line += "}";
  } else {
    line = PrintBytes(key, style.hex);
    if (!style.keys_only) line += "\t" + PrintBytes(value, style.hex);
  }
  context->out().Write(line + "\n");
}

Status Get(Context* context, const KeyOptions& options) {
  if (options.raw && IsTerminal(kStdout)) {
    return Status::InvalidArgument(
        "--raw prints bytes that may disturb a terminal: send standard output to a file or a pipe");
  }
  LSM_ASSIGN_OR_RETURN(const std::string key, ParseBytes("KEY", options.key));
  LSM_ASSIGN_OR_RETURN(const Database db,
                       Database::Open(*context, options.db, Database::Mode::kLook));
  std::string value;
  LSM_RETURN_IF_ERROR(db.Get(key, &value));
  if (options.raw) {
    context->out().Write(value);
  } else if (context->json) {
    PrintRow(key, value, {}, context);
  } else {
    context->out().Write(PrintBytes(value, options.hex) + "\n");
  }
  return Status::Ok();
}

struct ScanOptions {
  std::string db;
  RangeOptions range;
  std::optional<uint64_t> limit;
  RowStyle style;
  bool count = false;
};

Status Scan(Context* context, const ScanOptions& options) {
  LSM_ASSIGN_OR_RETURN(const KeyBounds range, ParseBounds(options.range));
  LSM_ASSIGN_OR_RETURN(const Database db,
                       Database::Open(*context, options.db, Database::Mode::kLook));
  CatchCancelSignals();
  uint64_t rows = 0;
  LSM_RETURN_IF_ERROR(db.Scan(range, [&](const lsm_row& row) {
    if (CancelRequested()) return Status(Code::kAborted, "cancelled");
    ++rows;
    if (!options.count) {
      PrintRow({static_cast<const char*>(row.key), row.key_size},
               {static_cast<const char*>(row.value), row.value_size}, options.style, context);
    }
    return rows == options.limit || !context->out().ok() ? Status::End() : Status::Ok();
  }));
  if (!options.count) return Status::Ok();
  if (context->json) {
    context->PrintJson("scan", {{"count", rows}});
  } else {
    context->out().Write(std::to_string(rows) + "\n");
  }
  return Status::Ok();
}

Status Flush(const Context& context, const std::string& path) {
  LSM_ASSIGN_OR_RETURN(Database db, Database::Open(context, path, Database::Mode::kChange));
  LSM_RETURN_IF_ERROR(db.Flush());
  return db.Close();
}

void AddPut(CLI::App* app, Context* context) {
  auto options = std::make_shared<PutOptions>();
  CLI::App* command = AddCommand(
      app, context, "put", "Write a key and its value, durably; the database is made if missing",
      "lsm put fruit.db apple 'green \\x26 round'    (write -- before keys that begin with a dash)",
      [=] { return context->Fail(Put(*context, *options)); });
  command->add_option("DB", options->db, "Directory of the database")->required();
  command->add_option("KEY", options->key, "Escaped: \\xNN, \\\\")->required();
  command->add_option("VALUE", options->value, "Escaped likewise")->required();
}

void AddGet(CLI::App* app, Context* context) {
  auto options = std::make_shared<KeyOptions>();
  CLI::App* command =
      AddCommand(app, context, "get", "Print the value of a key, or exit with 1",
                 "lsm get fruit.db apple", [=] { return context->Fail(Get(context, *options)); });
  command->add_option("DB", options->db, "Directory of the database")->required();
  command->add_option("KEY", options->key, "Escaped: \\xNN, \\\\")->required();
  CLI::Option* hex = command->add_flag("--hex", options->hex, "Print hex digits");
  command->add_flag("--raw", options->raw, "Print the bytes as they are; not to a terminal")
      ->excludes(hex);
}

void AddDelete(CLI::App* app, Context* context) {
  auto options = std::make_shared<KeyOptions>();
  CLI::App* command = AddCommand(
      app, context, "delete", "Remove a key, durably; one that is absent is no error",
      "lsm delete fruit.db apple", [=] { return context->Fail(Delete(*context, *options)); });
  command->add_option("DB", options->db, "Directory of the database")->required();
  command->add_option("KEY", options->key, "Escaped: \\xNN, \\\\")->required();
}

void AddScan(CLI::App* app, Context* context) {
  auto options = std::make_shared<ScanOptions>();
  CLI::App* command =
      AddCommand(app, context, "scan", "Print rows in the order of their keys, as KEY TAB VALUE",
                 "lsm scan fruit.db --prefix ap --limit 10",
                 [=] { return context->Fail(Scan(context, *options)); });
  command->add_option("DB", options->db, "Directory of the database")->required();
  options->range.AddTo(command);
  command->add_option("--limit", options->limit, "How many rows at most")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  command->add_flag("--keys-only", options->style.keys_only, "Leave the values out");
  command->add_flag("--hex", options->style.hex, "Print hex digits");
  command->add_flag("--count", options->count, "Print only how many rows there are");
}

void AddFlush(CLI::App* app, Context* context) {
  auto path = std::make_shared<std::string>();
  CLI::App* command =
      AddCommand(app, context, "flush", "Write what the log holds to tables", "lsm flush fruit.db",
                 [=] { return context->Fail(Flush(*context, *path)); });
  command->add_option("DB", *path, "Directory of the database")->required();
}

}  // namespace

void AddKeyValueCommands(CLI::App* app, Context* context) {
  AddPut(app, context);
  AddGet(app, context);
  AddDelete(app, context);
  AddScan(app, context);
  AddFlush(app, context);
}

}  // namespace lsm::cli
