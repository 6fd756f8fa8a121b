// The bytes of a write: what lsm_batch gathers, what one log record holds, what recovery replays.
//
//   batch   := count:fixed32 op*
//   op      := kPut         key:prefixed value:prefixed
//            | kDelete      key:prefixed
//            | kRangeDelete begin:prefixed range_end      deletes [begin, end)
//   prefixed  := size:varint byte*
//   range_end := 0x00 end:prefixed | 0x01                 0x01: no upper bound
//
// The operation i of a batch has the batch's first sequence number + i.

#ifndef LSM_BASE_WRITE_BATCH_H_
#define LSM_BASE_WRITE_BATCH_H_

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "lsm/base/entry.h"
#include "lsm/base/status.h"

namespace lsm {

// A key above every key that can be stored: the end of a range without an upper bound. In memory it
// compares like any key; in files its place is taken by one byte (AppendRangeEnd).
std::string_view InfiniteKey();
// By address first: comparing all of its bytes takes longer than a short scan.
inline bool IsInfiniteKey(std::string_view key) {
  const std::string_view infinite = InfiniteKey();
  return key.data() == infinite.data() ? key.size() == infinite.size() : key == infinite;
}

void AppendRangeEnd(std::string* target, std::string_view end);
// Views into `input`, or InfiniteKey(). False where the bytes do not suffice.
bool ReadRangeEnd(std::string_view* input, std::string_view* end);

// kTooLarge where the key or the value is over its limit.
Status CheckKeySize(std::string_view key);
Status CheckValueSize(std::string_view value);

struct WriteOp {
  EntryKind kind;
  std::string_view key;
  // The value of a put; the exclusive end of a range deletion; empty for a deletion.
  std::string_view value;
};

inline constexpr size_t kBatchHeaderSize = 4;

class WriteBatch {
 public:
  WriteBatch() { Clear(); }

  // Each leaves the batch as it was when it fails (kTooLarge). Range bounds may be of any size:
  // those longer than a key are replaced by shorter ones with the same storable keys between them.
  // InfiniteKey() stands for "no upper bound".
  Status Put(std::string_view key, std::string_view value);
  Status Delete(std::string_view key);
  // kInvalidArgument where begin > end; an empty range adds nothing.
  Status DeleteRange(std::string_view begin, std::string_view end);

  // Takes the memory for operations of `size` bytes in all beforehand, which is not needed for any
  // of them. More than a batch may have is no error here.
  void Reserve(uint64_t size);

  void Clear();
  uint32_t count() const;
  // The whole encoding, header included.
  std::string_view bytes() const { return bytes_; }

 private:
  // All memory for an operation at once, so that running out of it leaves the batch as it was.
  Status MakeRoom(uint64_t op_size);
  void CountOne();

  std::string bytes_;
};

// Reads the operations of an encoded batch that comes from anywhere. The views point into its
// bytes.
class BatchReader {
 public:
  // `bytes` outlives the reader. Bytes that are no batch show in ok() after Next() answered false.
  explicit BatchReader(std::string_view bytes);

  bool Next(WriteOp* op);
  // As many as there is room for and are left; 0 where Next() would answer false.
  size_t Next(std::span<WriteOp> ops);
  // False: the bytes are no batch (a count that differs, an unknown kind, an over-long key …).
  bool ok() const { return ok_; }
  // What the header claims. Bounded by the bytes that follow it.
  uint32_t count() const { return count_; }
  // Where in `bytes` the next operation stands.
  uint64_t offset() const { return size_ - rest_.size(); }

 private:
  bool Fail();

  std::string_view rest_;
  uint64_t size_;
  uint32_t count_ = 0;
  uint32_t read_ = 0;
  bool ok_ = true;
};

// The encoding of a batch of one put or deletion, in pieces, so that a single write copies its
// value only into the log and the memtable. `op` is outlived by its key and value.
class SingleOpBatch {
 public:
  explicit SingleOpBatch(const WriteOp& op);
  SingleOpBatch(const SingleOpBatch&) = delete;
  SingleOpBatch& operator=(const SingleOpBatch&) = delete;

  std::span<const std::string_view> parts() const { return parts_; }
  const WriteOp& op() const { return op_; }

 private:
  WriteOp op_;
  char head_[kBatchHeaderSize + 1 + 5];
  char middle_[5];
  std::array<std::string_view, 4> parts_;
};

}  // namespace lsm

#endif  // LSM_BASE_WRITE_BATCH_H_
