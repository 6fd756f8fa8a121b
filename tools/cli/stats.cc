// stats and levels: the shape of the tree, from the engine's properties, as JSON or as tables that
// people can read.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tools/cli/commands.h"
#include "tools/cli/engine.h"
#include "tools/cli/format.h"

namespace lsm::cli {
namespace {

using Json = nlohmann::ordered_json;

Result<Json> ReadProperty(const Database& db, const char* name) {
  LSM_ASSIGN_OR_RETURN(const std::string text, db.Property(name));
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Status::Internal("a property of the engine is no JSON object");
  return json;
}

struct TreeShape {
  uint64_t levels = 0;  // that hold anything
  uint64_t runs = 0;
  uint64_t tables = 0;
  uint64_t bytes = 0;
  uint64_t entries = 0;
  uint64_t last_level_bytes = 0;

  // How much larger all is than what remains at the least, the last level.
  double space_amplification() const {
    return last_level_bytes == 0
               ? 1
               : static_cast<double>(bytes) / static_cast<double>(last_level_bytes);
  }
};

TreeShape ShapeOf(const Json& levels) {
  TreeShape shape;
  for (const Json& level : levels) {
    if (level["runs"].empty()) continue;
    ++shape.levels;
    shape.last_level_bytes = level["size"].get<uint64_t>();
    shape.bytes += shape.last_level_bytes;
    for (const Json& run : level["runs"]) {
      ++shape.runs;
      shape.tables += run["tables"].size();
      shape.entries += run["entries"].get<uint64_t>();
    }
  }
  return shape;
}

Status Stats(Context* context, const std::string& path) {
  LSM_ASSIGN_OR_RETURN(const Database db, Database::Open(*context, path, Database::Mode::kLook));
  LSM_ASSIGN_OR_RETURN(const Json levels, ReadProperty(db, "levels"));
  LSM_ASSIGN_OR_RETURN(const Json memory, ReadProperty(db, "memory"));
  LSM_ASSIGN_OR_RETURN(const std::string keys_text, db.Property("estimate-keys"));
  uint64_t keys = 0;
  if (!absl::SimpleAtoi(keys_text, &keys)) {
    return Status::Internal("the property estimate-keys is no number");
  }
  const TreeShape shape = ShapeOf(levels.at("levels"));
  const uint64_t in_memory = memory.at("memtables").get<uint64_t>();
  if (context->json) {
    context->PrintJson("stats", {{"keys_estimate", keys},
                                 {"levels", shape.levels},
                                 {"runs", shape.runs},
                                 {"tables", shape.tables},
                                 {"table_entries", shape.entries},
                                 {"table_bytes", shape.bytes},
                                 {"unflushed_bytes", in_memory},
                                 {"space_amplification", shape.space_amplification()},
                                 {"read_amplification", shape.runs}});
    return Status::Ok();
  }
  TextTable text({{"", TextTable::Align::kLeft}, {""}, {"", TextTable::Align::kLeft}});
  text.AddRow({"keys", FormatCount(keys), "estimate"});
  text.AddRow({"levels", FormatCount(shape.levels), ""});
  text.AddRow({"runs", FormatCount(shape.runs), "a lookup visits at most that many"});
  text.AddRow({"tables", FormatCount(shape.tables), ""});
  text.AddRow(
      {"entries in tables", FormatCount(shape.entries), "old versions and deletions counted"});
  text.AddRow({"size of tables", FormatBytes(shape.bytes), ""});
  text.AddRow({"not yet in tables", FormatBytes(in_memory), "in the log, and in memory when open"});
  text.AddRow({"space amplification", FormatFixed(shape.space_amplification(), 2),
               "all levels over the last"});
  context->out().Write(text.ToString());
  return Status::Ok();
}

Status Levels(Context* context, const std::string& path) {
  LSM_ASSIGN_OR_RETURN(const Database db, Database::Open(*context, path, Database::Mode::kLook));
  LSM_ASSIGN_OR_RETURN(const Json levels, ReadProperty(db, "levels"));
  if (context->json) {
    context->PrintJson("levels", levels);
    return Status::Ok();
  }
  TextTable text({{"level"},
                  {"run"},
                  {"tables"},
                  {"size"},
                  {"entries"},
                  {"from", TextTable::Align::kLeft},
                  {"to", TextTable::Align::kLeft}});
  for (const Json& level : levels.at("levels")) {
    for (const Json& run : level["runs"]) {
      const Json& tables = run["tables"];
      const Json& end = tables.back()["end"];
      text.AddRow(
          {absl::StrCat(level["level"].get<uint64_t>()), absl::StrCat(run["id"].get<uint64_t>()),
           FormatCount(tables.size()), FormatBytes(run["size"].get<uint64_t>()),
           FormatCount(run["entries"].get<uint64_t>()), tables.front()["begin"].get<std::string>(),
           end.is_null() ? "" : end.get<std::string>()});
    }
  }
  context->out().Write(text.ToString());
  return Status::Ok();
}

}  // namespace

void AddStatsCommands(CLI::App* app, Context* context) {
  auto stats_path = std::make_shared<std::string>();
  CLI::App* stats =
      AddCommand(app, context, "stats", "Print the size and shape of a database",
                 "lsm stats fruit.db", [=] { return context->Fail(Stats(context, *stats_path)); });
  stats->add_option("DB", *stats_path, "Directory of the database")->required();

  auto levels_path = std::make_shared<std::string>();
  CLI::App* levels = AddCommand(
      app, context, "levels",
      "Print the runs of each level, newest first: each is sorted, FROM inclusive, TO exclusive",
      "lsm levels fruit.db", [=] { return context->Fail(Levels(context, *levels_path)); });
  levels->add_option("DB", *levels_path, "Directory of the database")->required();
}

}  // namespace lsm::cli
