// Conv and ConvTranspose on the device against their CPU reference.
//
// To add a case, add a row to kCases: input shape, weights, attributes, post-ops. Each row runs in fp32 and
// fp16 storage with guard words around the output. The rows of Speed (disabled by default) are timed:
//   kernels_tests --gtest_also_run_disabled_tests --gtest_filter='*Speed*'
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <ctime>
#include <gtest/gtest.h>
#include <random>

#include "check/kernel_runner.hpp"
#include "core/half.hpp"
#include "gpu/command_list.hpp"
#include "gpu/uniform_windows.hpp"
#include "kernels/conv_emit.hpp"
#include "kernels/kernel.hpp"
#include "support/gpu_fixture.hpp"

namespace tarsier::kernels {
using namespace check;
namespace {

using Kind = graph::PostOp::Kind;

struct ConvCase {
  const char* name;
  Shape input, weights;
  std::vector<int64_t> strides{}, pads{}, dilations{};
  int64_t group = 1;
  bool transposed = false;
  std::vector<Kind> post{};
  bool dynamic_weights = false;
  const char* auto_pad = "NOTSET";
  std::vector<int64_t> output_padding{};
  bool per_plane = false;  // the kMul operand is [N,C,1,1]
};

std::vector<float> random_values(int64_t count, uint32_t seed, float scale) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> uniform(-scale, scale);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& v : values) v = uniform(engine);
  return values;
}

/// Rounds to what fp16 storage holds, so that only arithmetic differs from the reference.
void round_to_half(std::vector<float>& values) {
  for (float& v : values) v = half_to_float(float_to_half(v));
}

constexpr uint32_t kGuard = 0x7FC5A5A5;  // a NaN: arithmetic on it shows, too
constexpr uint64_t kGuardBytes = 1024;
constexpr uint64_t kWeightBytes = 48 << 20;

struct Stored {
  gpu::Buffer buffer;
  uint64_t bytes = 0;
  [[nodiscard]] uint64_t address() const { return buffer.address() + kGuardBytes; }
};

class TestEmitter : public Emitter {
 public:
  TestEmitter(gpu::DeviceFeatures features, const graph::Graph& graph, const gpu::Buffer& weights,
              uint64_t scratch)
      : features_(features), graph_(&graph), weights_(&weights), scratch_(scratch) {}
  std::map<graph::ValueId, uint64_t> addresses;
  std::vector<Dispatch> dispatches;

  const graph::Graph& graph() const override { return *graph_; }
  const graph::Node& node() const override { return graph_->nodes[0]; }
  const gpu::DeviceFeatures& device() const override { return features_; }
  Operand input(size_t index) const override { return at(node().inputs[index]); }
  Operand output(size_t index) const override { return at(node().outputs[index]); }
  Operand operand(graph::ValueId value) override { return at(value); }
  uint64_t scratch() const override { return scratch_; }
  Result<Weights> upload(std::span<const std::byte> bytes) override {
    const uint64_t offset = used_;
    used_ = (used_ + bytes.size() + 255) / 256 * 256;
    if (used_ + 65536 > weights_->size()) return runtime_error("the test's weight buffer is too small");
    std::memcpy(weights_->as<std::byte>().data() + offset, bytes.data(), bytes.size());
    return Weights{weights_->address() + offset, uint32_t(offset)};
  }
  void dispatch(Dispatch d) override { dispatches.push_back(std::move(d)); }
  using Emitter::dispatch;

 private:
  [[nodiscard]] Operand at(graph::ValueId id) const {
    const auto found = addresses.find(id);
    return {found == addresses.end() ? 0 : found->second, &graph_->value(id)};
  }
  gpu::DeviceFeatures features_;
  const graph::Graph* graph_;
  const gpu::Buffer* weights_;
  uint64_t scratch_;
  uint64_t used_ = 0;
};

class ConvTest : public test::GpuTest {
 protected:
  struct Prepared {
    graph::Graph graph;
    std::map<graph::ValueId, Tensor> data;  // of what is not constant
    std::map<graph::ValueId, Stored> stored;
    gpu::Buffer weights;
    Stored scratch;
    std::vector<Dispatch> dispatches;
    gpu::UniformWindows windows;
    Tensor expected;
    int64_t products = 0;  // behind one output
  };

  static Result<Stored> make_stored(const std::vector<std::byte>& bytes, bool guard_fill) {
    Stored s;
    s.bytes = bytes.size();
    TARSIER_TRY(s.buffer, device().create_buffer({.size = bytes.size() + 2 * kGuardBytes,
                                                  .memory = gpu::Memory::kUpload,
                                                  .uniform = false,
                                                  .indirect = false,
                                                  .name = "operand"}));
    std::ranges::fill(s.buffer.as<uint32_t>(), kGuard);
    if (!guard_fill) std::memcpy(s.buffer.as<std::byte>().data() + kGuardBytes, bytes.data(), bytes.size());
    return s;
  }

  static std::vector<std::byte> packed(const graph::Value& value, const Tensor& tensor) {
    return value.layout == Layout::kC4 ? pack_c4(tensor, value.storage == DType::kF16) : pack_linear(tensor);
  }

