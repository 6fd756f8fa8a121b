// bench: the field's usual workloads, with rates and latencies.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "lsm/env/env.h"
#include "tools/cli/bench_workload.h"
#include "tools/cli/commands.h"
#include "tools/cli/escape.h"
#include "tools/cli/format.h"

namespace lsm::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kDefaultWorkloads[] = {"fillseq",    "fillrandom",  "overwrite",
                                             "readrandom", "readmissing", "seekrandom",
                                             "readseq",    "readreverse"};

struct BenchOptions {
  std::vector<std::string> workloads;
  BenchSettings settings;
  std::string db;
};

struct Measurement {
  const Workload* workload;
  double seconds = 0;
  uint64_t operations = 0;
  uint64_t bytes = 0;
  uint64_t found = 0;
  uint64_t looked = 0;
  std::optional<uint64_t> background_writes;
  LatencyHistogram latency;
};

// The database under measurement: the user's own, or a temporary one that goes away with this
// object.
class BenchDatabase {
 public:
  BenchDatabase(const Context* context, std::string path)
      : context_(context), path_(std::move(path)), temporary_(path_.empty()) {}
  ~BenchDatabase() {
    db_.reset();
    if (temporary_ && !path_.empty()) (void)lsm_destroy(path_.c_str(), nullptr);
  }

  Status Open() {
    if (path_.empty()) {
      LSM_ASSIGN_OR_RETURN(path_, MakeTemporaryDirectory());
    }
    LSM_ASSIGN_OR_RETURN(Database db, Database::OpenPlain(*context_, path_));
    db_ = std::make_unique<Database>(std::move(db));
    return Status::Ok();
  }

  // An empty database, if it is a temporary one. The user's stays as it is.
  Status Refresh() {
    if (!temporary_) return Status::Ok();
    if (filled_) {
      LSM_RETURN_IF_ERROR(db_->Close());
      lsm_error* error = nullptr;
      const lsm_status destroyed = lsm_destroy(path_.c_str(), &error);
      LSM_RETURN_IF_ERROR(ToStatus(destroyed, error));
      LSM_RETURN_IF_ERROR(Open());
    }
    filled_ = false;
    return Status::Ok();
  }

  const Database& db() const { return *db_; }
  bool needs_rows() const { return temporary_ && !filled_; }
  void MarkFilled() { filled_ = true; }

 private:
  const Context* context_;
  std::string path_;
  bool temporary_;
  bool filled_ = false;
  std::unique_ptr<Database> db_;
};

class Bench {
 public:
  Bench(Context* context, const BenchOptions& options)
      : context_(context), settings_(options.settings), database_(context, options.db) {}

  Status Run(const std::vector<const Workload*>& workloads) {
    LSM_RETURN_IF_ERROR(database_.Open());
    PrintHead();
    for (const Workload* workload : workloads) {
      LSM_RETURN_IF_ERROR(Prepare(*workload));
      LSM_ASSIGN_OR_RETURN(const Measurement measurement, Measure(*workload));
      database_.MarkFilled();
      Print(measurement);
    }
    if (context_->json) PrintJson();
    return Status::Ok();
  }

 private:
  Status Prepare(const Workload& workload) {
    if (workload.needs == Workload::Needs::kEmptyDatabase) return database_.Refresh();
    if (!database_.needs_rows()) return Status::Ok();
    context_->Note(absl::StrCat("filling with ", FormatCount(settings_.rows), " rows first"));
    LSM_RETURN_IF_ERROR(Measure(*FindWorkload("fillseq")).status());
    database_.MarkFilled();
    return Status::Ok();
  }

  uint64_t OperationsOf(const Workload& workload) const {
    if (workload.reads && settings_.operations > 0) return settings_.operations;
    return std::max<uint64_t>(1, settings_.rows / workload.rows_per_operation);
  }

