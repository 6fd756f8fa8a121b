// An iterator against the rows that it should show.

#ifndef LSM_TESTS_ITERATOR_MODEL_WALK_H_
#define LSM_TESTS_ITERATOR_MODEL_WALK_H_

#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/iterator/vector_iterator.h"

namespace lsm {

inline void MoveIterator(EntryIterator* iterator, uint64_t move, bool forward,
                         std::string_view key) {
  switch (move) {
    case 0:
      return iterator->SeekFirst();
    case 1:
      return iterator->SeekLast();
    case 2:
      return iterator->Seek(key);
    case 3:
      return iterator->SeekForPrev(key);
    default:
      return forward ? iterator->Next() : iterator->Prev();
  }
}

// Moves `iterator`, which stands on none, 300 times at random: seeks to keys from `make_key`, long
// ways in one direction, turns. After each move it stands where it should over `rows`.
template <typename MakeKey>
void WalkAtRandom(EntryIterator* iterator, const std::vector<MemRow>& rows, std::mt19937_64* random,
                  MakeKey make_key) {
  EXPECT_FALSE(iterator->valid());
  EXPECT_TRUE(iterator->status().ok());
  VectorIterator model(rows);
  for (int step = 0; step < 300; ++step) {
    const std::string key = make_key();
    // Where it stands on none, only a seek brings it back.
    const uint64_t move = (*random)() % (model.valid() ? 20 : 4);
    const bool forward = (static_cast<uint64_t>(step) / 7 + move / 18) % 2 == 0;
    MoveIterator(iterator, move, forward, key);
    MoveIterator(&model, move, forward, key);
    SCOPED_TRACE(testing::Message() << "step " << step << " move " << move);
    ASSERT_TRUE(iterator->status().ok()) << iterator->status().ToString();
    ASSERT_EQ(iterator->valid(), model.valid());
    if (model.valid()) {
      ASSERT_EQ(RowOf(iterator->entry()), RowOf(model.entry()));
    }
  }
}

}  // namespace lsm

#endif  // LSM_TESTS_ITERATOR_MODEL_WALK_H_
