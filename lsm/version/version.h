// Version: the tree at one moment: levels -> runs (newest first) -> slices of tables (sorted,
// disjoint).
//
// Invariants (CheckState of the builder):
// 1. In a run, slices are ascending and disjoint.
// 2. In a level, runs are ordered newest first, which is by descending id; every entry of a run is
//    newer than every entry of the same key in the runs behind it, here and in deeper levels.
// 3. A slice lies within the range of its table; slices of one table are disjoint.
// 4. Everything is immutable; a version shares with its predecessor the runs that the edit left
//    alone.

#ifndef LSM_VERSION_VERSION_H_
#define LSM_VERSION_VERSION_H_

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "lsm/base/epoch.h"
#include "lsm/base/status.h"
#include "lsm/version/table_file.h"
#include "lsm/version/version_edit.h"

namespace lsm {

// A table's part of a run.
struct Slice {
  RefPtr<const TableFile> file;
  KeyRange range;
  uint64_t size = 0;  // roughly, bytes of the file

  uint64_t table_number() const { return file->meta().number; }
  // Whether the range leaves out some of the table's keys.
  bool clips_begin() const { return range.begin != file->meta().range.begin; }
  bool clips_end() const { return range.end != file->meta().range.end; }
  // Roughly how many of the table's entries are in the range.
  uint64_t entry_count() const;
};

class Run : public RefCounted {
 public:
  Run(uint64_t id, std::vector<Slice> slices);

  uint64_t id() const { return id_; }
  // Ascending by range.
  std::span<const Slice> slices() const { return slices_; }
  // The slice whose range holds `key`, or null.
  const Slice* Find(std::string_view key) const;
  // The index of the first slice whose range ends behind `key`; slices().size() where there is
  // none.
  size_t LowerBound(std::string_view key) const;
  // The slices that overlap [begin, end).
  std::span<const Slice> Overlapping(std::string_view begin, std::string_view end) const;

  uint64_t size() const { return size_; }
  uint64_t entry_count() const { return entry_count_; }
  // Of all slices together. REQUIRES: slices() is not empty.
  std::string_view begin() const { return slices_.front().range.begin; }
  std::string_view end() const { return slices_.back().range.end; }

 private:
  ~Run() override = default;

  const uint64_t id_;
  const std::vector<Slice> slices_;
  // KeyPrefix(slice.range.begin, shared_prefix_), for a search that touches little memory.
  size_t shared_prefix_ = 0;
  std::vector<uint64_t> prefixes_;
  uint64_t size_ = 0;
  uint64_t entry_count_ = 0;
};

struct Level {
  std::vector<RefPtr<const Run>> runs;  // newest first

  uint64_t size() const;
};

class Version : public RefCounted {
 public:
  // Without any table.
  Version() = default;

  std::span<const Level> levels() const { return levels_; }
  // Every run of every level, newest first: the order in which a get asks them.
  std::span<const Run* const> runs() const { return runs_; }
  uint64_t table_count() const { return tables_.size(); }
  uint64_t size() const;
  bool HasTable(uint64_t number) const { return tables_.contains(number); }
  const Run* FindRun(uint32_t level, uint64_t run_id) const;

  // The version that follows by `edit`. kInternal, saying what is wrong, where the edit does not
  // fit it. Table files that both know are shared; new ones are made on `cache`.
  Result<RefPtr<const Version>> Apply(const VersionEdit& edit,
                                      const std::shared_ptr<TableCache>& cache) const;
  // The slices of an edit that makes this version from nothing.
  std::vector<AddedSlice> Describe() const;
  // Calls visit(const TableFile&) for each.
  template <typename Visitor>
  void VisitTables(Visitor visit) const {
    for (const auto& [number, file] : tables_) visit(*file);
  }

 private:
  friend class VersionBuilder;
  ~Version() override = default;

  std::vector<Level> levels_;
  std::vector<const Run*> runs_;
  std::map<uint64_t, RefPtr<const TableFile>> tables_;
};

}  // namespace lsm

#endif  // LSM_VERSION_VERSION_H_
