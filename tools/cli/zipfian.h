// Zipf-distributed ranks, as the YCSB benchmark draws them (Gray, Sundaresan, Englert, Baclawski,
// Weinberger, "Quickly generating billion-record synthetic databases", SIGMOD 1994): rank r of n
// comes with a probability proportional to 1 / (r + 1)^theta.

#ifndef LSM_TOOLS_CLI_ZIPFIAN_H_
#define LSM_TOOLS_CLI_ZIPFIAN_H_

#include <cstdint>

namespace lsm::cli {

// YCSB's own skew.
inline constexpr double kYcsbTheta = 0.99;

class Zipfian {
 public:
  // REQUIRES: n > 0, 0 < theta < 1. Costs n steps.
  explicit Zipfian(uint64_t n, double theta = kYcsbTheta);

  // The rank, in [0, n) and 0 the most frequent, that the quantile `unit` in [0, 1) stands for.
  uint64_t Rank(double unit) const;
  uint64_t n() const { return n_; }

 private:
  uint64_t n_;
  double theta_;
  double zeta_n_;
  double alpha_;
  double eta_;
};

}  // namespace lsm::cli

#endif  // LSM_TOOLS_CLI_ZIPFIAN_H_
