#include "lsm/version/version.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lsm/base/entry.h"

namespace lsm {

uint64_t Slice::entry_count() const {
  const TableMeta& meta = file->meta();
  if (size >= meta.file_size) return meta.entry_count;
  return static_cast<uint64_t>(static_cast<double>(meta.entry_count) * static_cast<double>(size) /
                               static_cast<double>(meta.file_size));
}

Run::Run(uint64_t id, std::vector<Slice> slices) : id_(id), slices_(std::move(slices)) {
  LSM_DCHECK(!slices_.empty());
  shared_prefix_ = SharedPrefixSize(slices_.front().range.begin, slices_.back().range.begin);
  prefixes_.reserve(slices_.size());
  for (const Slice& slice : slices_) {
    prefixes_.push_back(KeyPrefix(slice.range.begin, shared_prefix_));
    size_ += slice.size;
    entry_count_ += slice.entry_count();
  }
}

size_t Run::LowerBound(std::string_view key) const {
  // The candidates by prefix, then exactly: the slice before the first that begins behind the key.
  size_t first = 0;
  size_t last = slices_.size();
  const std::string_view front = slices_.front().range.begin;
  const std::string_view shared = front.substr(0, shared_prefix_);
  if (key.substr(0, shared_prefix_) == shared) {
    const uint64_t prefix = KeyPrefix(key, shared_prefix_);
    const auto equal = std::equal_range(prefixes_.begin(), prefixes_.end(), prefix);
    first = static_cast<size_t>(equal.first - prefixes_.begin());
    last = static_cast<size_t>(equal.second - prefixes_.begin());
  } else if (key < front) {
    last = 0;
  } else {
    first = last;
  }
  while (first < last) {
    const size_t middle = first + (last - first) / 2;
    if (slices_[middle].range.begin <= key) {
      first = middle + 1;
    } else {
      last = middle;
    }
  }
  return first > 0 && key < slices_[first - 1].range.end ? first - 1 : first;
}

const Slice* Run::Find(std::string_view key) const {
  const size_t index = LowerBound(key);
  if (index == slices_.size() || key < slices_[index].range.begin) return nullptr;
  return &slices_[index];
}

std::span<const Slice> Run::Overlapping(std::string_view begin, std::string_view end) const {
  const size_t first = LowerBound(begin);
  size_t last = first;
  while (last < slices_.size() && slices_[last].range.begin < end) ++last;
  return std::span(slices_).subspan(first, last - first);
}

uint64_t Level::size() const {
  uint64_t total = 0;
  for (const auto& run : runs) total += run->size();
  return total;
}

uint64_t Version::size() const {
  uint64_t total = 0;
  for (const Level& level : levels_) total += level.size();
  return total;
}

const Run* Version::FindRun(uint32_t level, uint64_t run_id) const {
  if (level >= levels_.size()) return nullptr;
  for (const auto& run : levels_[level].runs) {
    if (run->id() == run_id) return run.get();
  }
  return nullptr;
}

std::vector<AddedSlice> Version::Describe() const {
  std::vector<AddedSlice> slices;
  for (uint32_t level = 0; level < levels_.size(); ++level) {
    for (const auto& run : levels_[level].runs) {
      for (const Slice& slice : run->slices()) {
        slices.push_back({.level = level,
                          .run_id = run->id(),
                          .table = slice.file->meta(),
                          .range = slice.range,
                          .size = slice.size});
      }
    }
  }
  return slices;
}

// Applies one edit to a copy of the runs it touches.
class VersionBuilder {
 public:
  VersionBuilder(const Version& base, const std::shared_ptr<TableCache>& cache)
      : base_(base), cache_(cache) {}

  Result<RefPtr<const Version>> Build(const VersionEdit& edit) {
    for (const RemovedSlice& removed : edit.removed_slices) LSM_RETURN_IF_ERROR(Remove(removed));
    for (const AddedSlice& added : edit.added_slices) LSM_RETURN_IF_ERROR(Add(added));
    RefPtr<Version> version = MakeRef<Version>();
    LSM_RETURN_IF_ERROR(FillLevels(*version));
    return RefPtr<const Version>(std::move(version));
  }

