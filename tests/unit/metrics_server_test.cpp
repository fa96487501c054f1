#include "app/metrics_server.hpp"

#include <chrono>
#include <curl/curl.h>
#include <gtest/gtest.h>
#include <string>

namespace tarsier::app {
namespace {

using namespace std::chrono_literals;
using Track = ProfileSpan::Track;

/// Body of what an HTTP server answers; empty where there is none.
std::string get(const std::string& url) {
  std::string body;
  CURL* curl = curl_easy_init();
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, 10L);
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
  curl_easy_setopt(
      curl, CURLOPT_WRITEFUNCTION, +[](char* data, size_t, size_t count, void* to) {
        static_cast<std::string*>(to)->append(data, count);
        return count;
      });
  EXPECT_EQ(curl_easy_perform(curl), CURLE_OK) << url;
  curl_easy_cleanup(curl);
  return body;
}

bool has_line(const std::string& body, const std::string& line) {
  return ("\n" + body).find("\n" + line + "\n") != std::string::npos;
}

TEST(Metrics, ArePrometheusText) {
  auto server = MetricsServer::open("0");
  ASSERT_TRUE(server.ok()) << server.error().message;
  EXPECT_TRUE((*server)->url().starts_with("http://127.0.0.1:")) << "others than this machine may ask";
  (*server)->describe("a \"GPU\"", "driver 5", "street");
  Profiler profiler;
  const FrameProfile::Clock::time_point start;
  for (uint64_t id = 0; id < 4; ++id) {
    FrameProfile& frame = profiler.begin(id);
    frame.captured = start;
    frame.completed = start + (id == 3 ? 250ms : 40ms);
    profiler.add(frame, Track::kDevice, "detect", start, start + 500ms);
    profiler.add(frame, Track::kHost, "draw", start, start + 250ms);
    profiler.add(frame, Track::kCapture, "capture", start, start + 1s);
    profiler.count_drops(frame, "late", 2 * id);
    frame.upload_bytes = 100;
    frame.readback_bytes = 7;
    (*server)->add(profiler.finish(frame));
  }
  const std::string body = get((*server)->url());
  for (const char* line :
       {"# TYPE tarsier_frames_total counter", "tarsier_frames_total 4", "tarsier_upload_bytes_total 400",
        "tarsier_readback_bytes_total 28", "tarsier_drops_total{reason=\"late\"} 6",
        "tarsier_device_seconds_total{pass=\"detect\"} 2", "tarsier_host_seconds_total{stage=\"draw\"} 1",
        "# TYPE tarsier_frame_age_seconds histogram", "tarsier_frame_age_seconds_bucket{le=\"0.05\"} 3",
        "tarsier_frame_age_seconds_bucket{le=\"0.3\"} 4", "tarsier_frame_age_seconds_count 4",
        "# TYPE tarsier_device_memory_bytes gauge"})
    EXPECT_TRUE(has_line(body, line)) << line << "\n" << body;
  for (const char* part : {"tarsier_info{", "device=\"a \\\"GPU\\\"\"", "driver=\"driver 5\"",
                           "pipeline=\"street\"", "tarsier_device_memory_bytes{owner=\"weights\"}"})
    EXPECT_NE(body.find(part), std::string::npos) << part << "\n" << body;
}

TEST(Metrics, APortThatIsTakenIsOneLine) {
  auto first = MetricsServer::open("127.0.0.1:0");
  ASSERT_TRUE(first.ok()) << first.error().message;
  const std::string& url = (*first)->url();
  const std::string port = url.substr(url.rfind(':') + 1, url.rfind('/') - url.rfind(':') - 1);
  const auto second = MetricsServer::open(port);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().exit_code(), 2);
  EXPECT_NE(second.error().message.find(port), std::string::npos) << second.error().message;
  EXPECT_EQ(second.error().message.find('\n'), std::string::npos);
  EXPECT_FALSE(get(url).empty()) << "the first one goes on";
}

TEST(Metrics, WhatIsNoAddressIsToldSo) {
  for (const char* address :
       {"", "port", "70000", "-1", "9090x", ":9090", "127.0.0.1:", "1,2", "127.0.0.1,1:2"}) {
    const auto server = MetricsServer::open(address);
    ASSERT_FALSE(server.ok()) << address;
    EXPECT_EQ(server.error().exit_code(), 2);
    EXPECT_TRUE(server.error().message.starts_with("--metrics")) << server.error().message;
  }
}

}  // namespace
}  // namespace tarsier::app
