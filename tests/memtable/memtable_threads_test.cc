// One writer and readers without locks (invariant 1 of memtable.h). Whatever a reader's snapshot
// covers is known in advance: the operation with sequence s puts key KeyOf(s) with the value
// ValueOf(s).

#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "lsm/memtable/memtable.h"
#include "tests/memtable/key_shapes.h"

namespace lsm {
namespace {

constexpr int kReaders = 3;

class ThreadsTest : public testing::TestWithParam<KeyShape> {
 protected:
  void SetUp() override {
    const SequenceNumber operations = GetParam() == KeyShape::kHuge ? 300 : 20'000;
    KeyMaker maker(GetParam(), 17);
    for (SequenceNumber s = 0; s <= operations; ++s) {
      keys_.push_back(maker.Next());
      versions_[keys_.back()].push_back(s);
    }
    versions_[keys_[0]].erase(versions_[keys_[0]].begin());
    table_ = MemTable::Create(&pool_, 64 * kMiB).Take();
  }
  void TearDown() override {
    table_ = nullptr;
    EpochDrain();
  }

  SequenceNumber last() const { return keys_.size() - 1; }
  static std::string ValueOf(SequenceNumber s) { return std::to_string(s * 7919); }

  void Write() {
    for (SequenceNumber s = 1; s <= last(); ++s) {
      table_->Apply({EntryKind::kPut, keys_[s], ValueOf(s)}, s);
      published_.store(s, std::memory_order_release);
    }
  }
  // The newest version of the key with sequence <= snapshot, or 0.
  SequenceNumber Wanted(const std::string& key, SequenceNumber snapshot) const {
    const std::vector<SequenceNumber>& all = versions_.at(key);
    const auto after = std::upper_bound(all.begin(), all.end(), snapshot);
    return after == all.begin() ? 0 : *std::prev(after);
  }

  void ReadPoints(uint64_t seed) {
    std::mt19937_64 random(seed);
    for (SequenceNumber snapshot = 0; snapshot < last();) {
      snapshot = published_.load(std::memory_order_acquire);
      const std::string& key = keys_[random() % keys_.size()];
      const MemTable::Lookup got = table_->Get(key, snapshot);
      const SequenceNumber wanted = Wanted(key, snapshot);
      ASSERT_EQ(got.sequence, wanted);
      if (wanted != 0) {
        ASSERT_EQ(got.value, ValueOf(wanted));
      }
    }
  }

  // Walks some entries from a random key and checks that no version within the snapshot is missing.
  void ReadRanges(uint64_t seed) {
    std::mt19937_64 random(seed);
    const auto iterator = table_->NewIterator();
    for (SequenceNumber snapshot = 0; snapshot < last();) {
      snapshot = published_.load(std::memory_order_acquire);
      const std::string& key = keys_[random() % keys_.size()];
      const bool forward = random() % 2 == 0;
      forward ? iterator->Seek(key) : iterator->SeekForPrev(key);
      auto wanted = forward ? versions_.lower_bound(key) : versions_.upper_bound(key);
      for (int keys = 0; keys < 20; ++keys) {
        // The next key of the model that the snapshot has.
        std::vector<SequenceNumber> versions;
        while (versions.empty()) {
          if (wanted == (forward ? versions_.end() : versions_.begin())) break;
          if (!forward) --wanted;
          for (const SequenceNumber s : wanted->second) {
            if (s <= snapshot) versions.push_back(s);
          }
          if (versions.empty() && forward) ++wanted;
        }
        if (versions.empty()) break;
        if (forward) std::reverse(versions.begin(), versions.end());
        for (const SequenceNumber s : versions) {
          while (iterator->valid() && iterator->entry().sequence > snapshot) {
            forward ? iterator->Next() : iterator->Prev();
          }
          ASSERT_TRUE(iterator->valid());
          ASSERT_EQ(iterator->entry().key, wanted->first);
          ASSERT_EQ(iterator->entry().sequence, s);
          ASSERT_EQ(iterator->entry().value, ValueOf(s));
          forward ? iterator->Next() : iterator->Prev();
        }
        if (forward) ++wanted;
      }
    }
  }

  ArenaPool pool_{64 * kMiB, 1};
  RefPtr<MemTable> table_;
  std::vector<std::string> keys_;  // by sequence; sequence 0 is not written
  std::map<std::string, std::vector<SequenceNumber>> versions_;
  std::atomic<SequenceNumber> published_{0};
};

TEST_P(ThreadsTest, ReadersSeeAllTheirSnapshotCovers) {
  std::vector<std::thread> readers;
  for (int i = 0; i < kReaders; ++i) {
    const auto seed = static_cast<uint64_t>(i);
    readers.emplace_back([this, seed] { seed == 0 ? ReadPoints(seed) : ReadRanges(seed); });
  }
  Write();
  for (std::thread& reader : readers) reader.join();
}

INSTANTIATE_TEST_SUITE_P(AllShapes, ThreadsTest, testing::ValuesIn(kAllKeyShapes));

TEST(TombstoneThreadsTest, ReadersSeeAllTheirSnapshotCovers) {
  ArenaPool pool(kMiB, 1);
  RefPtr<MemTable> table = MemTable::Create(&pool, kMiB).Take();
  constexpr SequenceNumber kCount = 4000;
  std::atomic<SequenceNumber> published{0};
  // Tombstone s covers the letters [s % 26, s % 26 + 3).
  const auto covers = [](SequenceNumber s, int letter) {
    const int begin = static_cast<int>(s % 26);
    return begin <= letter && letter < begin + 3;
  };
  std::vector<std::thread> readers;
  for (int i = 0; i < kReaders; ++i) {
    readers.emplace_back([&, i] {
      std::mt19937_64 random(static_cast<uint64_t>(i));
      for (SequenceNumber snapshot = 0; snapshot < kCount;) {
        snapshot = published.load(std::memory_order_acquire);
        const int letter = static_cast<int>(random() % 26);
        SequenceNumber wanted = snapshot;
        while (wanted > 0 && !covers(wanted, letter)) --wanted;
        const std::string key(2, static_cast<char>('a' + letter));
        ASSERT_EQ(table->CoveringSequence(key, snapshot), wanted);
      }
    });
  }
  for (SequenceNumber s = 1; s <= kCount; ++s) {
    const std::string begin(1, static_cast<char>('a' + s % 26));
    const std::string end(1, static_cast<char>('a' + s % 26 + 3));
    table->Apply({EntryKind::kRangeDelete, begin, end}, s);
    published.store(s, std::memory_order_release);
  }
  for (std::thread& reader : readers) reader.join();
  table = nullptr;
  EpochDrain();
}

}  // namespace
}  // namespace lsm
