#include "lsm/sstable/index.h"

#include "absl/strings/str_cat.h"
#include "lsm/base/check.h"
#include "lsm/base/limits.h"
#include "lsm/sstable/block.h"

namespace lsm {
namespace {

constexpr uint64_t kHeaderSize = 16;
constexpr uint64_t kBytesPerBlock = 8 + 8 + 4;
constexpr uint64_t kFixedSize = kHeaderSize + 8;  // with the last offset
constexpr uint64_t kMinBlockBytes = kBlockHeaderSize + kBlockTrailerSize;

// How many of the ascending numbers are < `wanted`.
uint64_t CountBelow(const uint64_t* numbers, uint64_t count, uint64_t wanted) {
  if (count == 0) return 0;
  const uint64_t* base = numbers;
  while (count > 1) {
    const uint64_t half = count / 2;
    // Arithmetic instead of a branch that would be guessed wrong every second time.
    base += half & -uint64_t{base[half - 1] < wanted};
    count -= half;
  }
  return static_cast<uint64_t>(base - numbers) + (*base < wanted ? 1 : 0);
}

}  // namespace

std::string_view ShortSeparator(std::string_view last, std::string_view next) {
  LSM_DCHECK(last <= next);
  // The shortest beginning of `next` that is > `last`, where it is shorter than both.
  const size_t size = SharedPrefixSize(last, next) + 1;
  return size < last.size() && size < next.size() ? next.substr(0, size) : last;
}

void IndexBuilder::Add(uint64_t offset, std::string_view separator) {
  offsets_.push_back(offset);
  separators_.append(separator);
  separator_ends_.push_back(separators_.size());
}

uint64_t IndexBuilder::size() const {
  return kFixedSize + offsets_.size() * kBytesPerBlock + separators_.size();
}

Status IndexBuilder::Finish(uint64_t data_end, std::string* target) const {
  if (separators_.size() > UINT32_MAX) {
    return Status(Code::kTooLarge,
                  absl::StrCat("the index of a table would have ", separators_.size(),
                               " bytes of keys, at most ", UINT32_MAX,
                               " fit; use larger blocks or smaller tables"));
  }
  const uint64_t count = block_count();
  uint64_t shared_size = 0;
  if (count > 0) shared_size = SharedPrefixSize(separator(0), separator(count - 1));
  target->reserve(target->size() + size());
  AppendFixed<uint64_t>(target, count);
  AppendFixed<uint32_t>(target, static_cast<uint32_t>(shared_size));
  AppendFixed<uint32_t>(target, 0);
  for (const uint64_t offset : offsets_) AppendFixed<uint64_t>(target, offset);
  AppendFixed<uint64_t>(target, data_end);
  for (uint64_t i = 0; i < count; ++i) {
    AppendFixed<uint64_t>(target, KeyPrefix(separator(i), shared_size));
  }
  for (const uint64_t end : separator_ends_) {
    AppendFixed<uint32_t>(target, static_cast<uint32_t>(end));
  }
  target->append(separators_);
  return Status::Ok();
}

const char* IndexReader::Parse(std::string_view bytes, uint64_t data_end, IndexReader* index) {
  LSM_DCHECK(reinterpret_cast<uintptr_t>(bytes.data()) % 8 == 0);
  if (bytes.size() < kFixedSize) return "the index is shorter than its header";
  IndexReader result;
  result.count_ = LoadFixed<uint64_t>(bytes.data());
  const auto shared_size = LoadFixed<uint32_t>(bytes.data() + 8);
  if (LoadFixed<uint32_t>(bytes.data() + 12) != 0 ||
      result.count_ > (bytes.size() - kFixedSize) / kBytesPerBlock) {
    return "the header of the index is damaged";
  }
  const char* at = bytes.data() + kHeaderSize;
  result.offsets_ = reinterpret_cast<const uint64_t*>(at);
  at += (result.count_ + 1) * 8;
  result.prefixes_ = reinterpret_cast<const uint64_t*>(at);
  at += result.count_ * 8;
  result.separator_ends_ = reinterpret_cast<const uint32_t*>(at);
  at += result.count_ * 4;
  result.separators_ = at;
  const auto separators_size = static_cast<uint64_t>(bytes.data() + bytes.size() - at);
  if (shared_size > kMaxKeySize || shared_size > separators_size) {
    return "the header of the index is damaged";
  }
  result.shared_ = std::string_view(at, shared_size);
  if (const char* wrong = result.CheckOffsets(data_end); wrong != nullptr) return wrong;
  if (const char* wrong = result.CheckSeparators(separators_size); wrong != nullptr) return wrong;
  *index = result;
  return nullptr;
}

const char* IndexReader::CheckOffsets(uint64_t data_end) const {
  if (offsets_[0] != 0 || offsets_[count_] != data_end) {
    return "the index does not cover the data blocks";
  }
  for (uint64_t i = 0; i < count_; ++i) {
    if (offsets_[i] % kBlockAlignment != 0 || offsets_[i + 1] < offsets_[i] ||
        offsets_[i + 1] - offsets_[i] < kMinBlockBytes) {
      return "the offsets in the index do not ascend as blocks do";
    }
  }
  return nullptr;
}

const char* IndexReader::CheckSeparators(uint64_t separators_size) const {
  uint64_t begin = 0;
  std::string_view previous;
  for (uint64_t i = 0; i < count_; ++i) {
    const uint64_t end = separator_ends_[i];
    if (end < begin || end > separators_size || end - begin > kMaxKeySize) {
      return "the separators of the index do not fit into it";
    }
    const std::string_view separator(separators_ + begin, end - begin);
    if (!separator.starts_with(shared_) || prefixes_[i] != KeyPrefix(separator, shared_.size())) {
      return "the key prefixes of the index are not those of its separators";
    }
    if (separator < previous) return "the separators of the index do not ascend";
    previous = separator;
    begin = end;
  }
  if (begin != separators_size || (count_ == 0 && !shared_.empty())) {
    return "the separators of the index do not fit into it";
  }
  return nullptr;
}

template <bool kBehindEqual>
uint64_t IndexReader::Search(std::string_view key) const {
  if (!key.starts_with(shared_)) return key < shared_ ? 0 : count_;
  const uint64_t prefix = KeyPrefix(key, shared_.size());
  const uint64_t block = CountBelow(prefixes_, count_, prefix);
  if (block == count_ || prefixes_[block] != prefix) [[likely]]
    return block;
  return SearchTied<kBehindEqual>(key, block, prefix);
}

template <bool kBehindEqual>
uint64_t IndexReader::SearchTied(std::string_view key, uint64_t begin, uint64_t prefix) const {
  uint64_t count = count_ - begin;
  if (prefix != UINT64_MAX) count = CountBelow(prefixes_ + begin, count, prefix + 1);
  while (count > 0) {
    const uint64_t half = count / 2;
    const int order = separator(begin + half).compare(key);
    if (order < 0 || (kBehindEqual && order == 0)) {
      begin += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  return begin;
}

template uint64_t IndexReader::Search<false>(std::string_view key) const;
template uint64_t IndexReader::Search<true>(std::string_view key) const;

}  // namespace lsm
