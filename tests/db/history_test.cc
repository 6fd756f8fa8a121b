// A random history of writes, reads, scans, snapshots, flushes, compactions and reopens, held
// against a model, under several sets of options. The same seed gives the same history.

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "lsm/db/db.h"
#include "lsm/env/mem_env.h"
#include "tests/db/model.h"

namespace lsm {
namespace {

// The thread sanitizer takes twenty times as long, and looks for something else.
#ifdef __SANITIZE_THREAD__
constexpr int kOperations = 1'500;
#else
constexpr int kOperations = 10'000;
#endif

struct Setting {
  const char* name;
  std::vector<std::pair<const char*, const char*>> options;
};

// Sizes so small that a thousand operations cross every path.
const Setting kSettings[] = {
    {"lazy_zstd", {{"compression", "zstd:1"}}},
    {"leveled_raw", {{"compression", "none"}, {"compaction_style", "leveled"}}},
    {"tiered_no_filter", {{"compaction_style", "tiered"}, {"filter_bits_per_key", "0"}}},
    {"one_thread_no_map",
     {{"background_threads", "1"}, {"mmap_reads", "false"}, {"max_open_tables", "16"}}},
    {"tiny_blocks_no_cache", {{"block_size", "64"}, {"block_cache_size", "0"}}},
};

Options OptionsOf(const Setting& setting) {
  Options options;
  const auto set = [&](const char* name, const char* value) {
    const Status status = SetOption(&options, name, value);
    ASSERT_TRUE(status.ok()) << status.ToString();
  };
  set("memory_budget", "1MiB");
  set("write_buffer_size", "4KiB");
  set("table_size", "4KiB");
  set("block_size", "256");
  set("size_ratio", "3");
  for (const auto& [name, value] : setting.options) set(name, value);
  return options;
}

class History {
 public:
  History(const Setting& setting, uint64_t seed)
      : env_(NewMemEnv()), options_(OptionsOf(setting)), random_(seed) {
    Open();
  }
  ~History() {
    held_.clear();
    if (db_ != nullptr) {
      EXPECT_TRUE(db_->Close().ok());
    }
  }

  void Step() {
    const uint64_t dice = random_() % 1000;
    if (dice < 450) return Put();
    if (dice < 550) return Delete();
    if (dice < 565) return DeleteRange();
    if (dice < 640) return Batch();
    if (dice < 840) return Get();
    if (dice < 900) return Walk();
    if (dice < 930) return Hold();
    if (dice < 960) return CheckHeld();
    if (dice < 975) return Check(db_->Flush());
    if (dice < 980) return Compact();
    if (dice < 985) return Check(db_->WaitIdle());
    if (dice < 990) return Reopen();
    Count();
  }

  void CheckAll() {
    ExpectSame(nullptr, model_);
    Check(db_->CompactRange({"", InfiniteKey()}, nullptr));
    ExpectSame(nullptr, model_);
  }

 private:
  struct Held {
    std::unique_ptr<Snapshot> snapshot;
    Model model;
  };

  void Open() {
    auto db = Db::Open(env_.get(), "db", options_);
    ASSERT_TRUE(db.ok()) << db.status().ToString();
    db_ = db.Take();
  }

  static void Check(const Status& status) { ASSERT_TRUE(status.ok()) << status.ToString(); }

  std::string Key() {
    // A narrow space, so that keys meet, with keys that are prefixes of each other and the empty
    // one.
    const uint64_t number = random_() % 600;
    if (number == 0) return "";
    std::string key = "k" + std::to_string(number);
    if (random_() % 8 == 0) key.push_back('\0');
    if (random_() % 64 == 0) key.append(300, 'x');
    return key;
  }

  std::string Value() {
    const uint64_t size = random_() % 40 == 0 ? random_() % 3000 : random_() % 60;
    std::string value(size, 'a');
    for (char& c : value) c = static_cast<char>('a' + random_() % 4);
    return value;
  }

