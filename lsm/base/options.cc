#include "lsm/base/options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace lsm {
namespace {

constexpr uint64_t kMaxBytes = 1024 * kGiB;
constexpr uint64_t kMicrosPerSecond = 1'000'000;
constexpr uint64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;
constexpr int32_t kMinZstdLevel = -7;
constexpr int32_t kMaxZstdLevel = 19;

using Field = std::variant<bool Options::*, uint64_t Options::*, double Options::*,
                           Compression Options::*, CompactionStyle Options::*>;

struct Row {
  OptionInfo info;
  Field field;
  bool allows_auto = false;  // "auto" stands for kAutoSize
};

const Row kRows[] = {
    {{"create_if_missing", OptionType::kBool, "", "", "",
      "Make the database (and its directory, not the parents) where there is none."},
     &Options::create_if_missing},
    {{"error_if_exists", OptionType::kBool, "", "", "",
      "Refuse to open a database that is already there."},
     &Options::error_if_exists},
    {{"read_only", OptionType::kBool, "", "", "",
      "Open beside other readers and change no file; the log is replayed in memory."},
     &Options::read_only},
    {{"mmap_reads", OptionType::kBool, "", "", "",
      "Read tables through a memory map; false reads into private memory, so that a failing "
      "disk is an error instead of a SIGBUS."},
     &Options::mmap_reads},
    {{"memory_budget", OptionType::kSize, "bytes", "1MiB", "1024GiB",
      "The cap over memtables, block cache, and index and filters that are not mapped."},
     &Options::memory_budget},
    {{"write_buffer_size", OptionType::kSize, "bytes", "4KiB", "16GiB",
      "The size at which a memtable is flushed to a table; auto is a sixth of memory_budget, "
      "at most 64MiB."},
     &Options::write_buffer_size,
     true},
    {{"block_cache_size", OptionType::kSize, "bytes", "0", "1024GiB",
      "The cap of the cache of decompressed blocks; auto is what memory_budget leaves."},
     &Options::block_cache_size,
     true},
    {{"block_size", OptionType::kSize, "bytes", "64", "16MiB",
      "The uncompressed size at which a data block of a table is closed."},
     &Options::block_size},
    {{"table_size", OptionType::kSize, "bytes", "4KiB", "4GiB",
      "The size at which a compaction closes a table and starts the next."},
     &Options::table_size},
    {{"compression", OptionType::kCompression, "", "", "",
      "none, zstd or zstd:LEVEL with a level from -7 to 19; a block that does not shrink "
      "stays raw. At zstd:1, the same as zstd, reads come first: small blocks are entropy coded "
      "only where that saves a fifth, for it is slow to undo; from zstd:2 on size does."},
     &Options::compression},
    {{"filter_bits_per_key", OptionType::kNumber, "bits", "0", "64",
      "The average size of the Bloom filters; they are spread over the levels so that "
      "lookups of absent keys cost least; 0 builds none."},
     &Options::filter_bits_per_key},
    {{"compaction_style", OptionType::kStyle, "", "", "",
      "lazy (tiered levels over a leveled last one), leveled (least space) or tiered "
      "(least writing)."},
     &Options::compaction_style},
    {{"size_ratio", OptionType::kNumber, "", "2", "64",
      "How many times larger each level is than the one above it."},
     &Options::size_ratio},
    {{"background_threads", OptionType::kNumber, "threads", "1", "64",
      "How many threads compact; one more flushes."},
     &Options::background_threads},
    {{"wal_sync_interval", OptionType::kDuration, "microseconds", "0", "86400s",
      "How often the log is synced without being asked; 0 leaves it to the system."},
     &Options::wal_sync_interval_micros},
    {{"max_open_tables", OptionType::kNumber, "files", "16", "1000000",
      "How many table files are kept open at most."},
     &Options::max_open_tables},
};

struct Unit {
  std::string_view suffix;
  uint64_t factor;
};
constexpr Unit kSizeUnits[] = {{"GiB", kGiB}, {"MiB", kMiB}, {"KiB", kKiB}, {"B", 1}};
constexpr Unit kDurationUnits[] = {{"us", 1}, {"ms", 1000}, {"s", kMicrosPerSecond}};

// All of `text`, and nothing around it.
template <typename T>
bool ParseNumber(std::string_view text, T* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

// Digits and one of the units; no sign, no space, no fraction.
template <size_t N>
bool ParseWithUnit(std::string_view text, const Unit (&units)[N], uint64_t* value) {
  uint64_t factor = 1;
  for (const Unit& unit : units) {
    if (text.size() > unit.suffix.size() && text.ends_with(unit.suffix)) {
      text.remove_suffix(unit.suffix.size());
      factor = unit.factor;
      break;
    }
  }
  uint64_t number;
  if (!ParseNumber(text, &number) || number > UINT64_MAX / factor) return false;
  *value = number * factor;
  return true;
}

bool ParseInteger(OptionType type, std::string_view text, uint64_t* value) {
  static constexpr Unit kNoUnits[] = {{"", 1}};
  switch (type) {
    case OptionType::kSize:
      return ParseWithUnit(text, kSizeUnits, value);
    case OptionType::kDuration:
      return ParseWithUnit(text, kDurationUnits, value);
    default:
      return ParseWithUnit(text, kNoUnits, value);
  }
}

template <size_t N>
std::string FormatWithUnit(uint64_t value, const Unit (&units)[N]) {
  for (const Unit& unit : units) {
    if (value != 0 && unit.factor != 1 && value % unit.factor == 0) {
      return absl::StrCat(value / unit.factor, unit.suffix);
    }
  }
  return absl::StrCat(value);
}

Status BadValue(const Row& row, std::string_view value, std::string_view expected) {
  return Status::InvalidArgument(
      absl::StrCat("option ", row.info.name, "=", value, ": expected ", expected));
}

Status OutOfBounds(const Row& row, std::string_view value) {
  return BadValue(row, value,
                  absl::StrCat("at least ", row.info.minimum, " and at most ", row.info.maximum));
}

Status Parse(const Row& row, std::string_view text, bool* value) {
  if (text != "true" && text != "false") return BadValue(row, text, "true or false");
  *value = text == "true";
  return Status::Ok();
}

Status Parse(const Row& row, std::string_view text, uint64_t* value) {
  if (row.allows_auto && text == "auto") {
    *value = kAutoSize;
    return Status::Ok();
  }
  uint64_t parsed;
  if (!ParseInteger(row.info.type, text, &parsed)) {
    switch (row.info.type) {
      case OptionType::kSize:
        return BadValue(row, text, "a size such as 4096, 4KiB, 64MiB or 1GiB");
      case OptionType::kDuration:
        return BadValue(row, text, "a duration such as 500us, 10ms or 1s");
      default:
        return BadValue(row, text, "a whole number");
    }
  }
  uint64_t minimum = 0;
  uint64_t maximum = 0;
  ParseInteger(row.info.type, row.info.minimum, &minimum);
  ParseInteger(row.info.type, row.info.maximum, &maximum);
  if (parsed < minimum || parsed > maximum) return OutOfBounds(row, text);
  *value = parsed;
  return Status::Ok();
}

Status Parse(const Row& row, std::string_view text, double* value) {
  double parsed;
  double minimum = 0;
  double maximum = 0;
  if (!ParseNumber(text, &parsed)) return BadValue(row, text, "a number");
  ParseNumber(row.info.minimum, &minimum);
  ParseNumber(row.info.maximum, &maximum);
  // Written so that a NaN is out of bounds.
  if (!(parsed >= minimum && parsed <= maximum)) return OutOfBounds(row, text);
  *value = parsed;
  return Status::Ok();
}

Status Parse(const Row& row, std::string_view text, Compression* value) {
  constexpr std::string_view kZstd = "zstd:";
  if (text == "none") {
    *value = {Compression::Kind::kNone, 0};
  } else if (text == "zstd") {
    *value = Compression();
  } else {
    int32_t level;
    if (!text.starts_with(kZstd) || !ParseNumber(text.substr(kZstd.size()), &level) ||
        level < kMinZstdLevel || level > kMaxZstdLevel) {
      return BadValue(row, text, "none, zstd, or zstd:LEVEL with a level from -7 to 19");
    }
    *value = {Compression::Kind::kZstd, level};
  }
  return Status::Ok();
}

constexpr std::string_view kStyleNames[] = {"lazy", "leveled", "tiered"};

Status Parse(const Row& row, std::string_view text, CompactionStyle* value) {
  const auto* found = std::find(std::begin(kStyleNames), std::end(kStyleNames), text);
  if (found == std::end(kStyleNames)) return BadValue(row, text, "lazy, leveled or tiered");
  *value = static_cast<CompactionStyle>(found - std::begin(kStyleNames));
  return Status::Ok();
}

std::string Format(const Row&, bool value) { return value ? "true" : "false"; }
std::string Format(const Row& row, uint64_t value) {
  if (row.allows_auto && value == kAutoSize) return "auto";
  switch (row.info.type) {
    case OptionType::kSize:
      return FormatWithUnit(value, kSizeUnits);
    case OptionType::kDuration:
      return absl::StrCat(value, "us");
    default:
      return absl::StrCat(value);
  }
}
std::string Format(const Row&, double value) {
  // The shortest text that reads back as the same number.
  char text[32];
  const auto [end, error] = std::to_chars(text, text + sizeof(text), value);
  LSM_DCHECK(error == std::errc());
  return std::string(text, end);
}
std::string Format(const Row&, Compression value) {
  return value.kind == Compression::Kind::kNone ? "none" : absl::StrCat("zstd:", value.level);
}
std::string Format(const Row&, CompactionStyle value) {
  return std::string(kStyleNames[static_cast<size_t>(value)]);
}

const Row* FindRow(std::string_view name) {
  const Row* row = std::find_if(std::begin(kRows), std::end(kRows),
                                [&](const Row& r) { return name == r.info.name; });
  return row == std::end(kRows) ? nullptr : row;
}

}  // namespace

Options ResolveOptions(const Options& options) {
  Options resolved = options;
  if (resolved.write_buffer_size == kAutoSize) {
    resolved.write_buffer_size =
        std::clamp(resolved.memory_budget / (2 * kMaxMemtables), kMinWriteBufferSize, 64 * kMiB);
  }
  if (resolved.block_cache_size == kAutoSize) {
    const uint64_t taken = resolved.memory_budget / 8 + kMaxMemtables * resolved.write_buffer_size;
    resolved.block_cache_size = resolved.memory_budget - std::min(taken, resolved.memory_budget);
  }
  return resolved;
}

std::span<const OptionInfo> OptionTable() {
  static const auto* const table = [] {
    auto* infos = new std::array<OptionInfo, std::size(kRows)>;
    std::transform(std::begin(kRows), std::end(kRows), infos->begin(),
                   [](const Row& row) { return row.info; });
    return infos;
  }();
  return *table;
}

std::string GetOption(const Options& options, std::string_view name) {
  const Row* row = FindRow(name);
  LSM_DCHECK(row != nullptr);
  return std::visit([&](auto field) { return Format(*row, options.*field); }, row->field);
}

Status SetOption(Options* options, std::string_view name, std::string_view value) {
  const Row* row = FindRow(name);
  if (row == nullptr) {
    return Status::InvalidArgument(absl::StrCat(
        "unknown option ", name, "; known are ",
        absl::StrJoin(kRows, ", ", [](std::string* out, const Row& r) { *out += r.info.name; })));
  }
  return std::visit([&](auto field) { return Parse(*row, value, &(options->*field)); }, row->field);
}

}  // namespace lsm
