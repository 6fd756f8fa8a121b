// Table::Verify: reads all of a table anew and holds it against what it says of itself.

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lsm/base/hash.h"
#include "lsm/sstable/block.h"
#include "lsm/sstable/table.h"

namespace lsm {
namespace {

// What was counted so far, to be compared with the properties.
struct Count {
  TableProperties found;
  bool complete = true;  // false: damaged blocks are missing from it

  void AddSequence(SequenceNumber sequence) {
    found.min_sequence = std::min(found.min_sequence, sequence);
    found.max_sequence = std::max(found.max_sequence, sequence);
  }
  void Add(const Entry& entry) {
    if (found.entry_count == 0) found.smallest_key = entry.key;
    ++found.entry_count;
    if (entry.kind == EntryKind::kDelete) ++found.delete_count;
    found.raw_key_size += entry.key.size();
    found.raw_value_size += entry.value.size();
    AddSequence(entry.sequence);
  }
  // The name of the first property that is not as counted; null where all are.
  const char* FirstWrong(const TableProperties& stated) const {
    if (stated.entry_count != found.entry_count) return "entry_count";
    if (stated.delete_count != found.delete_count) return "delete_count";
    if (stated.range_tombstone_count != found.range_tombstone_count) return "range_tombstone_count";
    if (stated.data_block_count != found.data_block_count) return "data_block_count";
    if (stated.data_size != found.data_size) return "data_size";
    if (stated.raw_key_size != found.raw_key_size) return "raw_key_size";
    if (stated.raw_value_size != found.raw_value_size) return "raw_value_size";
    if (stated.min_sequence != found.min_sequence) return "min_sequence";
    if (stated.max_sequence != found.max_sequence) return "max_sequence";
    if (stated.smallest_key != found.smallest_key) return "smallest_key";
    if (stated.largest_key != found.largest_key) return "largest_key";
    return nullptr;
  }
};

}  // namespace

class TableVerifier {
 public:
  TableVerifier(const Table& table, const std::function<void(const Table::DamageInfo&)>& on_error,
                const std::function<Status(uint64_t)>& on_bytes)
      : table_(table), on_error_(on_error), on_bytes_(on_bytes) {
    count_.found.min_sequence = kMaxSequence;
  }

  Status Run() {
    CheckSections();
    for (uint64_t block = 0; block < table_.index_.block_count(); ++block) {
      VerifyBlock(block);
      if (on_bytes_) LSM_RETURN_IF_ERROR(on_bytes_(table_.index_.range(block).size));
    }
    CheckProperties();
    return first_;
  }

 private:
  void Report(Status status, std::string_view first_key, std::string_view last_key) {
    if (first_.ok()) first_ = status;
    if (on_error_) on_error_({std::move(status), std::string(first_key), std::string(last_key)});
  }
  void ReportAll(Status status) {
    Report(std::move(status), table_.properties_.smallest_key, table_.properties_.largest_key);
  }

  // They were checked when the table was opened; since then a mapped page may have come anew from
  // disk.
  void CheckSections() {
    const TableFooter& footer = table_.footer_;
    if (table_.mapping_ == nullptr) return;
    for (const auto& [name, range] : footer.Sections()) {
      if (range.size == 0) continue;
      std::string_view content;
      const Status status = CheckSection({{table_.mapping_->data() + range.offset, range.size},
                                          footer.file_number,
                                          range.offset,
                                          table_.path_},
                                         &content);
      if (!status.ok()) ReportAll(status);
    }
  }

  void VerifyBlock(uint64_t block) {
    const std::string_view low =
        block == 0 ? std::string_view() : table_.index_.separator(block - 1);
    const std::string_view high = table_.index_.separator(block);
    BlockTrailer trailer;
    std::string_view content;
    RefPtr<MemoryBlock> memory;
    Status status = table_.fetcher_.ReadFresh(block, &trailer, &content, &memory);
    if (!status.ok()) {
      count_.complete = false;
      last_.reset();
      Report(std::move(status), low, high);
      return;
    }
    ++count_.found.data_block_count;
    count_.found.data_size += table_.index_.range(block).size;
    const BlockReader rows(content.data());
    for (uint32_t row = 0; row < rows.row_count(); ++row) {
      Entry entry;
      rows.Load(row, &entry);
      const char* const wrong = WrongWith(entry, rows.fingerprint(row), block, low, high);
      if (wrong != nullptr) {
        Report(Status::Corruption(table_.path_, table_.index_.offset(block),
                                  absl::StrCat(wrong, " (row ", row, " of the data block)")),
               low, high);
        // What follows in this block would mostly be said of again and again.
        count_.complete = false;
        last_.reset();
        return;
      }
      count_.Add(entry);
      last_ = entry;
    }
    // The last key must outlive the block's memory.
    last_key_ = last_->key;
    last_->key = last_key_;
  }

  const char* WrongWith(const Entry& entry, uint8_t fingerprint, uint64_t block,
                        std::string_view low, std::string_view high) const {
    if (last_ && CompareEntries(*last_, entry) >= 0) return "the entries are out of order";
    if (entry.key > high) return "a key is above the separator of its block";
    if (block > 0 && entry.key <= low) {
      // Only the versions of one key may go on behind a separator that equals it.
      const bool goes_on = entry.key == low && (!last_ || last_->key == low);
      if (!goes_on) return "a key is not above the separator of the block before";
    }
    if (entry.kind == EntryKind::kDelete && !entry.value.empty()) return "a deletion has a value";
    const uint64_t hash = HashKey(entry.key);
    if (KeyFingerprint(hash) != fingerprint) return "a fingerprint is not that of its key";
    if (!table_.filter_.MayContain(hash)) return "the filter does not hold a key";
    return nullptr;
  }

  void CheckProperties() {
    if (!count_.complete) return;
    count_.found.largest_key = last_key_;
    for (const RangeTombstone& tombstone : table_.raw_tombstones_) {
      ++count_.found.range_tombstone_count;
      count_.AddSequence(tombstone.sequence);
    }
    if (const char* wrong = count_.FirstWrong(table_.properties_); wrong != nullptr) {
      ReportAll(
          Status::Corruption(table_.path_, table_.footer_.properties.offset,
                             absl::StrCat("the property ", wrong, " is not what the table holds")));
    }
  }

  const Table& table_;
  const std::function<void(const Table::DamageInfo&)>& on_error_;
  const std::function<Status(uint64_t)>& on_bytes_;
  Status first_;
  Count count_;
  std::optional<Entry> last_;  // the entry before; its value may be gone
  std::string last_key_;
};

Status Table::Verify(const std::function<void(const DamageInfo&)>& on_error,
                     const std::function<Status(uint64_t bytes)>& on_bytes) const {
  return TableVerifier(*this, on_error, on_bytes).Run();
}

}  // namespace lsm
