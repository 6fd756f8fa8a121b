// TableBuilder: writes a table (format.h) from entries in order.

#ifndef LSM_SSTABLE_TABLE_BUILDER_H_
#define LSM_SSTABLE_TABLE_BUILDER_H_

#include <memory>
#include <string>

#include "lsm/base/entry.h"
#include "lsm/base/options.h"
#include "lsm/env/env.h"
#include "lsm/iterator/range_tombstones.h"
#include "lsm/sstable/format.h"

namespace lsm {

struct TableBuilderOptions {
  uint64_t file_number = 0;
  uint64_t block_size = kDefaultBlockSize;
  Compression compression;
  double filter_bits_per_key = 10;
};

class TableBuilder {
 public:
  TableBuilder(const TableBuilderOptions& options, std::unique_ptr<WritableFile> file);
  ~TableBuilder();

  // REQUIRES: entries come in the order of entry.h. A failure stays: later calls answer it too.
  Status Add(const Entry& entry);
  // In any order, before Finish(). The views are copied.
  void AddRangeTombstone(const RangeTombstone& tombstone);

  bool empty() const;
  // Bytes written so far and those of the block being filled: what the file would roughly have.
  uint64_t estimated_size() const;
  // Writes what is left and the footer, syncs and closes the file. The directory is the caller's to
  // sync. REQUIRES: called once, at least one entry or tombstone.
  Status Finish();
  // After Finish().
  const TableProperties& properties() const;
  uint64_t file_size() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lsm

#endif  // LSM_SSTABLE_TABLE_BUILDER_H_
