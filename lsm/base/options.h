// The options of a database, and the one table that describes them all: it feeds lsm_options_set,
// the command line's --option name=value, the bindings and the printed reference. A new option is a
// field here and a row in options.cc.

#ifndef LSM_BASE_OPTIONS_H_
#define LSM_BASE_OPTIONS_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "lsm/base/limits.h"
#include "lsm/base/status.h"

namespace lsm {

// Small enough for a get to unpack little, large enough for a scan: tools/bench/LOG.md has the
// figures.
inline constexpr uint64_t kDefaultBlockSize = 2 * kKiB;

struct Compression {
  enum class Kind : uint8_t { kNone = 0, kZstd = 1 };
  Kind kind = Kind::kZstd;
  int32_t level = 1;  // zstd's own scale
};

enum class CompactionStyle : uint8_t { kLazy, kLeveled, kTiered };

// The value of a size that ResolveOptions() derives from memory_budget.
inline constexpr uint64_t kAutoSize = UINT64_MAX;

// Sizes are in bytes, durations in microseconds. The meaning and bounds of each field are in its
// row of the table, which is what users read.
struct Options {
  bool create_if_missing = true;
  bool error_if_exists = false;
  bool read_only = false;
  bool mmap_reads = true;
  uint64_t memory_budget = 256 * kMiB;
  uint64_t write_buffer_size = kAutoSize;
  uint64_t block_cache_size = kAutoSize;
  uint64_t block_size = kDefaultBlockSize;
  uint64_t table_size = 64 * kMiB;
  Compression compression;
  double filter_bits_per_key = 10;
  CompactionStyle compaction_style = CompactionStyle::kLazy;
  uint64_t size_ratio = 8;
  uint64_t background_threads = 2;
  uint64_t wal_sync_interval_micros = 0;
  uint64_t max_open_tables = 4096;
};

// The options with every "auto" replaced by the size it stands for. The parts of the budget: at
// most kMaxMemtables memtables at once, the block cache, and an eighth for what is neither
// (compaction buffers, table metadata, read buffers).
inline constexpr uint64_t kMaxMemtables = 3;
Options ResolveOptions(const Options& options);

enum class OptionType : uint8_t { kBool, kSize, kDuration, kNumber, kCompression, kStyle };

struct OptionInfo {
  const char* name;
  OptionType type;
  const char* unit;  // "bytes", "microseconds", "" …
  // As lsm_options_set takes them; "" where the type has no order.
  const char* minimum;
  const char* maximum;
  const char* help;  // one sentence
};

std::span<const OptionInfo> OptionTable();

// The value of option `name` as text that SetOption takes back. REQUIRES: it is in the table.
std::string GetOption(const Options& options, std::string_view name);

// kInvalidArgument, with the options unchanged, for an unknown name (the message lists the known
// ones), a value that does not parse, or one out of bounds (the message names the bound). Sizes are
// bytes or take KiB, MiB, GiB; durations take us, ms, s (no unit: microseconds); booleans are true
// or false.
Status SetOption(Options* options, std::string_view name, std::string_view value);

}  // namespace lsm

#endif  // LSM_BASE_OPTIONS_H_
