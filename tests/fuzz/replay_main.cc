// Runs a fuzz target without a fuzzer: its seeds, the files of a corpus, and mutations of both.
//
//   replay [--write-seeds DIR] [FILE…]
//
// LSM_TEST_SCALE multiplies the mutations. An input that ends the process is in last-input.bin of
// TEST_UNDECLARED_OUTPUTS_DIR, or of the current directory; give that file to try it again.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "lsm/base/epoch.h"
#include "tests/fuzz/fuzz_target.h"

namespace lsm::fuzz {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<long>(bytes.size()));
}

std::string LastInputPath() {
  const char* const directory = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR");
  return std::string(directory != nullptr ? directory : ".") + "/last-input.bin";
}

// One to four changes of the kinds that break parsers.
void Mutate(std::mt19937_64* random, std::string* input) {
  const auto below = [&](uint64_t n) { return n == 0 ? 0 : (*random)() % n; };
  for (uint64_t changes = 1 + below(4); changes > 0; --changes) {
    const uint64_t at = below(input->size());
    switch (input->empty() ? 5 : below(7)) {
      case 0:
        (*input)[at] = static_cast<char>((*input)[at] ^ (1 << below(8)));
        break;
      case 1:
        (*input)[at] = static_cast<char>((*random)());
        break;
      case 2:  // extreme numbers
        (*input)[at] = "\x00\x01\x7f\x80\xff"[below(5)];
        break;
      case 3:
        input->resize(at);
        break;
      case 4:
        input->erase(at, 1 + below(16));
        break;
      case 5:
        input->insert(at, 1 + below(16), static_cast<char>((*random)()));
        break;
      default:  // a piece of itself elsewhere
        input->replace(below(input->size()), below(64), input->substr(at, below(64)));
        break;
    }
  }
}

void Try(const std::string& input) {
  // Written ahead: what goes wrong ends the process.
  static const std::string path = LastInputPath();
  WriteFile(path, input);
  Run(input);
  EpochDrain();
}

int Main(const std::vector<std::string>& arguments) {
  std::vector<std::string> inputs = Seeds();
  if (arguments.size() == 2 && arguments[0] == "--write-seeds") {
    for (size_t i = 0; i < inputs.size(); ++i) {
      WriteFile(arguments[1] + "/seed-" + std::to_string(i), inputs[i]);
    }
    return 0;
  }
  for (const std::string& path : arguments) inputs.push_back(ReadFile(path));
  const char* const scale = std::getenv("LSM_TEST_SCALE");
  const uint64_t mutations =
      kMutationsPerInput * (scale != nullptr ? std::strtoull(scale, nullptr, 10) : 1);
  uint64_t tried = 0;
  for (const std::string& input : inputs) {
    Try(input);
    for (uint64_t seed = 1; seed <= mutations; ++seed, ++tried) {
      std::mt19937_64 random(seed);
      std::string mutated = input;
      Mutate(&random, &mutated);
      if (seed % 16 != 0) Repair(&mutated);
      Try(mutated);
    }
  }
  std::printf("%zu inputs and %llu mutations of them\n", inputs.size(),
              static_cast<unsigned long long>(tried));
  return 0;
}

}  // namespace
}  // namespace lsm::fuzz

int main(int argc, char** argv) {
  GTEST_FLAG_SET(break_on_failure, true);
  return lsm::fuzz::Main({argv + 1, argv + argc});
}
