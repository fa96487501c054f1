// The assignment solver against every possible assignment, on problems small enough for that.
#include "vision/assignment.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>

namespace tarsier::vision {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

struct Problem {
  size_t rows, columns;
  std::vector<double> costs;
  double limit;
};

/// Sum of (cost - limit) over the pairs; NaN where the assignment is not allowed.
double value_of(const Problem& problem, std::span<const int> columns) {
  std::vector<char> taken(problem.columns, 0);
  double sum = 0;
  for (size_t r = 0; r < problem.rows; ++r) {
    if (columns[r] == AssignmentSolver::kNone) continue;
    const auto c = size_t(columns[r]);
    const double cost = c < problem.columns ? problem.costs[r * problem.columns + c] : kNever;
    if (!(cost < problem.limit) || std::exchange(taken[c], 1) != 0) return std::nan("");
    sum += cost - problem.limit;
  }
  return sum;
}

double best_by_trying_all(const Problem& problem, size_t row, std::vector<char>& taken) {
  if (row == problem.rows) return 0;
  double best = best_by_trying_all(problem, row + 1, taken);  // the row stays alone
  for (size_t c = 0; c < problem.columns; ++c) {
    const double cost = problem.costs[row * problem.columns + c];
    if (taken[c] != 0 || !(cost < problem.limit)) continue;
    taken[c] = 1;
    best = std::min(best, cost - problem.limit + best_by_trying_all(problem, row + 1, taken));
    taken[c] = 0;
  }
  return best;
}

TEST(Assignment, IsTheBestOfAll) {
  std::mt19937 random(7);
  AssignmentSolver solver;  // one for all: scratch of an earlier problem must not leak into the next
  size_t alone = 0, pairs = 0;
  for (int round = 0; round < 3000; ++round) {
    Problem problem;
    problem.rows = random() % 7;
    problem.columns = random() % 7;
    problem.limit = round % 3 == 0 ? 10.0 : 0.6;
    for (size_t i = 0; i < problem.rows * problem.columns; ++i) {
      const double cost = double(random() % 1000) / 1000;
      // Ties, forbidden pairs and negative costs are all there.
      problem.costs.push_back(random() % 4 == 0   ? kNever
                              : random() % 3 == 0 ? std::round(cost * 4) / 4
                                                  : cost - (round % 5 == 0 ? 0.5 : 0));
    }
    const auto columns = solver.solve(problem.costs, problem.rows, problem.columns, problem.limit);
    ASSERT_EQ(columns.size(), problem.rows);
    std::vector<char> taken(problem.columns, 0);
    ASSERT_NEAR(value_of(problem, columns), best_by_trying_all(problem, 0, taken), 1e-9) << "round " << round;
    for (const int c : columns) (c == AssignmentSolver::kNone ? alone : pairs) += 1;
  }
  EXPECT_GT(alone, 1000U);
  EXPECT_GT(pairs, 1000U);
}

TEST(Assignment, PrefersTheBestSumToTheBestPair) {
  AssignmentSolver solver;
  // Greedy would take (0, 0) and leave 0.9 for row 1.
  const std::vector<double> costs = {0.1, 0.2, 0.2, 0.9};
  const auto columns = solver.solve(costs, 2, 2, 1.0);
  EXPECT_EQ(columns[0], 1);
  EXPECT_EQ(columns[1], 0);
}

TEST(Assignment, ManyRowsAndColumnsKeepTheirOptimum) {
  // A permutation with cost 0 hidden among ones.
  constexpr size_t kSize = 200;
  std::mt19937 random(3);
  std::vector<size_t> hidden(kSize);
  for (size_t i = 0; i < kSize; ++i) hidden[i] = i;
  std::shuffle(hidden.begin(), hidden.end(), random);
  std::vector<double> costs(kSize * kSize, 1);
  for (size_t i = 0; i < kSize; ++i) costs[i * kSize + hidden[i]] = 0;
  AssignmentSolver solver;
  const auto columns = solver.solve(costs, kSize, kSize, 2.0);
  for (size_t i = 0; i < kSize; ++i) ASSERT_EQ(columns[i], int(hidden[i]));
}

TEST(Assignment, NothingToAssign) {
  AssignmentSolver solver;
  EXPECT_TRUE(solver.solve({}, 0, 5, 1).empty());
  const auto columns = solver.solve({}, 3, 0, 1);
  EXPECT_EQ(std::count(columns.begin(), columns.end(), AssignmentSolver::kNone), 3);
}

}  // namespace
}  // namespace tarsier::vision