  static gpu::DeviceFeatures features(bool as_gpu) {
    auto features = device().features();
    if (as_gpu) features.software = false, features.subgroup_size = 32;
    return features;
  }

  /// Builds the one-node graph, its reference result and its dispatches. Without a `variant`, the best guess.
  static Status prepare(const ConvCase& c, bool half, bool as_gpu, bool reference, Prepared& p,
                        const std::string& variant = "") {
    graph::Graph& graph = p.graph;
    const int64_t out_channels = c.transposed ? c.weights[1] * c.group : c.weights[0];
    const int64_t taps = graph::element_count(c.weights) / (c.weights[0] * c.weights[1]);
    p.products = taps * (c.transposed ? c.weights[0] / c.group : c.weights[1]);
    const auto x = graph.add_value("x", {DType::kF32, c.input});
    auto x_values = random_values(graph::element_count(c.input), 1, 1.0F);
    if (half) round_to_half(x_values);
    p.data.emplace(x, Tensor::f32(c.input, x_values));
    const Tensor weights = Tensor::f32(
        c.weights, random_values(graph::element_count(c.weights), 2, std::sqrt(3.0F / float(p.products))));
    const Tensor bias = Tensor::f32({out_channels}, random_values(out_channels, 3, 0.5F));
    graph::ValueId w = graph::kNone;
    if (c.dynamic_weights) {
      w = graph.add_value("w", weights.desc());
      p.data.emplace(w, weights);
    } else {
      w = graph.add_constant("w", weights);
    }
    const auto b = graph.add_constant("b", bias);
    const auto y = graph.add_value("y");
    graph::Node node{c.name, c.transposed ? "ConvTranspose" : "Conv", {x, w, b}, {y}, {}, {}};
    if (!c.strides.empty()) node.attributes["strides"] = c.strides;
    if (!c.pads.empty()) node.attributes["pads"] = c.pads;
    if (!c.dilations.empty()) node.attributes["dilations"] = c.dilations;
    if (!c.output_padding.empty()) node.attributes["output_padding"] = c.output_padding;
    node.attributes["group"] = c.group;
    node.attributes["auto_pad"] = std::string(c.auto_pad);
    graph.add_node(node);

    const Kernel* kernel = Registry::instance().find(node.op);
    if (kernel == nullptr) return runtime_error("{} is not registered", node.op);
    TARSIER_CHECK(kernel->check(graph, graph.nodes[0]));
    TARSIER_TRY(const auto descs, kernel->infer(graph, graph.nodes[0]));
    graph.value(y).desc = descs[0];
    const Shape out = descs[0].shape;

    for (const Kind kind : c.post) {
      graph::PostOp post{kind, 0, 0, graph::kNone};
      if (kind == Kind::kClip) post.b = 0.6F;
      if (kind == Kind::kLeakyRelu) post.a = 0.1F;
      if (kind == Kind::kHardSigmoid) post.a = 0.2F, post.b = 0.5F;
      if (kind == Kind::kScale) post.a = 2, post.b = 0.25F;
      if (kind == Kind::kPRelu) {
        post.operand = graph.add_constant(
            "slope", Tensor::f32({out_channels, 1, 1}, random_values(out_channels, 4, 0.5F)));
      }
      if (kind == Kind::kAffine) {  // scale, shift, slope
        post.operand = graph.add_constant(
            "affine", Tensor::f32({3, out_channels}, random_values(3 * out_channels, 6, 0.5F)));
      }
      if (kind == Kind::kAdd || kind == Kind::kMul) {
        const Shape shape = c.per_plane ? Shape{out[0], out[1], 1, 1} : out;
        auto values = random_values(graph::element_count(shape), 5, 1.0F);
        if (half) round_to_half(values);
        post.operand = graph.add_value("operand", {DType::kF32, shape});
        p.data.emplace(post.operand, Tensor::f32(shape, values));
      }
      if (!kernel->accepts(graph, graph.nodes[0], post)) return runtime_error("a post-op is refused");
      graph.nodes[0].post.push_back(post);
    }

    const LayoutChoice layouts = kernel->layouts(graph, graph.nodes[0]);
    graph.value(x).layout = layouts.inputs[0];
    graph.value(w).layout = layouts.inputs[1];
    graph.value(y).layout = layouts.outputs[0];
    for (const auto& post : graph.nodes[0].post) {
      if (post.operand != graph::kNone && post.kind != Kind::kPRelu)
        graph.value(post.operand).layout = Layout::kC4;
    }
    for (auto& value : graph.values) {
      if (half && value.layout == Layout::kC4) value.storage = DType::kF16;
    }

    if (reference) {
      TARSIER_TRY(const auto results, reference_of(graph, *kernel, p.data));
      p.expected = results[0];
    }

    TARSIER_TRY(p.weights, device().create_buffer({.size = kWeightBytes,
                                                   .memory = gpu::Memory::kUpload,
                                                   .uniform = true,
                                                   .indirect = false,
                                                   .name = "weights"}));
    graph.nodes[0].variant = variant;
    if (const uint64_t bytes = kernel->scratch_bytes(graph, graph.nodes[0]); bytes > 0) {
      TARSIER_TRY(p.scratch, make_stored(std::vector<std::byte>(bytes), true));
    }
    auto emitter_features = features(as_gpu);
    // These are passed to the driver, so they have to be the device's.
    if (variant.starts_with("depthwise.shuffle")) {
      emitter_features.subgroup_size = device().features().subgroup_size;
    }
    TestEmitter emitter(emitter_features, graph, p.weights, p.scratch.bytes > 0 ? p.scratch.address() : 0);
    for (const auto& [id, tensor] : p.data) {
      TARSIER_TRY(p.stored[id], make_stored(packed(graph.value(id), tensor), false));
      emitter.addresses[id] = p.stored[id].address();
    }
    const Tensor blank(descs[0]);
    TARSIER_TRY(p.stored[y], make_stored(packed(graph.value(y), blank), true));
    emitter.addresses[y] = p.stored[y].address();
    TARSIER_CHECK(kernel->emit(emitter));
    p.dispatches = std::move(emitter.dispatches);
    std::vector<gpu::WindowRange> ranges;
    for (const auto& d : p.dispatches) {
      if (d.window_offset != Dispatch::kNoWindow) ranges.push_back({d.window_offset, d.window_stride});
    }
    TARSIER_TRY(p.windows, gpu::UniformWindows::create(device(), p.weights, ranges));
    return {};
  }