  void Put() {
    const std::string key = Key();
    const std::string value = Value();
    const WriteOp op{EntryKind::kPut, key, value};
    Check(db_->Write(op, random_() % 16 == 0));
    ApplyToModel(op, &model_);
  }
  void Delete() {
    const std::string key = Key();
    const WriteOp op{EntryKind::kDelete, key, ""};
    Check(db_->Write(op, false));
    ApplyToModel(op, &model_);
  }
  void DeleteRange() {
    std::string begin = Key();
    std::string end = random_() % 10 == 0 ? std::string(InfiniteKey()) : Key();
    // Short ranges mostly, or nothing would be left.
    if (random_() % 4 != 0) end = begin + "5";
    if (begin > end) std::swap(begin, end);
    if (end == InfiniteKey() && random_() % 4 != 0) return;
    WriteBatch batch;
    Check(batch.DeleteRange(begin, end));
    Check(db_->Write(batch, false));
    ApplyToModel(batch, &model_);
  }
  void Batch() {
    WriteBatch batch;
    for (uint64_t i = random_() % 20; i > 0; --i) {
      if (random_() % 3 == 0) {
        Check(batch.Delete(Key()));
      } else {
        Check(batch.Put(Key(), Value()));
      }
    }
    Check(db_->Write(batch, false));
    ApplyToModel(batch, &model_);
  }

  void ExpectGet(const Snapshot* snapshot, const Model& model, const std::string& key) {
    EpochGuard guard;
    Db::Value value;
    const Status status = db_->Get(snapshot, key, &value);
    const auto expected = model.find(key);
    if (expected == model.end()) {
      ASSERT_TRUE(status.Is(Code::kNotFound)) << key << ": " << status.ToString();
    } else {
      ASSERT_TRUE(status.ok()) << key << ": " << status.ToString();
      ASSERT_EQ(value.data, expected->second) << key;
    }
  }
  void Get() { ExpectGet(nullptr, model_, Key()); }

  void ExpectSame(const Snapshot* snapshot, const Model& model) {
    auto scan = db_->NewScan(snapshot, {"", InfiniteKey()});
    ASSERT_TRUE(scan.ok()) << scan.status().ToString();
    Status status = (*scan)->SeekFirst();
    for (const auto& [key, value] : model) {
      ASSERT_TRUE(status.ok()) << "before " << key << ": " << status.ToString();
      ASSERT_EQ((*scan)->key(), key);
      ASSERT_EQ((*scan)->value(), value);
      status = (*scan)->Next();
    }
    ASSERT_TRUE(status.Is(Code::kEnd)) << status.ToString() << " at " << (*scan)->key();
    status = (*scan)->SeekLast();
    for (auto row = model.rbegin(); row != model.rend(); ++row) {
      ASSERT_TRUE(status.ok()) << status.ToString();
      ASSERT_EQ((*scan)->key(), row->first);
      ASSERT_EQ((*scan)->value(), row->second);
      status = (*scan)->Prev();
    }
    ASSERT_TRUE(status.Is(Code::kEnd)) << status.ToString();
    // In one crossing of many rows, of a size that does not divide.
    std::vector<Scan::Row> rows(7);
    auto row = model.begin();
    status = (*scan)->SeekFirst();
    while (status.ok()) {
      size_t count;
      status = (*scan)->NextN(rows, &count);
      ASSERT_TRUE(status.ok() || status.Is(Code::kEnd)) << status.ToString();
      for (size_t i = 0; i < count; ++i, ++row) {
        ASSERT_NE(row, model.end());
        ASSERT_EQ(std::string_view(static_cast<const char*>(rows[i].key), rows[i].key_size),
                  row->first);
        ASSERT_EQ(std::string_view(static_cast<const char*>(rows[i].value), rows[i].value_size),
                  row->second);
      }
    }
    ASSERT_EQ(row, model.end());
  }
  void Count() { ExpectSame(nullptr, model_); }

