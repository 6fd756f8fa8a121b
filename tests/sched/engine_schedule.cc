#include "tests/sched/engine_schedule.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "absl/strings/str_cat.h"
#include "tests/db/db_testing.h"

namespace lsm {
namespace {

// What a schedule takes on average.
constexpr uint64_t kExpectedSteps = 9000;

constexpr std::array kPlainKeys = {"k1", "k2", "k3"};
constexpr int64_t kStart = 100;  // of each account
constexpr size_t kHeavyRows = 6;
constexpr size_t kHeavyBytes = 900;

std::string AccountOf(size_t client, size_t which) {
  return absl::StrCat("a", client, which == 0 ? "x" : "y");
}
std::string HeavyKey(size_t client, size_t row) { return absl::StrCat("h", client, ".", row); }
}  // namespace

EngineSchedule::EngineSchedule(uint64_t seed, std::string how_to_repeat)
    : random_(seed * 0x9e3779b97f4a7c15u + 1),
      scheduler_({.seed = seed,
                  .expected_steps = kExpectedSteps,
                  .on_failure = [how_to_repeat](const std::string& text) {
                    std::fprintf(stderr, "%sto repeat:\n%s\n", text.c_str(), how_to_repeat.c_str());
                    std::fflush(stderr);
                    std::_Exit(1);
                  }}) {}

void EngineSchedule::Fail(std::string_view what) {
  if (failure_.empty()) failure_ = absl::StrCat(what, "\n");
}

bool EngineSchedule::Ok(Client* client, const Status& status, std::string_view what) {
  if (status.ok()) return true;
  client->closed = true;
  if (!may_close_ || !status.Is(Code::kClosed)) {
    Fail(absl::StrCat(what, " answered ", status.ToString()));
  }
  return false;
}

std::vector<std::string> EngineSchedule::AllKeys() const {
  std::vector<std::string> keys;
  for (size_t i = 0; i < client_count_; ++i) {
    for (const size_t which : {0, 1}) keys.push_back(AccountOf(i, which));
  }
  keys.insert(keys.end(), kPlainKeys.begin(), kPlainKeys.end());
  return keys;
}

std::string EngineSchedule::NewValue(Client* client, std::string_view what) {
  return absl::StrCat(what, "/", client->number, ".", ++client->writes, " ",
                      std::string(client->Random(3) == 0 ? client->Random(900) : 8, '.'));
}

Options EngineSchedule::RandomOptions() {
  const auto either = [this](const char* one, const char* other) {
    return random_() % 2 == 0 ? one : other;
  };
  return TinyOptions({{"background_threads", either("1", "2")},
                      {"wal_sync_interval", either("0", "1ms")},
                      {"mmap_reads", either("true", "false")},
                      {"compaction_style", either("lazy", "leveled")},
                      {"compression", "none"}});
}

void EngineSchedule::Main() {
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
    clients[i].balances = {kStart, kStart};
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

void EngineSchedule::RunClient(Client* client) {
  for (uint64_t i = 0; i < client->operations && !client->closed && failure_.empty(); ++i) {
    Operate(client);
  }
  client->snapshot.reset();
}

void EngineSchedule::Operate(Client* client) {
  const uint64_t choice = client->Random(100);
  if (choice < 10) {
    WriteHeavy(client);
  } else if (choice < 27) {
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

void EngineSchedule::Write(Client* client, const WriteBatch& batch,
                           const std::vector<std::pair<std::string, std::string>>& writes) {
  const uint64_t begin = history_.Now();
  const bool ok = Ok(client, db_->Write(batch, client->Random(6) == 0), "a write");
  const uint64_t end = history_.Now();
  for (const auto& [key, value] : writes) {
    history_.Add(key,
                 {.begin = begin, .end = end, .is_write = true, .value = value, .is_certain = ok});
  }
}

void EngineSchedule::WritePlain(Client* client) {
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

void EngineSchedule::Transfer(Client* client) {
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

void EngineSchedule::WriteHeavy(Client* client) {
  WriteBatch batch;
  const std::string value = NewValue(client, "heavy") + std::string(kHeavyBytes, '.');
  for (size_t row = 0; row < kHeavyRows; ++row) {
    (void)batch.Put(HeavyKey(client->number, row), value);
  }
  Write(client, batch, {});
}

void EngineSchedule::ReadOne(Client* client) {
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

std::optional<EngineSchedule::View> EngineSchedule::GetAll(Client* client,
                                                           const Snapshot* snapshot) {
  View view;
  std::vector<std::string> keys = AllKeys();
  for (size_t i = 0; i < client_count_; ++i) {
    for (size_t row = 0; row < kHeavyRows; ++row) keys.push_back(HeavyKey(i, row));
  }
  std::sort(keys.begin(), keys.end());
  for (const std::string& key : keys) {
    EpochGuard guard;
    Db::Value value;
    const Status status = db_->Get(snapshot, key, &value);
    if (status.Is(Code::kNotFound)) continue;
    if (!Ok(client, status, "a get")) return std::nullopt;
    view.emplace_back(key, value.data);
  }
  return view;
}

std::optional<EngineSchedule::View> EngineSchedule::RowsOf(Client* client, Scan* scan,
                                                           bool forward) {
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

std::optional<EngineSchedule::View> EngineSchedule::Rows(Client* client, const Snapshot* snapshot,
                                                         bool forward) {
  auto scan = db_->NewScan(snapshot, {"", InfiniteKey()});
  if (!Ok(client, scan.status(), "a scan")) return std::nullopt;
  return RowsOf(client, scan->get(), forward);
}

// The view is of one moment between `begin` and `end`.
void EngineSchedule::Record(uint64_t begin, uint64_t end, const View& view) {
  for (const std::string& key : AllKeys()) {
    std::string value = kNone;
    for (const auto& [row_key, row_value] : view) {
      if (row_key == key) value = row_value;
    }
    history_.Add(key, {.begin = begin, .end = end, .value = std::move(value)});
  }
  CheckSum(view);
  CheckHeavy(view);
}

void EngineSchedule::CheckSum(const View& view) {
  int64_t sum = 0;
  for (const auto& [key, value] : view) {
    if (key[0] == 'a') sum += std::stoll(value);
  }
  if (sum != static_cast<int64_t>(client_count_) * 2 * kStart) {
    Fail(absl::StrCat("the accounts of a view have ", sum, " in all"));
  }
}

// All rows of a client's are there or none is, and they are of one batch.
void EngineSchedule::CheckHeavy(const View& view) {
  std::map<char, std::vector<std::string_view>> values;
  for (const auto& [key, value] : view) {
    if (key[0] == 'h') values[key[1]].push_back(value);
  }
  for (const auto& [client, rows] : values) {
    const bool whole = rows.size() == kHeavyRows &&
                       std::all_of(rows.begin(), rows.end(),
                                   [&rows](std::string_view row) { return row == rows[0]; });
    if (!whole) Fail("a view has a part of a batch");
  }
}

void EngineSchedule::TakeSnapshot(Client* client) {
  client->snapshot_begin = history_.Now();
  auto snapshot = db_->NewSnapshot();
  client->snapshot_end = history_.Now();
  if (!Ok(client, snapshot.status(), "a snapshot")) return;
  client->snapshot = snapshot.Take();
  client->seen.reset();
  LookThroughSnapshot(client);
}

void EngineSchedule::LookThroughSnapshot(Client* client) {
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

void EngineSchedule::ScanAll(Client* client) {
  const uint64_t begin = history_.Now();
  auto scan = db_->NewScan(nullptr, {"", InfiniteKey()});
  const uint64_t end = history_.Now();
  if (!Ok(client, scan.status(), "a scan")) return;
  const std::optional<View> view = RowsOf(client, scan->get(), client->Random(2) == 0);
  if (view.has_value()) Record(begin, end, *view);
}

void EngineSchedule::Maintain(Client* client) {
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

}  // namespace lsm