  Result<Measurement> Measure(const Workload& workload) {
    if (workload.name.starts_with("ycsb") && !zipfian_) zipfian_.emplace(settings_.rows);
    BenchShared shared{.db = &database_.db(),
                       .settings = &settings_,
                       .zipfian = zipfian_ ? &*zipfian_ : nullptr,
                       .row_count = settings_.rows};
    const uint64_t operations = OperationsOf(workload);
    std::vector<std::unique_ptr<BenchThread>> threads;
    for (uint64_t i = 0; i < settings_.threads; ++i) {
      const uint64_t share =
          operations * (i + 1) / settings_.threads - operations * i / settings_.threads;
      threads.push_back(std::make_unique<BenchThread>(&shared, i, share));
    }
    LSM_ASSIGN_OR_RETURN(std::unique_ptr<Executor> executor,
                         Env::Posix()->NewExecutor("lsm-bench", settings_.threads));
    std::unique_ptr<BenchThread> writer;
    std::unique_ptr<Executor> writer_executor;
    if (workload.name == "readwhilewriting") {
      writer = std::make_unique<BenchThread>(&shared, settings_.threads, 0);
      LSM_ASSIGN_OR_RETURN(writer_executor, Env::Posix()->NewExecutor("lsm-bench-writer", 1));
      writer_executor->Schedule([t = writer.get()] {
        t->StartClock();
        WriteInBackground(t);
      });
    }
    const uint64_t start = NowNanos();
    for (const auto& thread : threads) {
      executor->Schedule([&workload, t = thread.get()] {
        t->StartClock();
        workload.run(t);
      });
    }
    executor.reset();  // waits for all of it
    Measurement measurement{.workload = &workload};
    measurement.seconds = static_cast<double>(NowNanos() - start) / 1e9;
    shared.readers_done = true;
    writer_executor.reset();
    if (writer != nullptr) {
      measurement.background_writes = writer->done;
      LSM_RETURN_IF_ERROR(writer->status);
    }
    for (const auto& thread : threads) {
      LSM_RETURN_IF_ERROR(thread->status);
      measurement.operations += thread->done;
      measurement.bytes += thread->bytes;
      measurement.found += thread->found;
      measurement.looked += thread->looked;
      measurement.latency.Merge(thread->latency);
    }
    if (CancelRequested()) return Status(Code::kAborted, "cancelled");
    return measurement;
  }

  void PrintHead() {
    if (context_->json) return;
    context_->out().Write(
        absl::StrFormat("lsm %s: %s rows, keys of %u bytes, values of %u bytes (compressible to "
                        "%.0f %%), %u threads\n"
                        "%-16s %12s %9s %9s %9s %9s %10s\n",
                        lsm_version(), FormatCount(settings_.rows), settings_.key_size,
                        settings_.value_size, settings_.compression_ratio * 100, settings_.threads,
                        "workload", "ops/s", "MB/s", "p50 us", "p99 us", "p99.9 us", "max us"));
    (void)context_->out().Flush();
  }

  void Print(const Measurement& m) {
    const double rate = static_cast<double>(m.operations) / m.seconds;
    const double megabytes = static_cast<double>(m.bytes) / 1e6 / m.seconds;
    const auto micros = [&](double quantile) {
      return static_cast<double>(m.latency.QuantileNanos(quantile)) / 1000;
    };
    if (context_->json) {
      Json result = {{"workload", m.workload->name},
                     {"operations", m.operations},
                     {"seconds", m.seconds},
                     {"operations_per_second", rate},
                     {"megabytes_per_second", megabytes},
                     {"p50_micros", micros(0.5)},
                     {"p99_micros", micros(0.99)},
                     {"p99_9_micros", micros(0.999)},
                     {"max_micros", micros(1)}};
      if (m.looked > 0) result["found"] = m.found;
      if (m.background_writes) result["background_writes"] = *m.background_writes;
      results_.push_back(std::move(result));
      return;
    }
    std::string note;
    if (m.found < m.looked) {
      absl::StrAppend(&note, "  ", FormatCount(m.found), " of ", FormatCount(m.looked), " found");
    }
    if (m.background_writes) {
      absl::StrAppend(&note, "  ", FormatCount(*m.background_writes), " writes beside");
    }
    context_->out().Write(
        absl::StrFormat("%-16s %12s %9.1f %9.2f %9.2f %9.2f %10.1f%s\n", m.workload->name,
                        FormatCount(static_cast<uint64_t>(rate)), megabytes, micros(0.5),
                        micros(0.99), micros(0.999), micros(1), note));
    (void)context_->out().Flush();
  }

