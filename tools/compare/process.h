// What a process has cost so far, as Linux counts it.

#ifndef LSM_TOOLS_COMPARE_PROCESS_H_
#define LSM_TOOLS_COMPARE_PROCESS_H_

#include <atomic>
#include <cstdint>
#include <thread>

namespace lsm::compare {

// Of all threads, background ones too.
double CpuSeconds();
// Given to files, mapped or not: pages made dirty, each counted once between two write-backs.
uint64_t WrittenBytes();
// Resident, in no file.
uint64_t AnonymousBytes();

// Keeps the largest AnonymousBytes() seen while it lives, at steps of 50 ms.
class MemoryWatch {
 public:
  MemoryWatch();
  ~MemoryWatch();
  MemoryWatch(const MemoryWatch&) = delete;
  MemoryWatch& operator=(const MemoryWatch&) = delete;

  uint64_t Peak();

 private:
  void Look();

  std::atomic<uint64_t> peak_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace lsm::compare

#endif  // LSM_TOOLS_COMPARE_PROCESS_H_