  static Status record(const Prepared& p, gpu::CommandList& commands) {
    size_t window = 0;
    for (const auto& d : p.dispatches) {
      TARSIER_TRY(const auto* pipeline, device().pipelines().get(d.pipeline));
      if (d.after_previous) commands.barrier();
      if (d.window_offset != Dispatch::kNoWindow) commands.bind_windows(p.windows.set(window++));
      commands.dispatch(*pipeline, d.push, d.groups);
    }
    return {};
  }

  static Status run(const Prepared& p) {
    Status recorded;
    TARSIER_CHECK(device().run_once([&](gpu::CommandList& commands) {
      recorded = record(p, commands);
      commands.barrier(gpu::Scope::kCompute, gpu::Scope::kHost);
    }));
    return recorded;
  }

  /// `slack` widens the limits of fp32: F(4 x 4)'s constants cancel more than a plain sum does.
  static void compare(const ConvCase& c, const Prepared& p, bool half, float slack = 1) {
    const auto y = p.graph.nodes[0].outputs[0];
    const Stored& stored = p.stored.at(y);
    const auto words = stored.buffer.as<uint32_t>();
    for (uint64_t i = 0; i < kGuardBytes / 4; ++i) {
      ASSERT_EQ(words[i], kGuard) << "in front of the output";
      ASSERT_EQ(words[words.size() - 1 - i], kGuard) << "behind the output";
    }
    if (p.scratch.bytes > 0) {
      const auto scratch = p.scratch.buffer.as<uint32_t>();
      for (uint64_t i = 0; i < kGuardBytes / 4; ++i) {
        ASSERT_EQ(scratch[i], kGuard) << "in front of the scratch memory";
        ASSERT_EQ(scratch[scratch.size() - 1 - i], kGuard) << "behind the scratch memory";
      }
    }
    const std::byte* bytes = stored.buffer.as<std::byte>().data() + kGuardBytes;
    const auto element = [&](uint64_t i) {
      if (half && p.graph.value(y).layout == Layout::kC4) {
        uint16_t v = 0;
        std::memcpy(&v, bytes + i * 2, 2);
        return half_to_float(v);
      }
      float v = 0;
      std::memcpy(&v, bytes + i * 4, 4);
      return v;
    };
    const auto expected = p.expected.to_floats();
    const bool c4 = p.graph.value(y).layout == Layout::kC4;
    const Shape shape = pad_rank(p.expected.shape(), 4);
    const Nchw d(shape);
    double error = 0, energy = 0;
    // fp32 sums in another order; fp16 rounds the result once.
    const float absolute = half ? 2e-3F : slack * (2e-6F * std::sqrt(float(p.products)) + 1e-5F);
    const float relative = half ? 1.5e-3F : slack * 1e-5F;
    for (int64_t n = 0; n < d.n; ++n) {
      for (int64_t channel = 0; channel < (c4 ? d.groups() * 4 : d.c); ++channel) {
        for (int64_t pixel = 0; pixel < d.plane(); ++pixel) {
          const uint64_t at =
              c4 ? uint64_t(((n * d.groups() + channel / 4) * d.plane() + pixel) * 4 + channel % 4)
                 : uint64_t((n * d.c + channel) * d.plane() + pixel);
          const float got = element(at);
          if (channel >= d.c) {
            ASSERT_EQ(got, 0.0F) << c.name << ": padding channel " << channel << " pixel " << pixel;
            continue;
          }
          const float want = expected[size_t((n * d.c + channel) * d.plane() + pixel)];
          ASSERT_LE(std::abs(got - want), absolute + relative * std::abs(want))
              << c.name << (half ? " fp16" : " fp32") << ": n " << n << " channel " << channel << " pixel "
              << pixel << ": " << got << ", expected " << want;
          error += double(got - want) * double(got - want);
          energy += double(want) * double(want);
        }
      }
    }
    EXPECT_LE(error, energy * (half ? 1e-6 : 1e-11 * double(slack * slack)))
        << c.name << ": normalised mean square error";
  }
};

