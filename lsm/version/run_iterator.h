// RunIterator: a run as one iterator: its slices one after the other, each within its range.
//
// Tables are opened when the iterator reaches them, so a scan opens only what it visits; one that
// cannot be opened or read fails the iterator there, and nowhere else.

#ifndef LSM_VERSION_RUN_ITERATOR_H_
#define LSM_VERSION_RUN_ITERATOR_H_

#include <memory>
#include <string_view>

#include "lsm/iterator/iterator.h"
#include "lsm/version/version.h"

namespace lsm {

// Over the entries of `run` with keys in [begin, end), which outlive the iterator. The run is
// referenced.
std::unique_ptr<EntryIterator> NewRunIterator(RefPtr<const Run> run, std::string_view begin,
                                              std::string_view end, Table::ScanKind kind);

}  // namespace lsm

#endif  // LSM_VERSION_RUN_ITERATOR_H_
