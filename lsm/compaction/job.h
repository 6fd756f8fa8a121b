// A job turns sorted input into tables: the execution of a flush or of a piece of a merge.
//
// The output is cut into tables at user keys (all versions of a key stay together) when a table
// reaches its size; range tombstones are cut at the same keys, so the tables are disjoint. What the
// drop rule refuses is left out. Tables are synced; the directory and the version edit are the
// caller's.
//
// A job that fails or is cancelled removes what it wrote.

#ifndef LSM_COMPACTION_JOB_H_
#define LSM_COMPACTION_JOB_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "lsm/base/options.h"
#include "lsm/env/env.h"
#include "lsm/iterator/iterator.h"
#include "lsm/iterator/range_tombstones.h"
#include "lsm/version/version_edit.h"

namespace lsm {

struct JobInput {
  // Merged, newest version first; where keys are not in order, the job fails with kCorruption. Keys
  // outside `range` are not visited.
  std::unique_ptr<EntryIterator> entries;
  FragmentedRangeTombstones tombstones;
  KeyRange range;
};

struct JobOptions {
  Directory* directory = nullptr;
  std::function<uint64_t()> new_file_number;
  uint64_t block_size = kDefaultBlockSize;
  Compression compression;
  double filter_bits_per_key = 10;
  uint64_t table_size = 64 * kMiB;
  std::vector<SequenceNumber> snapshots;  // ascending
  bool bottom = false;
  // Read often; true ends the job with kAborted.
  std::function<bool()> cancelled;
  // Told, some thousand rows at a time, how much more of the input was read.
  std::function<void(uint64_t bytes, uint64_t entries)> on_progress;
};

// The tables written, ascending and disjoint, durable under their names; none where everything was
// dropped. A job that fails removes what it wrote.
Result<std::vector<TableMeta>> RunJob(const JobOptions& options, JobInput input);

}  // namespace lsm

#endif  // LSM_COMPACTION_JOB_H_
