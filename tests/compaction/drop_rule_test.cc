#include "lsm/compaction/drop_rule.h"

#include <algorithm>
#include <map>
#include <random>

#include "gtest/gtest.h"

namespace lsm {
namespace {

struct Version {
  SequenceNumber sequence;
  EntryKind kind;
  std::string value;
};
// Versions newest first, by key.
using Entries = std::map<std::string, std::vector<Version>>;

struct World {
  Entries entries;
  std::vector<RangeTombstone> tombstones;
};

const std::string kKeys[] = {"", "a", "ab", "b", "c", "ca", "d"};

// What a reader at `snapshot` sees of `key`: a value, or nothing, where `below` is what it would
// see of the levels below.
std::string See(const World& world, const std::string& key, SequenceNumber snapshot,
                const std::string& below) {
  SequenceNumber covered = 0;
  for (const RangeTombstone& tombstone : world.tombstones) {
    if (tombstone.begin <= key && key < tombstone.end && tombstone.sequence <= snapshot) {
      covered = std::max(covered, tombstone.sequence);
    }
  }
  if (const auto found = world.entries.find(key); found != world.entries.end()) {
    for (const Version& version : found->second) {
      if (version.sequence > snapshot) continue;
      const bool deleted = version.kind == EntryKind::kDelete || version.sequence < covered;
      return deleted ? "(none)" : version.value;
    }
  }
  return covered > 0 ? "(none)" : below;
}

World RandomWorld(std::mt19937_64* random, SequenceNumber last) {
  World world;
  std::vector<SequenceNumber> sequences(last);
  for (SequenceNumber i = 0; i < last; ++i) sequences[i] = i + 1;
  std::shuffle(sequences.begin(), sequences.end(), *random);
  for (const SequenceNumber sequence : sequences) {
    const std::string& a = kKeys[(*random)() % std::size(kKeys)];
    const std::string& b = kKeys[(*random)() % std::size(kKeys)];
    const uint64_t dice = (*random)() % 10;
    if (dice == 0 && a != b) {
      world.tombstones.push_back({std::min(a, b), std::max(a, b), sequence});
    } else if (dice != 1) {
      world.entries[a].push_back({sequence, dice < 4 ? EntryKind::kDelete : EntryKind::kPut,
                                  "v" + std::to_string(sequence)});
    }
  }
  for (auto& [key, versions] : world.entries) {
    std::sort(versions.begin(), versions.end(),
              [](const Version& a, const Version& b) { return a.sequence > b.sequence; });
  }
  return world;
}

World Compact(const World& world, const FragmentedRangeTombstones& fragments,
              const std::vector<SequenceNumber>& snapshots, bool bottom) {
  World kept;
  DropRule rule(snapshots, bottom, &fragments);
  for (const auto& [key, versions] : world.entries) {
    for (const Version& version : versions) {
      SequenceNumber sequence;
      const Entry entry = {key, version.sequence, version.kind, version.value};
      if (rule.Keep(entry, &sequence)) {
        kept.entries[key].push_back({sequence, version.kind, version.value});
      }
    }
  }
  for (const auto& fragment : fragments.fragments()) {
    for (const SequenceNumber sequence : rule.KeepTombstones(fragment)) {
      kept.tombstones.push_back({fragment.begin, fragment.end, sequence});
    }
  }
  return kept;
}

TEST(DropRuleTest, NobodySeesADifferenceAndNothingNeedlessIsKept) {
  for (uint64_t seed = 1; seed <= 4000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const SequenceNumber last = 1 + random() % 30;
    const World world = RandomWorld(&random, last);
    std::vector<SequenceNumber> snapshots;
    for (SequenceNumber s = 1; s <= last; ++s) {
      if (random() % 10 == 0) snapshots.push_back(s);
    }
    const bool bottom = seed % 2 == 0;
    const FragmentedRangeTombstones fragments(world.tombstones);
    const World kept = Compact(world, fragments, snapshots, bottom);

    std::vector<SequenceNumber> readers = snapshots;
    readers.push_back(last);
    for (const std::string& key : kKeys) {
      SCOPED_TRACE("key " + key);
      for (const SequenceNumber reader : readers) {
        // At the bottom nothing lies below; elsewhere, there may be something older.
        const std::string below = bottom ? "(none)" : "below";
        ASSERT_EQ(See(kept, key, reader, below), See(world, key, reader, below))
            << "reader " << reader;
      }
      // No two versions that the same readers see, and none that no reader sees.
      const auto found = kept.entries.find(key);
      if (found == kept.entries.end()) continue;
      std::vector<SequenceNumber> needed;
      for (const SequenceNumber reader : readers) {
        for (const Version& version : found->second) {
          if (version.sequence > reader) continue;
          needed.push_back(version.sequence);
          break;
        }
      }
      for (const Version& version : found->second) {
        EXPECT_NE(std::count(needed.begin(), needed.end(), version.sequence), 0)
            << "version " << version.sequence << " is seen by nobody";
      }
      if (!bottom) continue;
      // What everybody sees is a put without a number.
      const Version& oldest = found->second.back();
      const SequenceNumber first_reader = readers.front();
      if (oldest.sequence <= first_reader) {
        EXPECT_EQ(oldest.sequence, 0u);
        EXPECT_EQ(oldest.kind, EntryKind::kPut);
      }
    }
    for (const RangeTombstone& tombstone : kept.tombstones) {
      EXPECT_TRUE(!bottom || tombstone.sequence > readers.front());
    }
    EXPECT_TRUE(!bottom || !snapshots.empty() || kept.tombstones.empty());
  }
}

// Once more over its own output, with the same snapshots, there is nothing left to drop.
TEST(DropRuleTest, IsIdempotent) {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    std::mt19937_64 random(seed);
    const World world = RandomWorld(&random, 25);
    const std::vector<SequenceNumber> snapshots = {5, 12, 20};
    const bool bottom = seed % 2 == 0;
    const FragmentedRangeTombstones fragments(world.tombstones);
    const World once = Compact(world, fragments, snapshots, bottom);
    const FragmentedRangeTombstones again(once.tombstones);
    const World twice = Compact(once, again, snapshots, bottom);
    ASSERT_EQ(twice.entries.size(), once.entries.size()) << "seed " << seed;
    for (const auto& [key, versions] : once.entries) {
      ASSERT_EQ(twice.entries.at(key).size(), versions.size()) << "seed " << seed;
    }
    ASSERT_EQ(twice.tombstones.size(), once.tombstones.size()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace lsm
