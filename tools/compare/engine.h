// What a comparison asks of an engine. Each adapter (lsm_engine.cc and so on) speaks to one engine
// through its C API and is linked into a program of its own.
//
// Loops over rows stand in the adapters, so that the virtual calls here cost nothing a row. What
// fails ends the process with a message: a figure of a run that failed is no figure.

#ifndef LSM_TOOLS_COMPARE_ENGINE_H_
#define LSM_TOOLS_COMPARE_ENGINE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace lsm::compare {

struct EngineOptions {
  std::string path;
  uint64_t memory_budget = 256 << 20;  // memtables and caches together, in bytes
  // Overrides the memtable's part of the budget where not 0.
  uint64_t write_buffer_size = 0;
  bool compress = true;
  // The writes of this process will be synced one by one; LMDB has to know when it opens.
  bool synced_writes = false;

  // Peers have two memtables, a quarter of the budget each, and a cache of three eighths: the same
  // shares that lsm takes by itself.
  uint64_t PeerWriteBuffer() const {
    return write_buffer_size > 0 ? write_buffer_size : memory_budget / 4;
  }
  uint64_t PeerCache() const { return memory_budget * 3 / 8; }
};

// What a reader saw. Reading the ends of each value makes sure that its bytes are really there, and
// the sum that all engines gave the same answers.
struct Tally {
  uint64_t rows = 0;
  uint64_t bytes = 0;
  uint64_t sum = 0;

  void See(const char* value, size_t size) {
    ++rows;
    bytes += size;
    if (size > 0) {
      sum += static_cast<unsigned char>(value[0]) + static_cast<unsigned char>(value[size - 1]);
    }
  }
};

using Row = std::pair<std::string, std::string>;

// A cursor over a view of the database that was fixed when it was made.
class Cursor {
 public:
  virtual ~Cursor() = default;
  virtual void SeekFirst() = 0;
  virtual void SeekLast() = 0;
  virtual void Seek(std::string_view key) = 0;
  // Visit up to `limit` rows, one call of the engine a row, from the current one on, and stand on
  // the first row not visited. Return how many there were.
  virtual uint64_t Forward(uint64_t limit, Tally* tally) = 0;
  virtual uint64_t Backward(uint64_t limit, Tally* tally) = 0;
  // The same by the engine's call for many rows, where it has one.
  virtual uint64_t ForwardInBulk(uint64_t limit, Tally* tally) { return Forward(limit, tally); }
};

// One thread's access.
class Session {
 public:
  virtual ~Session() = default;
  virtual void Put(std::string_view key, std::string_view value, bool sync) = 0;
  // All rows or none.
  virtual void PutBatch(std::span<const Row> rows) = 0;
  // False: the key is not there.
  virtual bool Get(std::string_view key, Tally* tally) = 0;
  virtual std::unique_ptr<Cursor> NewCursor() = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;  // closes
  // Threads: any; the session belongs to the caller's.
  virtual std::unique_ptr<Session> NewSession() = 0;
  // Waits until all is in tables and no compaction is pending. An engine that cannot tell merges
  // all instead.
  virtual void Settle() = 0;
  // Merges all tables into one sorted run; nothing where there is no such thing.
  virtual void Merge() = 0;
};

// Defined by the adapter that is linked in.
std::string EngineVersion();
std::unique_ptr<Engine> OpenEngine(const EngineOptions& options);

[[noreturn]] void Die(std::string_view what, std::string_view why);

}  // namespace lsm::compare

#endif  // LSM_TOOLS_COMPARE_ENGINE_H_
