#include "lsm/compaction/job.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "lsm/base/write_batch.h"
#include "lsm/compaction/drop_rule.h"
#include "lsm/sstable/table_builder.h"
#include "lsm/version/file_names.h"

namespace lsm {
namespace {

// The least key above `key`.
std::string Successor(std::string_view key) {
  std::string successor(key);
  successor.push_back('\0');
  return successor;
}

class Job {
 public:
  Job(const JobOptions& options, JobInput input)
      : options_(options),
        input_(std::move(input)),
        rule_(options.snapshots, options.bottom, &input_.tombstones) {
    for (const auto& fragment : input_.tombstones.fragments()) {
      for (const SequenceNumber sequence : rule_.KeepTombstones(fragment)) {
        tombstones_.push_back({fragment.begin, fragment.end, sequence});
      }
    }
    table_begin_ = input_.range.begin;
    last_key_ = input_.range.begin;
  }

  Status Run() {
    EntryIterator& entries = *input_.entries;
    for (entries.Seek(input_.range.begin); entries.valid(); entries.Next()) {
      const Entry& entry = entries.entry();
      if (entry.key >= input_.range.end) break;
      LSM_RETURN_IF_ERROR(CountAndCheck(entry));
      SequenceNumber sequence;
      if (!rule_.Keep(entry, &sequence)) continue;
      if (table_full_ && entry.key != last_key_) LSM_RETURN_IF_ERROR(FinishTable(entry.key));
      LSM_RETURN_IF_ERROR(AddEntry(entry, sequence));
    }
    LSM_RETURN_IF_ERROR(entries.status());
    LSM_RETURN_IF_ERROR(FinishTable(input_.range.end));
    Report();
    if (outputs_.empty()) return Status::Ok();
    return options_.directory->Sync();
  }

  std::vector<TableMeta> TakeOutputs() { return std::move(outputs_); }

  void RemoveOutputs() {
    builder_.reset();
    // What cannot be removed now is an orphan that the next open removes.
    for (const uint64_t number : created_) (void)options_.directory->Remove(TableFileName(number));
  }

 private:
  // Cancelling and progress cost nothing a row and answer within milliseconds.
  static constexpr uint64_t kReportEvery = 1024;

  Status CountAndCheck(const Entry& entry) {
    bytes_read_ += entry.key.size() + entry.value.size();
    if (++entries_read_ < kReportEvery) return Status::Ok();
    Report();
    if (options_.cancelled && options_.cancelled()) {
      return Status(Code::kAborted, "the compaction was cancelled; all data is as it was");
    }
    return Status::Ok();
  }

  void Report() {
    if (options_.on_progress) options_.on_progress(bytes_read_, entries_read_);
    bytes_read_ = 0;
    entries_read_ = 0;
  }

  Status OpenTable() {
    const uint64_t number = options_.new_file_number();
    LSM_ASSIGN_OR_RETURN(auto file, options_.directory->Create(TableFileName(number)));
    created_.push_back(number);
    meta_ = TableMeta{.number = number};
    builder_.emplace(TableBuilderOptions{.file_number = number,
                                         .block_size = options_.block_size,
                                         .compression = options_.compression,
                                         .filter_bits_per_key = options_.filter_bits_per_key},
                     std::move(file));
    return Status::Ok();
  }

  // Where the sums are right, so is the order, unless whoever wrote the table lied. Written on,
  // such rows would make tables and edits that nobody can read.
  Status OutOfOrder() const {
    return Status::Corruption(options_.directory->path(), Status::kNoOffset,
                              "a table to be merged has its rows out of order; `lsm verify` tells "
                              "which");
  }

  Status AddEntry(const Entry& entry, SequenceNumber sequence) {
    if (entry.key < last_key_) [[unlikely]]
      return OutOfOrder();
    if (!builder_) {
      LSM_RETURN_IF_ERROR(OpenTable());
      meta_.range.begin = entry.key;
    }
    Entry kept = entry;
    kept.sequence = sequence;
    LSM_RETURN_IF_ERROR(builder_->Add(kept));
    last_key_ = entry.key;
    table_full_ = builder_->estimated_size() >= options_.table_size;
    return Status::Ok();
  }

  // Closes the table that holds [table_begin_, cut), with the tombstones that belong there.
  Status FinishTable(std::string_view cut) {
    std::string cut_copy(cut);
    if (builder_) meta_.range.end = Successor(last_key_);
    for (; next_tombstone_ < tombstones_.size(); ++next_tombstone_) {
      RangeTombstone& tombstone = tombstones_[next_tombstone_];
      if (tombstone.begin >= cut_copy) break;
      LSM_RETURN_IF_ERROR(AddTombstone(tombstone, cut_copy));
    }
    // Those that reach over the cut are wanted again behind it.
    while (next_tombstone_ > 0 && tombstones_[next_tombstone_ - 1].end > cut_copy)
      --next_tombstone_;
    table_begin_ = std::move(cut_copy);
    if (!builder_) return Status::Ok();
    LSM_RETURN_IF_ERROR(builder_->Finish());
    FillMeta();
    builder_.reset();
    table_full_ = false;
    return Status::Ok();
  }

  Status AddTombstone(const RangeTombstone& tombstone, std::string_view cut) {
    const std::string_view begin = std::max<std::string_view>(tombstone.begin, table_begin_);
    const std::string_view end = std::min(tombstone.end, cut);
    if (begin >= end) return Status::Ok();
    if (!builder_) {
      LSM_RETURN_IF_ERROR(OpenTable());
      meta_.range = {std::string(begin), std::string(end)};
    }
    builder_->AddRangeTombstone({begin, end, tombstone.sequence});
    if (begin < meta_.range.begin) meta_.range.begin = begin;
    if (end > meta_.range.end) meta_.range.end = end;
    return Status::Ok();
  }

  void FillMeta() {
    const TableProperties& properties = builder_->properties();
    meta_.file_size = builder_->file_size();
    meta_.entry_count = properties.entry_count;
    meta_.delete_count = properties.delete_count;
    meta_.range_tombstone_count = properties.range_tombstone_count;
    meta_.min_sequence = properties.min_sequence;
    meta_.max_sequence = properties.max_sequence;
    outputs_.push_back(std::move(meta_));
  }

  const JobOptions& options_;
  JobInput input_;
  DropRule rule_;
  // What is kept, ascending by begin; fragments are disjoint, so those over one key stand together.
  std::vector<RangeTombstone> tombstones_;
  size_t next_tombstone_ = 0;

  std::optional<TableBuilder> builder_;
  TableMeta meta_;
  std::string table_begin_;
  std::string last_key_;  // added; before the first, the least that may be
  bool table_full_ = false;
  std::vector<uint64_t> created_;
  std::vector<TableMeta> outputs_;
  uint64_t bytes_read_ = 0;
  uint64_t entries_read_ = 0;
};

}  // namespace

Result<std::vector<TableMeta>> RunJob(const JobOptions& options, JobInput input) {
  Job job(options, std::move(input));
  const Status status = job.Run();
  if (!status.ok()) {
    job.RemoveOutputs();
    return status;
  }
  return job.TakeOutputs();
}

}  // namespace lsm