  // A walk of mixed moves within bounds.
  void Walk() {
    std::string lower = Key();
    std::string upper = random_() % 4 == 0 ? std::string(InfiniteKey()) : Key();
    if (random_() % 3 == 0) lower.clear();
    if (lower > upper) std::swap(lower, upper);
    auto scan = db_->NewScan(nullptr, {lower, upper});
    ASSERT_TRUE(scan.ok()) << scan.status().ToString();
    const Model view(model_.lower_bound(lower), model_.lower_bound(upper));
    auto at = view.end();
    bool positioned = false;
    for (int i = 0; i < 25; ++i) {
      Status status;
      const uint64_t dice = positioned && at != view.end() ? random_() % 12 : random_() % 4;
      const std::string key = Key();
      switch (dice) {
        case 0:
          status = (*scan)->SeekFirst();
          at = view.begin();
          break;
        case 1:
          status = (*scan)->SeekLast();
          at = view.empty() ? view.end() : std::prev(view.end());
          break;
        case 2:
          status = (*scan)->Seek(key);
          at = view.lower_bound(key);
          break;
        case 3:
          status = (*scan)->SeekForPrev(key);
          at = view.upper_bound(key);
          at = at == view.begin() ? view.end() : std::prev(at);
          break;
        default:
          if (dice < 8) {
            status = (*scan)->Next();
            ++at;
          } else {
            status = (*scan)->Prev();
            at = at == view.begin() ? view.end() : std::prev(at);
          }
      }
      positioned = true;
      if (at == view.end()) {
        ASSERT_TRUE(status.Is(Code::kEnd)) << status.ToString() << " dice " << dice;
        ASSERT_EQ((*scan)->key().data(), nullptr);
      } else {
        ASSERT_TRUE(status.ok()) << status.ToString() << " dice " << dice;
        ASSERT_EQ((*scan)->key(), at->first) << "dice " << dice;
        ASSERT_EQ((*scan)->value(), at->second);
      }
    }
  }

  void Hold() {
    if (held_.size() >= 4) held_.erase(held_.begin() + static_cast<ptrdiff_t>(random_() % 4));
    auto snapshot = db_->NewSnapshot();
    ASSERT_TRUE(snapshot.ok());
    held_.push_back({snapshot.Take(), model_});
  }
  void CheckHeld() {
    if (held_.empty()) return;
    const Held& held = held_[random_() % held_.size()];
    if (random_() % 10 == 0) return ExpectSame(held.snapshot.get(), held.model);
    for (int i = 0; i < 10; ++i) ExpectGet(held.snapshot.get(), held.model, Key());
  }

  void Compact() {
    std::string begin = Key();
    std::string end = random_() % 2 == 0 ? std::string(InfiniteKey()) : Key();
    if (begin > end) std::swap(begin, end);
    Check(db_->CompactRange({begin, end}, nullptr));
  }

  void Reopen() {
    held_.clear();
    Check(db_->Close());
    ASSERT_TRUE(db_->Close().Is(Code::kClosed));
    const Status verified = VerifyPath(env_.get(), "db", nullptr, nullptr);
    ASSERT_TRUE(verified.ok()) << verified.ToString();
    Open();
  }

  const std::unique_ptr<Env> env_;
  const Options options_;
  std::mt19937_64 random_;
  std::shared_ptr<Db> db_;
  Model model_;
  std::vector<Held> held_;
};

class HistoryTest : public testing::TestWithParam<Setting> {};

TEST_P(HistoryTest, AgreesWithTheModel) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    History history(GetParam(), seed);
    for (int i = 0; i < kOperations; ++i) {
      SCOPED_TRACE(testing::Message() << "operation " << i);
      history.Step();
      if (testing::Test::HasFatalFailure()) return;
    }
    history.CheckAll();
    if (testing::Test::HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Settings, HistoryTest, testing::ValuesIn(kSettings),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace lsm
