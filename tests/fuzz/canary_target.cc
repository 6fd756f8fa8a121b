// A parser with a bug behind its checksum, which the replay must run into: the fuzz tests would say
// nothing if mutations did not get past the sums, or if what they break did not end the process.

#include "lsm/base/coding.h"
#include "lsm/base/hash.h"
#include "tests/fuzz/fuzz_target.h"

namespace lsm::fuzz {
namespace {

constexpr size_t kSumSize = sizeof(uint64_t);

uint64_t SumOf(std::string_view content) { return Checksum64(content, 0); }

}  // namespace

const uint64_t kMutationsPerInput = 1000;

std::vector<std::string> Seeds() {
  std::string seed(kSumSize, '\0');
  seed += "size 5: right";
  Repair(&seed);
  return {seed};
}

void Run(std::string_view input) {
  if (input.size() < kSumSize) return;
  const std::string_view content = input.substr(kSumSize);
  if (LoadFixed<uint64_t>(input.data()) != SumOf(content)) return;
  // The bug: any size is believed.
  FUZZ_CHECK(content.size() < 6 || content[5] == '5');
}

void Repair(std::string* input) {
  if (input->size() < kSumSize) return;
  StoreFixed<uint64_t>(input->data(), SumOf(std::string_view(*input).substr(kSumSize)));
}

}  // namespace lsm::fuzz
