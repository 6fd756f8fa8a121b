#include "lsm/db/read_path.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lsm/base/hash.h"
#include "lsm/base/write_batch.h"
#include "lsm/iterator/merging_iterator.h"
#include "lsm/version/run_iterator.h"

namespace lsm {
namespace {

// What a memtable answers; nothing where an older source is to be asked.
std::optional<Status> GetFromMemTable(const MemTable& memtable, SequenceNumber sequence,
                                      std::string_view key, Db::Value* value) {
  if (memtable.empty()) return std::nullopt;
  const SequenceNumber cover = memtable.CoveringSequence(key, sequence);
  const MemTable::Lookup lookup = memtable.Get(key, sequence);
  if (lookup.state == MemTable::Lookup::State::kFound && lookup.sequence > cover) {
    *value = {lookup.value, &memtable};
    return Status::Ok();
  }
  if (lookup.state == MemTable::Lookup::State::kAbsent && cover == 0) return std::nullopt;
  return Status::NotFound();
}

std::optional<Status> GetFromRun(const Run& run, SequenceNumber sequence, std::string_view key,
                                 uint64_t key_hash, Db::Value* value) {
  const Slice* slice = run.Find(key);
  if (slice == nullptr) return std::nullopt;
  const Table* table;
  Status status = slice->file->Get(&table);
  if (!status.ok()) return status;
  SequenceNumber cover = 0;
  if (!table->tombstones().empty()) [[unlikely]]
    cover = table->tombstones().CoveringSequence(key, sequence);
  Table::Lookup lookup;
  status = table->Get(key, key_hash, sequence, &lookup);
  if (!status.ok()) return status;
  // A sequence number of 0 is older than any tombstone, and covered by none where `cover` is 0.
  if (lookup.state == Table::Lookup::State::kFound && (cover == 0 || lookup.sequence > cover)) {
    *value = {lookup.value, lookup.owner};
    return Status::Ok();
  }
  if (lookup.state == Table::Lookup::State::kAbsent && cover == 0) return std::nullopt;
  return Status::NotFound();
}

// What keeps the sources and the bounds of a scan readable.
class ScanSources : public RefCounted {
 public:
  ScanSources(RefPtr<const ReadState> state, KeyRangeView range)
      : state_(std::move(state)), lower_(range.begin) {
    if (!IsInfiniteKey(range.end)) upper_ = range.end;
  }

  const ReadState& state() const { return *state_; }
  KeyRangeView range() const {
    return {lower_, upper_.has_value() ? std::string_view(*upper_) : InfiniteKey()};
  }
  void Keep(RefPtr<const Table> table) { tables_.push_back(std::move(table)); }

 private:
  ~ScanSources() override = default;

  const RefPtr<const ReadState> state_;
  const std::string lower_;
  // None stands for InfiniteKey(), which is large, and everywhere already.
  std::optional<std::string> upper_;
  std::vector<RefPtr<const Table>> tables_;
};

class ScanBuilder {
 public:
  ScanBuilder(RefPtr<const ReadState> state, KeyRangeView range)
      : owner_(MakeRef<ScanSources>(std::move(state), range)), range_(owner_->range()) {}

  Status Build() {
    const ReadState& state = owner_->state();
    AddMemTable(*state.active().table);
    for (const LoggedMemTable& memtable : state.immutable()) AddMemTable(*memtable.table);
    for (const Run* run : state.version().runs()) LSM_RETURN_IF_ERROR(AddRun(*run));
    return Status::Ok();
  }

  std::unique_ptr<Scan> Finish(SequenceNumber sequence) {
    return std::make_unique<Scan>(std::move(owner_), NewMergingIterator(std::move(sources_)),
                                  FragmentedRangeTombstones(tombstones_), sequence, range_.begin,
                                  range_.end);
  }

 private:
  void AddMemTable(const MemTable& memtable) {
    if (memtable.empty()) return;
    sources_.push_back(memtable.NewIterator());
    memtable.VisitRangeTombstones(
        [this](const RangeTombstone& tombstone) { tombstones_.push_back(tombstone); });
  }

  Status AddRun(const Run& run) {
    const auto slices = run.Overlapping(range_.begin, range_.end);
    if (slices.empty()) return Status::Ok();
    sources_.push_back(NewRunIterator(RefPtr<const Run>::Share(&run), range_.begin, range_.end,
                                      Table::ScanKind::kShort));
    for (const Slice& slice : slices) {
      if (slice.file->meta().range_tombstone_count == 0) continue;
      LSM_ASSIGN_OR_RETURN(auto table, slice.file->Share());
      for (const RangeTombstone& tombstone : table->raw_tombstones()) {
        // Beyond the slice the table says nothing any more.
        const RangeTombstone clipped = {
            std::max<std::string_view>(tombstone.begin, slice.range.begin),
            std::min<std::string_view>(tombstone.end, slice.range.end), tombstone.sequence};
        if (clipped.begin < clipped.end) tombstones_.push_back(clipped);
      }
      owner_->Keep(std::move(table));
    }
    return Status::Ok();
  }

  RefPtr<ScanSources> owner_;
  const KeyRangeView range_;
  std::vector<std::unique_ptr<EntryIterator>> sources_;
  std::vector<RangeTombstone> tombstones_;
};

}  // namespace

Status GetFrom(const ReadState& state, SequenceNumber sequence, std::string_view key,
               Db::Value* value) {
  if (auto answer = GetFromMemTable(*state.active().table, sequence, key, value)) return *answer;
  for (const LoggedMemTable& memtable : state.immutable()) {
    if (auto answer = GetFromMemTable(*memtable.table, sequence, key, value)) return *answer;
  }
  const std::span<const Run* const> runs = state.version().runs();
  if (runs.empty()) return Status::NotFound();
  const uint64_t key_hash = HashKey(key);
  for (const Run* run : runs) {
    if (auto answer = GetFromRun(*run, sequence, key, key_hash, value)) return *answer;
  }
  return Status::NotFound();
}

Result<std::unique_ptr<Scan>> NewScanOver(RefPtr<const ReadState> state, SequenceNumber sequence,
                                          KeyRangeView range) {
  ScanBuilder builder(std::move(state), range);
  LSM_RETURN_IF_ERROR(builder.Build());
  return builder.Finish(sequence);
}

}  // namespace lsm
