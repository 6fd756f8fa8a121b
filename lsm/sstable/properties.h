// The properties section of a table: what format.h's TableProperties says, as names and values in
// text.
//
//   properties := (name:prefixed value:prefixed)*      prefixed := size:varint byte*
//
// Numbers are decimal. All properties of version 1 are present, each once; names that a reader does
// not know are of a later minor addition and passed over.

#ifndef LSM_SSTABLE_PROPERTIES_H_
#define LSM_SSTABLE_PROPERTIES_H_

#include <string>
#include <string_view>

#include "lsm/sstable/format.h"

namespace lsm {

void AppendProperties(const TableProperties& properties, std::string* target);
// Null, and `*properties` filled, where the content is sound; else what is wrong with it.
const char* ParseProperties(std::string_view content, TableProperties* properties);

}  // namespace lsm

#endif  // LSM_SSTABLE_PROPERTIES_H_
