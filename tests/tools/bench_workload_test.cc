#include "tools/cli/bench_workload.h"

#include <gtest/gtest.h>

#include <set>
#include <string_view>

namespace lsm::cli {
namespace {

TEST(WorkloadTest, NamesAreFoundAndUnique) {
  std::set<std::string_view> names;
  for (const Workload& workload : Workloads()) {
    EXPECT_TRUE(names.insert(workload.name).second);
    EXPECT_EQ(FindWorkload(workload.name), &workload);
  }
  EXPECT_EQ(FindWorkload("fill"), nullptr);
}

}  // namespace
}  // namespace lsm::cli
