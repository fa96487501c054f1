// Rows of the operator table: moves without arithmetic. operator_test.cpp says how to add one.
#include "kernels/operator_case.hpp"

namespace tarsier::test {

using Ints = std::vector<int64_t>;

std::vector<OperatorCase> movement_cases() {
  constexpr double kEnd = 9.0e15;  // "to the end", as exporters write it
  const Attributes channels{{"axis", int64_t{1}}};
  return {
      {"Concat", {x({1, 8, 5, 7}), x({1, 4, 5, 7})}, channels, kExact},
      {"Concat", {x({1, 8, 5, 7}), x({1, 5, 5, 7})}, channels, kExact},
      {"Concat", {x({2, 3, 5, 7}), x({2, 5, 5, 7}), x({2, 13, 5, 7})}, channels, kExact},
      {"Concat", {x({1, 5, 13, 13}), w({1, 3, 13, 13})}, channels, kExact},
      {"Concat", {x({1, 4, 5, 7}), x({1, 4, 5, 3})}, {{"axis", int64_t{3}}}, kExact},
      {"Concat", {x({1, 4, 5, 7}), x({1, 4, 1, 7})}, {{"axis", int64_t{-2}}}, kExact},
      {"Concat", {x({3, 5}), x({1, 5}), x({7, 5})}, {{"axis", int64_t{0}}}, kExact},
      {"Concat", {ints({5}), ints({3})}, {{"axis", int64_t{0}}}, kExact},
      {"Concat", {x({13})}, {{"axis", int64_t{0}}}, kExact},
      {"Split", {x({1, 13, 5, 7}), list({8, 5})}, channels, kExact, 2},
      {"Split", {x({2, 13, 5, 7}), list({3, 3, 7})}, channels, kExact, 3},
      {"Split", {x({1, 8, 5, 7})}, channels, kExact, 2},
      {"Split", {x({5, 7})}, {{"axis", int64_t{-1}}}, kExact, 3},
      {"Split", {x({1, 3, 13, 7}), list({6, 7})}, {{"axis", int64_t{2}}}, kExact, 2},
      {"GatherChannels", {x({1, 8, 5, 7})}, {{"indices", Ints{0, 4, 1, 5, 2, 6, 3, 7}}}, kExact},
      {"GatherChannels", {x({2, 13, 5, 7})}, {{"indices", Ints{12, 0, 3, 3, 7}}}, kExact},
      {"GatherChannels", {x({1, 13, 5, 7})}, {{"indices", Ints{8, 9, 10, 11, 4, 5, 6, 7}}}, kExact},
      {"Slice", {x({1, 13, 5, 7}), list({4}), list({12}), list({1})}, {}, kExact},
      {"Slice", {x({1, 13, 5, 7}), list({1}), list({8}), list({1})}, {}, kExact},
      {"Slice", {x({1, 13, 5, 7}), list({12}), list({-kEnd}), list({1}), list({-3})}, {}, kExact},
      {"Slice", {x({1, 3, 13, 7}), list({1, 0}), list({kEnd, kEnd}), list({2, 3}), list({2, 2})}, {}, kExact},
      {"Slice", {x({2, 8, 5, 7}), list({-1}), list({-kEnd}), list({3}), list({-1})}, {}, kExact},
      {"Slice", {x({2, 8, 5, 7}), list({1, 2}), list({2, 5}), list({0, 1})}, {}, kExact},
      {"Slice", {x({13, 5}), list({-5, 1}), list({-1, 1000})}, {}, kExact},
      {"Slice", {x({13}), list({20}), list({0}), list({0}), list({-4})}, {}, kExact},
      {"Slice", {ints({13}), list({3}), list({9}), list({0}), list({2})}, {}, kExact},
      {"Slice", {x({5, 7}), list({3}), list({3}), list({0})}, {}, kExact},  // nothing left
      {"Pad", {x({1, 5, 7, 13}), list({0, 0, 1, 2, 0, 0, 3, 0})}, {}, kExact},
      {"Pad", {x({1, 5, 7, 13}), list({0, 0, 1, 2, 0, 0, 3, 0}), scalar(1.5)}, {}, kExact},
      {"Pad", {x({1, 8, 7, 5}), list({0, 0, 1, 2, 0, 0, 3, 4})}, {{"mode", std::string("reflect")}}, kExact},
      {"Pad", {x({1, 8, 7, 5}), list({0, 0, 1, 2, 0, 0, 3, 4})}, {{"mode", std::string("edge")}}, kExact},
      {"Pad", {x({1, 8, 7, 5}), list({0, 0, -1, 2, 0, 0, -2, 0})}, {}, kExact},
      {"Pad", {x({1, 5, 7, 13}), list({0, 1, 0, 0, 0, 2, 0, 0})}, {}, kExact},
      {"Pad", {x({5, 7}), list({1, 2, 3, 4}), scalar(-1)}, {}, kExact},
      {"Pad", {x({5, 7}), list({2, 3}), none(), list({1})}, {{"mode", std::string("reflect")}}, kExact},
      {"Pad", {x({5, 1, 7}), list({2, 1, 0, 0, 1, 3})}, {{"mode", std::string("edge")}}, kExact},
      {"Pad", {ints({5}), list({1, 2})}, {}, kExact},
      {"Transpose", {x({5, 7})}, {}, kExact},
      {"Transpose", {x({1, 5, 7, 13})}, {{"perm", Ints{0, 2, 3, 1}}}, kExact},
      {"Transpose", {x({2, 5, 7, 3})}, {{"perm", Ints{3, 1, 0, 2}}}, kExact},
      {"Transpose", {x({1, 1, 7})}, {{"perm", Ints{2, 0, 1}}}, kExact},
      {"Transpose", {ints({2, 3, 5, 2, 3})}, {{"perm", Ints{4, 2, 0, 3, 1}}}, kExact},
      {"Expand", {x({5, 1}), list({3, 5, 7})}, {}, kExact},
      {"Expand", {x({1}), list({13})}, {}, kExact},
      {"Tile", {x({5, 3}), list({2, 3})}, {}, kExact},
      {"Tile", {x({1, 3, 5, 7}), list({2, 1, 3, 2})}, {}, kExact},
      {"DepthToSpace", {x({1, 8, 5, 7})}, {{"blocksize", int64_t{2}}}, kExact},
      {"DepthToSpace", {x({2, 9, 5, 3})}, {{"blocksize", int64_t{3}}, {"mode", std::string("CRD")}}, kExact},
      {"SpaceToDepth", {x({2, 3, 6, 10})}, {{"blocksize", int64_t{2}}}, kExact},
      {"Gather", {x({13, 5}), ints({3}, -13, 12)}, {}, kExact},
      {"Gather", {x({5, 13}), ints({2, 3}, 0, 12)}, {{"axis", int64_t{1}}}, kExact},
      {"Gather", {x({3, 5, 7}), ints({}, 0, 4)}, {{"axis", int64_t{-2}}}, kExact},
      {"Gather", {ints({7}), list({6, 0, -1})}, {}, kExact},
      {"Identity", {x({1, 5, 7, 3})}, {}, kExact},
      {"Identity", {ints({5})}, {}, kExact},
      {"Dropout", {x({1, 5, 7, 3})}, {}, kExact},
      {"Reshape", {x({1, 5, 7, 3}), list({0, -1})}, {}, kExact},
      {"Reshape", {x({3, 5}), list({5, 1, 3})}, {}, kExact},
      {"Flatten", {x({2, 5, 7, 3})}, {{"axis", int64_t{2}}}, kExact},
      {"Flatten", {x({2, 5})}, {{"axis", int64_t{0}}}, kExact},
      {"Squeeze", {x({1, 5, 1, 3}), list({0, -2})}, {}, kExact},
      {"Squeeze", {x({1, 5, 1, 3})}, {}, kExact},
      {"Unsqueeze", {x({5, 3}), list({0, -1})}, {}, kExact},
  };
}

}  // namespace tarsier::test
