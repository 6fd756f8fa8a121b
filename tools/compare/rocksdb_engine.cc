#include <rocksdb/c.h>
#include <rocksdb/version.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "tools/compare/engine.h"

namespace lsm::compare {
namespace {

// One of C's handles with its destroyer.
template <typename T, void (*kDestroy)(T*)>
struct Destroyer {
  void operator()(T* handle) const { kDestroy(handle); }
};
template <typename T, void (*kDestroy)(T*)>
using Handle = std::unique_ptr<T, Destroyer<T, kDestroy>>;

using ReadOptions = Handle<rocksdb_readoptions_t, rocksdb_readoptions_destroy>;
using WriteOptions = Handle<rocksdb_writeoptions_t, rocksdb_writeoptions_destroy>;
using Batch = Handle<rocksdb_writebatch_t, rocksdb_writebatch_destroy>;

void Check(std::string_view what, const char* error) {
  if (error != nullptr) Die(what, error);
}

class RocksCursor final : public Cursor {
 public:
  RocksCursor(rocksdb_t* db, const rocksdb_readoptions_t* options)
      : iter_(rocksdb_create_iterator(db, options)) {}
  ~RocksCursor() override { rocksdb_iter_destroy(iter_); }

  void SeekFirst() override { rocksdb_iter_seek_to_first(iter_); }
  void SeekLast() override { rocksdb_iter_seek_to_last(iter_); }
  void Seek(std::string_view key) override { rocksdb_iter_seek(iter_, key.data(), key.size()); }

  uint64_t Forward(uint64_t limit, Tally* tally) override {
    uint64_t count = 0;
    for (; count < limit && rocksdb_iter_valid(iter_) != 0; ++count) {
      See(tally);
      rocksdb_iter_next(iter_);
    }
    CheckEnd();
    return count;
  }
  uint64_t Backward(uint64_t limit, Tally* tally) override {
    uint64_t count = 0;
    for (; count < limit && rocksdb_iter_valid(iter_) != 0; ++count) {
      See(tally);
      rocksdb_iter_prev(iter_);
    }
    CheckEnd();
    return count;
  }

 private:
  void See(Tally* tally) {
    size_t key_size = 0;
    size_t value_size = 0;
    rocksdb_iter_key(iter_, &key_size);
    const char* value = rocksdb_iter_value(iter_, &value_size);
    tally->See(value, value_size);
  }
  void CheckEnd() {
    char* error = nullptr;
    rocksdb_iter_get_error(iter_, &error);
    Check("iterator", error);
  }

  rocksdb_iterator_t* iter_;
};

class RocksSession final : public Session {
 public:
  explicit RocksSession(rocksdb_t* db)
      : db_(db),
        read_(rocksdb_readoptions_create()),
        write_(rocksdb_writeoptions_create()),
        synced_write_(rocksdb_writeoptions_create()),
        batch_(rocksdb_writebatch_create()) {
    rocksdb_writeoptions_set_sync(synced_write_.get(), 1);
  }

  void Put(std::string_view key, std::string_view value, bool sync) override {
    char* error = nullptr;
    rocksdb_put(db_, sync ? synced_write_.get() : write_.get(), key.data(), key.size(),
                value.data(), value.size(), &error);
    Check("put", error);
  }

  void PutBatch(std::span<const Row> rows) override {
    rocksdb_writebatch_clear(batch_.get());
    for (const auto& [key, value] : rows) {
      rocksdb_writebatch_put(batch_.get(), key.data(), key.size(), value.data(), value.size());
    }
    char* error = nullptr;
    rocksdb_write(db_, write_.get(), batch_.get(), &error);
    Check("write", error);
  }

  // Pinned, its way without a copy.
  bool Get(std::string_view key, Tally* tally) override {
    char* error = nullptr;
    rocksdb_pinnableslice_t* slice =
        rocksdb_get_pinned(db_, read_.get(), key.data(), key.size(), &error);
    Check("get", error);
    if (slice == nullptr) return false;
    size_t size = 0;
    const char* value = rocksdb_pinnableslice_value(slice, &size);
    tally->See(value, size);
    rocksdb_pinnableslice_destroy(slice);
    return true;
  }

