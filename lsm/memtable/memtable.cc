#include "lsm/memtable/memtable.h"

#include <array>

#include "lsm/base/sync.h"
#include "lsm/memtable/memtable_iterator.h"

namespace lsm {

Result<RefPtr<MemTable>> MemTable::Create(ArenaPool* pool, uint64_t capacity) {
  LSM_ASSIGN_OR_RETURN(std::unique_ptr<Arena> arena, pool->NewArena(capacity));
  return RefPtr<MemTable>::Adopt(new MemTable(std::move(arena)));
}

MemTable::MemTable(std::unique_ptr<Arena> arena)
    : arena_(std::move(arena)), tree_(arena_.get()), tombstones_(arena_.get()) {}

void MemTable::Apply(const WriteOp& op, SequenceNumber sequence) {
  if (op.kind == EntryKind::kRangeDelete) {
    tombstones_.Add(op.key, op.value, sequence);
    return;
  }
  tree_.Insert(op.key, PackTag(sequence, op.kind), op.value);
  entry_count_.store(entry_count_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void MemTable::Apply(std::span<const WriteOp> ops, SequenceNumber sequence) {
  if (ops.size() > 1) {
    std::array<std::string_view, kOpsAtOnce> keys;
    for (size_t i = 0; i < ops.size(); ++i) keys[i] = ops[i].key;
    tree_.Approach(std::span(keys).first(ops.size()));
  }
  for (const WriteOp& op : ops) {
    Apply(op, sequence++);
    SchedulePoint();
  }
}

MemTable::Lookup MemTable::Get(std::string_view key, SequenceNumber snapshot) const {
  const RadixTree::Version* version = tree_.Find(key, snapshot);
  if (version == nullptr) return {};
  const SequenceNumber sequence = TagSequence(version->tag);
  if (TagKind(version->tag) == EntryKind::kDelete) {
    return {Lookup::State::kDeleted, sequence, {}};
  }
  return {Lookup::State::kFound, sequence, version->value()};
}

std::unique_ptr<EntryIterator> MemTable::NewIterator() const {
  return std::make_unique<MemTableIterator>(RefPtr<const MemTable>::Share(this), &tree_);
}

}  // namespace lsm
