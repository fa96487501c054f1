// TopK: the k largest (or smallest) elements along an axis, sorted, ties by the lower index. Shader
// top_k.comp.
//
// An element's rank key orders by value, then by index, so no two are equal and ties cost nothing. A short
// row is ranked directly: each lane counts the keys above its own. A long one is first cut into interleaved
// chunks; the k-th largest chunk maximum is a threshold that at least k elements reach, and only elements of
// the k chunks above it can. Those are collected and ranked directly. No sort, no histogram, no float
// comparison.
#include <algorithm>
#include <numeric>

#include "kernels/nd_index.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

constexpr int64_t kDirectRow = 2048;    // ranked directly up to here
constexpr int64_t kLongestRow = 16384;  // ... or up to here for a k that chunks can't serve
constexpr int64_t kChunks = 512;        // at least; 4 k where that is more
constexpr int64_t kLargestK = 4096;     // of longer rows

/// What one row of TopK needs in scratch memory, in 8-byte words.
struct Scratch {
  int64_t chunks = 0, per_chunk = 0, candidates = 0, run = 1;
  [[nodiscard]] int64_t words() const { return 2 + chunks + candidates; }  // threshold, counter
};

/// Rows of a multiple of four neighbouring elements are read four at a time, and chunks consist of such runs.
int64_t run_of(int64_t n, int64_t inner) {
  return inner == 1 && n % 4 == 0 ? 4 : 1;
}

Scratch scratch_of(int64_t n, int64_t k, int64_t run) {
  if (n <= kDirectRow || k > kLargestK) return {};
  const int64_t chunks = std::min(n / run, std::max(kChunks, 4 * k));
  if (chunks < k) return scratch_of(n, k, 1);
  const int64_t per_chunk = (n / run + chunks - 1) / chunks * run;
  return {chunks, per_chunk, k * per_chunk, run};
}

class TopK : public Operator {
 public:
  TopK() : Operator("TopK", 2, 2) { needs_values({1}); }

  [[nodiscard]] uint64_t scratch_bytes(const graph::Graph& graph, const graph::Node& node) const override {
    const OpView view(graph, node);
    const auto row = rows(view);
    if (!row.ok()) return 0;
    const Scratch scratch = scratch_of(row->extent, row->k, run_of(row->extent, row->inner));
    return scratch.chunks == 0 ? 0 : uint64_t(row->count * scratch.words() * 8);
  }

