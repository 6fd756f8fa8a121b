#include "tools/cli/zipfian.h"

#include <algorithm>
#include <cmath>

namespace lsm::cli {
namespace {

double Zeta(uint64_t n, double theta) {
  double sum = 0;
  // Smallest terms first: the sum stays exact.
  for (uint64_t i = n; i >= 1; --i) sum += std::pow(static_cast<double>(i), -theta);
  return sum;
}

}  // namespace

Zipfian::Zipfian(uint64_t n, double theta)
    : n_(n), theta_(theta), zeta_n_(Zeta(n, theta)), alpha_(1 / (1 - theta)) {
  eta_ = (1 - std::pow(2.0 / static_cast<double>(n), 1 - theta)) /
         (1 - Zeta(std::min<uint64_t>(n, 2), theta) / zeta_n_);
}

uint64_t Zipfian::Rank(double unit) const {
  const double share = unit * zeta_n_;
  if (share < 1) return 0;
  if (share < 1 + std::pow(0.5, theta_)) return std::min<uint64_t>(1, n_ - 1);
  const double rank = static_cast<double>(n_) * std::pow(eta_ * unit - eta_ + 1, alpha_);
  return std::min(static_cast<uint64_t>(rank), n_ - 1);
}

}  // namespace lsm::cli