  std::unique_ptr<Cursor> NewCursor() override {
    return std::make_unique<RocksCursor>(db_, read_.get());
  }

 private:
  rocksdb_t* db_;
  ReadOptions read_;
  WriteOptions write_;
  WriteOptions synced_write_;
  Batch batch_;
};

// As its own tuning guide advises, within the same memory: Bloom filters, levels sized from the
// last one, two background jobs, statistics off. Filters and index stay outside the cache, which is
// its faster choice.
rocksdb_options_t* NewOptions(const EngineOptions& options) {
  rocksdb_options_t* set = rocksdb_options_create();
  rocksdb_options_set_create_if_missing(set, 1);
  rocksdb_options_set_write_buffer_size(set, options.PeerWriteBuffer());
  rocksdb_options_set_max_background_jobs(set, 2);
  rocksdb_options_set_level_compaction_dynamic_level_bytes(set, 1);
  rocksdb_options_set_bytes_per_sync(set, 1 << 20);
  rocksdb_options_set_stats_dump_period_sec(set, 0);
  rocksdb_options_set_stats_persist_period_sec(set, 0);
  if (options.compress) {
    rocksdb_options_set_compression(set, rocksdb_zstd_compression);
    rocksdb_options_set_compression_options(set, /*w_bits=*/-14, /*level=*/1, /*strategy=*/0,
                                            /*max_dict_bytes=*/0);
  } else {
    rocksdb_options_set_compression(set, rocksdb_no_compression);
  }
  rocksdb_block_based_table_options_t* table = rocksdb_block_based_options_create();
  rocksdb_block_based_options_set_format_version(table, 5);
  rocksdb_block_based_options_set_filter_policy(table, rocksdb_filterpolicy_create_bloom_full(10));
  rocksdb_block_based_options_set_block_cache(table, rocksdb_cache_create_lru(options.PeerCache()));
  rocksdb_options_set_block_based_table_factory(set, table);
  return set;
}

class RocksEngine final : public Engine {
 public:
  explicit RocksEngine(const EngineOptions& options) : options_(NewOptions(options)) {
    char* error = nullptr;
    db_ = rocksdb_open(options_, options.path.c_str(), &error);
    Check("open", error);
  }
  ~RocksEngine() override {
    rocksdb_close(db_);
    rocksdb_options_destroy(options_);
  }

  std::unique_ptr<Session> NewSession() override { return std::make_unique<RocksSession>(db_); }

  void Settle() override {
    const Handle<rocksdb_flushoptions_t, rocksdb_flushoptions_destroy> flush(
        rocksdb_flushoptions_create());
    char* error = nullptr;
    rocksdb_flush(db_, flush.get(), &error);
    Check("flush", error);
    while (IsBusy()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }

  void Merge() override { rocksdb_compact_range(db_, nullptr, 0, nullptr, 0); }

 private:
  bool IsBusy() {
    for (const char* name : {"rocksdb.mem-table-flush-pending", "rocksdb.num-running-flushes",
                             "rocksdb.compaction-pending", "rocksdb.num-running-compactions"}) {
      uint64_t number = 0;
      if (rocksdb_property_int(db_, name, &number) != 0) Die(name, "is no property");
      if (number > 0) return true;
    }
    return false;
  }

  rocksdb_options_t* options_;
  rocksdb_t* db_ = nullptr;
};

}  // namespace

std::string EngineVersion() {
  return std::to_string(ROCKSDB_MAJOR) + "." + std::to_string(ROCKSDB_MINOR) + "." +
         std::to_string(ROCKSDB_PATCH);
}

std::unique_ptr<Engine> OpenEngine(const EngineOptions& options) {
  return std::make_unique<RocksEngine>(options);
}

}  // namespace lsm::compare
