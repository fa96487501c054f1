#include "app/agreement.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <numeric>

namespace tarsier::app {
namespace {

std::string name_of(std::span<const std::string> names, int32_t id) {
  return size_t(id) < names.size() ? names[size_t(id)] : fmt::format("class {}", id);
}

nlohmann::json json_of(const BoxCounts& counts) {
  return {{"both", counts.both}, {"only_a", counts.only_first}, {"only_b", counts.only_second}};
}

}  // namespace

double BoxCounts::agreement() const {
  const uint64_t boxes = 2 * both + only_first + only_second;
  return boxes == 0 ? 1 : 2 * double(both) / double(boxes);
}

std::vector<int32_t> Agreement::common_classes(std::span<const std::string> first,
                                               std::span<const std::string> second) {
  constexpr size_t kUnnamed = 128;  // most classes of a head
  std::vector<int32_t> common(second.empty() ? kUnnamed : second.size());
  if (first.empty() && second.empty()) {
    std::iota(common.begin(), common.end(), 0);
    return common;
  }
  for (size_t i = 0; i < common.size(); ++i) {
    const auto same = std::ranges::find(first, name_of(second, int32_t(i)));
    common[i] = same == first.end() ? -1 : int32_t(same - first.begin());
  }
  return common;
}

void Agreement::add(const Frame& frame, bool counted) {
  const auto pairs = vision::match_boxes(frame.first, frame.second, frame.common);
  std::vector<bool> first(frame.first.size()), second(frame.second.size());
  for (const auto& pair : pairs) first[pair.first] = second[pair.second] = true;
  latest_ = {pairs.size(), frame.first.size() - pairs.size(), frame.second.size() - pairs.size()};
  disagreements_[frame.position] = 1 - latest_.agreement();
  if (disagreements_.size() > kMostFrames) {
    const auto begin = disagreements_.begin(), last = std::prev(disagreements_.end());
    disagreements_.erase(frame.position - begin->first > last->first - frame.position ? begin : last);
  }
  if (!counted) return;
  ++frames_;
  all_.both += latest_.both;
  all_.only_first += latest_.only_first;
  all_.only_second += latest_.only_second;
  for (const auto& pair : pairs) iou_sum_ += double(pair.iou);
  for (size_t i = 0; i < first.size(); ++i) {
    auto& counts = classes_[name_of(frame.first_names, frame.first[i].class_id)];
    ++(first[i] ? counts.both : counts.only_first);
  }
  for (size_t i = 0; i < second.size(); ++i) {
    if (!second[i]) ++classes_[name_of(frame.second_names, frame.second[i].class_id)].only_second;
  }
}

void Agreement::add_times(double first_ms, double second_ms) {
  ++timed_;
  first_ms_ += first_ms;
  second_ms_ += second_ms;
}

double Agreement::mean_iou() const {
  return all_.both > 0 ? iou_sum_ / double(all_.both) : 0;
}

std::string Agreement::text() const {
  std::string out =
      fmt::format("agreement   {:.3f} (F1 over {} frames; {} boxes of both, {} only A's, {} only B's)\n",
                  all_.agreement(), frames_, all_.both, all_.only_first, all_.only_second);
  if (all_.both > 0) out += fmt::format("overlap     {:.3f} (mean IoU of the boxes of both)\n", mean_iou());
  // The classes that differ most first.
  std::vector<std::pair<uint64_t, std::string>> differ;
  for (const auto& [name, counts] : classes_) {
    if (counts.only_first + counts.only_second > 0)
      differ.emplace_back(counts.only_first + counts.only_second, name);
  }
  std::ranges::stable_sort(differ, std::ranges::greater(), &std::pair<uint64_t, std::string>::first);
  if (!differ.empty()) out += "differ in   ";
  for (const auto& [count, name] : differ) {
    const auto& counts = classes_.at(name);
    out += fmt::format("{} (A {}, B {}){}", name, counts.only_first, counts.only_second,
                       name == differ.back().second ? "\n" : ", ");
  }
  out += fmt::format("their time  A {:.1f}, B {:.1f} (ms a frame on the device)\n", first_ms(), second_ms());
  return out;
}

nlohmann::json Agreement::json() const {
  nlohmann::json classes = nlohmann::json::array();
  for (const auto& [name, counts] : classes_) {
    auto one = json_of(counts);
    one["class"] = name;
    classes.push_back(std::move(one));
  }
  nlohmann::json frames = nlohmann::json::array();
  for (const auto& [position, value] : disagreements_) frames.push_back({position, value});
  return {{"version", 1},
          {"frames", frames_},
          {"agreement", all_.agreement()},
          {"mean_iou", all_.both > 0 ? nlohmann::json(mean_iou()) : nlohmann::json()},
          {"boxes", json_of(all_)},
          {"classes", std::move(classes)},
          {"device_ms", {{"a", first_ms()}, {"b", second_ms()}}},
          {"disagreements", std::move(frames)}};
}

}  // namespace tarsier::app
