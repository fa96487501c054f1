// Rows of the operator table: the steps of recurrent networks. operator_test.cpp says how to add one.
#include "check/operator_case.hpp"

namespace tarsier::check {

namespace {

using Ints = std::vector<int64_t>;
using Floats = std::vector<float>;

constexpr int64_t kRnn = 0, kGru = 1, kLstm = 2;  // Cell of recurrent.hpp

/// `functions` has the activations of one direction (Function of recurrent.hpp).
Attributes cell(int64_t kind, const char* direction, Ints functions, Attributes more = {}) {
  Ints all = functions;
  if (std::string(direction) == "bidirectional") all.insert(all.end(), functions.begin(), functions.end());
  more["cell"] = kind;
  more["direction"] = std::string(direction);
  more["alphas"] = Floats(all.size(), 0.3F);
  more["betas"] = Floats(all.size(), 0.6F);
  more["functions"] = std::move(all);
  return more;
}

CaseInput lengths(std::vector<double> values) {
  CaseInput given = list(std::move(values));
  given.constant = false;
  return given;
}

}  // namespace

std::vector<OperatorCase> recurrent_cases() {
  const Ints gru{2, 1}, lstm{2, 1, 1};
  return {
      {"RecurrentSteps", {x({5, 3, 7}), w({1, 7, 7, 1})}, cell(kRnn, "forward", {1}), kReduction, 2},
      {"RecurrentSteps",
       {x({5, 3, 16}), x({2, 8, 8, 1}), none(), lengths({5, 2, 0}), x({2, 3, 8})},
       cell(kRnn, "bidirectional", {3}, {{"clip", 1.5F}}),
       kReduction,
       2},
      {"RecurrentSteps", {x({4, 2, 39}), w({1, 13, 13, 4})}, cell(kGru, "forward", gru), kReduction, 2},
      {"RecurrentSteps",
       {x({4, 3, 48}), w({2, 8, 8, 4}), none(), lengths({1, 4, 3}), x({2, 3, 8})},
       cell(kGru, "bidirectional", gru),
       kReduction,
       2},
      {"RecurrentSteps",
       {x({4, 3, 24}), w({1, 8, 8, 4}), w({1, 8}), lengths({3, 0, 4}), x({1, 3, 8})},
       cell(kGru, "reverse", {7, 9}, {{"linear_before_reset", int64_t{1}}}),
       kReduction,
       2},
      {"RecurrentSteps", {x({5, 3, 28}), w({1, 7, 7, 4})}, cell(kLstm, "forward", lstm), kReduction, 3},
      {"RecurrentSteps",
       {x({5, 3, 64}), w({2, 8, 8, 4}), none(), lengths({5, 0, 2}), x({2, 3, 8}), x({2, 3, 8}), w({2, 24})},
       cell(kLstm, "bidirectional", lstm, {{"clip", 0.9F}}),
       kReduction,
       3},
      {"RecurrentSteps",
       {x({1, 2, 52}), w({1, 13, 13, 4}), none(), none(), none(), x({1, 2, 13})},
       cell(kLstm, "reverse", {2, 6, 10}, {{"input_forget", int64_t{1}}}),
       kReduction,
       3},
      {"RecurrentSteps", {x({3, 1, 5}), w({1, 5, 5, 1})}, cell(kRnn, "forward", {0}), kReduction, 2},
      {"RecurrentSteps", {x({3, 1, 5}), w({1, 5, 5, 1})}, cell(kRnn, "forward", {4}), kReduction, 2},
      {"RecurrentSteps", {x({3, 1, 5}), w({1, 5, 5, 1})}, cell(kRnn, "forward", {5}), kReduction, 2},
      {"RecurrentSteps", {x({3, 1, 5}), w({1, 5, 5, 1})}, cell(kRnn, "forward", {8}), kReduction, 2},
      {"RecurrentSteps", {x({3, 0, 5}), w({1, 5, 5, 1})}, cell(kRnn, "forward", {1}), kReduction, 2},
      // More units than lanes; only Y, only Y_h.
      {"RecurrentSteps",
       {x({6, 2, 600}), w({2, 100, 100, 4}, -0.2, 0.2)},
       cell(kGru, "bidirectional", gru),
       kReduction},
      {"RecurrentSteps",
       {x({5, 1, 520}), w({1, 130, 130, 4}, -0.2, 0.2)},
       cell(kLstm, "reverse", lstm),
       kReduction,
       3},
  };
}

}  // namespace tarsier::check
