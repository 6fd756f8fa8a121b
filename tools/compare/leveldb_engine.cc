#include <leveldb/c.h>

#include <memory>
#include <string>

#include "tools/compare/engine.h"

namespace lsm::compare {
namespace {

void Check(std::string_view what, const char* error) {
  if (error != nullptr) Die(what, error);
}

class LevelCursor final : public Cursor {
 public:
  LevelCursor(leveldb_t* db, const leveldb_readoptions_t* options)
      : iter_(leveldb_create_iterator(db, options)) {}
  ~LevelCursor() override { leveldb_iter_destroy(iter_); }

  void SeekFirst() override { leveldb_iter_seek_to_first(iter_); }
  void SeekLast() override { leveldb_iter_seek_to_last(iter_); }
  void Seek(std::string_view key) override { leveldb_iter_seek(iter_, key.data(), key.size()); }

  uint64_t Forward(uint64_t limit, Tally* tally) override {
    uint64_t count = 0;
    for (; count < limit && leveldb_iter_valid(iter_) != 0; ++count) {
      See(tally);
      leveldb_iter_next(iter_);
    }
    CheckEnd();
    return count;
  }
  uint64_t Backward(uint64_t limit, Tally* tally) override {
    uint64_t count = 0;
    for (; count < limit && leveldb_iter_valid(iter_) != 0; ++count) {
      See(tally);
      leveldb_iter_prev(iter_);
    }
    CheckEnd();
    return count;
  }

 private:
  void See(Tally* tally) {
    size_t key_size = 0;
    size_t value_size = 0;
    leveldb_iter_key(iter_, &key_size);
    const char* value = leveldb_iter_value(iter_, &value_size);
    tally->See(value, value_size);
  }
  void CheckEnd() {
    char* error = nullptr;
    leveldb_iter_get_error(iter_, &error);
    Check("iterator", error);
  }

  leveldb_iterator_t* iter_;
};

class LevelSession final : public Session {
 public:
  explicit LevelSession(leveldb_t* db)
      : db_(db),
        read_(leveldb_readoptions_create()),
        write_(leveldb_writeoptions_create()),
        synced_write_(leveldb_writeoptions_create()),
        batch_(leveldb_writebatch_create()) {
    leveldb_writeoptions_set_sync(synced_write_, 1);
  }
  ~LevelSession() override {
    leveldb_writebatch_destroy(batch_);
    leveldb_writeoptions_destroy(synced_write_);
    leveldb_writeoptions_destroy(write_);
    leveldb_readoptions_destroy(read_);
  }

  void Put(std::string_view key, std::string_view value, bool sync) override {
    char* error = nullptr;
    leveldb_put(db_, sync ? synced_write_ : write_, key.data(), key.size(), value.data(),
                value.size(), &error);
    Check("put", error);
  }

  void PutBatch(std::span<const Row> rows) override {
    leveldb_writebatch_clear(batch_);
    for (const auto& [key, value] : rows) {
      leveldb_writebatch_put(batch_, key.data(), key.size(), value.data(), value.size());
    }
    char* error = nullptr;
    leveldb_write(db_, write_, batch_, &error);
    Check("write", error);
  }

  bool Get(std::string_view key, Tally* tally) override {
    char* error = nullptr;
    size_t size = 0;
    char* value = leveldb_get(db_, read_, key.data(), key.size(), &size, &error);
    Check("get", error);
    if (value == nullptr) return false;
    tally->See(value, size);
    leveldb_free(value);
    return true;
  }

  std::unique_ptr<Cursor> NewCursor() override { return std::make_unique<LevelCursor>(db_, read_); }

 private:
  leveldb_t* db_;
  leveldb_readoptions_t* read_;
  leveldb_writeoptions_t* write_;
  leveldb_writeoptions_t* synced_write_;
  leveldb_writebatch_t* batch_;
};

class LevelEngine final : public Engine {
 public:
  explicit LevelEngine(const EngineOptions& options)
      : options_(leveldb_options_create()),
        cache_(leveldb_cache_create_lru(options.PeerCache())),
        filter_(leveldb_filterpolicy_create_bloom(10)) {
    leveldb_options_set_create_if_missing(options_, 1);
    leveldb_options_set_write_buffer_size(options_, options.PeerWriteBuffer());
    leveldb_options_set_cache(options_, cache_);
    leveldb_options_set_filter_policy(options_, filter_);
    // The package has Snappy and no zstd.
    leveldb_options_set_compression(
        options_, options.compress ? leveldb_snappy_compression : leveldb_no_compression);
    char* error = nullptr;
    db_ = leveldb_open(options_, options.path.c_str(), &error);
    Check("open", error);
  }
  ~LevelEngine() override {
    leveldb_close(db_);
    leveldb_options_destroy(options_);
    leveldb_cache_destroy(cache_);
    leveldb_filterpolicy_destroy(filter_);
  }

  std::unique_ptr<Session> NewSession() override { return std::make_unique<LevelSession>(db_); }

  // It does not tell whether a compaction is pending.
  void Settle() override { Merge(); }
  void Merge() override { leveldb_compact_range(db_, nullptr, 0, nullptr, 0); }

 private:
  leveldb_options_t* options_;
  leveldb_cache_t* cache_;
  leveldb_filterpolicy_t* filter_;
  leveldb_t* db_ = nullptr;
};

}  // namespace

std::string EngineVersion() {
  return std::to_string(leveldb_major_version()) + "." + std::to_string(leveldb_minor_version());
}

std::unique_ptr<Engine> OpenEngine(const EngineOptions& options) {
  return std::make_unique<LevelEngine>(options);
}

}  // namespace lsm::compare
