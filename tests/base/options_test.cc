#include "lsm/base/options.h"

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"

namespace lsm {
namespace {

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// Values that every option of a type must take; those of an ordered type come from its bounds.
std::vector<std::string> GoodValues(const OptionInfo& info) {
  switch (info.type) {
    case OptionType::kBool:
      return {"true", "false"};
    case OptionType::kCompression:
      return {"none", "zstd", "zstd:-7", "zstd:1", "zstd:19"};
    case OptionType::kStyle:
      return {"lazy", "leveled", "tiered"};
    default:
      return {info.minimum, info.maximum};
  }
}

std::vector<std::string> AllValues(const Options& options) {
  std::vector<std::string> values;
  for (const OptionInfo& info : OptionTable()) values.push_back(GetOption(options, info.name));
  return values;
}

TEST(OptionsTest, NamesThatAreAPromise) {
  std::set<std::string> names;
  for (const OptionInfo& info : OptionTable()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_TRUE(std::string_view(info.help).ends_with('.')) << info.name;
  }
  for (const char* name :
       {"create_if_missing", "error_if_exists", "read_only", "memory_budget", "write_buffer_size",
        "block_cache_size", "block_size", "compression", "filter_bits_per_key", "compaction_style",
        "background_threads", "wal_sync_interval", "max_open_tables"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
}

TEST(OptionsTest, EveryOptionRoundTrips) {
  for (const OptionInfo& info : OptionTable()) {
    for (const std::string& value : GoodValues(info)) {
      SCOPED_TRACE(std::string(info.name) + "=" + value);
      Options options;
      const Status status = SetOption(&options, info.name, value);
      ASSERT_TRUE(status.ok()) << status.ToString();
      const std::string text = GetOption(options, info.name);
      Options again;
      ASSERT_TRUE(SetOption(&again, info.name, text).ok()) << text;
      EXPECT_EQ(AllValues(again), AllValues(options));
    }
  }
}

TEST(OptionsTest, DefaultsRoundTrip) {
  const Options defaults;
  Options options;
  for (const OptionInfo& info : OptionTable()) {
    const Status status = SetOption(&options, info.name, GetOption(defaults, info.name));
    EXPECT_TRUE(status.ok()) << status.ToString();
  }
  EXPECT_EQ(AllValues(options), AllValues(defaults));
  EXPECT_EQ(GetOption(defaults, "create_if_missing"), "true");
  EXPECT_EQ(GetOption(defaults, "write_buffer_size"), "auto");
  EXPECT_EQ(GetOption(defaults, "memory_budget"), "256MiB");
  EXPECT_EQ(GetOption(defaults, "wal_sync_interval"), "0us");
}

// Each option sets its own field and no other.
TEST(OptionsTest, OptionsAreIndependent) {
  for (const OptionInfo& info : OptionTable()) {
    Options options;
    const std::vector<std::string> before = AllValues(options);
    for (const std::string& value : GoodValues(info)) {
      ASSERT_TRUE(SetOption(&options, info.name, value).ok());
      if (GetOption(options, info.name) != GetOption(Options(), info.name)) break;
    }
    const std::vector<std::string> after = AllValues(options);
    for (size_t i = 0; i < after.size(); ++i) {
      const bool own = OptionTable()[i].name == info.name;
      EXPECT_EQ(before[i] != after[i], own) << info.name << " and " << OptionTable()[i].name;
    }
  }
}

TEST(OptionsTest, BoundsAreNamedAndKept) {
  for (const OptionInfo& info : OptionTable()) {
    std::vector<std::string> outside;
    if (info.type == OptionType::kNumber) {
      outside = {"1000001"};
      if (std::string_view(info.minimum) != "0") outside.push_back("0");
    } else if (info.type == OptionType::kSize) {
      outside = {"1025GiB", "17179869183GiB"};
      if (std::string_view(info.minimum) != "0") outside.push_back("1");
    } else if (info.type == OptionType::kDuration) {
      outside = {"86400000001", "86401s"};
    }
    for (const std::string& value : outside) {
      SCOPED_TRACE(std::string(info.name) + "=" + value);
      Options options;
      const Status status = SetOption(&options, info.name, value);
      EXPECT_EQ(status.code(), Code::kInvalidArgument);
      EXPECT_TRUE(Contains(status.message(), info.name)) << status.message();
      EXPECT_TRUE(Contains(status.message(), info.minimum)) << status.message();
      EXPECT_TRUE(Contains(status.message(), info.maximum)) << status.message();
      EXPECT_EQ(AllValues(options), AllValues(Options()));
    }
  }
}

TEST(OptionsTest, SmallestValuesThatArePromised) {
  Options options;
  EXPECT_TRUE(SetOption(&options, "write_buffer_size", "4KiB").ok());
  EXPECT_FALSE(SetOption(&options, "write_buffer_size", "4095").ok());
  EXPECT_TRUE(SetOption(&options, "block_size", "64").ok());
  EXPECT_FALSE(SetOption(&options, "block_size", "63B").ok());
  EXPECT_TRUE(SetOption(&options, "memory_budget", "1MiB").ok());
  EXPECT_FALSE(SetOption(&options, "memory_budget", "1023KiB").ok());
}

TEST(OptionsTest, Units) {
  Options options;
  const auto size = [&](const char* text) {
    EXPECT_TRUE(SetOption(&options, "memory_budget", text).ok()) << text;
    return options.memory_budget;
  };
  EXPECT_EQ(size("1048576"), kMiB);
  EXPECT_EQ(size("1048577B"), kMiB + 1);
  EXPECT_EQ(size("2048KiB"), 2 * kMiB);
  EXPECT_EQ(size("3MiB"), 3 * kMiB);
  EXPECT_EQ(size("4GiB"), 4 * kGiB);
  const auto duration = [&](const char* text) {
    EXPECT_TRUE(SetOption(&options, "wal_sync_interval", text).ok()) << text;
    return options.wal_sync_interval_micros;
  };
  EXPECT_EQ(duration("7"), 7u);
  EXPECT_EQ(duration("8us"), 8u);
  EXPECT_EQ(duration("9ms"), 9000u);
  EXPECT_EQ(duration("10s"), 10'000'000u);
}

TEST(OptionsTest, WhatDoesNotParseChangesNothing) {
  struct Case {
    const char* name;
    std::vector<std::string> values;
  };
  const Case cases[] = {
      {"create_if_missing", {"", "1", "0", "TRUE", "yes", "true "}},
      {"memory_budget",
       {"", " 4MiB", "4MiB ", "-1", "+4MiB", "4 MiB", "4mib", "4MB", "4M", "MiB", "B", "0x10",
        "1e9", "4.5MiB", "99999999999999999999", "18446744073709551615GiB", "auto",
        std::string("4MiB\0", 5)}},
      {"wal_sync_interval", {"", "1m", "1h", "ms", "1.5s", "-1s", "1 s", "auto"}},
      {"background_threads", {"", "two", "2.0", "2B", "-2", "+2", " 2"}},
      {"filter_bits_per_key", {"", "many", "nan", "inf", "-1", "65", "1e9", " 10", "10 ", "1,5"}},
      {"compression",
       {"", "ZSTD", "lz4", "zstd:", "zstd:20", "zstd:-8", "zstd:1.5", "zstd: 1", "zstd:1 ",
        "zstd:99999999999", "none:1"}},
      {"compaction_style", {"", "Lazy", "universal", "lazy "}},
  };
  for (const Case& c : cases) {
    for (const std::string& value : c.values) {
      SCOPED_TRACE(std::string(c.name) + "=" + value);
      Options options;
      const Status status = SetOption(&options, c.name, value);
      EXPECT_EQ(status.code(), Code::kInvalidArgument);
      EXPECT_TRUE(Contains(status.message(), "expected")) << status.message();
      EXPECT_EQ(AllValues(options), AllValues(Options()));
    }
  }
}

TEST(OptionsTest, UnknownNamesListTheKnownOnes) {
  for (const char* name : {"", "no_such_option", "memory_budget ", "Memory_Budget"}) {
    Options options;
    const Status status = SetOption(&options, name, "1MiB");
    EXPECT_EQ(status.code(), Code::kInvalidArgument);
    for (const OptionInfo& info : OptionTable()) {
      EXPECT_TRUE(Contains(status.message(), info.name)) << status.message();
    }
  }
}

TEST(OptionsTest, FractionsKeepAllTheirDigits) {
  for (const char* text : {"0.1", "9.87654321012", "10", "1e-3"}) {
    Options options;
    ASSERT_TRUE(SetOption(&options, "filter_bits_per_key", text).ok());
    Options again;
    ASSERT_TRUE(
        SetOption(&again, "filter_bits_per_key", GetOption(options, "filter_bits_per_key")).ok());
    EXPECT_EQ(again.filter_bits_per_key, options.filter_bits_per_key);
  }
}

TEST(OptionsTest, ResolvedSizesFitTheBudget) {
  for (const uint64_t budget : {kMinMemoryBudget, 3 * kMiB, 256 * kMiB, 8 * kGiB, 1024 * kGiB}) {
    Options options;
    options.memory_budget = budget;
    const Options resolved = ResolveOptions(options);
    EXPECT_GE(resolved.write_buffer_size, kMinWriteBufferSize);
    EXPECT_LE(resolved.write_buffer_size, 64 * kMiB);
    EXPECT_LE(kMaxMemtables * resolved.write_buffer_size + resolved.block_cache_size, budget);
  }
}

TEST(OptionsTest, ResolvingKeepsWhatWasSet) {
  Options options;
  options.memory_budget = kMinMemoryBudget;
  options.write_buffer_size = 1 * kGiB;
  EXPECT_EQ(ResolveOptions(options).write_buffer_size, 1 * kGiB);
  EXPECT_EQ(ResolveOptions(options).block_cache_size, 0u) << "memtables took it all";
  options.block_cache_size = 5 * kGiB;
  EXPECT_EQ(ResolveOptions(options).block_cache_size, 5 * kGiB);
}

}  // namespace
}  // namespace lsm
