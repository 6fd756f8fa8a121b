#include "tools/cli/escape.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "tools/cli/random.h"

namespace lsm::cli {
namespace {

std::string Unescaped(std::string_view text) {
  std::string bytes;
  const Status status = Unescape(text, &bytes);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return bytes;
}

// Through the writer and back, as text and as JSON.
void ExpectRoundTrip(const std::string& bytes) {
  const std::string text = Escape(bytes);
  EXPECT_EQ(Unescaped(text), bytes);
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    EXPECT_TRUE(byte >= 0x20 && byte != 0x7f && byte != '"') << "in " << text;
  }
  std::string json;
  AppendJsonString(bytes, &json);
  const auto parsed = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  ASSERT_TRUE(parsed.is_string()) << json;  // which also proves it valid UTF-8
  EXPECT_EQ(parsed.get<std::string>(), text);
}

TEST(EscapeTest, EveryByteAlone) {
  for (int byte = 0; byte < 256; ++byte) ExpectRoundTrip(std::string(1, static_cast<char>(byte)));
}

TEST(EscapeTest, EveryPairOfBytes) {
  for (int i = 0; i < 65536; ++i) {
    ExpectRoundTrip({static_cast<char>(i >> 8), static_cast<char>(i & 255)});
  }
}

TEST(EscapeTest, RandomStrings) {
  constexpr uint64_t kSeed = 7;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  Random random(kSeed);
  for (int i = 0; i < 20000; ++i) {
    std::string bytes;
    const uint64_t size = random.Below(12);
    for (uint64_t j = 0; j < size; ++j) {
      // Bytes that begin or continue sequences come often.
      bytes +=
          static_cast<char>(random.Below(3) == 0 ? random.Below(256) : 0x80 + random.Below(128));
    }
    ExpectRoundTrip(bytes);
  }
}

TEST(EscapeTest, EveryCodePointStandsAsItselfUnlessItIsAControl) {
  for (uint32_t c = 0x80; c <= 0x10ffff; ++c) {
    std::string bytes;
    if (c < 0x800) {
      bytes = {static_cast<char>(0xc0 | c >> 6)};
    } else if (c < 0x10000) {
      bytes = {static_cast<char>(0xe0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 0x3f))};
    } else {
      bytes = {static_cast<char>(0xf0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 0x3f)),
               static_cast<char>(0x80 | (c >> 6 & 0x3f))};
    }
    bytes += static_cast<char>(0x80 | (c & 0x3f));
    const bool surrogate = c >= 0xd800 && c <= 0xdfff;
    ASSERT_EQ(Escape(bytes) == bytes, c >= 0xa0 && !surrogate) << std::hex << c;
  }
}

TEST(EscapeTest, WhatIsEscapedAndHow) {
  EXPECT_EQ(Escape("plain text"), "plain text");
  EXPECT_EQ(Escape(std::string_view("a\0b\t\n\r\x1b\x7f", 8)), "a\\x00b\\x09\\x0a\\x0d\\x1b\\x7f");
  EXPECT_EQ(Escape("\"\\"), "\\x22\\\\");
  EXPECT_EQ(Escape("\xc2\x85"), "\\xc2\\x85");  // C1
  EXPECT_EQ(Escape("\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82"), "\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82");
  EXPECT_EQ(Escape("\xc0\x80"), "\\xc0\\x80");                    // overlong
  EXPECT_EQ(Escape("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // surrogate
  EXPECT_EQ(Escape("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // above U+10FFFF
  EXPECT_EQ(Escape("\xe2\x82"), "\\xe2\\x82");                    // cut off
}

TEST(UnescapeTest, TakesUnescapedBytesAndBothCases) {
  EXPECT_EQ(Unescaped("\t\xff\""), "\t\xff\"");
  EXPECT_EQ(Unescaped("\\xfF\\x0A"), "\xff\n");
  EXPECT_EQ(Unescaped("\\\\x41"), "\\x41");
  EXPECT_EQ(Unescaped(""), "");
}

TEST(UnescapeTest, RefusesEverythingElseAndTellsWhere) {
  for (const char* text :
       {"\\", "ab\\", "\\n", "\\x", "\\x4", "\\xg1", "\\x1g", "\\X41", "\\ x41"}) {
    std::string bytes;
    const Status status = Unescape(text, &bytes);
    EXPECT_TRUE(status.Is(Code::kInvalidArgument)) << text;
  }
  std::string bytes;
  EXPECT_NE(Unescape("ab\\q", &bytes).message().find("at byte 2"), std::string_view::npos);
}

TEST(EscapeMessageTest, KeepsWhatIsEscapedAlreadyButNoControls) {
  EXPECT_EQ(EscapeMessage("key \"a\\x00\""), "key \"a\\x00\"");
  EXPECT_EQ(EscapeMessage("\x1b[31m\xff"), "\\x1b[31m\\xff");
}

TEST(HexTest, TwoDigitsAByte) { EXPECT_EQ(Hex(std::string_view("\0\x7f\xff", 3)), "007fff"); }

}  // namespace
}  // namespace lsm::cli
