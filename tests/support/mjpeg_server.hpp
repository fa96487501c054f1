// A camera on the network: serves pictures as multipart MJPEG on 127.0.0.1, then hangs up, falls silent, or
// refuses from the start.
#pragma once

#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace tarsier::test {

class MjpegServer {
 public:
  enum class Then : uint8_t { kHangUp, kSilence, kNotFound, kNeverAnswer };

  MjpegServer(std::vector<std::string> jpegs, Then then) : jpegs_(std::move(jpegs)), then_(then) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    ::listen(listener_, 8);
    thread_ = std::thread([this] { serve(); });
  }
  ~MjpegServer() {
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  MjpegServer(const MjpegServer&) = delete;
  MjpegServer& operator=(const MjpegServer&) = delete;
  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(port_) + "/camera.mjpg";
  }

 private:
  static bool send_all(int connection, const std::string& bytes) {
    for (size_t done = 0; done < bytes.size();) {
      const ssize_t n = ::send(connection, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
      if (n <= 0) return false;
      done += size_t(n);
    }
    return true;
  }

  void serve() {
    while (!stopping_) {
      const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) return;
      answer(connection);
      ::close(connection);
    }
  }

  void answer(int connection) {
    char request[2048];
    if (::recv(connection, request, sizeof request, 0) <= 0) return;
    if (then_ == Then::kNeverAnswer) return wait_for_stop();
    if (then_ == Then::kNotFound) {
      send_all(connection, "HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    send_all(connection,
             "HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=picture\r\n\r\n");
    for (const auto& jpeg : jpegs_) {
      if (stopping_) return;
      if (!send_all(connection, "--picture\r\nContent-Type: image/jpeg\r\nContent-Length: " +
                                    std::to_string(jpeg.size()) + "\r\n\r\n" + jpeg + "\r\n")) {
        return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    if (then_ == Then::kSilence) wait_for_stop();
  }

  void wait_for_stop() const {
    while (!stopping_) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }

  std::vector<std::string> jpegs_;
  Then then_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace tarsier::test
