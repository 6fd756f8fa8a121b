#include "lsm/version/file_names.h"

#include "gtest/gtest.h"

namespace lsm {
namespace {

TEST(FileNamesTest, RoundTrip) {
  for (const uint64_t number : {uint64_t{0}, uint64_t{1}, uint64_t{999'999}, uint64_t{1'000'000},
                                uint64_t{123'456'789'012}, UINT64_MAX}) {
    const std::pair<std::string, FileType> names[] = {
        {ManifestFileName(number), FileType::kManifest},
        {LogFileName(number), FileType::kLog},
        {TableFileName(number), FileType::kTable},
    };
    for (const auto& [name, type] : names) {
      FileType parsed_type;
      uint64_t parsed_number;
      ASSERT_TRUE(ParseFileName(name, &parsed_type, &parsed_number)) << name;
      EXPECT_EQ(parsed_type, type) << name;
      EXPECT_EQ(parsed_number, number) << name;
    }
  }
}

TEST(FileNamesTest, ThePatternsAreThoseOfTheFormat) {
  EXPECT_EQ(ManifestFileName(12), "MANIFEST-000012");
  EXPECT_EQ(LogFileName(13), "000013.log");
  EXPECT_EQ(TableFileName(14), "000014.sst");
  EXPECT_EQ(TableFileName(1'234'567), "1234567.sst");
  FileType type;
  uint64_t number = 7;
  ASSERT_TRUE(ParseFileName("CURRENT", &type, &number));
  EXPECT_EQ(type, FileType::kCurrent);
  EXPECT_EQ(number, 0u);
  ASSERT_TRUE(ParseFileName("CURRENT.tmp", &type, &number));
  EXPECT_EQ(type, FileType::kCurrentTemp);
  EXPECT_EQ(number, 0u);
}

TEST(FileNamesTest, NothingElseIsTheEngines) {
  using namespace std::string_view_literals;
  for (const std::string_view name : {""sv,
                                      "."sv,
                                      ".."sv,
                                      "current"sv,
                                      "CURRENT "sv,
                                      "CURRENT\0"sv,
                                      "CURRENT.tmp.tmp"sv,
                                      "MANIFEST"sv,
                                      "MANIFEST-"sv,
                                      "MANIFEST-1"sv,
                                      "MANIFEST-0000001"sv,
                                      "MANIFEST-00000x"sv,
                                      "MANIFEST-000001 "sv,
                                      " MANIFEST-000001"sv,
                                      "MANIFEST--00001"sv,
                                      "manifest-000001"sv,
                                      "MANIFEST-000001.log"sv,
                                      ".log"sv,
                                      ".sst"sv,
                                      "1.sst"sv,
                                      "0000001.sst"sv,
                                      "+00001.sst"sv,
                                      "-00001.sst"sv,
                                      " 00001.sst"sv,
                                      "00001 .sst"sv,
                                      "0x0001.sst"sv,
                                      "000001.SST"sv,
                                      "000001.sst\0"sv,
                                      "000001.sst.log"sv,
                                      "000001.sst~"sv,
                                      "000001.ldb"sv,
                                      "000001"sv,
                                      "00\0001.sst"sv,
                                      "18446744073709551616.sst"sv,
                                      "99999999999999999999999.log"sv,
                                      "../000001.sst"sv,
                                      "LOCK"sv,
                                      "LOG"sv}) {
    FileType type;
    uint64_t number;
    EXPECT_FALSE(ParseFileName(name, &type, &number)) << name;
  }
}

}  // namespace
}  // namespace lsm
