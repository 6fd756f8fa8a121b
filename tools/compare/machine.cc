// What the machine itself can do, as one JSON object: the physical limits that the engines'
// operations are compared with.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "tools/cli/bench_rows.h"
#include "tools/cli/latency.h"
#include "tools/cli/random.h"
#include "tools/cli/system.h"

namespace lsm::compare {
namespace {

constexpr size_t kRowSize = 128;  // about a row of 16 + 100 bytes in a log
constexpr size_t kBlockSize = 4096;

[[noreturn]] void Fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

// Anonymous memory, in huge pages where the system has them, or a file's.
class Mapping {
 public:
  explicit Mapping(size_t size, int descriptor = -1) : size_(size) {
    const int flags = descriptor < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
    data_ = mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, descriptor, 0);
    if (data_ == MAP_FAILED) Fail("mmap");
    if (descriptor < 0) (void)madvise(data_, size, MADV_HUGEPAGE);
  }
  ~Mapping() { munmap(data_, size_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  char* bytes() const { return static_cast<char*>(data_); }

 private:
  size_t size_;
  void* data_;
};

double NanosPer(uint64_t count, uint64_t start) {
  return static_cast<double>(cli::NowNanos() - start) / static_cast<double>(count);
}

// Each load's address is what the last one read: one cycle through all cache lines of 256 MiB.
double RandomAccessNanos() {
  constexpr size_t kLine = 64;
  constexpr size_t kLines = (size_t{256} << 20) / kLine;
  constexpr uint64_t kSteps = 4'000'000;
  const Mapping memory(kLines * kLine);
  std::vector<uint32_t> order(kLines);
  std::iota(order.begin(), order.end(), 0);
  cli::Random random(1);
  for (size_t i = kLines - 1; i > 0; --i) std::swap(order[i], order[random.Below(i)]);
  for (size_t i = 0; i < kLines; ++i) {
    const uint32_t next = order[(i + 1) % kLines];
    std::memcpy(memory.bytes() + order[i] * kLine, &next, sizeof(next));
  }
  uint32_t line = 0;
  const uint64_t start = cli::NowNanos();
  for (uint64_t i = 0; i < kSteps; ++i) {
    std::memcpy(&line, memory.bytes() + line * kLine, sizeof(line));
  }
  const double nanos = NanosPer(kSteps, start);
  if (line >= kLines) std::abort();  // so that the loads are needed
  return nanos;
}

double MemcpyBytesPerSecond() {
  constexpr size_t kSize = size_t{256} << 20;
  const Mapping from(kSize);
  const Mapping to(kSize);
  std::memset(from.bytes(), 1, kSize);
  std::memset(to.bytes(), 2, kSize);
  const uint64_t start = cli::NowNanos();
  std::memcpy(to.bytes(), from.bytes(), kSize);
  return 1e9 / NanosPer(kSize, start);
}

struct ZstdSpeed {
  double compress_bytes_per_second;
  double decompress_bytes_per_second;
};

// Level 1, blocks of 4 KiB of rows' values.
ZstdSpeed MeasureZstd() {
  constexpr uint64_t kBlocks = 20'000;
  cli::ValueSource values(kBlockSize, 0.5, 1);
  ZSTD_CCtx* compressor = ZSTD_createCCtx();
  ZSTD_DCtx* decompressor = ZSTD_createDCtx();
  std::string packed(ZSTD_compressBound(kBlockSize), '\0');
  std::string raw(kBlockSize, '\0');
  uint64_t start = cli::NowNanos();
  size_t size = 0;
  for (uint64_t i = 0; i < kBlocks; ++i) {
    const std::string_view block = values.Next();
    size = ZSTD_compressCCtx(compressor, packed.data(), packed.size(), block.data(), block.size(),
                             /*compressionLevel=*/1);
    if (ZSTD_isError(size) != 0) Fail("zstd");
  }
  const double compress = NanosPer(kBlocks * kBlockSize, start);
  start = cli::NowNanos();
  for (uint64_t i = 0; i < kBlocks; ++i) {
    if (ZSTD_decompressDCtx(decompressor, raw.data(), raw.size(), packed.data(), size) !=
        kBlockSize) {
      Fail("zstd");
    }
  }
  const double decompress = NanosPer(kBlocks * kBlockSize, start);
  ZSTD_freeCCtx(compressor);
  ZSTD_freeDCtx(decompressor);
  return {1e9 / compress, 1e9 / decompress};
}

int OpenScratch(const std::string& path, size_t size) {
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) Fail(path.c_str());
  if (posix_fallocate(descriptor, 0, static_cast<off_t>(size)) != 0) Fail("posix_fallocate");
  return descriptor;
}

// Rows copied into a mapping of a file that was written before, as a recycled log is.
double LogAppendNanos(const std::string& path) {
  constexpr size_t kSize = size_t{64} << 20;
  const int descriptor = OpenScratch(path, kSize);
  double nanos = 0;
  {
    const Mapping log(kSize, descriptor);
    std::memset(log.bytes(), 1, kSize);
    cli::ValueSource values(kRowSize, 0.5, 1);
    const uint64_t start = cli::NowNanos();
    for (size_t at = 0; at < kSize; at += kRowSize) {
      std::memcpy(log.bytes() + at, values.Next().data(), kRowSize);
    }
    nanos = NanosPer(kSize / kRowSize, start);
  }
  close(descriptor);
  return nanos;
}

// A row written and synced, in a file that was written before.
cli::LatencyHistogram SyncLatency(const std::string& path) {
  constexpr size_t kSize = size_t{4} << 20;
  constexpr uint64_t kSyncs = 1000;
  const int descriptor = OpenScratch(path, kSize);
  const std::string zeros(kSize, '\0');
  const std::string row(kRowSize, 'x');
  const auto write_at = [descriptor](const std::string& bytes, size_t at) {
    if (pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(at)) !=
        static_cast<ssize_t>(bytes.size())) {
      Fail("pwrite");
    }
    if (fdatasync(descriptor) != 0) Fail("fdatasync");
  };
  write_at(zeros, 0);
  cli::LatencyHistogram latency;
  for (uint64_t i = 0; i < kSyncs; ++i) {
    const uint64_t start = cli::NowNanos();
    write_at(row, i * kRowSize);
    latency.Record(cli::NowNanos() - start);
  }
  close(descriptor);
  return latency;
}

int Main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: machine DIRECTORY\n");
    return 2;
  }
  const std::string scratch = std::string(argv[1]) + "/scratch";
  const ZstdSpeed zstd = MeasureZstd();
  const double append = LogAppendNanos(scratch);
  const cli::LatencyHistogram sync = SyncLatency(scratch);
  (void)unlink(scratch.c_str());
  const nlohmann::ordered_json json = {
      {"random_access_nanos", RandomAccessNanos()},
      {"memcpy_bytes_per_second", MemcpyBytesPerSecond()},
      {"zstd_compress_bytes_per_second", zstd.compress_bytes_per_second},
      {"zstd_decompress_bytes_per_second", zstd.decompress_bytes_per_second},
      {"log_append_nanos", append},
      {"fdatasync_p50_micros", static_cast<double>(sync.QuantileNanos(0.5)) / 1000},
      {"fdatasync_p99_micros", static_cast<double>(sync.QuantileNanos(0.99)) / 1000},
  };
  std::printf("%s\n", json.dump().c_str());
  return 0;
}

}  // namespace
}  // namespace lsm::compare

int main(int argc, char** argv) { return lsm::compare::Main(argc, argv); }
