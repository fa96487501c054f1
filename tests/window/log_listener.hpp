// What is logged while a listener lives, for who looks for a line of it.
#pragma once

#include <algorithm>
#include <memory>
#include <mutex>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <string>
#include <vector>

namespace tarsier::test {

/// Hears all levels; what else is told of them stays as it is. While it comes and goes nobody may log.
class LogListener {
 public:
  LogListener() : level_(spdlog::get_level()) {
    auto& sinks = spdlog::default_logger()->sinks();
    for (const auto& sink : sinks) sink->set_level(level_);
    sinks.push_back(lines_);
    spdlog::set_level(spdlog::level::trace);
  }
  ~LogListener() {
    spdlog::set_level(level_);
    auto& sinks = spdlog::default_logger()->sinks();
    sinks.pop_back();
    for (const auto& sink : sinks) sink->set_level(spdlog::level::trace);
  }
  LogListener(const LogListener&) = delete;
  LogListener& operator=(const LogListener&) = delete;
  /// Lines so far that begin so.
  [[nodiscard]] size_t count(const std::string& start) const { return lines_->count(start); }

 private:
  class Lines : public spdlog::sinks::base_sink<std::mutex> {
   public:
    size_t count(const std::string& start) {
      const std::scoped_lock lock(mutex_);
      return size_t(std::ranges::count_if(lines_, [&](const auto& line) { return line.starts_with(start); }));
    }

   private:
    void sink_it_(const spdlog::details::log_msg& message) override {
      lines_.emplace_back(message.payload.begin(), message.payload.end());
    }
    void flush_() override {}
    std::vector<std::string> lines_;
  };
  spdlog::level::level_enum level_;
  std::shared_ptr<Lines> lines_ = std::make_shared<Lines>();
};

}  // namespace tarsier::test
