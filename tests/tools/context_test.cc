#include "tools/cli/context.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

namespace lsm::cli {
namespace {

RangeOptions Options(std::optional<std::string> from, std::optional<std::string> to,
                     std::optional<std::string> prefix) {
  RangeOptions options;
  options.from = std::move(from);
  options.to = std::move(to);
  options.prefix = std::move(prefix);
  return options;
}

KeyBounds Parsed(const RangeOptions& options) {
  auto bounds = ParseBounds(options);
  EXPECT_TRUE(bounds.ok()) << bounds.status().ToString();
  return bounds.Take();
}

TEST(KeyBoundsTest, NoOptionsAreAllKeys) {
  const KeyBounds bounds = Parsed(Options({}, {}, {}));
  EXPECT_FALSE(bounds.from || bounds.to || bounds.empty);
  EXPECT_TRUE(bounds.Contains("") && bounds.Contains("\xff\xff"));
}

TEST(KeyBoundsTest, EmptyKeysAreBoundsToo) {
  EXPECT_EQ(Parsed(Options("", {}, {})).from, "");
  EXPECT_EQ(Parsed(Options({}, "", {})).to, "");
  EXPECT_FALSE(Parsed(Options({}, "", {})).Contains(""));
}

TEST(KeyBoundsTest, BoundsAreUnescaped) {
  const KeyBounds bounds = Parsed(Options("\\x00", "\\\\", {}));
  EXPECT_EQ(bounds.from, std::string(1, '\0'));
  EXPECT_EQ(bounds.to, "\\");
}

TEST(KeyBoundsTest, PrefixEndsWhereTheNextOneBegins) {
  EXPECT_EQ(Parsed(Options({}, {}, "ab")).to, "ac");
  EXPECT_EQ(Parsed(Options({}, {}, "a\\xff\\xff")).to, "b");
  EXPECT_EQ(Parsed(Options({}, {}, "\\xff")).to, std::nullopt);
  EXPECT_EQ(Parsed(Options({}, {}, "")).to, std::nullopt);
  EXPECT_TRUE(Parsed(Options({}, {}, "a\\x7f")).Contains("a\x7f\xff"));
}

TEST(KeyBoundsTest, PrefixAndBoundsMeet) {
  const KeyBounds inside = Parsed(Options("ab", "ad", "a"));
  EXPECT_EQ(inside.from, "ab");
  EXPECT_EQ(inside.to, "ad");
  const KeyBounds around = Parsed(Options("A", "z", "a"));
  EXPECT_EQ(around.from, "a");
  EXPECT_EQ(around.to, "b");
  EXPECT_TRUE(Parsed(Options("c", {}, "a")).empty);
  EXPECT_TRUE(Parsed(Options({}, "a", "a")).empty);
}

TEST(KeyBoundsTest, WrongUsage) {
  EXPECT_TRUE(ParseBounds(Options("b", "a", {})).status().Is(Code::kInvalidArgument));
  EXPECT_TRUE(ParseBounds(Options("\\", {}, {})).status().Is(Code::kInvalidArgument));
  EXPECT_TRUE(ParseBounds(Options({}, {}, "\\x")).status().Is(Code::kInvalidArgument));
}

TEST(ExitCodeTest, OfEveryKindOfFailure) {
  EXPECT_EQ(ExitCodeOf(Status::Ok()), ExitCode::kSuccess);
  EXPECT_EQ(ExitCodeOf(Status::NotFound()), ExitCode::kNotFound);
  EXPECT_EQ(ExitCodeOf(Status(Code::kTooLarge)), ExitCode::kUsage);
  EXPECT_EQ(ExitCodeOf(Status(Code::kCorruption)), ExitCode::kCorruption);
  EXPECT_EQ(ExitCodeOf(Status(Code::kNoSpace)), ExitCode::kIoError);
  EXPECT_EQ(ExitCodeOf(Status(Code::kUnsupported)), ExitCode::kIoError);
  EXPECT_EQ(ExitCodeOf(Status(Code::kInternal)), ExitCode::kIoError);
  EXPECT_EQ(ExitCodeOf(Status(Code::kLocked)), ExitCode::kLocked);
  EXPECT_EQ(ExitCodeOf(Status(Code::kAborted)), ExitCode::kCancelled);
}

TEST(ExitCodeTest, CorruptionWeighsMost) {
  EXPECT_EQ(Worse(ExitCode::kCorruption, ExitCode::kIoError), ExitCode::kCorruption);
  EXPECT_EQ(Worse(ExitCode::kIoError, ExitCode::kCorruption), ExitCode::kCorruption);
  EXPECT_EQ(Worse(ExitCode::kSuccess, ExitCode::kIoError), ExitCode::kIoError);
  EXPECT_EQ(Worse(ExitCode::kNotFound, ExitCode::kSuccess), ExitCode::kNotFound);
}

TEST(DescribeTest, SaysTheFileOnceAndTheOffset) {
  EXPECT_EQ(Describe(Status::Corruption("db/1.sst", 7, "bad sum")),
            "bad sum (file db/1.sst, offset 7)");
  EXPECT_EQ(Describe(Status::Corruption("db/1.sst", 7, "db/1.sst: bad sum")),
            "db/1.sst: bad sum (offset 7)");
  // As a message reads that came through the ABI.
  EXPECT_EQ(Describe(Status::Corruption("db/1.sst", 7, "bad sum (file db/1.sst, offset 7)")),
            "bad sum (file db/1.sst, offset 7)");
  EXPECT_EQ(Describe(Status::InvalidArgument("no")), "no");
  EXPECT_EQ(Describe(Status(Code::kClosed)), "LSM_CLOSED");
  EXPECT_EQ(Describe(Status::FromErrno(2, "open", "a\nb")),
            "open: No such file or directory (file a\\x0ab)");
}

}  // namespace
}  // namespace lsm::cli
