// The whole engine under seeded schedules: a few threads do everything at once to a small database,
// and every answer must be explained by some order of what they did (history.h), in every view
// batches are whole and amounts that move between accounts keep their sum, and what a reopen finds
// is what was there.
//
// LSM_TEST_SEED=N: the schedules from seed N on. LSM_TEST_SCALE=N: N times as many. A failure says
// how to repeat it.

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/db/db_testing.h"
#include "tests/sched/history.h"
#include "tests/sched/scheduled_env.h"

namespace lsm {
namespace {

constexpr uint64_t kGroups = 20;
constexpr uint64_t kSeedsPerGroup = 250;
// What a schedule of this test takes on average.
constexpr uint64_t kExpectedSteps = 6000;

constexpr std::array kPlainKeys = {"k1", "k2", "k3"};
constexpr int64_t kStart = 100;  // of each account

// The seed at hand, for a crash.
volatile uint64_t current_seed = 0;

std::string HowToRepeat(uint64_t seed) {
  return absl::StrCat("bazel test --config=sched --test_env=LSM_TEST_SEED=", seed,
                      " --test_filter='*/0' //tests/sched:interleaving_test");
}

void TellSeedAndDie(int signal) {
  std::fprintf(stderr, "signal %d; to repeat:\n%s\n", signal, HowToRepeat(current_seed).c_str());
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

// One schedule: a database, its clients, and what they saw.
class Schedule {
 public:
  explicit Schedule(uint64_t seed)
      : random_(seed * 0x9e3779b97f4a7c15u + 1),
        scheduler_({.seed = seed,
                    .expected_steps = kExpectedSteps,
                    .on_failure = [seed](const std::string& text) {
                      std::fprintf(stderr, "%sto repeat:\n%s\n", text.c_str(),
                                   HowToRepeat(seed).c_str());
                      std::fflush(stderr);
                      std::_Exit(1);
                    }}) {}

  void Run() {
    scheduler_.Run([this] { Main(); });
  }

  // Empty: all is well.
  const std::string& failure() const { return failure_; }
  uint64_t trace_hash() const { return scheduler_.trace_hash(); }
  uint64_t steps() const { return scheduler_.steps(); }

 private:
  using View = std::vector<std::pair<std::string, std::string>>;

  struct Client {
    size_t number = 0;
    uint64_t operations = 0;
    std::mt19937_64 random;
    uint64_t writes = 0;
    std::array<int64_t, 2> balances = {kStart, kStart};
    // A view that is kept for a while, and what was seen through it.
    std::unique_ptr<Snapshot> snapshot;
    uint64_t snapshot_begin = 0;
    uint64_t snapshot_end = 0;
    std::optional<View> seen;
    bool closed = false;

    uint64_t Random(uint64_t bound) { return random() % bound; }
  };

  void Fail(std::string_view what) {
    if (failure_.empty()) failure_ = absl::StrCat(what, "\n");
  }
  // False where the database is closed; another failure is one of the test.
  bool Ok(Client* client, const Status& status, std::string_view what) {
    if (status.ok()) return true;
    client->closed = true;
    if (!may_close_ || !status.Is(Code::kClosed)) {
      Fail(absl::StrCat(what, " answered ", status.ToString()));
    }
    return false;
  }

  std::string AccountOf(size_t client, size_t which) const {
    return absl::StrCat("a", client, which == 0 ? "x" : "y");
  }
  std::vector<std::string> AllKeys() const {
    std::vector<std::string> keys;
    for (size_t i = 0; i < client_count_; ++i) {
      for (const size_t which : {0, 1}) keys.push_back(AccountOf(i, which));
    }
    keys.insert(keys.end(), kPlainKeys.begin(), kPlainKeys.end());
    return keys;
  }
  // No two values alike. What it is about comes first, then filling, so that memtables fill up.
  std::string NewValue(Client* client, std::string_view what) {
    return absl::StrCat(what, "/", client->number, ".", ++client->writes, " ",
                        std::string(client->Random(3) == 0 ? client->Random(900) : 8, '.'));
  }

  Options RandomOptions() {
    const auto either = [this](const char* one, const char* other) {
      return random_() % 2 == 0 ? one : other;
    };
    return TinyOptions({{"background_threads", either("1", "2")},
                        {"wal_sync_interval", either("0", "1ms")},
                        {"mmap_reads", either("true", "false")},
                        {"compaction_style", either("lazy", "leveled")}});
  }

  void Main();
  void RunClient(Client* client);
  void Operate(Client* client);
  void Write(Client* client, const WriteBatch& batch,
             const std::vector<std::pair<std::string, std::string>>& writes);
  void WritePlain(Client* client);
  void Transfer(Client* client);
  void ReadOne(Client* client);
  void TakeSnapshot(Client* client);
  void LookThroughSnapshot(Client* client);
  void ScanAll(Client* client);
  void Maintain(Client* client);
  std::optional<View> GetAll(Client* client, const Snapshot* snapshot);
  std::optional<View> Rows(Client* client, const Snapshot* snapshot, bool forward);
  std::optional<View> RowsOf(Client* client, Scan* scan, bool forward);
  void Record(uint64_t begin, uint64_t end, const View& view);
  void CheckSum(const View& view);

  std::mt19937_64 random_;
  SeededScheduler scheduler_;
  std::string failure_;
  History history_;
  size_t client_count_ = 0;
  bool may_close_ = false;
  std::shared_ptr<Db> db_;
};

void Schedule::Main() {
  ScheduledEnv env(&scheduler_);
  const Options options = RandomOptions();
  client_count_ = 3 + random_() % 2;
  may_close_ = random_() % 4 == 0;
  db_ = MustOpen(&env, options);
  std::vector<Client> clients(client_count_);
  WriteBatch batch;
  std::vector<std::pair<std::string, std::string>> writes;
  for (size_t i = 0; i < client_count_; ++i) {
    clients[i].number = i;
    clients[i].operations = 8 + random_() % 16;
    clients[i].random.seed(random_());
    for (const size_t which : {0, 1}) {
      writes.emplace_back(AccountOf(i, which), NewValue(&clients[i], absl::StrCat(kStart)));
      (void)batch.Put(writes.back().first, writes.back().second);
    }
  }
  Write(&clients[0], batch, writes);

  std::vector<SeededScheduler::ThreadId> threads;
  for (Client& client : clients) {
    threads.push_back(scheduler_.Spawn(absl::StrCat("client-", client.number),
                                       [this, &client] { RunClient(&client); }));
  }
  for (const SeededScheduler::ThreadId thread : threads) scheduler_.Join(thread);

  Client last{.number = client_count_};
  const uint64_t begin = history_.Now();
  const std::optional<View> before = Rows(&last, nullptr, true);
  if (before.has_value()) Record(begin, history_.Now(), *before);
  const Status closed = db_->Close();
  if (!closed.ok() && !closed.Is(Code::kClosed)) Fail("close answered " + closed.ToString());
  db_.reset();

  may_close_ = false;
  last.closed = false;
  db_ = MustOpen(&env, options);
  const uint64_t reopened = history_.Now();
  const std::optional<View> rows = Rows(&last, nullptr, true);
  const std::optional<View> gets = GetAll(&last, nullptr);
  if (rows.has_value() && gets.has_value()) {
    Record(reopened, history_.Now(), *rows);
    if (*rows != *gets) Fail("after the reopen gets and scans differ");
    if (before.has_value() && *before != *rows) Fail("the reopen changed something");
  }
  if (const Status status = db_->Close(); !status.ok()) Fail("close: " + status.ToString());
  db_.reset();
  if (const Status sound = VerifyPath(&env, kDbPath, nullptr, nullptr); !sound.ok()) {
    Fail("verify answered " + sound.ToString());
  }
  // What this schedule has retired is of no concern to the next one.
  EpochDrain();
  if (failure_.empty()) failure_ = history_.Check();
}

void Schedule::RunClient(Client* client) {
  for (uint64_t i = 0; i < client->operations && !client->closed && failure_.empty(); ++i) {
    Operate(client);
  }
  client->snapshot.reset();
}

void Schedule::Operate(Client* client) {
  const uint64_t choice = client->Random(100);
  if (choice < 25) {
    WritePlain(client);
  } else if (choice < 45) {
    Transfer(client);
  } else if (choice < 63) {
    ReadOne(client);
  } else if (choice < 75) {
    if (client->snapshot == nullptr) {
      TakeSnapshot(client);
    } else {
      LookThroughSnapshot(client);
    }
  } else if (choice < 87) {
    ScanAll(client);
  } else {
    Maintain(client);
  }
}

void Schedule::Write(Client* client, const WriteBatch& batch,
                     const std::vector<std::pair<std::string, std::string>>& writes) {
  const uint64_t begin = history_.Now();
  const bool ok = Ok(client, db_->Write(batch, client->Random(6) == 0), "a write");
  const uint64_t end = history_.Now();
  for (const auto& [key, value] : writes) {
    history_.Add(key,
                 {.begin = begin, .end = end, .is_write = true, .value = value, .is_certain = ok});
  }
}

void Schedule::WritePlain(Client* client) {
  WriteBatch batch;
  std::vector<std::pair<std::string, std::string>> writes;
  if (client->Random(12) == 0) {
    (void)batch.DeleteRange("k2", "k9");
    for (const char* const key : {"k2", "k3"}) writes.emplace_back(key, kNone);
    return Write(client, batch, writes);
  }
  const size_t first = client->Random(kPlainKeys.size());
  const size_t count = client->Random(4) == 0 ? 2 : 1;
  for (size_t i = 0; i < count; ++i) {
    const std::string key = kPlainKeys[(first + i) % kPlainKeys.size()];
    if (client->Random(4) == 0) {
      writes.emplace_back(key, kNone);
      (void)batch.Delete(key);
    } else {
      writes.emplace_back(key, NewValue(client, "v"));
      (void)batch.Put(key, writes.back().second);
    }
  }
  Write(client, batch, writes);
}

void Schedule::Transfer(Client* client) {
  const auto amount = static_cast<int64_t>(client->Random(50));
  client->balances[0] -= amount;
  client->balances[1] += amount;
  WriteBatch batch;
  std::vector<std::pair<std::string, std::string>> writes;
  for (const size_t which : {0, 1}) {
    const std::string key = AccountOf(client->number, which);
    writes.emplace_back(key, NewValue(client, absl::StrCat(client->balances[which])));
    // Deleted, then written, in one batch: nobody sees it gone.
    if (client->Random(4) == 0) (void)batch.Delete(key);
    (void)batch.Put(key, writes.back().second);
  }
  Write(client, batch, writes);
}

void Schedule::ReadOne(Client* client) {
  const std::vector<std::string> keys = AllKeys();
  const std::string& key = keys[client->Random(keys.size())];
  const uint64_t begin = history_.Now();
  EpochGuard guard;
  Db::Value value;
  const Status status = db_->Get(nullptr, key, &value);
  const uint64_t end = history_.Now();
  if (!status.Is(Code::kNotFound) && !Ok(client, status, "a get")) return;
  // Until the guard ends it stays what it is.
  SchedulePoint();
  history_.Add(
      key, {.begin = begin, .end = end, .value = status.ok() ? std::string(value.data) : kNone});
}

std::optional<Schedule::View> Schedule::GetAll(Client* client, const Snapshot* snapshot) {
  View view;
  for (const std::string& key : AllKeys()) {
    EpochGuard guard;
    Db::Value value;
    const Status status = db_->Get(snapshot, key, &value);
    if (status.Is(Code::kNotFound)) continue;
    if (!Ok(client, status, "a get")) return std::nullopt;
    view.emplace_back(key, value.data);
  }
  return view;
}

std::optional<Schedule::View> Schedule::RowsOf(Client* client, Scan* scan, bool forward) {
  View view;
  Status status = forward ? scan->SeekFirst() : scan->SeekLast();
  for (; status.ok(); status = forward ? scan->Next() : scan->Prev()) {
    view.emplace_back(scan->key(), scan->value());
  }
  if (!status.Is(Code::kEnd)) {
    (void)Ok(client, status, "a scan");
    return std::nullopt;
  }
  if (!forward) std::reverse(view.begin(), view.end());
  return view;
}

std::optional<Schedule::View> Schedule::Rows(Client* client, const Snapshot* snapshot,
                                             bool forward) {
  auto scan = db_->NewScan(snapshot, {"", InfiniteKey()});
  if (!Ok(client, scan.status(), "a scan")) return std::nullopt;
  return RowsOf(client, scan->get(), forward);
}

// The view is of one moment between `begin` and `end`.
void Schedule::Record(uint64_t begin, uint64_t end, const View& view) {
  for (const std::string& key : AllKeys()) {
    std::string value = kNone;
    for (const auto& [row_key, row_value] : view) {
      if (row_key == key) value = row_value;
    }
    history_.Add(key, {.begin = begin, .end = end, .value = std::move(value)});
  }
  CheckSum(view);
}

void Schedule::CheckSum(const View& view) {
  int64_t sum = 0;
  for (const auto& [key, value] : view) {
    if (key[0] == 'a') sum += std::stoll(value);
  }
  if (sum != static_cast<int64_t>(client_count_) * 2 * kStart) {
    Fail(absl::StrCat("the accounts of a view have ", sum, " in all"));
  }
}

void Schedule::TakeSnapshot(Client* client) {
  client->snapshot_begin = history_.Now();
  auto snapshot = db_->NewSnapshot();
  client->snapshot_end = history_.Now();
  if (!Ok(client, snapshot.status(), "a snapshot")) return;
  client->snapshot = snapshot.Take();
  client->seen.reset();
  LookThroughSnapshot(client);
}

void Schedule::LookThroughSnapshot(Client* client) {
  const uint64_t way = client->Random(4);
  const std::optional<View> view = way < 2 ? GetAll(client, client->snapshot.get())
                                           : Rows(client, client->snapshot.get(), way == 2);
  if (!view.has_value()) return;
  if (!client->seen.has_value()) {
    Record(client->snapshot_begin, client->snapshot_end, *view);
  } else if (*client->seen != *view) {
    Fail("a snapshot has changed");
  }
  client->seen = view;
  if (client->Random(2) == 0) client->snapshot.reset();
}

void Schedule::ScanAll(Client* client) {
  const uint64_t begin = history_.Now();
  auto scan = db_->NewScan(nullptr, {"", InfiniteKey()});
  const uint64_t end = history_.Now();
  if (!Ok(client, scan.status(), "a scan")) return;
  const std::optional<View> view = RowsOf(client, scan->get(), client->Random(2) == 0);
  if (view.has_value()) Record(begin, end, *view);
}

void Schedule::Maintain(Client* client) {
  switch (client->Random(may_close_ ? 8 : 7)) {
    case 0:
    case 1:
    case 2:
      (void)Ok(client, db_->Flush(), "a flush");
      break;
    case 3:
      (void)Ok(client, db_->CompactRange({"", InfiniteKey()}, nullptr), "a compaction");
      break;
    case 4: {
      const bool cancel = client->Random(2) == 0;
      const Status status =
          db_->CompactRange({"a1", "k2"}, [cancel](const Progress&) { return cancel; });
      if (!cancel || !status.Is(Code::kAborted)) (void)Ok(client, status, "a compaction");
      break;
    }
    case 5:
      (void)Ok(client, db_->WaitIdle(), "the wait for idleness");
      break;
    case 6:
      (void)Ok(client, db_->GetProperty("levels").status(), "a property");
      break;
    default:
      (void)Ok(client, db_->Close(), "a close");
      client->closed = true;
  }
}

// Threads take a slot each for their guards, of a list that only grows: with all there from the
// start, every schedule finds the list alike.
void PrepareEpochSlots() {
  static const bool prepared = [] {
    SeededScheduler scheduler({.seed = 0, .max_depth = 1});
    scheduler.Run([&] {
      std::vector<SeededScheduler::ThreadId> threads;
      size_t inside = 0;
      for (size_t i = 0; i + 1 < SeededScheduler::kMaxThreads; ++i) {
        threads.push_back(scheduler.Spawn("warm-up", [&inside] {
          EpochGuard guard;
          ++inside;
          while (inside + 1 < SeededScheduler::kMaxThreads) BackOff(absl::Microseconds(1));
        }));
      }
      for (const SeededScheduler::ThreadId thread : threads) scheduler.Join(thread);
    });
    for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
      std::signal(signal, &TellSeedAndDie);
    }
    return true;
  }();
  (void)prepared;
}

class InterleavingTest : public testing::TestWithParam<uint64_t> {
 protected:
  void SetUp() override { PrepareEpochSlots(); }
};

TEST_P(InterleavingTest, EveryAnswerIsExplained) {
  const uint64_t count = kSeedsPerGroup * TestScale() / kSanitizerSlowness;
  const uint64_t first = FirstSeed() + GetParam() * count;
  uint64_t steps = 0;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    current_seed = seed;
    Schedule schedule(seed);
    schedule.Run();
    ASSERT_EQ(schedule.failure(), "") << "to repeat:\n" << HowToRepeat(seed);
    steps += schedule.steps();
  }
  std::printf("%llu schedules of %llu steps on average\n", static_cast<unsigned long long>(count),
              static_cast<unsigned long long>(steps / count));
}

INSTANTIATE_TEST_SUITE_P(Seeds, InterleavingTest, testing::Range(uint64_t{0}, kGroups));

TEST(InterleavingDeterminismTest, TheSameSeedIsTheSameSchedule) {
  PrepareEpochSlots();
  std::vector<uint64_t> traces;
  for (const bool again : {false, true}) {
    for (uint64_t seed = FirstSeed(); seed < FirstSeed() + 20; ++seed) {
      current_seed = seed;
      Schedule schedule(seed);
      schedule.Run();
      if (!again) {
        traces.push_back(schedule.trace_hash());
      } else {
        EXPECT_EQ(schedule.trace_hash(), traces[seed - FirstSeed()]) << "seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace lsm
