// Rows of the operator table: one and two operands, element by element. operator_test.cpp says how to add
// one.
#include "check/operator_case.hpp"

namespace tarsier::check {

using Kind = graph::PostOp::Kind;

std::vector<OperatorCase> elementwise_cases() {
  std::vector<OperatorCase> cases;
  // Every unary operator on odd channel counts, on a multiple of four, and on a vector with a tail.
  const auto unary = [&](const char* op, Attributes attributes = {}, double low = -4, double high = 4,
                         Tolerance tolerance = kElementwise) {
    for (const graph::Shape& shape :
         {graph::Shape{1, 5, 7, 13}, graph::Shape{2, 8, 5, 7}, graph::Shape{13}}) {
      cases.push_back({op, {x(shape, low, high)}, attributes, tolerance});
    }
  };
  unary("Relu");
  unary("LeakyRelu", {{"alpha", 0.1F}});
  unary("Sigmoid");
  unary("Silu");
  unary("HardSigmoid", {{"alpha", 0.25F}, {"beta", 0.4F}});
  unary("HardSwish");
  unary("Tanh");
  unary("Gelu");
  unary("Gelu", {{"approximate", std::string("tanh")}});
  unary("Exp");
  unary("Log", {}, 0.01, 9);
  unary("Sqrt", {}, 0, 9);
  unary("Neg");
  unary("Abs");
  unary("Floor", {}, -4, 4, kExact);
  unary("Ceil", {}, -4, 4, kExact);
  unary("Round", {}, -4, 4, kExact);
  unary("Reciprocal", {}, 0.1, 4);
  unary("Erf");
  unary("Softplus");
  unary("Elu", {{"alpha", 0.7F}});
  unary("Sign", {}, -4, 4, kExact);
  unary("Selu");
  unary("Softsign");
  unary("Sin");
  unary("Cos");
  unary("Mish");
  unary("Celu", {{"alpha", 1.3F}});
  unary("ThresholdedRelu", {{"alpha", 0.6F}});
  const std::vector<OperatorCase> rows{
      {"Round", {CaseInput{.shape = {5}, .values = {0.5, 1.5, 2.5, -0.5, -1.5}}}, {}, kExact},
      {"Tanh", {x({1, 1, 1, 7}, -90, 90)}},
      {"Sigmoid", {x({7}, -90, 90)}},
      {"Clip", {x({1, 13, 5, 7}), scalar(-1), scalar(1.5)}},
      {"Clip", {x({1, 3, 5, 7}), scalar(0.25), scalar(1.5)}},  // moves the zero of padding channels
      {"Clip", {x({1, 8, 5, 7}), none(), scalar(0.5)}},
      {"Clip",
       {ints({7}), CaseInput{.shape = {}, .dtype = graph::DType::kI64, .constant = true, .values = {-3}},
        CaseInput{.shape = {}, .dtype = graph::DType::kI64, .constant = true, .values = {4}}},
       {},
       kExact},
      {"Relu", {ints({13})}, {}, kExact},
      {"Neg", {ints({13})}, {}, kExact},
      {"Abs", {ints({5, 5})}, {}, kExact},
      {"Sign", {ints({5, 5})}, {}, kExact},
      {"Not", {bools({5, 7})}, {}, kExact},
      {"Relu", {x({1, 300, 13, 13})}},  // more than one workgroup a plane, and many planes
      // Post-ops
      {"Sqrt", {x({1, 5, 7, 13}, 0, 4)}, {}, kElementwise, 1, {{Kind::kScale, 2, 0.5F}, {Kind::kSigmoid}}},
      {"Add", {x({1, 5, 7, 13}), x({1, 5, 7, 13})}, {}, kElementwise, 1, {{Kind::kRelu}}},
      {"Add", {x({1, 8, 7, 5}), x({1, 8, 7, 5})}, {}, kElementwise, 1, {{Kind::kHardSwish}}},
      {"Mul", {x({1, 5, 7, 13}), x({1, 5, 1, 1})}, {}, kElementwise, 1, {{Kind::kHardSigmoid, 0.2F, 0.5F}}},
      {"Add", {x({1, 5, 7, 13}), x({1, 5, 7, 13})}, {}, kElementwise, 1, {{Kind::kAffine, 0, 0, w({3, 5})}}},
      {"Add",
       {x({2, 8, 7, 8}), x({2, 8, 7, 8})},
       {},
       kElementwise,
       1,
       {{Kind::kAdd, 0, 0, x({2, 8, 7, 8})}, {Kind::kPRelu, 0, 0, w({8, 1, 1})}}},
      {"Mul",
       {x({2, 5, 7, 13}), x({2, 5, 1, 1})},
       {},
       kElementwise,
       1,
       {{Kind::kAdd, 0, 0, x({2, 5, 7, 13})}, {Kind::kSigmoid}}},
      {"Mul",
       {x({1, 8, 5, 5}), x({1, 8, 5, 5})},
       {},
       kElementwise,
       1,
       {{Kind::kMul, 0, 0, x({1, 8, 1, 1})}, {Kind::kAdd, 0, 0, x({1, 8, 5, 5})}}},
      {"Mul", {x({7, 13}), x({13})}, {}, kElementwise, 1, {{Kind::kSilu}, {Kind::kClip, 0, 1}}},
      {"Add", {x({5, 3}), x({5, 3})}, {}, kElementwise, 1, {{Kind::kTanh}}},
      {"Add", {x({5, 3}), x({5, 3})}, {}, kElementwise, 1, {{Kind::kGelu}}},
      {"Add", {x({5, 3}), x({5, 3})}, {}, kElementwise, 1, {{Kind::kLeakyRelu, 0.1F}}},
      // Broadcasting
      {"Add", {x({1, 5, 7, 13}), x({1, 5, 7, 13})}},
      {"Add", {x({2, 8, 7, 5}), x({2, 8, 7, 5})}},
      {"Add", {x({13}), x({13})}},
      {"Add", {x({1, 5, 7, 13}), w({5, 1, 1})}},
      {"Add", {x({2, 13, 7, 5}), x({2, 1, 7, 5})}},  // one channel for all
      {"Add", {x({2, 13, 7, 5}), x({1, 13, 7, 5})}},
      {"Add", {x({1, 5, 7, 13}), x({1, 5, 7, 1})}},  // no native broadcast: row-major
      {"Add", {x({3, 5, 1}), x({5, 7})}},
      {"Add", {x({2, 1, 3, 1, 5}), x({1, 3, 1, 7, 1})}},
      {"Sub", {x({1, 5, 7, 13}), scalar(0.75)}},
      {"Sub", {scalar(0.75), x({1, 5, 7, 13})}},
      {"Sub", {x({13}), scalar(0.75)}},
      {"Mul", {x({1, 8, 7, 5}), x({1, 8, 1, 1})}},
      {"Mul", {x({2, 13, 5, 5}), x({2, 13, 1, 1})}},
      {"Mul", {x({1, 13, 1, 1}), x({1, 13, 5, 3})}},
      {"Mul", {x({1, 5, 1, 1}), x({1, 5, 1, 1})}},
      {"Mul", {x({1, 3, 5, 7}), w({1, 3, 5, 7})}},
      {"Div", {x({1, 5, 7, 13}), x({1, 5, 7, 13}, 0.5, 3)}},
      {"Div", {x({1, 5, 7, 13}), scalar(3)}},
      {"Div", {ints({13}), ints({13}, 1, 4)}, {}, kExact},
      {"FloorDiv", {ints({13}), ints({13}, -4, -1)}, {}, kExact},
      {"FloorDiv", {x({13}, -9, 9), x({13}, 0.5, 3)}, {}, kExact},
      {"Mod", {ints({35}), ints({35}, 1, 5)}, {}, kExact},
      {"Mod", {ints({35}), ints({35}, -5, -1)}, {}, kExact},
      {"Mod", {ints({35}), ints({35}, 1, 5)}, {{"fmod", int64_t{1}}}, kExact},
      // The quotient is rounded before it is cut, so a remainder near the divisor may wrap: small quotients.
      {"Mod", {x({35}, -3, 3), x({35}, 1, 2)}, {{"fmod", int64_t{1}}}},
      {"Min", {x({1, 5, 7, 3}), x({1, 5, 7, 3})}, {}, kExact},
      {"Min", {x({5})}, {}, kExact},
      {"Max", {x({1, 5, 7, 3}), x({1, 5, 7, 3}), x({1, 5, 7, 3})}, {}, kExact},
      {"Max", {ints({7}), ints({7})}, {}, kExact},
      {"Sum", {x({5, 3}), x({5, 3}), x({5, 3})}},
      {"Pow", {x({1, 5, 3, 7}, 0.1, 3), x({1, 5, 3, 7})}, {}, {1e-5, 1e-5, 1e-10}},  // exp2(y log2 x)
      {"Pow", {x({13}), scalar(2)}},
      {"Pow", {x({13}), scalar(3)}, {}, {1e-5, 1e-5, 1e-10}},
      {"Pow", {ints({13}, -4, 4), ints({13}, 0, 4)}, {}, kExact},
      {"PRelu", {x({1, 5, 7, 3}), w({5, 1, 1})}},
      {"PRelu", {x({1, 8, 7, 3}), w({1})}},
      {"PRelu", {x({5, 7}), w({7})}},
      {"Equal", {ints({5, 7}, 0, 2), ints({7}, 0, 2)}, {}, kExact},
      {"Equal", {x({5, 7}), x({5, 7})}, {}, kExact},
      {"Less", {x({5, 7}), x({5, 7})}, {}, kExact},
      {"Less", {ints({8}), ints({8})}, {}, kExact},
      {"Greater", {x({1, 5, 7, 3}), scalar(0.2)}, {}, kExact},
      {"Greater", {ints({8}), ints({8})}, {}, kExact},
      {"LessOrEqual", {ints({35}, 0, 3), ints({35}, 0, 3)}, {}, kExact},
      {"LessOrEqual", {x({35}), x({35})}, {}, kExact},
      {"GreaterOrEqual", {ints({35}, 0, 3), ints({35}, 0, 3)}, {}, kExact},
      {"GreaterOrEqual", {x({35}), x({35})}, {}, kExact},
      {"And", {bools({5, 7}), bools({7})}, {}, kExact},
      {"Or", {bools({5, 7}), bools({5, 7})}, {}, kExact},
      {"Xor", {bools({5, 7}), bools({5, 7})}, {}, kExact},
      {"Where", {bools({5, 1}), x({5, 7}), x({7})}, {}, kExact},
      {"Where", {bools({1, 5, 7, 3}), x({1, 5, 7, 3}), scalar(-1)}, {}, kExact},
      {"Where", {bools({13}), ints({13}), ints({13})}, {}, kExact},
      {"BatchNormalization", {x({1, 5, 7, 13}), w({5}), w({5}), w({5}), w({5}, 0.5, 2)}},
      {"BatchNormalization",
       {x({2, 8, 5, 7}), w({8}), w({8}), w({8}), w({8}, 0.5, 2)},
       {},
       kElementwise,
       1,
       {{Kind::kRelu}}},
      {"BatchNormalization",
       {x({1, 5, 7, 13}), w({5}), w({5}), w({5}), w({5}, 0.5, 2)},
       {},
       kElementwise,
       1,
       {{Kind::kPRelu, 0, 0, w({5, 1, 1})}}},
      {"BatchNormalization", {x({2, 5, 7}), w({5}), w({5}), w({5}), w({5}, 0.5, 2)}},
      {"BatchNormalization", {x({3, 5}), w({5}), w({5}), w({5}), w({5}, 0.5, 2)}},
  };
  cases.insert(cases.end(), rows.begin(), rows.end());
  return cases;
}

}  // namespace tarsier::check
