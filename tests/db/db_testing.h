// What the tests of an open database have in common.

#ifndef LSM_TESTS_DB_DB_TESTING_H_
#define LSM_TESTS_DB_DB_TESTING_H_

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "gtest/gtest.h"
#include "lsm/db/db.h"
#include "tests/base/amounts.h"
#include "tests/db/model.h"

namespace lsm {

inline const char kDbPath[] = "db";

// Sizes so small that a thousand operations cross every path, changed by pairs of name and value.
inline Options TinyOptions(
    std::initializer_list<std::pair<const char*, const char*>> changes = {}) {
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
  for (const auto& [name, value] : changes) set(name, value);
  return options;
}

// Null, with a failure of the test, where it cannot be opened.
inline std::shared_ptr<Db> MustOpen(Env* env, const Options& options) {
  auto db = Db::Open(env, kDbPath, options);
  EXPECT_TRUE(db.ok()) << db.status().ToString();
  return db.ok() ? db.Take() : nullptr;
}

inline Status Put(Db* db, std::string_view key, std::string_view value, bool sync = false) {
  return db->Write(WriteOp{EntryKind::kPut, key, value}, sync);
}

// The value, "(none)" or the status in words.
inline std::string Get(Db* db, std::string_view key, const Snapshot* snapshot = nullptr) {
  EpochGuard guard;
  Db::Value value;
  const Status status = db->Get(snapshot, key, &value);
  if (status.Is(Code::kNotFound)) return "(none)";
  return status.ok() ? std::string(value.data) : status.ToString();
}

// All rows.
inline Model Contents(Db* db, const Snapshot* snapshot = nullptr) {
  Model rows;
  auto scan = db->NewScan(snapshot, {"", InfiniteKey()});
  EXPECT_TRUE(scan.ok()) << scan.status().ToString();
  if (!scan.ok()) return rows;
  Status status = (*scan)->SeekFirst();
  for (; status.ok(); status = (*scan)->Next()) rows.emplace((*scan)->key(), (*scan)->value());
  EXPECT_TRUE(status.Is(Code::kEnd)) << status.ToString();
  return rows;
}

}  // namespace lsm

#endif  // LSM_TESTS_DB_DB_TESTING_H_
