#include "tools/compare/process.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <string>

namespace lsm::compare {
namespace {

// The number after `name` in one of /proc/self's files of "name: number" lines; 0 where it is not.
uint64_t ProcNumber(const char* file, const std::string& name) {
  std::ifstream in(file);
  std::string word;
  while (in >> word) {
    uint64_t number = 0;
    if (word == name && in >> number) return number;
  }
  return 0;
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

double CpuSeconds() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return Seconds(usage.ru_utime) + Seconds(usage.ru_stime);
}

uint64_t WrittenBytes() { return ProcNumber("/proc/self/io", "write_bytes:"); }

uint64_t AnonymousBytes() { return ProcNumber("/proc/self/status", "RssAnon:") * 1024; }

MemoryWatch::MemoryWatch()
    : thread_([this] {
        while (!stop_.load(std::memory_order_relaxed)) {
          Look();
          std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
      }) {}

MemoryWatch::~MemoryWatch() {
  stop_ = true;
  thread_.join();
}

void MemoryWatch::Look() { peak_ = std::max(peak_.load(), AnonymousBytes()); }

uint64_t MemoryWatch::Peak() {
  Look();
  return peak_;
}

}  // namespace lsm::compare
