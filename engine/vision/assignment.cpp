#include "vision/assignment.hpp"

#include <algorithm>
#include <limits>

namespace tarsier::vision {

std::span<const int> AssignmentSolver::solve(std::span<const double> costs, size_t rows, size_t columns,
                                             double limit) {
  result_.assign(rows, kNone);
  if (rows == 0 || columns == 0) return result_;
  // What may not be paired costs as much as staying alone, and as many more columns as it takes stand for
  // that: every row then has one, and the problem is one without gates.
  const size_t wide = std::max(rows, columns);
  padded_.assign(rows * wide, limit);
  for (size_t r = 0; r < rows; ++r) {
    for (size_t c = 0; c < columns; ++c) {
      padded_[r * wide + c] = std::min(costs[r * columns + c], limit);
    }
  }
  constexpr double kFar = std::numeric_limits<double>::infinity();
  row_price_.assign(rows, 0);
  column_price_.assign(wide, 0);
  row_of_.assign(wide, kNone);
  for (size_t added = 0; added < rows; ++added) {
    // Dijkstra's shortest path from the new row to a free column; reduced costs are never negative.
    distance_.assign(wide, kFar);
    previous_.assign(wide, kNone);  // column before this one on the path
    done_.assign(wide, 0);
    int row = int(added);
    int column = kNone;
    double reached = 0;
    do {
      const int from = column;
      int nearest = kNone;
      for (size_t c = 0; c < wide; ++c) {
        if (done_[c] != 0) continue;
        const double through =
            reached + padded_[size_t(row) * wide + c] - row_price_[size_t(row)] - column_price_[c];
        if (through < distance_[c]) {
          distance_[c] = through;
          previous_[c] = from;
        }
        if (nearest == kNone || distance_[c] < distance_[size_t(nearest)]) nearest = int(c);
      }
      column = nearest;
      reached = distance_[size_t(column)];
      done_[size_t(column)] = 1;
      row = row_of_[size_t(column)];
    } while (row != kNone);

    // New prices keep all reduced costs at zero or above, and those of pairs at zero.
    row_price_[added] += reached;
    for (size_t c = 0; c < wide; ++c) {
      if (done_[c] == 0 || row_of_[c] == kNone) continue;
      row_price_[size_t(row_of_[c])] += reached - distance_[c];
      column_price_[c] -= reached - distance_[c];
    }
    while (column != kNone) {  // rows move along the path
      const int before = previous_[size_t(column)];
      row_of_[size_t(column)] = before == kNone ? int(added) : row_of_[size_t(before)];
      column = before;
    }
  }
  for (size_t c = 0; c < columns; ++c) {
    if (row_of_[c] == kNone) continue;
    const auto row = size_t(row_of_[c]);
    if (costs[row * columns + c] < limit) result_[row] = int(c);
  }
  return result_;
}

}  // namespace tarsier::vision