const std::vector<ConvCase> kCases = {
    // pointwise: channel counts around groups and blocks, pixels around workgroups
    {"pw_1_1", {1, 1, 5, 7}, {1, 1, 1, 1}},
    {"pw_3_8", {1, 3, 7, 13}, {8, 3, 1, 1}},
    {"pw_17_5", {1, 17, 13, 13}, {5, 17, 1, 1}},
    {"pw_13_130", {1, 13, 5, 13}, {130, 13, 1, 1}},
    {"pw_130_17_batch", {3, 130, 7, 5}, {17, 130, 1, 1}},
    {"pw_24_72", {1, 24, 33, 31}, {72, 24, 1, 1}},
    {"pw_deep", {1, 1060, 5, 5}, {20, 1060, 1, 1}},         // chunks of input channels
    {"pw_many_windows", {1, 720, 5, 5}, {340, 720, 1, 1}},  // more than one dispatch of windows
    {"pw_many_blocks", {1, 4, 3, 5}, {4200, 4, 1, 1}},      // more than 255 blocks
    {"pw_stride2", {1, 13, 13, 7}, {17, 13, 1, 1}, {2, 2}},
    {"pw_padded", {1, 5, 5, 7}, {8, 5, 1, 1}, {1, 1}, {1, 0, 0, 2}},
    // KxK
    {"k3_first_layer", {1, 3, 13, 17}, {16, 3, 3, 3}, {2, 2}, {1, 1, 1, 1}},
    {"k3_13_17", {1, 13, 7, 13}, {17, 13, 3, 3}, {1, 1}, {1, 1, 1, 1}},
    {"k3_batch", {2, 8, 5, 7}, {13, 8, 3, 3}, {1, 1}, {0, 1, 2, 0}},
    {"k3_dilated", {1, 5, 13, 13}, {8, 5, 3, 3}, {1, 1}, {2, 2, 2, 2}, {2, 2}},
    {"k5_wide_stride", {1, 8, 13, 13}, {5, 8, 5, 5}, {3, 2}, {2, 2, 2, 2}},
    {"k7x1", {1, 5, 13, 7}, {8, 5, 7, 1}, {1, 1}, {3, 0, 3, 0}},
    {"k1x3_dilated", {1, 17, 5, 13}, {3, 17, 1, 3}, {1, 1}, {0, 4, 0, 4}, {1, 4}},
    {"k3_cin130", {1, 130, 7, 7}, {20, 130, 3, 3}, {1, 1}, {1, 1, 1, 1}},  // a block over two windows
    {"k3_cin260", {1, 260, 5, 7}, {73, 260, 3, 3}, {1, 1}, {1, 1, 1, 1}},  // beyond one dispatch of windows
    {"k3_cin1040",
     {1, 1040, 5, 5},
     {8, 1040, 3, 3},
     {1, 1},
     {1, 1, 1, 1}},  // more than they hold of one block
    {"k2_valid", {1, 8, 6, 6}, {8, 8, 2, 2}, {2, 2}},
    {"k4_same_upper", {1, 5, 7, 5}, {5, 5, 4, 4}, {2, 2}, {}, {}, 1, false, {}, false, "SAME_UPPER"},
    {"k4_same_lower", {1, 5, 7, 5}, {5, 5, 4, 4}, {1, 1}, {}, {}, 1, false, {}, false, "SAME_LOWER"},
    {"k3_negative_pad", {1, 5, 9, 9}, {5, 5, 3, 3}, {1, 1}, {-1, 0, -2, 1}},
    // few pixels
    {"vector_se", {1, 130, 1, 1}, {33, 130, 1, 1}},
    {"vector_batch", {3, 17, 1, 2}, {130, 17, 1, 1}},
    {"vector_covers", {2, 13, 5, 7}, {17, 13, 5, 7}},
    // depthwise
    {"dw3", {1, 13, 7, 13}, {13, 1, 3, 3}, {1, 1}, {1, 1, 1, 1}, {}, 13},
    {"dw3_stride2", {1, 17, 13, 7}, {17, 1, 3, 3}, {2, 2}, {1, 1, 1, 1}, {}, 17},
    {"dw5", {2, 5, 13, 5}, {5, 1, 5, 5}, {1, 1}, {2, 2, 2, 2}, {}, 5},
    {"dw5_stride2_same", {1, 8, 13, 13}, {8, 1, 5, 5}, {2, 2}, {}, {}, 8, false, {}, false, "SAME_UPPER"},
    {"dw7", {1, 3, 13, 13}, {3, 1, 7, 7}, {1, 1}, {3, 3, 3, 3}, {}, 3},
    {"dw3_dilated", {1, 8, 13, 13}, {8, 1, 3, 3}, {1, 1}, {3, 2, 3, 2}, {3, 2}, 8},
    {"dw3x1_stride", {1, 5, 13, 7}, {5, 1, 3, 1}, {2, 1}, {0, 0, 1, 0}, {}, 5},
    {"dw_one_column", {1, 130, 5, 1}, {130, 1, 3, 3}, {1, 1}, {1, 1, 1, 1}, {}, 130},
    {"dw_many", {1, 1100, 3, 5}, {1100, 1, 3, 3}, {1, 1}, {1, 1, 1, 1}, {}, 1100},
    // rows of several tiles and subgroups
    {"dw3_wide", {2, 5, 9, 61}, {5, 1, 3, 3}, {1, 1}, {1, 1, 1, 1}, {}, 5},
    {"dw3_tall", {1, 4, 70, 6}, {4, 1, 3, 3}, {1, 1}, {1, 1, 1, 1}, {}, 4},
    {"dw3_valid", {1, 5, 12, 43}, {5, 1, 3, 3}, {1, 1}, {}, {}, 5},
    {"dw3_wide_pad", {1, 5, 12, 43}, {5, 1, 3, 3}, {1, 1}, {2, 3, 2, 3}, {}, 5},
    {"dw3_stride2_wide", {1, 9, 20, 83}, {9, 1, 3, 3}, {2, 2}, {1, 1, 1, 1}, {}, 9},
    {"dw3_stride2_behind", {1, 8, 30, 64}, {8, 1, 3, 3}, {2, 2}, {0, 0, 1, 1}, {}, 8},
    {"dw5_wide", {2, 5, 33, 40}, {5, 1, 5, 5}, {1, 1}, {2, 2, 2, 2}, {}, 5},
    {"dw5_stride2_wide", {1, 5, 33, 90}, {5, 1, 5, 5}, {2, 2}, {2, 2, 2, 2}, {}, 5},
    {"dw7_wide", {1, 5, 20, 45}, {5, 1, 7, 7}, {1, 1}, {3, 3, 3, 3}, {}, 5},
    {"dw1x7", {1, 5, 9, 30}, {5, 1, 1, 7}, {1, 1}, {0, 3, 0, 3}, {}, 5},
    {"dw7x1", {1, 5, 9, 30}, {5, 1, 7, 1}, {1, 1}, {3, 0, 3, 0}, {}, 5},
    // the generic kernel
    {"dw_multiplier", {1, 5, 7, 5}, {15, 1, 3, 3}, {1, 1}, {1, 1, 1, 1}, {}, 5},
    {"grouped", {2, 12, 5, 7}, {18, 4, 3, 3}, {2, 1}, {1, 1, 1, 1}, {}, 3},
    {"dw_huge_dilation", {1, 5, 60, 60}, {5, 1, 3, 3}, {1, 1}, {30, 30, 30, 30}, {30, 30}, 5},
    {"one_dimensional", {2, 5, 17}, {8, 5, 3}, {2}, {1, 1}, {2}},
    {"dynamic_weights", {1, 5, 7, 7}, {8, 5, 3, 3}, {1, 1}, {1, 1, 1, 1}, {}, 1, false, {}, true},
    // transposed
    {"up2", {1, 17, 5, 7}, {17, 13, 2, 2}, {2, 2}, {}, {}, 1, true},
    {"up2_batch_wide", {2, 130, 5, 5}, {130, 33, 2, 2}, {2, 2}, {}, {}, 1, true},
    {"up3x2", {1, 8, 5, 5}, {8, 5, 3, 2}, {3, 2}, {}, {}, 1, true},
    {"up_k4_s2_p1", {1, 5, 5, 7}, {5, 8, 4, 4}, {2, 2}, {1, 1, 1, 1}, {}, 1, true},
    {"up_k3_outpad",
     {2, 5, 5, 7},
     {5, 3, 3, 3},
     {2, 2},
     {1, 1, 1, 1},
     {},
     1,
     true,
     {},
     false,
     "NOTSET",
     {1, 1}},
    // each group a dispatch of its own
    {"grouped_slices", {2, 64, 24, 24}, {48, 16, 3, 3}, {}, {1, 1, 1, 1}, {}, 4},
    {"up2_grouped_slices", {2, 64, 40, 40}, {64, 8, 2, 2}, {2, 2}, {}, {}, 4, true},
    {"up_grouped_dilated", {1, 6, 5, 7}, {6, 2, 3, 3}, {2, 1}, {0, 1, 1, 0}, {1, 2}, 3, true},
    {"up_1d", {1, 5, 7}, {5, 3, 4}, {2}, {1, 1}, {}, 1, true},
    {"up_same", {1, 5, 7, 5}, {5, 8, 3, 3}, {2, 2}, {}, {}, 1, true, {}, false, "SAME_UPPER"},
    // post-ops, in every shader
    {"pw_relu", {1, 8, 5, 7}, {13, 8, 1, 1}, {}, {}, {}, 1, false, {Kind::kRelu}},
    {"pw_clip_add", {1, 8, 5, 7}, {13, 8, 1, 1}, {}, {}, {}, 1, false, {Kind::kClip, Kind::kAdd}},
    {"pw_add_relu", {2, 8, 5, 7}, {13, 8, 1, 1}, {}, {}, {}, 1, false, {Kind::kAdd, Kind::kRelu}},
    {"pw_silu_add", {1, 8, 5, 7}, {13, 8, 1, 1}, {}, {}, {}, 1, false, {Kind::kSilu, Kind::kAdd}},
    {"pw_sigmoid", {1, 8, 5, 7}, {13, 8, 1, 1}, {}, {}, {}, 1, false, {Kind::kSigmoid}},
    {"pw_mul_plane",
     {2, 8, 5, 7},
     {13, 8, 1, 1},
     {},
     {},
     {},
     1,
     false,
     {Kind::kMul},
     false,
     "NOTSET",
     {},
     true},
    {"k3_prelu", {1, 8, 5, 7}, {17, 8, 3, 3}, {1, 1}, {1, 1, 1, 1}, {}, 1, false, {Kind::kPRelu}},
    {"k3_add_prelu",
     {1, 8, 5, 7},
     {17, 8, 3, 3},
     {1, 1},
     {1, 1, 1, 1},
     {},
     1,
     false,
     {Kind::kAdd, Kind::kPRelu}},
    {"k3_gelu", {1, 8, 5, 7}, {5, 8, 3, 3}, {1, 1}, {1, 1, 1, 1}, {}, 1, false, {Kind::kGelu}},
    {"k3_leaky_scale", {1, 8, 5, 7}, {5, 8, 3, 3}, {}, {}, {}, 1, false, {Kind::kLeakyRelu, Kind::kScale}},
    {"vector_hardsigmoid", {2, 17, 1, 1}, {13, 17, 1, 1}, {}, {}, {}, 1, false, {Kind::kHardSigmoid}},
    {"vector_add", {2, 17, 1, 1}, {13, 17, 1, 1}, {}, {}, {}, 1, false, {Kind::kAdd, Kind::kTanh}},
    {"dw_hardswish", {1, 13, 7, 7}, {13, 1, 3, 3}, {1, 1}, {1, 1, 1, 1}, {}, 13, false, {Kind::kHardSwish}},
    {"dw_prelu_add",
     {2, 13, 7, 7},
     {13, 1, 3, 3},
     {1, 1},
     {1, 1, 1, 1},
     {},
     13,
     false,
     {Kind::kPRelu, Kind::kAdd}},
    {"dw_scale", {1, 13, 7, 7}, {13, 1, 3, 3}, {1, 1}, {1, 1, 1, 1}, {}, 13, false, {Kind::kScale}},
    {"up2_prelu", {2, 17, 5, 7}, {17, 13, 2, 2}, {2, 2}, {}, {}, 1, true, {Kind::kPRelu}},
    {"up2_add", {2, 17, 5, 7}, {17, 13, 2, 2}, {2, 2}, {}, {}, 1, true, {Kind::kAdd, Kind::kSigmoid}},
    {"grouped_mul", {1, 12, 5, 7}, {18, 4, 3, 3}, {}, {}, {}, 3, false, {Kind::kMul, Kind::kSigmoid}},
    {"grouped_slices_prelu_add",
     {2, 64, 24, 24},
     {48, 16, 3, 3},
     {},
     {1, 1, 1, 1},
     {},
     4,
     false,
     {Kind::kPRelu, Kind::kAdd}},
    {.name = "grouped_slices_affine_mul",
     .input = {2, 64, 24, 24},
     .weights = {48, 16, 3, 3},
     .pads = {1, 1, 1, 1},
     .group = 4,
     .post = {Kind::kAffine, Kind::kMul},
     .per_plane = true},
    {"one_dimensional_tanh", {1, 5, 17}, {8, 5, 3}, {}, {}, {}, 1, false, {Kind::kTanh}},
};

