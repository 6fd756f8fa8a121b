// DbContext: what the parts of an open database share. Owned by the Db; the parts get a pointer.

#ifndef LSM_DB_CONTEXT_H_
#define LSM_DB_CONTEXT_H_

#include <algorithm>
#include <atomic>
#include <memory>

#include "lsm/base/options.h"
#include "lsm/cache/block_cache.h"
#include "lsm/db/read_state.h"
#include "lsm/db/snapshot.h"
#include "lsm/db/stats.h"
#include "lsm/env/env.h"
#include "lsm/memtable/arena.h"
#include "lsm/version/table_file.h"
#include "lsm/version/version_set.h"

namespace lsm {

struct DbContext {
  Env* env = nullptr;
  Options options;  // resolved
  std::shared_ptr<Directory> directory;
  Stats stats;
  std::shared_ptr<ArenaPool> arenas;
  std::unique_ptr<BlockCache> block_cache;
  std::shared_ptr<TableCache> tables;
  std::unique_ptr<VersionSet> versions;
  std::shared_ptr<SnapshotList> snapshots = std::make_shared<SnapshotList>();
  ReadStateHolder read_state;
  // The last sequence number that readers may see. Published (release) after all operations up to
  // it are in the memtable.
  std::atomic<SequenceNumber> visible_sequence{0};

  Result<RefPtr<MemTable>> NewMemTable(uint64_t min_capacity) {
    return MemTable::Create(arenas.get(), std::max(options.write_buffer_size, min_capacity));
  }
};

}  // namespace lsm

#endif  // LSM_DB_CONTEXT_H_
