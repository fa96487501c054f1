// TfIdfVectorizer on integers: how often each n-gram of a pool occurs in a row, with gaps of up to
// max_skip_count, weighted. Shader tf_idf.comp: one lane an entry of the result.
#include <algorithm>

#include "kernels/nd_index.hpp"
#include "kernels/register.hpp"

namespace tarsier::kernels {
namespace {

enum class Mode : uint32_t { kTf = 0, kIdf = 1, kTfIdf = 2 };

/// What an entry of the result counts; no items where it counts nothing. Laid out as in tf_idf.comp.
struct Gram {
  int32_t first = 0, items = 0;  // in the pool
  float weight = 1;
};
static_assert(sizeof(Gram) == 12);

struct Vectorizer {
  int64_t rows = 1, length = 0;
  Mode mode = Mode::kTf;
  int64_t skips = 0;
  std::vector<int32_t> pool;
  std::vector<Gram> grams;  // one an entry
  Shape out;
};

Result<Vectorizer> describe(const OpView& view) {
  const graph::Node& node = view.node();
  Vectorizer v;
  const Shape& x = view.shape(0);
  if (is_float(view.dtype(0))) return input_error("element type {}", graph::name_of(view.dtype(0)));
  if (x.empty() || x.size() > 2) return input_error("an input of shape {}", graph::to_string(x));
  v.length = x.back();
  v.rows = x.size() == 2 ? x[0] : 1;
  const std::string mode = node.text("mode", "");
  if (mode != "TF" && mode != "IDF" && mode != "TFIDF") return input_error("mode={}", mode);
  v.mode = mode == "TF" ? Mode::kTf : mode == "IDF" ? Mode::kIdf : Mode::kTfIdf;
  v.skips = std::clamp<int64_t>(node.integer("max_skip_count", 0), 0, v.length);  // more reach beyond the row
  const int64_t shortest = node.integer("min_gram_length", 1), longest = node.integer("max_gram_length", 1);
  const auto pool = node.integers("pool_int64s"), starts = node.integers("ngram_counts"),
             entries = node.integers("ngram_indexes");
  if (pool.empty()) return input_error("a pool without integers");
  const auto weights = node.reals("weights");
  if (!weights.empty() && weights.size() != entries.size())
    return input_error("{} weights for {} n-grams", weights.size(), entries.size());
  for (const int64_t item : pool) v.pool.push_back(int32_t(std::clamp<int64_t>(item, INT32_MIN, INT32_MAX)));
  int64_t last = -1;
  for (const int64_t entry : entries) {
    if (entry < 0 || entry > (int64_t{1} << 24)) return input_error("n-gram index {}", entry);
    last = std::max(last, entry);
  }
  v.grams.resize(size_t(last + 1));
  size_t gram = 0;
  for (size_t n = 0; n < starts.size(); ++n) {
    const int64_t end = n + 1 < starts.size() ? starts[n + 1] : int64_t(pool.size());
    const auto items = int64_t(n) + 1;
    if (starts[n] < 0 || end < starts[n] || end > int64_t(pool.size()) || (end - starts[n]) % items != 0)
      return input_error("ngram_counts don't fit a pool of {}", pool.size());
    for (int64_t first = starts[n]; first < end; first += items, ++gram) {
      if (gram >= entries.size()) return input_error("{} ngram_indexes", entries.size());
      const float weight = weights.empty() ? 1.0F : weights[gram];
      const bool counts = items >= shortest && items <= longest;
      v.grams[size_t(entries[gram])] = {int32_t(first), counts ? int32_t(items) : 0, weight};
    }
  }
  v.out = x.size() == 2 ? Shape{x[0], last + 1} : Shape{last + 1};
  return v;
}

class TfIdfVectorizer : public Operator {
 public:
  TfIdfVectorizer() : Operator("TfIdfVectorizer", 1, 1) {}

  Status emit(Emitter& emitter) const override {
    TARSIER_TRY(const Vectorizer v, describe(OpView(emitter.graph(), emitter.node())));
    struct Push {
      uint64_t source, target, pool, grams;
      uint32_t count, entries, length, skips, mode;
    } push{};
    push.count = uint32_t(graph::element_count(v.out));
    if (push.count == 0) return {};
    TARSIER_TRY(push.source, input_address(emitter, 0, Layout::kLinear, false));
    TARSIER_TRY(const Weights pool, emitter.upload(std::as_bytes(std::span(v.pool))));
    TARSIER_TRY(const Weights grams, emitter.upload(std::as_bytes(std::span(v.grams))));
    push.target = emitter.output(0).address;
    push.pool = pool.address;
    push.grams = grams.address;
    push.entries = uint32_t(v.grams.size());
    push.length = uint32_t(v.length);
    push.skips = uint32_t(v.skips);
    push.mode = uint32_t(v.mode);
    emitter.dispatch("kernels/tf_idf.comp", {}, push, flat_grid(push.count, kLocalSize));
    return {};
  }

 protected:
  [[nodiscard]] Result<std::vector<TensorDesc>> shapes(const OpView& view) const override {
    TARSIER_TRY(const Vectorizer v, describe(view));
    return std::vector{TensorDesc{DType::kF32, v.out}};
  }
  Status compute(const OpView& view, std::vector<Tensor>& outputs) const override {
    TARSIER_TRY(const Vectorizer v, describe(view));
    const auto x = view.ints(0);
    std::vector<float> result;
    for (int64_t row = 0; row < v.rows; ++row) {
      for (const Gram& gram : v.grams) {
        int64_t found = 0;
        for (int64_t skip = 0; skip <= (gram.items > 1 ? v.skips : 0) && gram.items > 0; ++skip) {
          for (int64_t at = 0; at + (gram.items - 1) * (skip + 1) < v.length; ++at) {
            bool same = true;
            for (int64_t i = 0; i < gram.items; ++i)
              same =
                  same && x[size_t(row * v.length + at + i * (skip + 1))] == v.pool[size_t(gram.first + i)];
            found += same ? 1 : 0;
          }
        }
        result.push_back(v.mode == Mode::kTf    ? float(found)
                         : v.mode == Mode::kIdf ? (found > 0 ? gram.weight : 0.0F)
                                                : float(found) * gram.weight);
      }
    }
    store(outputs[0], result);
    return {};
  }
};

}  // namespace

void register_tf_idf(Registry& registry) {
  registry.add(std::make_unique<TfIdfVectorizer>());
}

}  // namespace tarsier::kernels