/// So that no row silently takes the slow way.
std::string expected_shader(const ConvCase& c, bool software) {
  const std::string_view name = c.name;
  const bool scatter = c.transposed && !c.strides.empty() && c.input.size() == 4 && c.pads.empty() &&
                       Shape(c.weights.begin() + 2, c.weights.end()) == c.strides;
  const bool huge = !c.dilations.empty() && c.dilations[0] >= 30;
  const char* kind = "generic";
  if (c.group == 1 && !c.transposed && c.input.size() == 4 && !c.dynamic_weights) kind = "dense";
  if (scatter) kind = "dense";
  if (c.group > 1 && c.group < c.weights[0] && !c.transposed && c.input.size() == 4) kind = "dense";
  if (c.group > 1 && c.group == c.weights[0] && !c.transposed && !huge) {
    kind = software && c.dilations.empty() ? "depthwise_shuffle" : "depthwise";
  }
  if (name.starts_with("vector")) kind = "vector";
  return fmt::format("kernels/conv_{}.comp", kind);
}

/// kFp16AsGpu takes the ways that the kernels keep for devices that are no software.
enum class Mode { kFp32, kFp16, kFp16AsGpu };

class ConvCases : public ConvTest, public ::testing::WithParamInterface<std::tuple<size_t, Mode>> {};

