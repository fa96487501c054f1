// Optimal assignment of rows to columns (tracks to boxes), exact.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace tarsier::vision {

/// Jonker and Volgenant's algorithm ("A Shortest Augmenting Path Algorithm for Dense and Sparse Linear
/// Assignment Problems", Computing 38, 1987): rows are added one at a time, each along the shortest
/// augmenting path in reduced costs. O(n^2 m). Keeps its scratch memory: solving problems no larger than
/// earlier ones allocates nothing.
class AssignmentSolver {
 public:
  static constexpr int kNone = -1;

  /// Pairs of rows and columns whose sum of (cost - limit) is lowest: no pair costs `limit` or more, and a
  /// row or column that finds none cheaper stays alone. `costs`: rows x columns, row-major, finite or +inf.
  /// The result, valid until the next call, holds for each row its column or kNone. Of several optima always
  /// the same one.
  std::span<const int> solve(std::span<const double> costs, size_t rows, size_t columns, double limit);

 private:
  std::vector<double> padded_, row_price_, column_price_, distance_;
  std::vector<int> row_of_, previous_, result_;
  std::vector<char> done_;
};

}  // namespace tarsier::vision