  void PrintJson() {
    context_->PrintJson("bench", {{"version", lsm_version()},
                                  {"rows", settings_.rows},
                                  {"key_size", settings_.key_size},
                                  {"value_size", settings_.value_size},
                                  {"compression_ratio", settings_.compression_ratio},
                                  {"threads", settings_.threads},
                                  {"seed", settings_.seed},
                                  {"results", results_}});
  }

  Context* context_;
  BenchSettings settings_;
  BenchDatabase database_;
  std::optional<Zipfian> zipfian_;
  Json results_ = Json::array();
};

Result<std::vector<const Workload*>> ChosenWorkloads(const std::vector<std::string>& names) {
  std::vector<const Workload*> chosen;
  for (const std::string& name : names) {
    const Workload* workload = FindWorkload(name);
    if (workload == nullptr) {
      return Status::InvalidArgument(absl::StrCat(
          "unknown workload ", Escape(name), "; known are ",
          absl::StrJoin(Workloads(), ", ",
                        [](std::string* out, const Workload& w) { out->append(w.name); })));
    }
    chosen.push_back(workload);
  }
  if (!chosen.empty()) return chosen;
  for (const char* name : kDefaultWorkloads) chosen.push_back(FindWorkload(name));
  return chosen;
}

Status RunBench(Context* context, const BenchOptions& options) {
  const BenchSettings& settings = options.settings;
  const uint64_t digits = std::to_string(2 * settings.rows).size();
  if (settings.key_size < digits || settings.key_size >= LSM_KEY_SIZE_MAX) {
    return Status::InvalidArgument(absl::StrCat("--key-size ", settings.key_size, ": expected ",
                                                digits, " to ", LSM_KEY_SIZE_MAX - 1,
                                                " bytes for that many rows"));
  }
  LSM_ASSIGN_OR_RETURN(const auto workloads, ChosenWorkloads(options.workloads));
  CatchCancelSignals();
  return Bench(context, options).Run(workloads);
}

std::string WorkloadHelp() {
  std::string help = "Workloads:\n";
  for (const Workload& workload : Workloads()) {
    absl::StrAppend(&help, absl::StrFormat("  %-18s %s\n", workload.name, workload.help));
  }
  return help;
}

}  // namespace

void AddBenchCommand(CLI::App* app, Context* context) {
  auto options = std::make_shared<BenchOptions>();
  BenchSettings* settings = &options->settings;
  CLI::App* command = AddCommand(app, context, "bench", "Measure the engine on this machine",
                                 "lsm bench fillrandom readrandom --num 10000000",
                                 [=] { return context->Fail(RunBench(context, *options)); });
  command->footer(absl::StrCat(WorkloadHelp(), "\n", command->get_footer()));
  command->add_option("WORKLOAD", options->workloads,
                      "One after the other; nothing: the basic ones");
  const auto positive = [command](const char* name, auto* target, const char* help) {
    command->add_option(name, *target, help)->capture_default_str()->check(CLI::PositiveNumber);
  };
  positive("--num", &settings->rows, "Rows");
  command->add_option("--ops", settings->operations, "Operations of those that read; 0: --num")
      ->capture_default_str();
  positive("--key-size", &settings->key_size, "Bytes of a key");
  command->add_option("--value-size", settings->value_size, "Bytes of a value")
      ->capture_default_str()
      ->check(CLI::Range(uint64_t{0}, uint64_t{LSM_VALUE_SIZE_MAX}));
  command->add_option("--threads", settings->threads, "Threads; they share the operations")
      ->capture_default_str()
      ->check(CLI::Range(1, 256));
  command
      ->add_option("--compression-ratio", settings->compression_ratio,
                   "What values can be compressed to")
      ->capture_default_str()
      ->check(CLI::Range(0.01, 1.0));
  command->add_option("--seed", settings->seed, "Of the random numbers")->capture_default_str();
  command->add_option(
      "--db", options->db,
      "A database to use as it is and to keep; otherwise a temporary one in TMPDIR");
}

}  // namespace lsm::cli