TEST_P(ConvCases, MatchesTheReference) {
  const auto [index, mode] = GetParam();
  const ConvCase& c = kCases[index];
  const bool half = mode != Mode::kFp32;
  Prepared p;
  ASSERT_OK(prepare(c, half, mode == Mode::kFp16AsGpu, true, p));
  for (const auto& dispatch : p.dispatches)
    EXPECT_EQ(dispatch.pipeline.shader, expected_shader(c, mode != Mode::kFp16AsGpu));
  ASSERT_OK(run(p));
  compare(c, p, half);
  // Every other way to run it: those offered on this device, and those that only tests ask for here.
  const auto features = ConvTest::features(mode == Mode::kFp16AsGpu);
  const auto& node = p.graph.nodes[0];
  const auto offered = Registry::instance().find(node.op)->variants(p.graph, node, features);
  for (const std::string& variant : conv_variant_names(p.graph, node, features)) {
    if (!offered.empty() && variant == offered.front()) continue;
    SCOPED_TRACE(variant);
    Prepared other;
    ASSERT_OK(prepare(c, half, mode == Mode::kFp16AsGpu, false, other, variant));
    other.expected = p.expected;
    ASSERT_OK(run(other));
    compare(c, other, half, variant == "winograd4" ? 3.0F : 1.0F);
  }
}

