#include "lsm/sstable/index.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "lsm/base/check.h"
#include "lsm/base/limits.h"
#include "lsm/sstable/block.h"

namespace lsm {
namespace {

constexpr uint64_t kHeaderSize = 64;
constexpr uint64_t kGroupSize = 8;
constexpr uint64_t kBytesPerGroup = kGroupSize * (8 + 8) + 8;
constexpr uint64_t kBytesPerBlock = 4;
constexpr uint64_t kMinBlockBytes = kBlockHeaderSize + kBlockTrailerSize;

constexpr uint64_t GroupCount(uint64_t block_count) {
  return block_count / kGroupSize + (block_count % kGroupSize != 0 ? 1 : 0);
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
  return kHeaderSize + GroupCount(block_count()) * kBytesPerGroup + block_count() * kBytesPerBlock +
         separators_.size();
}

Status IndexBuilder::Finish(uint64_t data_end, std::string* target) const {
  if (separators_.size() > UINT32_MAX) {
    return Status(Code::kTooLarge,
                  absl::StrCat("the index of a table would have ", separators_.size(),
                               " bytes of keys, at most ", UINT32_MAX,
                               " fit; use larger blocks or smaller tables"));
  }
  const uint64_t count = block_count();
  const uint64_t filled_up = GroupCount(count) * kGroupSize;
  uint64_t shared_size = 0;
  if (count > 0) shared_size = SharedPrefixSize(separator(0), separator(count - 1));
  const auto prefix = [&](uint64_t i) {
    return i < count ? KeyPrefix(separator(i), shared_size) : UINT64_MAX;
  };
  const size_t begin = target->size();
  target->reserve(begin + size());
  AppendFixed<uint64_t>(target, count);
  AppendFixed<uint32_t>(target, static_cast<uint32_t>(shared_size));
  target->resize(begin + kHeaderSize);
  for (uint64_t group = 0; group < filled_up; group += kGroupSize) {
    for (uint64_t i = group; i < group + kGroupSize; ++i) AppendFixed<uint64_t>(target, prefix(i));
    for (uint64_t i = group; i < group + kGroupSize; ++i) {
      AppendFixed<uint64_t>(target, i < count ? offsets_[i] : data_end);
    }
  }
  for (uint64_t group = 0; group < filled_up; group += kGroupSize) {
    AppendFixed<uint64_t>(target, prefix(group + kGroupSize - 1));
  }
  for (const uint64_t end : separator_ends_) {
    AppendFixed<uint32_t>(target, static_cast<uint32_t>(end));
  }
  target->append(separators_);
  return Status::Ok();
}

const char* IndexReader::Parse(std::string_view bytes, uint64_t data_end, IndexReader* index) {
  LSM_DCHECK(reinterpret_cast<uintptr_t>(bytes.data()) % kSectionAlignment == 0);
  if (bytes.size() < kHeaderSize) return "the index is shorter than its header";
  IndexReader result;
  result.count_ = LoadFixed<uint64_t>(bytes.data());
  result.data_end_ = data_end;
  const auto shared_size = LoadFixed<uint32_t>(bytes.data() + 8);
  const std::string_view rest = bytes.substr(kHeaderSize);
  if (result.count_ > rest.size() / kBytesPerBlock ||
      bytes.substr(12, kHeaderSize - 12).find_first_not_of('\0') != std::string_view::npos) {
    return "the header of the index is damaged";
  }
  result.group_count_ = GroupCount(result.count_);
  const uint64_t fixed_size = result.group_count_ * kBytesPerGroup + result.count_ * kBytesPerBlock;
  if (fixed_size > rest.size()) return "the index is shorter than its blocks need";
  const char* at = rest.data();
  result.groups_ = reinterpret_cast<const Group*>(at);
  at += result.group_count_ * sizeof(Group);
  result.top_ = reinterpret_cast<const uint64_t*>(at);
  at += result.group_count_ * 8;
  result.separator_ends_ = reinterpret_cast<const uint32_t*>(at);
  at += result.count_ * 4;
  result.separators_ = at;
  const uint64_t separators_size = rest.size() - fixed_size;
  if (shared_size > kMaxKeySize || shared_size > separators_size) {
    return "the header of the index is damaged";
  }
  result.shared_ = std::string_view(at, shared_size);
  for (const char* wrong :
       {result.CheckOffsets(), result.CheckSeparators(separators_size), result.CheckGroups()}) {
    if (wrong != nullptr) return wrong;
  }
  *index = result;
  return nullptr;
}

const char* IndexReader::CheckOffsets() const {
  if (count_ == 0) return data_end_ == 0 ? nullptr : "the index does not cover the data blocks";
  if (offset(0) != 0 || offset(count_ - 1) > data_end_) {
    return "the index does not cover the data blocks";
  }
  for (uint64_t i = 0; i < count_; ++i) {
    const uint64_t end = i + 1 < count_ ? offset(i + 1) : data_end_;
    if (offset(i) % kBlockAlignment != 0 || end < offset(i) || end - offset(i) < kMinBlockBytes) {
      return "the offsets in the index do not ascend as blocks do";
    }
  }
  return nullptr;
}

// What a search relies on beside the separators themselves.
const char* IndexReader::CheckGroups() const {
  for (uint64_t i = count_; i < group_count_ * kGroupSize; ++i) {
    const Group& group = GroupOf(i);
    if (prefix(i) != UINT64_MAX || group.offsets[i % kGroupSize] != data_end_) {
      return "the index is not filled up";
    }
  }
  for (uint64_t group = 0; group < group_count_; ++group) {
    if (top_[group] != groups_[group].prefixes[kGroupSize - 1]) {
      return "the top of the index does not agree with its groups";
    }
  }
  return nullptr;
}

const char* IndexReader::CheckSeparators(uint64_t separators_size) const {
  uint64_t begin = 0;
  std::string_view previous;
  for (uint64_t i = 0; i < count_; ++i) {
    const uint64_t end = separator_ends_[i];
    // A separator that ends before it begins is a huge one.
    if (end > separators_size || end - begin > kMaxKeySize) {
      return "the separators of the index do not fit into it";
    }
    const std::string_view separator(separators_ + begin, end - begin);
    if (!separator.starts_with(shared_) || prefix(i) != KeyPrefix(separator, shared_.size())) {
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

uint64_t IndexReader::CountBelow(uint64_t wanted) const {
  // The first group whose last prefix is >= wanted, by arithmetic instead of branches that would be
  // guessed wrong every second time.
  const uint64_t* base = top_;
  uint64_t count = group_count_;
  if (count == 0) return 0;
  while (count > 1) {
    const uint64_t half = count / 2;
    base += half & -uint64_t{base[half - 1] < wanted};
    count -= half;
  }
  const uint64_t number = static_cast<uint64_t>(base - top_) + (*base < wanted ? 1 : 0);
  if (number == group_count_) return count_;
  const Group& group = groups_[number];
  __builtin_prefetch(group.offsets);
  uint64_t below = number * kGroupSize;
  for (const uint64_t prefix : group.prefixes) below += prefix < wanted ? 1 : 0;
  return below;
}

template <bool kBehindEqual>
uint64_t IndexReader::Search(std::string_view key) const {
  if (!key.starts_with(shared_)) return key < shared_ ? 0 : count_;
  const uint64_t wanted = KeyPrefix(key, shared_.size());
  const uint64_t block = CountBelow(wanted);
  if (block >= count_ || prefix(block) != wanted) [[likely]]
    return std::min(block, count_);
  return SearchTied<kBehindEqual>(key, block, wanted);
}

template <bool kBehindEqual>
uint64_t IndexReader::SearchTied(std::string_view key, uint64_t begin, uint64_t prefix) const {
  const uint64_t end = prefix == UINT64_MAX ? count_ : std::min(CountBelow(prefix + 1), count_);
  uint64_t count = end - begin;
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
