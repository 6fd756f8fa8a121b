#include "lsm/db/properties.h"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "lsm/db/json_writer.h"

namespace lsm {
namespace {

void Error(JsonWriter* json, const Status& status) {
  if (status.ok()) {
    json->Null();
    return;
  }
  json->BeginObject();
  json->Key("code");
  json->Bytes(CodeName(static_cast<int32_t>(status.code())));
  json->Key("message");
  json->Bytes(status.ToString());
  json->Key("file");
  json->Bytes(status.file());
  json->EndObject();
}

void Latency(JsonWriter* json, std::string_view name, const Stats& stats, Timed what) {
  json->Key(name);
  json->BeginObject();
  json->Field("samples", stats.Samples(what));
  json->Field("p50_us", stats.Latency(what, 0.5));
  json->Field("p99_us", stats.Latency(what, 0.99));
  json->Field("p999_us", stats.Latency(what, 0.999));
  json->EndObject();
}

struct NamedCounter {
  std::string_view name;
  Counter counter;
};

void Counters(JsonWriter* json, std::string_view name, const Stats& stats,
              std::initializer_list<NamedCounter> counters) {
  json->Key(name);
  json->BeginObject();
  for (const NamedCounter& named : counters) json->Field(named.name, stats.Get(named.counter));
  json->EndObject();
}

double WriteAmplification(const Stats& stats) {
  const uint64_t user = stats.Get(Counter::kUserBytesWritten);
  const uint64_t written = stats.Get(Counter::kLogBytes) + stats.Get(Counter::kFlushBytes) +
                           stats.Get(Counter::kCompactionBytesWritten);
  return user == 0 ? 0.0 : static_cast<double>(written) / static_cast<double>(user);
}

std::string DescribeStats(const DbContext& context, const Background* background) {
  const Stats& stats = context.stats;
  JsonWriter json;
  json.BeginObject();
  Counters(&json, "operations", stats,
           {{"puts", Counter::kPuts},
            {"deletes", Counter::kDeletes},
            {"range_deletes", Counter::kRangeDeletes},
            {"gets", Counter::kGets},
            {"get_hits", Counter::kGetHits},
            {"scans", Counter::kScans},
            {"write_groups", Counter::kWriteGroups},
            {"log_syncs", Counter::kLogSyncs}});
  Counters(&json, "bytes", stats,
           {{"user_written", Counter::kUserBytesWritten},
            {"log_written", Counter::kLogBytes},
            {"flushed", Counter::kFlushBytes},
            {"compaction_read", Counter::kCompactionBytesRead},
            {"compaction_written", Counter::kCompactionBytesWritten}});
  json.Field("write_amplification", WriteAmplification(stats));
  json.Key("latencies");
  json.BeginObject();
  Latency(&json, "get", stats, Timed::kGet);
  Latency(&json, "write", stats, Timed::kWrite);
  Latency(&json, "flush", stats, Timed::kFlush);
  Latency(&json, "compaction", stats, Timed::kCompaction);
  json.EndObject();
  Counters(&json, "stalls", stats,
           {{"count", Counter::kStalls}, {"micros", Counter::kStallMicros}});
  json.Field("flushes", stats.Get(Counter::kFlushes));
  Counters(&json, "compactions", stats,
           {{"jobs", Counter::kCompactions}, {"trivial_moves", Counter::kTrivialMoves}});
  json.Key("block_cache");
  json.BeginObject();
  json.Field("hits", context.block_cache->hits());
  json.Field("misses", context.block_cache->misses());
  json.EndObject();
  if (background != nullptr) {
    const Background::Activity activity = background->activity();
    json.Key("background");
    json.BeginObject();
    json.Field("merges", activity.merges);
    json.Field("jobs", activity.jobs);
    json.Field("flushing", activity.flushing);
    json.Key("error");
    Error(&json, background->background_error());
    json.EndObject();
  }
  json.EndObject();
  return json.text();
}

void Table(JsonWriter* json, const Slice& slice) {
  const TableMeta& meta = slice.file->meta();
  json->BeginObject();
  json->Field("number", meta.number);
  json->Field("file_size", meta.file_size);
  json->Field("size", slice.size);
  json->Key("begin");
  json->Bytes(slice.range.begin);
  json->Key("end");
  if (IsInfiniteKey(slice.range.end)) {
    json->Null();
  } else {
    json->Bytes(slice.range.end);
  }
  json->Field("entries", slice.entry_count());
  json->Field("deletes", meta.delete_count);
  json->Field("range_tombstones", meta.range_tombstone_count);
  json->Field("min_sequence", meta.min_sequence);
  json->Field("max_sequence", meta.max_sequence);
  json->EndObject();
}

std::string DescribeLevels(const Version& version) {
  JsonWriter json;
  json.BeginObject();
  json.Key("levels");
  json.BeginArray();
  for (uint32_t level = 0; level < version.levels().size(); ++level) {
    json.BeginObject();
    json.Field("level", level);
    json.Field("size", version.levels()[level].size());
    json.Key("runs");
    json.BeginArray();
    for (const auto& run : version.levels()[level].runs) {
      json.BeginObject();
      json.Field("id", run->id());
      json.Field("size", run->size());
      json.Field("entries", run->entry_count());
      json.Key("tables");
      json.BeginArray();
      for (const Slice& slice : run->slices()) Table(&json, slice);
      json.EndArray();
      json.EndObject();
    }
    json.EndArray();
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return json.text();
}

std::string DescribeMemory(const DbContext& context, const ReadState& state) {
  uint64_t memtables = state.active().table->memory_used();
  for (const LoggedMemTable& memtable : state.immutable())
    memtables += memtable.table->memory_used();
  const uint64_t idle_arenas = context.arenas->idle_bytes();
  const uint64_t tables = context.tables->memory_used();
  const uint64_t cache = context.block_cache->usage();
  JsonWriter json;
  json.BeginObject();
  json.Field("budget", context.options.memory_budget);
  json.Field("memtables", memtables);
  json.Field("idle_arenas", idle_arenas);
  json.Field("block_cache", cache);
  json.Field("block_cache_capacity", context.block_cache->capacity());
  json.Field("tables", tables);
  json.Field("open_tables", context.tables->open_tables());
  json.Field("total", memtables + idle_arenas + tables + cache);
  json.EndObject();
  return json.text();
}

uint64_t EstimateKeys(const ReadState& state) {
  uint64_t entries = state.active().table->entry_count();
  for (const LoggedMemTable& memtable : state.immutable()) entries += memtable.table->entry_count();
  uint64_t deletes = 0;
  for (const Run* run : state.version().runs()) {
    entries += run->entry_count();
    for (const Slice& slice : run->slices()) deletes += slice.file->meta().delete_count;
  }
  // Each deletion stands for itself and for a row that it hides.
  return entries > 2 * deletes ? entries - 2 * deletes : 0;
}

}  // namespace

Result<std::string> DescribeProperty(const DbContext& context, const Background* background,
                                     std::string_view name) {
  const auto state = context.read_state.Share();
  if (!state) return Status(Code::kClosed, "the database was closed");
  if (name == "stats") return DescribeStats(context, background);
  if (name == "levels") return DescribeLevels(state->version());
  if (name == "memory") return DescribeMemory(context, *state);
  if (name == "estimate-keys") return absl::StrCat(EstimateKeys(*state));
  return Status::InvalidArgument(absl::StrCat("unknown property ", JsonWriter::Escape(name),
                                              "; known are stats, levels, memory, estimate-keys"));
}

Status ProgressReporter::Report() {
  if (progress_ && progress_(last_)) {
    return Status(Code::kAborted, "the compaction was cancelled; all data is as it was");
  }
  return Status::Ok();
}

Status ProgressReporter::BeginFlush() { return Report(); }

bool ProgressReporter::ReportMerge(const MergeProgress& merge) {
  last_.phase = 1;
  const uint64_t total = merge.bytes_total.load(std::memory_order_relaxed);
  const uint64_t entries_total =
      std::max<uint64_t>(1, merge.entries_total.load(std::memory_order_relaxed));
  const uint64_t entries = merge.entries_done.load(std::memory_order_relaxed);
  // The work is known in entries, roughly; what people watch is bytes of files.
  const double share =
      std::min(1.0, static_cast<double>(entries) / static_cast<double>(entries_total));
  last_.bytes_total = std::max(last_.bytes_total, total);
  last_.bytes_done =
      std::clamp(static_cast<uint64_t>(share * static_cast<double>(last_.bytes_total)),
                 last_.bytes_done, last_.bytes_total);
  last_.entries_done = std::max(last_.entries_done, entries);
  return !Report().ok();
}

Status ProgressReporter::Finish() {
  last_.phase = 1;
  last_.bytes_done = last_.bytes_total;
  // The work is done: cancelling comes too late.
  (void)Report();
  return Status::Ok();
}

}  // namespace lsm
