#include "lsm/sstable/block.h"

#include <emmintrin.h>

#include <bit>
#include <cstring>

#include "lsm/base/limits.h"

namespace lsm {
namespace {

// Blocks of more rows than this are searched by halves: their fingerprints fill too many lines.
constexpr uint32_t kMaxScannedRows = 512;

// Whether the offsets ascend from 0 to `region_size` in steps of at most `max_step`.
template <typename Offset>
bool OffsetsFit(const char* offsets, uint64_t row_count, uint64_t region_size, uint64_t max_step) {
  if (LoadFixed<Offset>(offsets) != 0) return false;
  bool fit = true;
  for (uint64_t i = 0; i < row_count; ++i) {
    const uint64_t begin = LoadFixed<Offset>(offsets + i * sizeof(Offset));
    const uint64_t end = LoadFixed<Offset>(offsets + (i + 1) * sizeof(Offset));
    fit &= end - begin <= max_step;  // a step back is a huge one
  }
  return fit && LoadFixed<Offset>(offsets + row_count * sizeof(Offset)) == region_size;
}

// The cells of one column: `fixed_size` is the header's, `offsets` null where it is in force.
bool ColumnFits(const char* offsets, bool wide, uint64_t row_count, uint64_t fixed_size,
                uint64_t region_size, uint64_t max_cell) {
  if (offsets == nullptr) return fixed_size <= max_cell && fixed_size * row_count == region_size;
  if (fixed_size != 0) return false;
  return wide ? OffsetsFit<uint32_t>(offsets, row_count, region_size, max_cell)
              : OffsetsFit<uint16_t>(offsets, row_count, region_size, max_cell);
}

bool TagsFit(const char* tags, uint64_t row_count) {
  bool fit = true;
  for (uint64_t i = 0; i < row_count; ++i) fit &= IsEntryTag(LoadFixed<uint64_t>(tags + i * 8));
  return fit;
}

}  // namespace

const char* CheckBlockContent(std::string_view content) {
  if (content.size() < kBlockHeaderSize) return "a data block is shorter than its header";
  const uint64_t row_count = LoadFixed<uint32_t>(content.data());
  const uint64_t key_size = LoadFixed<uint16_t>(content.data() + 4);
  const auto flags = LoadFixed<uint16_t>(content.data() + 6);
  const uint64_t value_size = LoadFixed<uint32_t>(content.data() + 8);
  const uint64_t values = LoadFixed<uint32_t>(content.data() + 12);
  if (row_count == 0) return "a data block has no rows";
  if ((flags & ~kBlockFlags) != 0) return "a data block has unknown flags";
  const BlockLayout layout(row_count, flags);
  if (layout.keys > values || values > content.size()) {
    return "the regions of a data block do not fit into it";
  }
  const bool wide = (flags & kBlockWide) != 0;
  const bool fixed_keys = (flags & kBlockFixedKeys) != 0;
  if (!ColumnFits(fixed_keys ? nullptr : content.data() + layout.key_offsets, wide, row_count,
                  key_size, values - layout.keys, kMaxKeySize)) {
    return "the keys of a data block do not fill their region";
  }
  const bool fixed_values = (flags & kBlockFixedValues) != 0;
  if (!ColumnFits(fixed_values ? nullptr : content.data() + layout.value_offsets, wide, row_count,
                  value_size, content.size() - values, kMaxValueSize)) {
    return "the values of a data block do not fill their region";
  }
  if ((flags & kBlockAllPutsAtZero) == 0 && !TagsFit(content.data() + layout.tags, row_count)) {
    return "a data block has an entry of unknown kind";
  }
  return nullptr;
}

template <bool kBehindEqual>
uint32_t BlockReader::Search(std::string_view key) const {
  uint32_t low = 0;
  uint32_t count = row_count_;
  while (count > 0) {
    const uint32_t half = count / 2;
    const int order = this->key(low + half).compare(key);
    if (order < 0 || (kBehindEqual && order == 0)) {
      low += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  return low;
}

uint32_t BlockReader::LowerBound(std::string_view key) const { return Search<false>(key); }
uint32_t BlockReader::UpperBound(std::string_view key) const { return Search<true>(key); }

uint32_t BlockReader::Find(std::string_view key, uint8_t fingerprint) const {
  if (row_count_ > kMaxScannedRows) {
    const uint32_t row = LowerBound(key);
    return row < row_count_ && this->key(row) == key ? row : row_count_;
  }
  const __m128i wanted = _mm_set1_epi8(static_cast<char>(fingerprint));
  for (uint32_t base = 0; base < row_count_; base += 16) {
    __m128i sixteen;
    std::memcpy(&sixteen, fingerprints_ + base, sizeof(sixteen));
    auto matches = static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(sixteen, wanted)));
    for (; matches != 0; matches &= matches - 1) {
      const uint32_t row = base + static_cast<uint32_t>(std::countr_zero(matches));
      if (row >= row_count_) break;
      // It is this row nearly always; whoever asked for it will read its value.
      const char* const value = this->value(row).data();
      __builtin_prefetch(value);
      __builtin_prefetch(value + kCacheLine);
      if (this->key(row) == key) return row;
    }
  }
  return row_count_;
}

void BlockBuilder::Add(const Entry& entry, uint8_t fingerprint) {
  if (empty()) {
    fixed_keys_ = fixed_values_ = all_puts_at_zero_ = true;
  } else {
    fixed_keys_ &= entry.key.size() == key_offsets_[1];
    fixed_values_ &= entry.value.size() == value_offsets_[1];
  }
  const uint64_t tag = PackTag(entry.sequence, entry.kind);
  all_puts_at_zero_ &= tag == PackTag(0, EntryKind::kPut);
  fingerprints_.push_back(static_cast<char>(fingerprint));
  tags_.push_back(tag);
  keys_.append(entry.key);
  values_.append(entry.value);
  key_offsets_.push_back(static_cast<uint32_t>(keys_.size()));
  value_offsets_.push_back(static_cast<uint32_t>(values_.size()));
}

std::string_view BlockBuilder::last_key() const {
  return std::string_view(keys_).substr(key_offsets_[key_offsets_.size() - 2]);
}

uint16_t BlockBuilder::Flags() const {
  int flags = 0;
  if (keys_.size() > UINT16_MAX || values_.size() > UINT16_MAX) flags |= kBlockWide;
  if (fixed_keys_) flags |= kBlockFixedKeys;
  if (fixed_values_) flags |= kBlockFixedValues;
  if (all_puts_at_zero_) flags |= kBlockAllPutsAtZero;
  return static_cast<uint16_t>(flags);
}

uint64_t BlockBuilder::content_size() const {
  return BlockLayout(row_count(), Flags()).keys + keys_.size() + values_.size();
}

void BlockBuilder::Finish(std::string* target) {
  const uint16_t flags = Flags();
  const BlockLayout layout(row_count(), flags);
  const size_t begin = target->size();
  target->reserve(begin + content_size());
  AppendFixed<uint32_t>(target, static_cast<uint32_t>(row_count()));
  AppendFixed<uint16_t>(target,
                        fixed_keys_ ? static_cast<uint16_t>(keys_.size() / row_count()) : 0);
  AppendFixed<uint16_t>(target, flags);
  AppendFixed<uint32_t>(target, fixed_values_ ? value_offsets_[1] : 0);
  AppendFixed<uint32_t>(target, static_cast<uint32_t>(layout.keys + keys_.size()));
  target->append(fingerprints_);
  const auto append_offsets = [&](uint64_t at, const std::vector<uint32_t>& offsets) {
    target->resize(begin + at);
    for (const uint32_t offset : offsets) {
      if ((flags & kBlockWide) != 0) {
        AppendFixed<uint32_t>(target, offset);
      } else {
        AppendFixed<uint16_t>(target, static_cast<uint16_t>(offset));
      }
    }
  };
  if (!fixed_keys_) append_offsets(layout.key_offsets, key_offsets_);
  if (!fixed_values_) append_offsets(layout.value_offsets, value_offsets_);
  target->resize(begin + layout.tags);
  if (!all_puts_at_zero_) {
    target->append(reinterpret_cast<const char*>(tags_.data()), tags_.size() * sizeof(tags_[0]));
  }
  target->append(keys_);
  target->append(values_);

  fingerprints_.clear();
  key_offsets_.resize(1);
  value_offsets_.resize(1);
  tags_.clear();
  // A huge row would otherwise cost its memory for good.
  constexpr size_t kMaxKeptCapacity = 4 * kMiB;
  for (std::string* region : {&keys_, &values_}) {
    region->clear();
    if (region->capacity() > kMaxKeptCapacity) region->shrink_to_fit();
  }
}

}  // namespace lsm
