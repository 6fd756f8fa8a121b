#include "lsm/db/properties.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace lsm {
namespace {

using Json = nlohmann::ordered_json;

// Keys are bytes, JSON is text: all but plain ASCII becomes \xNN, as the command line prints it.
std::string Escape(std::string_view key) {
  std::string text;
  for (const char c : key) {
    if (c == '\\') {
      text += "\\\\";
    } else if (c >= 0x20 && c < 0x7f && c != '"') {
      text += c;
    } else {
      absl::StrAppend(&text, "\\x", absl::Hex(static_cast<uint8_t>(c), absl::kZeroPad2));
    }
  }
  return text;
}

Json DescribeError(const Status& status) {
  if (status.ok()) return nullptr;
  Json json;
  json["code"] = CodeName(static_cast<int32_t>(status.code()));
  json["message"] = status.ToString();
  json["file"] = status.file();
  return json;
}

Json DescribeLatency(const Stats& stats, Timed what) {
  Json json;
  json["samples"] = stats.Samples(what);
  json["p50_us"] = stats.Latency(what, 0.5);
  json["p99_us"] = stats.Latency(what, 0.99);
  json["p999_us"] = stats.Latency(what, 0.999);
  return json;
}

Json DescribeStats(const DbContext& context, const Background* background) {
  const Stats& stats = context.stats;
  const auto get = [&](Counter counter) { return stats.Get(counter); };
  Json json;
  json["operations"] = {{"puts", get(Counter::kPuts)},
                        {"deletes", get(Counter::kDeletes)},
                        {"range_deletes", get(Counter::kRangeDeletes)},
                        {"gets", get(Counter::kGets)},
                        {"get_hits", get(Counter::kGetHits)},
                        {"scans", get(Counter::kScans)},
                        {"write_groups", get(Counter::kWriteGroups)},
                        {"log_syncs", get(Counter::kLogSyncs)}};
  const uint64_t user = get(Counter::kUserBytesWritten);
  const uint64_t tables = get(Counter::kFlushBytes) + get(Counter::kCompactionBytesWritten);
  json["bytes"] = {{"user_written", user},
                   {"log_written", get(Counter::kLogBytes)},
                   {"flushed", get(Counter::kFlushBytes)},
                   {"compaction_read", get(Counter::kCompactionBytesRead)},
                   {"compaction_written", get(Counter::kCompactionBytesWritten)}};
  json["write_amplification"] =
      user == 0 ? 0.0
                : static_cast<double>(get(Counter::kLogBytes) + tables) / static_cast<double>(user);
  json["latencies"] = {{"get", DescribeLatency(stats, Timed::kGet)},
                       {"write", DescribeLatency(stats, Timed::kWrite)},
                       {"flush", DescribeLatency(stats, Timed::kFlush)},
                       {"compaction", DescribeLatency(stats, Timed::kCompaction)}};
  json["stalls"] = {{"count", get(Counter::kStalls)}, {"micros", get(Counter::kStallMicros)}};
  json["flushes"] = get(Counter::kFlushes);
  json["compactions"] = {{"jobs", get(Counter::kCompactions)},
                         {"trivial_moves", get(Counter::kTrivialMoves)}};
  json["block_cache"] = {{"hits", context.block_cache->hits()},
                         {"misses", context.block_cache->misses()}};
  if (background != nullptr) {
    const Background::Activity activity = background->activity();
    json["background"] = {{"merges", activity.merges},
                          {"jobs", activity.jobs},
                          {"flushing", activity.flushing},
                          {"error", DescribeError(background->background_error())}};
  }
  return json;
}

Json DescribeTable(const Slice& slice) {
  const TableMeta& meta = slice.file->meta();
  Json json;
  json["number"] = meta.number;
  json["file_size"] = meta.file_size;
  json["size"] = slice.size;
  json["begin"] = Escape(slice.range.begin);
  json["end"] = slice.range.end == InfiniteKey() ? Json(nullptr) : Json(Escape(slice.range.end));
  json["entries"] = slice.entry_count();
  json["deletes"] = meta.delete_count;
  json["range_tombstones"] = meta.range_tombstone_count;
  json["min_sequence"] = meta.min_sequence;
  json["max_sequence"] = meta.max_sequence;
  return json;
}

Json DescribeLevels(const Version& version) {
  Json levels = Json::array();
  for (uint32_t level = 0; level < version.levels().size(); ++level) {
    Json runs = Json::array();
    for (const auto& run : version.levels()[level].runs) {
      Json tables = Json::array();
      for (const Slice& slice : run->slices()) tables.push_back(DescribeTable(slice));
      runs.push_back({{"id", run->id()},
                      {"size", run->size()},
                      {"entries", run->entry_count()},
                      {"tables", std::move(tables)}});
    }
    levels.push_back({{"level", level},
                      {"size", version.levels()[level].size()},
                      {"runs", std::move(runs)}});
  }
  return {{"levels", std::move(levels)}};
}

Json DescribeMemory(const DbContext& context, const ReadState& state) {
  uint64_t memtables = state.active().table->memory_used();
  for (const LoggedMemTable& memtable : state.immutable()) memtables += memtable.table->memory_used();
  const uint64_t tables = context.tables->memory_used();
  const uint64_t cache = context.block_cache->usage();
  return {{"budget", context.options.memory_budget},
          {"memtables", memtables},
          {"idle_arenas", context.arenas->idle_bytes()},
          {"block_cache", cache},
          {"block_cache_capacity", context.block_cache->capacity()},
          {"tables", tables},
          {"open_tables", context.tables->open_tables()},
          {"total", memtables + context.arenas->idle_bytes() + tables + cache}};
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
  if (name == "stats") return DescribeStats(context, background).dump();
  if (name == "levels") return DescribeLevels(state->version()).dump();
  if (name == "memory") return DescribeMemory(context, *state).dump();
  if (name == "estimate-keys") return absl::StrCat(EstimateKeys(*state));
  return Status::InvalidArgument(absl::StrCat(
      "unknown property ", Escape(name), "; known are stats, levels, memory, estimate-keys"));
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
  const uint64_t entries_total = std::max<uint64_t>(1, merge.entries_total.load(std::memory_order_relaxed));
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
