// Joins a fuzz target to libFuzzer.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "gtest/gtest.h"
#include "lsm/base/epoch.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

extern "C" int LLVMFuzzerInitialize(int*, char***);
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed);

int LLVMFuzzerInitialize(int*, char***) {
  GTEST_FLAG_SET(break_on_failure, true);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  lsm::fuzz::Run({reinterpret_cast<const char*>(data), size});
  lsm::EpochDrain();  // memory that it gave back is no leak
  return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed) {
  size = LLVMFuzzerMutate(data, size, max_size);
  // Wrong sums are an input, too.
  if (seed % 16 == 0) return size;
  std::string input(reinterpret_cast<const char*>(data), size);
  lsm::fuzz::Repair(&input);
  input.resize(std::min(input.size(), max_size));
  std::memcpy(data, input.data(), input.size());
  return input.size();
}