  Status emit(Emitter& emitter) const override {
    const OpView view(emitter.graph(), emitter.node());
    TARSIER_TRY(const Rows row, rows(view));
    if (row.k == 0 || row.count == 0) return {};
    const Scratch scratch = scratch_of(row.extent, row.k, run_of(row.extent, row.inner));
    const auto& outputs = emitter.node().outputs;
    const Divisor by_inner = divisor_of(uint32_t(row.inner));
    struct Push {
      uint64_t source, values, indices, scratch;
      uint32_t extent, k, inner, magic, shift;
      uint32_t chunks, row_words, flags;  // 1 integers, 2 smallest, 4 values, 8 indices
    } push{};
    TARSIER_TRY(push.source, input_address(emitter, 0, Layout::kLinear, false));
    if (!is_float(view.dtype(0))) push.flags |= 1;
    if (view.node().integer("largest", 1) == 0) push.flags |= 2;
    if (outputs[0] != graph::kNone) {
      push.values = emitter.output(0).address;
      push.flags |= 4;
    }
    if (outputs.size() > 1 && outputs[1] != graph::kNone) {
      push.indices = emitter.output(1).address;
      push.flags |= 8;
    }
    push.scratch = scratch.chunks == 0 ? 0 : emitter.scratch();
    push.extent = uint32_t(row.extent);
    push.k = uint32_t(row.k);
    push.inner = uint32_t(row.inner);
    push.magic = by_inner.magic;
    push.shift = by_inner.shift;
    push.chunks = uint32_t(scratch.chunks);
    push.row_words = uint32_t(scratch.words());
    const uint32_t inner_one = row.inner == 1 ? 1 : 0;
    const auto run = [&](uint32_t stage, int64_t lanes, bool after) {
      emitter.dispatch("kernels/top_k.comp", {stage, inner_one, uint32_t(scratch.run)}, push,
                       {uint32_t((lanes + kLocalSize - 1) / kLocalSize), uint32_t(row.count), 1},
                       Dispatch::kNoWindow, after);
    };
    if (scratch.chunks == 0) {
      run(4, row.extent, false);
      return {};
    }
    run(0, scratch.chunks, false);                              // maximum of each chunk
    run(1, scratch.chunks, true);                               // the k-th largest of them
    run(2, scratch.chunks, true);                               // collect what reaches it
    run(3, std::min<int64_t>(scratch.candidates, 1024), true);  // rank
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(const Rows row, rows(view));
    TensorDesc values = view.desc(0);
    values.shape[size_t(row.axis)] = row.k;
    return std::vector{values, TensorDesc{DType::kI64, values.shape}};
  }
  [[nodiscard]] Status supported(const OpView& view) const override {
    TARSIER_TRY(const Rows row, rows(view));
    if (row.k > kLargestK && row.extent > kLongestRow) {
      return input_error("k={} of {} elements (k up to {} beyond {} elements)", row.k, row.extent, kLargestK,
                         kLongestRow);
    }
    if (row.count > 65535) return input_error("{} rows (65535 at most)", row.count);
    return {};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const Rows row, rows(view));
    if (is_float(view.dtype(0))) {
      select(view, row, view.floats(0), outputs);
    } else {
      select(view, row, view.ints(0), outputs);
    }
    return {};
  }

 private:
  struct Rows {
    int64_t axis = 0, extent = 0, k = 0, inner = 0, count = 0;
  };
  static Result<Rows> rows(const OpView& view) {
    Rows row;
    TARSIER_TRY(row.axis, normalize_axis(view.node().integer("axis", -1), view.rank(0)));
    TARSIER_CHECK(are_single(view, {1}));
    TARSIER_TRY(const auto k, view.constant_ints(1, "K"));
    row.extent = view.shape(0)[size_t(row.axis)];
    row.k = k[0];
    row.inner = strides_of(view.shape(0))[size_t(row.axis)];
    row.count = row.extent == 0 ? 0 : graph::element_count(view.shape(0)) / row.extent;
    if (row.k < 0 || row.k > row.extent) return input_error("k={} of {} elements", row.k, row.extent);
    return row;
  }
  template <class T>
  static void select(const OpView& view, const Rows& row, const std::vector<T>& in,
                     std::vector<Tensor>& outputs) {
    const bool largest = view.node().integer("largest", 1) != 0;
    std::vector<T> values(size_t(row.count * row.k));
    std::vector<int64_t> indices(values.size());
    std::vector<int64_t> order(size_t(row.extent));
    for (int64_t r = 0; r < row.count; ++r) {
      const int64_t outer = r / row.inner, within = r % row.inner;
      const auto at = [&](int64_t i) { return in[size_t((outer * row.extent + i) * row.inner + within)]; };
      std::iota(order.begin(), order.end(), int64_t{0});
      std::partial_sort(order.begin(), order.begin() + row.k, order.end(), [&](int64_t a, int64_t b) {
        if (at(a) != at(b)) return largest ? at(a) > at(b) : at(a) < at(b);
        return a < b;
      });
      for (int64_t i = 0; i < row.k; ++i) {
        const auto to = size_t((outer * row.k + i) * row.inner + within);
        values[to] = at(order[size_t(i)]);
        indices[to] = order[size_t(i)];
      }
    }
    store(outputs[0], values);
    store(outputs[1], indices);
  }
};

}  // namespace

void register_top_k(Registry& registry) {
  registry.add(std::make_unique<TopK>());
}

}  // namespace tarsier::kernels
