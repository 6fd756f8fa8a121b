#include "lsm/base/write_batch.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "lsm/base/coding.h"
#include "lsm/base/limits.h"

namespace lsm {
namespace {

// Storable keys are shorter than this, so a bound cut to it stands on the same side of all of them.
constexpr size_t kBoundSize = kMaxKeySize + 1;

enum RangeEndKind : char { kBoundedEnd = 0, kUnboundedEnd = 1 };

// The first storable key behind `key`, which is as long as a key may be; "" where there is none.
std::string KeyAfter(std::string_view key) {
  std::string after(key.substr(0, key.find_last_not_of('\xff') + 1));
  if (!after.empty()) after.back() = static_cast<char>(after.back() + 1);
  return after;
}

}  // namespace

std::string_view InfiniteKey() {
  static const std::string* const key = new std::string(kBoundSize, '\xff');
  return *key;
}

void AppendRangeEnd(std::string* target, std::string_view end) {
  if (IsInfiniteKey(end)) {
    target->push_back(kUnboundedEnd);
    return;
  }
  target->push_back(kBoundedEnd);
  AppendLengthPrefixed(target, end);
}

bool ReadRangeEnd(std::string_view* input, std::string_view* end) {
  if (input->empty()) return false;
  std::string_view rest = input->substr(1);
  switch (input->front()) {
    case kUnboundedEnd:
      *end = InfiniteKey();
      break;
    case kBoundedEnd:
      if (!ReadLengthPrefixed(&rest, end) || end->size() > kBoundSize) return false;
      break;
    default:
      return false;
  }
  *input = rest;
  return true;
}

Status CheckKeySize(std::string_view key) {
  if (key.size() <= kMaxKeySize) [[likely]]
    return Status::Ok();
  return Status(Code::kTooLarge, absl::StrCat("the key has ", key.size(), " bytes, at most ",
                                              kMaxKeySize, " are allowed; nothing was written"));
}

Status CheckValueSize(std::string_view value) {
  if (value.size() <= kMaxValueSize) [[likely]]
    return Status::Ok();
  return Status(Code::kTooLarge, absl::StrCat("the value has ", value.size(), " bytes, at most ",
                                              kMaxValueSize, " are allowed; nothing was written"));
}

void WriteBatch::Clear() { bytes_.assign(kBatchHeaderSize, '\0'); }

uint32_t WriteBatch::count() const { return LoadFixed<uint32_t>(bytes_.data()); }

void WriteBatch::CountOne() { StoreFixed<uint32_t>(bytes_.data(), count() + 1); }

Status WriteBatch::MakeRoom(uint64_t op_size) {
  if (op_size > kMaxBatchSize - bytes_.size()) [[unlikely]] {
    return Status(
        Code::kTooLarge,
        absl::StrCat("the batch would have ", bytes_.size() + op_size, " bytes, at most ",
                     kMaxBatchSize, " are allowed; write what it holds and start another"));
  }
  const uint64_t needed = bytes_.size() + op_size;
  if (needed > bytes_.capacity()) {
    bytes_.reserve(std::min(std::max<uint64_t>(needed, 2 * bytes_.capacity()), kMaxBatchSize));
  }
  return Status::Ok();
}

void WriteBatch::Reserve(uint64_t size) {
  bytes_.reserve(bytes_.size() + std::min(size, kMaxBatchSize - bytes_.size()));
}

Status WriteBatch::Put(std::string_view key, std::string_view value) {
  LSM_RETURN_IF_ERROR(CheckKeySize(key));
  LSM_RETURN_IF_ERROR(CheckValueSize(value));
  LSM_RETURN_IF_ERROR(
      MakeRoom(1 + VarintSize(key.size()) + key.size() + VarintSize(value.size()) + value.size()));
  bytes_.push_back(static_cast<char>(EntryKind::kPut));
  AppendLengthPrefixed(&bytes_, key);
  AppendLengthPrefixed(&bytes_, value);
  CountOne();
  return Status::Ok();
}

Status WriteBatch::Delete(std::string_view key) {
  LSM_RETURN_IF_ERROR(CheckKeySize(key));
  LSM_RETURN_IF_ERROR(MakeRoom(1 + VarintSize(key.size()) + key.size()));
  bytes_.push_back(static_cast<char>(EntryKind::kDelete));
  AppendLengthPrefixed(&bytes_, key);
  CountOne();
  return Status::Ok();
}

Status WriteBatch::DeleteRange(std::string_view begin, std::string_view end) {
  if (begin > end && !IsInfiniteKey(end)) {
    return Status::InvalidArgument("the range begins after its end; swap the bounds");
  }
  end = end.substr(0, kBoundSize);
  std::string first_key;
  if (begin.size() > kMaxKeySize) {
    first_key = KeyAfter(begin.substr(0, kMaxKeySize));
    if (first_key.empty()) return Status::Ok();
    begin = first_key;
  }
  if (begin >= end) return Status::Ok();
  LSM_RETURN_IF_ERROR(
      MakeRoom(2 + VarintSize(begin.size()) + begin.size() + VarintSize(end.size()) + end.size()));
  bytes_.push_back(static_cast<char>(EntryKind::kRangeDelete));
  AppendLengthPrefixed(&bytes_, begin);
  AppendRangeEnd(&bytes_, end);
  CountOne();
  return Status::Ok();
}

BatchReader::BatchReader(std::string_view bytes) : rest_(bytes), size_(bytes.size()) {
  // Every operation takes at least two bytes.
  if (!ReadFixed(&rest_, &count_) || count_ > rest_.size() / 2) {
    Fail();
    count_ = 0;
  }
}

bool BatchReader::Fail() {
  ok_ = false;
  return false;
}

bool BatchReader::Next(WriteOp* op) {
  if (!ok_) return false;
  if (rest_.empty()) return read_ == count_ ? false : Fail();
  if (read_ == count_) return Fail();
  std::string_view rest = rest_.substr(1);
  op->kind = static_cast<EntryKind>(rest_.front());
  op->value = std::string_view();
  if (!ReadLengthPrefixed(&rest, &op->key)) return Fail();
  switch (op->kind) {
    case EntryKind::kPut:
      if (!ReadLengthPrefixed(&rest, &op->value) || op->value.size() > kMaxValueSize) return Fail();
      break;
    case EntryKind::kDelete:
      break;
    case EntryKind::kRangeDelete:
      if (!ReadRangeEnd(&rest, &op->value) || op->key >= op->value) return Fail();
      break;
    default:
      return Fail();
  }
  if (op->key.size() > kMaxKeySize) return Fail();
  rest_ = rest;
  ++read_;
  return true;
}

size_t BatchReader::Next(std::span<WriteOp> ops) {
  size_t count = 0;
  while (count < ops.size() && Next(&ops[count])) ++count;
  return count;
}

SingleOpBatch::SingleOpBatch(const WriteOp& op) : op_(op) {
  LSM_DCHECK(op.kind != EntryKind::kRangeDelete);
  StoreFixed<uint32_t>(head_, 1);
  head_[kBatchHeaderSize] = static_cast<char>(op.kind);
  const char* head_end = StoreVarint(head_ + kBatchHeaderSize + 1, op.key.size());
  parts_[0] = std::string_view(head_, static_cast<size_t>(head_end - head_));
  parts_[1] = op.key;
  if (op.kind == EntryKind::kPut) {
    const char* middle_end = StoreVarint(middle_, op.value.size());
    parts_[2] = std::string_view(middle_, static_cast<size_t>(middle_end - middle_));
    parts_[3] = op.value;
  }
}

}  // namespace lsm
