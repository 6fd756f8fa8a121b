// The bytes of a batch, as a log record brings them.

#include "lsm/base/limits.h"
#include "lsm/base/write_batch.h"
#include "tests/fuzz/fuzz_target.h"

namespace lsm::fuzz {

const uint64_t kMutationsPerInput = 4'000;

std::vector<std::string> Seeds() {
  WriteBatch batch;
  std::vector<std::string> seeds = {std::string(batch.bytes())};
  FUZZ_CHECK(batch.Put("key", std::string(300, 'v')).ok());
  FUZZ_CHECK(batch.Put("", "").ok());
  FUZZ_CHECK(batch.Delete(std::string(200, 'k')).ok());
  FUZZ_CHECK(batch.DeleteRange("a", "b").ok());
  FUZZ_CHECK(batch.DeleteRange("a", InfiniteKey()).ok());
  seeds.emplace_back(batch.bytes());
  return seeds;
}

void Run(std::string_view input) {
  // In memory of exactly that size, so that a sanitizer sees a byte read too far.
  const std::vector<char> bytes(input.begin(), input.end());
  BatchReader reader({bytes.data(), bytes.size()});
  WriteBatch copy;
  uint32_t count = 0;
  WriteOp op;
  for (; reader.Next(&op); ++count) {
    FUZZ_CHECK(op.key.size() <= kMaxKeySize || op.kind == EntryKind::kRangeDelete);
    FUZZ_CHECK(op.value.size() <= kMaxValueSize);
    switch (op.kind) {
      case EntryKind::kPut:
        FUZZ_CHECK(copy.Put(op.key, op.value).ok());
        break;
      case EntryKind::kDelete:
        FUZZ_CHECK(op.value.empty() && copy.Delete(op.key).ok());
        break;
      case EntryKind::kRangeDelete:
        FUZZ_CHECK(op.key < op.value && copy.DeleteRange(op.key, op.value).ok());
        break;
    }
  }
  if (!reader.ok()) return;
  FUZZ_CHECK(count == reader.count() && reader.offset() == bytes.size());
  // What was read can be written again, and says the same.
  BatchReader first({bytes.data(), bytes.size()});
  BatchReader second(copy.bytes());
  for (WriteOp again; first.Next(&op);) {
    FUZZ_CHECK(second.Next(&again));
    FUZZ_CHECK(op.kind == again.kind && op.key == again.key && op.value == again.value);
  }
}

void Repair(std::string*) {}

}  // namespace lsm::fuzz
