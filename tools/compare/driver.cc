// The program of one engine: runs one step in this process and prints what it measured as one JSON
// object. It is started by compare.py.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/compare/engine.h"
#include "tools/compare/step.h"

namespace lsm::compare {
namespace {

void Print(const StepSettings& settings, const StepResult& result) {
  const auto micros = [&](double quantile) {
    return static_cast<double>(result.latency.QuantileNanos(quantile)) / 1000;
  };
  const nlohmann::ordered_json json = {
      {"version", EngineVersion()},
      {"step", settings.step},
      {"operations", result.operations},
      {"seconds", result.seconds},
      {"p50_micros", micros(0.5)},
      {"p99_micros", micros(0.99)},
      {"p99_9_micros", micros(0.999)},
      {"max_micros", micros(1)},
      {"cpu_seconds", result.cpu_seconds},
      {"anonymous_bytes", result.anonymous_bytes},
      {"written_bytes", result.written_bytes},
      {"user_bytes", result.user_bytes},
      {"background_operations", result.background_operations},
      {"read_rows", result.tally.rows},
      {"read_bytes", result.tally.bytes},
      {"read_sum", result.tally.sum},
  };
  std::printf("%s\n", json.dump().c_str());
}

int Main(int argc, char** argv) {
  StepSettings settings;
  CLI::App app("One step of a comparison of engines");
  const std::vector<std::string> names(StepNames().begin(), StepNames().end());
  app.add_option("STEP", settings.step)->required()->check(CLI::IsMember(names));
  app.add_option("--db", settings.engine.path, "The database's directory")->required();
  app.add_option("--rows", settings.rows)->check(CLI::PositiveNumber);
  app.add_option("--operations", settings.operations);
  app.add_option("--value-size", settings.value_size);
  app.add_option("--threads", settings.threads)->check(CLI::Range(1, 256));
  app.add_option("--seconds", settings.seconds, "Stop after so long; 0: never");
  app.add_option("--seed", settings.seed);
  app.add_option("--memory-budget", settings.engine.memory_budget, "Bytes");
  app.add_option("--write-buffer", settings.engine.write_buffer_size, "Bytes; 0: by the budget");
  app.add_flag("--merge", settings.merge, "After a load");
  app.add_flag("--no-compression{false}", settings.engine.compress);
  CLI11_PARSE(app, argc, argv);
  settings.engine.synced_writes = settings.step == "fillsync";
  Print(settings, RunStep(settings));
  return 0;
}

}  // namespace

void Die(std::string_view what, std::string_view why) {
  std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(what.size()), what.data(),
               static_cast<int>(why.size()), why.data());
  std::_Exit(1);
}

}  // namespace lsm::compare

int main(int argc, char** argv) { return lsm::compare::Main(argc, argv); }
