#include "lsm/wal/file_window.h"

#include <algorithm>

namespace lsm::internal {

void FileWindow::Open(ReadableFile* file, uint64_t limit) {
  file_ = file;
  limit_ = limit;
  begin_ = 0;
  size_ = 0;
}

Status FileWindow::Get(uint64_t offset, uint64_t size, std::string_view* bytes) {
  LSM_DCHECK(offset <= limit_ && size <= limit_ - offset);
  if (offset < begin_ || offset - begin_ > size_ || size > size_ - (offset - begin_)) {
    const uint64_t wanted = std::max(size, std::min(kPieceSize, limit_));
    if (capacity_ != wanted) {
      // One at a time: a long record must not cost twice its size.
      memory_.reset();
      capacity_ = 0;
      memory_ = std::make_unique_for_overwrite<char[]>(wanted);
      capacity_ = wanted;
    }
    begin_ = offset;
    size_ = 0;
    const uint64_t available = std::min(wanted, limit_ - offset);
    LSM_RETURN_IF_ERROR(file_->Read(offset, available, memory_.get()));
    size_ = available;
  }
  *bytes = std::string_view(memory_.get() + (offset - begin_), size);
  return Status::Ok();
}

}  // namespace lsm::internal
