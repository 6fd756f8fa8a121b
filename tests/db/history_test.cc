// Histories (history.h) under many options: all answers are the model's. The first seed is
// LSM_TEST_SEED, 1 if that is not set; LSM_TEST_SCALE=N tries N times as many. A history that fails
// is made small, shown and saved; put into histories/, it is tried for good.

#include "tests/db/history.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/db/db_testing.h"
#include "tests/db/history_runner.h"
#include "tests/db/history_shrink.h"

namespace lsm {
namespace {

// The thread sanitizer takes twenty times as long, and looks for something else.
#ifdef __SANITIZE_THREAD__
constexpr uint64_t kSeeds = 64;
#else
constexpr uint64_t kSeeds = 256;
#endif
constexpr size_t kOperations = 5000;
constexpr size_t kRunsToShrink = 400;

std::string OutputDirectory() {
  for (const char* name : {"TEST_UNDECLARED_OUTPUTS_DIR", "TMPDIR"}) {
    if (const char* const path = std::getenv(name); path != nullptr) return path;
  }
  return ".";
}

// Shows a history that failed, small, and how to see it again.
std::string Report(uint64_t seed, size_t setting, const Operations& history,
                   const std::string& failure) {
  const std::string name = HistorySettings()[setting].name;
  const auto fails = [&](const Operations& part) { return !RunHistory(part, setting).empty(); };
  const Operations small = ShrinkHistory(history, fails, kRunsToShrink);
  const std::string file = absl::StrCat(OutputDirectory(), "/seed-", seed, "-", name, ".txt");
  const std::string text =
      absl::StrCat("# seed ", seed, " under ", name, ": ", failure, "\n", HistoryText(small));
  std::ofstream(file) << text;
  return absl::StrCat("\n", text, "saved as ", file, "\nagain: LSM_TEST_SEED=", seed,
                      " bazel-bin/tests/db/history_test --gtest_filter='*/", name, "'\n");
}

class HistoryTest : public testing::TestWithParam<size_t> {};

TEST_P(HistoryTest, AgreesWithTheModel) {
  const uint64_t seeds = std::max<uint64_t>(1, kSeeds * TestScale() / kSanitizerSlowness);
  for (uint64_t seed = FirstSeed(); seed < FirstSeed() + seeds; ++seed) {
    const Operations history = DrawHistory(seed, kOperations);
    const std::string failure = RunHistory(history, GetParam());
    ASSERT_EQ(failure, "") << Report(seed, GetParam(), history, failure);
  }
}

INSTANTIATE_TEST_SUITE_P(Settings, HistoryTest, testing::Range<size_t>(0, HistorySettings().size()),
                         [](const auto& test) {
                           return std::string(HistorySettings()[test.param].name);
                         });

TEST(SavedHistoriesTest, AgreeWithTheModel) {
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator("tests/db/histories")) {
    if (entry.path().extension() != ".txt") continue;
    std::ifstream file(entry.path());
    const auto history = ParseHistory(std::string(std::istreambuf_iterator<char>(file), {}));
    ASSERT_TRUE(history.ok()) << entry.path() << ": " << history.status().ToString();
    for (size_t setting = 0; setting < HistorySettings().size(); ++setting) {
      EXPECT_EQ(RunHistory(*history, setting), "")
          << entry.path() << " under " << HistorySettings()[setting].name;
    }
    ++files;
  }
  EXPECT_GT(files, 0u);
}

}  // namespace
}  // namespace lsm