 private:
  // Newest run first within a level.
  struct RunKey {
    uint32_t level;
    uint64_t id;
    bool operator<(const RunKey& other) const {
      return level != other.level ? level < other.level : id > other.id;
    }
  };

  // The slices of a run about to change, by their begin.
  std::map<std::string, Slice>& Touch(const RunKey& key) {
    const auto [found, fresh] = touched_.try_emplace(key);
    if (fresh) {
      if (const Run* run = base_.FindRun(key.level, key.id); run != nullptr) {
        for (const Slice& slice : run->slices()) found->second.emplace(slice.range.begin, slice);
      }
    }
    return found->second;
  }

  Status Remove(const RemovedSlice& removed) {
    auto& slices = Touch({removed.level, removed.run_id});
    const auto found = slices.find(removed.begin);
    if (found == slices.end() || found->second.table_number() != removed.table_number) {
      return Status::Internal(absl::StrCat("the edit removes a slice of table ",
                                           removed.table_number, " that run ", removed.run_id,
                                           " of level ", removed.level, " does not have"));
    }
    slices.erase(found);
    return Status::Ok();
  }

  RefPtr<const TableFile> FileOf(const TableMeta& meta) {
    if (const auto known = base_.tables_.find(meta.number); known != base_.tables_.end()) {
      return known->second;
    }
    auto& file = new_files_[meta.number];
    if (!file) file = MakeRef<TableFile>(cache_, meta);
    return file;
  }

  Status Add(const AddedSlice& added) {
    auto& slices = Touch({added.level, added.run_id});
    const bool fresh =
        slices.try_emplace(added.range.begin, Slice{FileOf(added.table), added.range, added.size})
            .second;
    return fresh ? Status::Ok()
                 : Status::Internal(absl::StrCat("the edit adds a second slice with the same first "
                                                 "key to run ",
                                                 added.run_id, " of level ", added.level));
  }

  Status FillLevels(Version& version) {
    std::map<RunKey, RefPtr<const Run>> runs;
    for (uint32_t level = 0; level < base_.levels_.size(); ++level) {
      for (const auto& run : base_.levels_[level].runs) {
        if (!touched_.contains({level, run->id()})) runs.emplace(RunKey{level, run->id()}, run);
      }
    }
    for (auto& [key, by_begin] : touched_) {
      if (by_begin.empty()) continue;
      std::vector<Slice> slices;
      slices.reserve(by_begin.size());
      for (auto& [begin, slice] : by_begin) slices.push_back(std::move(slice));
      LSM_RETURN_IF_ERROR(CheckDisjoint(key, slices));
      runs.emplace(key, MakeRef<Run>(key.id, std::move(slices)));
    }
    for (const auto& [key, run] : runs) {
      version.levels_.resize(key.level + 1);
      version.levels_[key.level].runs.push_back(run);
      version.runs_.push_back(run.get());
      for (const Slice& slice : run->slices()) {
        version.tables_.emplace(slice.table_number(), slice.file);
      }
    }
    return Status::Ok();
  }

  static Status CheckDisjoint(const RunKey& key, std::span<const Slice> slices) {
    for (size_t i = 1; i < slices.size(); ++i) {
      if (slices[i].range.begin < slices[i - 1].range.end) {
        return Status::Internal(absl::StrCat("tables ", slices[i - 1].table_number(), " and ",
                                             slices[i].table_number(), " overlap in run ", key.id,
                                             " of level ", key.level));
      }
    }
    return Status::Ok();
  }

  const Version& base_;
  const std::shared_ptr<TableCache>& cache_;
  std::map<RunKey, std::map<std::string, Slice>> touched_;
  std::map<uint64_t, RefPtr<const TableFile>> new_files_;
};

Result<RefPtr<const Version>> Version::Apply(const VersionEdit& edit,
                                             const std::shared_ptr<TableCache>& cache) const {
  return VersionBuilder(*this, cache).Build(edit);
}

}  // namespace lsm