std::string case_name(const ::testing::TestParamInfo<std::tuple<size_t, Mode>>& test) {
  constexpr std::array kSuffix{"fp32", "fp16", "fp16_as_gpu"};
  return fmt::format("{}_{}", kCases[std::get<0>(test.param)].name, kSuffix[size_t(std::get<1>(test.param))]);
}
INSTANTIATE_TEST_SUITE_P(All, ConvCases,
                         ::testing::Combine(::testing::Range(size_t{0}, kCases.size()),
                                            ::testing::Values(Mode::kFp32, Mode::kFp16, Mode::kFp16AsGpu)),
                         case_name);

/// By hand: a 2x2 kernel of ones counts the pixels that it covers.
TEST(ConvReference, CountsCoveredPixels) {
  graph::Graph graph;
  const auto x = graph.add_value("x", {DType::kF32, {1, 1, 2, 2}});
  const auto w = graph.add_constant("w", Tensor::f32({1, 1, 2, 2}, std::vector<float>{1, 2, 3, 4}));
  const auto y = graph.add_value("y");
  const Tensor input = Tensor::f32({1, 1, 2, 2}, std::vector<float>{1, 10, 100, 1000});
  graph.add_node({"c", "Conv", {x, w}, {y}, {{"pads", std::vector<int64_t>{1, 0, 0, 1}}}, {}});
  const Kernel* conv = Registry::instance().find("Conv");
  auto result = conv->reference(graph.nodes[0], {&input, graph.constant(w)});
  ASSERT_OK(result);
  EXPECT_EQ((*result)[0].to_floats(),
            (std::vector<float>{3 * 1 + 4 * 10, 3 * 10, 1 + 20 + 300 + 4000, 10 + 3000}));
  graph.nodes[0] = {"t", "ConvTranspose", {x, w}, {y}, {{"strides", std::vector<int64_t>{2, 1}}}, {}};
  result = Registry::instance().find("ConvTranspose")->reference(graph.nodes[0], {&input, graph.constant(w)});
  ASSERT_OK(result);
  EXPECT_EQ((*result)[0].shape(), (Shape{1, 1, 4, 3}));
  EXPECT_EQ((*result)[0].to_floats(),
            (std::vector<float>{1, 12, 20, 3, 34, 40, 100, 1200, 2000, 300, 3400, 4000}));
}

TEST(ConvCheck, SaysWhatDoesNotFit) {
  const auto refusal = [](const Shape& input, const Shape& weights, std::vector<int64_t> pads,
                          int64_t group) {
    graph::Graph graph;
    const auto x = graph.add_value("x", {DType::kF32, input});
    const auto w = graph.add_value("w", {DType::kF32, weights});
    const auto y = graph.add_value("y");
    graph::Node node{"c", "Conv", {x, w}, {y}, {}, {}};
    node.attributes["group"] = group;
    if (!pads.empty()) node.attributes["pads"] = std::move(pads);
    graph.add_node(node);
    const Status status = Registry::instance().find("Conv")->check(graph, graph.nodes[0]);
    return status.ok() ? std::string("accepted") : status.error().message;
  };
  EXPECT_EQ(refusal({1, 4, 8, 8}, {4, 4, 3, 3}, {}, 1), "accepted");
  EXPECT_NE(refusal({1, 4, 8, 8}, {4, 3, 3, 3}, {}, 1).find("do not fit"), std::string::npos);
  EXPECT_NE(refusal({1, 4, 8, 8}, {4, 4, 9, 9}, {}, 1).find("reaches over 9"), std::string::npos);
  EXPECT_NE(refusal({1, 4, 8, 8}, {4, 4, 3, 3}, {1, 1}, 1).find("'pads' has 2 values"), std::string::npos);
  EXPECT_NE(refusal({1, 4, 8, 8}, {4, 1, 3, 3}, {}, 3).find("3 groups"), std::string::npos);
  EXPECT_NE(refusal({1, 4, 8, 8, 8}, {4, 4, 3, 3, 3}, {}, 1).find("rank-5"), std::string::npos);
}

