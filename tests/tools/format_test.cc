#include "tools/cli/format.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace lsm::cli {
namespace {

TEST(FormatTest, Bytes) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(1023), "1023 B");
  EXPECT_EQ(FormatBytes(1024), "1.0 KiB");
  EXPECT_EQ(FormatBytes(1024 * 1024 - 1), "1.0 MiB");  // not 1024.0 KiB
  EXPECT_EQ(FormatBytes(uint64_t{3} << 29), "1.5 GiB");
  EXPECT_EQ(FormatBytes(UINT64_MAX), "16.0 EiB");
}

TEST(FormatTest, Counts) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1000), "1,000");
  EXPECT_EQ(FormatCount(UINT64_MAX), "18,446,744,073,709,551,615");
}

TEST(FormatTest, Durations) {
  EXPECT_EQ(FormatDuration(-1), "0.0s");
  EXPECT_EQ(FormatDuration(9.94), "9.9s");
  EXPECT_EQ(FormatDuration(9.96), "10s");
  EXPECT_EQ(FormatDuration(59.6), "1m00s");
  EXPECT_EQ(FormatDuration(3599.4), "59m59s");
  EXPECT_EQ(FormatDuration(3600), "1h00m");
  EXPECT_EQ(FormatDuration(1e300), "years");
}

TEST(TextTableTest, AlignsByDisplayedWidth) {
  TextTable table({{"name", TextTable::Align::kLeft}, {"n"}});
  table.AddRow({"\xc3\xa9t\xc3\xa9", "1"});  // three columns
  table.AddRow({"winter", "12345"});
  EXPECT_EQ(table.ToString(),
            "name        n\n"
            "\xc3\xa9t\xc3\xa9         1\n"
            "winter  12345\n");
}

TEST(TextTableTest, WithoutTitlesThereIsNoTitleLine) {
  TextTable table({{"", TextTable::Align::kLeft}, {"", TextTable::Align::kLeft}});
  table.AddRow({"a", "b"});
  EXPECT_EQ(table.ToString(), "a  b\n");
}

}  // namespace
}  // namespace lsm::cli
