#include "tools/cli/bench_rows.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace lsm::cli {
namespace {

TEST(KeyMakerTest, KeysSortLikeTheirNumbersAndMissingOnesStandBetween) {
  KeyMaker maker(8);
  std::string last;
  for (const uint64_t number : {0, 1, 9, 10, 99, 100, 12345678}) {
    const std::string key(maker.Make(number));
    EXPECT_EQ(key.size(), 8u);
    EXPECT_LT(last, key);
    last = key;
  }
  EXPECT_EQ(maker.Make(42), "00000042");
  const std::string missing(maker.MakeMissing(42));
  EXPECT_LT(std::string(maker.Make(42)), missing);
  EXPECT_LT(missing, std::string(maker.Make(43)));
}

TEST(ValueSourceTest, ValuesHaveTheirSizeAndDiffer) {
  for (const uint64_t size : {0, 1, 100, 5'000'000}) {
    ValueSource source(size, 0.5, 1);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(source.Next().size(), size);
  }
  ValueSource source(100, 0.5, 1);
  std::set<std::string> values;
  for (int i = 0; i < 1000; ++i) values.emplace(source.Next());
  EXPECT_EQ(values.size(), 1000u);
}

}  // namespace
}  // namespace lsm::cli
