// Recycles the pixel buffers of frames: in steady state a source allocates no pixels.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace tarsier::capture {

/// Thread safe. Buffers may outlive the pool.
class FramePool {
 public:
  using Pixels = std::vector<uint8_t>;

  /// A buffer of `bytes` with arbitrary contents.
  std::shared_ptr<Pixels> take(size_t bytes) {
    std::unique_ptr<Pixels> pixels;
    {
      const std::scoped_lock lock(store_->mutex);
      if (!store_->free.empty()) {
        pixels = std::move(store_->free.back());
        store_->free.pop_back();
      }
    }
    if (!pixels) pixels = std::make_unique<Pixels>();
    pixels->resize(bytes);
    return {pixels.release(), [home = std::weak_ptr<Store>(store_)](Pixels* raw) {
              std::unique_ptr<Pixels> back(raw);
              if (const auto store = home.lock()) {
                const std::scoped_lock lock(store->mutex);
                // More than a few frames in flight means that a reader kept them; do not hoard.
                if (store->free.size() < kKept) store->free.push_back(std::move(back));
              }
            }};
  }

 private:
  static constexpr size_t kKept = 8;
  struct Store {
    std::mutex mutex;
    std::vector<std::unique_ptr<Pixels>> free;
  };
  std::shared_ptr<Store> store_ = std::make_shared<Store>();
};

}  // namespace tarsier::capture
