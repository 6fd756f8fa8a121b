// The k-way merge: one iterator over several, by a tree of losers (Knuth, TAOCP vol. 3, 5.4.1).
//
// Moving costs the winner's own step and one comparison for each level of the tree, against the
// losers on the winner's path only. Each source's key is represented by its first eight bytes as a
// number, so most comparisons touch no key.
//
// Sources are given newest first: where two hold the same key and sequence number, the earlier one
// goes first. A failure of any source fails the merge at once: a row of it might have come next.

#ifndef LSM_ITERATOR_MERGING_ITERATOR_H_
#define LSM_ITERATOR_MERGING_ITERATOR_H_

#include <memory>
#include <vector>

#include "lsm/iterator/iterator.h"

namespace lsm {

// `sources` may be empty (nothing is ever valid then); of one source, the source itself is
// returned. `shared_prefix_size`: so many leading bytes are the same in all keys of all sources.
std::unique_ptr<EntryIterator> NewMergingIterator(
    std::vector<std::unique_ptr<EntryIterator>> sources, size_t shared_prefix_size = 0);

}  // namespace lsm

#endif  // LSM_ITERATOR_MERGING_ITERATOR_H_