/// The layer shapes that the demo's networks are made of.
const std::vector<ConvCase> kLayers = {
    {"1x1 256x256 16->64", {1, 16, 256, 256}, {64, 16, 1, 1}, {}, {}, {}, 1, false, {Kind::kClip}},
    {"1x1 128x128 24->72", {1, 24, 128, 128}, {72, 24, 1, 1}, {}, {}, {}, 1, false, {Kind::kClip}},
    {"1x1 128x128 128->80", {1, 128, 128, 128}, {80, 128, 1, 1}, {}, {}, {}, 1, false, {Kind::kClip}},
    {"1x1 64x64 192->64", {1, 192, 64, 64}, {64, 192, 1, 1}, {}, {}, {}, 1, false, {Kind::kClip}},
    {"1x1 32x32 528->88", {1, 528, 32, 32}, {88, 528, 1, 1}, {}, {}, {}, 1, false, {Kind::kClip}},
    {"1x1 32x32 88->528", {1, 88, 32, 32}, {528, 88, 1, 1}, {}, {}, {}, 1, false, {Kind::kClip}},
    {"1x1 16x16 720->120", {1, 720, 16, 16}, {120, 720, 1, 1}, {}, {}, {}, 1, false, {Kind::kClip}},
    {"1x1 13x13 256->256", {1, 256, 13, 13}, {256, 256, 1, 1}, {}, {}, {}, 1, false, {Kind::kSilu}},
    {"3x3 128x128 64->64",
     {1, 64, 128, 128},
     {64, 64, 3, 3},
     {1, 1},
     {1, 1, 1, 1},
     {},
     1,
     false,
     {Kind::kRelu}},
    {"3x3 s2 512 3->16", {1, 3, 512, 512}, {16, 3, 3, 3}, {2, 2}, {1, 1, 1, 1}, {}, 1, false, {Kind::kRelu}},
    {"3x3 26x26 256->64",
     {1, 256, 26, 26},
     {64, 256, 3, 3},
     {1, 1},
     {1, 1, 1, 1},
     {},
     1,
     false,
     {Kind::kRelu}},
    {"dw3 128x128x128",
     {1, 128, 128, 128},
     {128, 1, 3, 3},
     {1, 1},
     {1, 1, 1, 1},
     {},
     128,
     false,
     {Kind::kClip}},
    {"dw5 64x64x192", {1, 192, 64, 64}, {192, 1, 5, 5}, {1, 1}, {2, 2, 2, 2}, {}, 192, false, {Kind::kClip}},
    {"dw3 s2 128x128x72",
     {1, 72, 128, 128},
     {72, 1, 3, 3},
     {2, 2},
     {1, 1, 1, 1},
     {},
     72,
     false,
     {Kind::kClip}},
    {"dw5 s2 32x32x528",
     {1, 528, 32, 32},
     {528, 1, 5, 5},
     {2, 2},
     {2, 2, 2, 2},
     {},
     528,
     false,
     {Kind::kClip}},
    {"dw5 13x13x256", {1, 256, 13, 13}, {256, 1, 5, 5}, {1, 1}, {2, 2, 2, 2}, {}, 256, false, {Kind::kSilu}},
    {"up2 64x64 64->32", {1, 64, 64, 64}, {64, 32, 2, 2}, {2, 2}, {}, {}, 1, true, {Kind::kRelu}},
    {"vector 528->132", {1, 528, 1, 1}, {132, 528, 1, 1}, {}, {}, {}, 1, false, {Kind::kRelu}},
};

class ConvSpeed : public ConvTest, public ::testing::WithParamInterface<std::tuple<size_t, bool>> {
 protected:
  static void measure(const ConvCase& c, bool half, const std::string& variant);
};

TEST_P(ConvSpeed, Layer) {
  const auto [index, half] = GetParam();
  const ConvCase& c = kLayers[index];
  Prepared best_guess;
  ASSERT_OK(prepare(c, half, false, false, best_guess));
  const auto& node = best_guess.graph.nodes[0];
  for (const std::string& variant :
       Registry::instance().find(node.op)->variants(best_guess.graph, node, device().features())) {
    measure(c, half, variant);
  }
}

void ConvSpeed::measure(const ConvCase& c, bool half, const std::string& variant) {
  Prepared p;
  ASSERT_OK(prepare(c, half, false, false, p, variant));
  ASSERT_OK(run(p));
  const double gflop = 2e-9 * double(p.products) *
                       double(graph::element_count(p.graph.shape(p.graph.nodes[0].outputs[0]))) /
                       (c.transposed ? double(c.strides[0] * c.strides[1]) : 1.0);
  double best = 1e9, best_cpu = 1e9;
  for (int round = 0; round < 9; ++round) {
    constexpr int kRepeats = 4;
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t cpu = std::clock();
    Status status;
    ASSERT_OK(device().run_once([&](gpu::CommandList& commands) {
      for (int i = 0; i < kRepeats && status.ok(); ++i) {
        status = record(p, commands);
        commands.barrier();
      }
    }));
    ASSERT_OK(status);
    using Ms = std::chrono::duration<double, std::milli>;
    best = std::min(best, Ms(std::chrono::steady_clock::now() - start).count() / kRepeats);
    best_cpu = std::min(best_cpu, 1e3 * double(std::clock() - cpu) / CLOCKS_PER_SEC / kRepeats);
  }
  // CPU time stands still while other programs run: compare by it on a busy machine.
  fmt::print("{:24} {:10} {} {:8.3f} ms {:6.1f} GFLOP/s, {:8.3f} ms CPU, {} dispatches\n", c.name, variant,
             half ? "fp16" : "fp32", best, gflop / best * 1e3, best_cpu, p.dispatches.size());
}

INSTANTIATE_TEST_SUITE_P(DISABLED_All, ConvSpeed,
                         ::testing::Combine(::testing::Range(size_t{0}, kLayers.size()), ::testing::Bool()));

}  // namespace
}  // namespace tarsier::kernels
