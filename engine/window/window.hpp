// The window: the scene fitted into it, Dear ImGui on top, keys, screenshots. All GLFW and all presenting is
// here.
//
//   auto extensions = Window::instance_extensions();              // error: no display -> run headless
//   auto device = Device::create({.instance_extensions = *extensions, .present = true});
//   auto window = Window::open(*device, {});
//   while (!events.quit) {
//     Events events = window->poll();
//     FrameContext* frame = *ring->begin();
//     ... networks ...; scene->draw(*frame, inputs);
//     window->compose(*frame, scene->image(), scene->generation(), [&] { panels.draw(snapshot, params); });
//     window->submit(*ring, *frame);
//   }
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gpu/device.hpp"
#include "gpu/frame_context.hpp"
#include "gpu/image.hpp"
#include "overlay/transport_bar.hpp"
#include "present/frame_grabber.hpp"
#include "window/inset.hpp"

namespace tarsier::window {

struct WindowOptions {
  std::string title = "Tarsier";
  int width = 1280, height = 720;
  bool vsync = false;  // on a software device waiting for a screen only costs time
  bool fullscreen = false;
  uint32_t frames_in_flight = 2;       // FrameRing::size()
  double scale = 0;                    // of text and controls; 0: the screen's
  std::string picture_folder = "out";  // screenshots: tarsier-0001.png and so on, never over an old one
};

/// The mouse, and keys that are for what it draws, in the order in which they came: each press with the place
/// where it was, however long a frame takes.
struct Input {
  enum class What : uint8_t {
    kMove,
    kPress,  // the left button
    kRelease,
    kContext,  // the right one is pressed
    kEnter,
    kEscape,
    kBackspace,
    kDelete,
    kZ,
    kL,
    kP,
    kI,
    kUp,
    kDown,
    kSave,                // Ctrl+S
    kUndo,                // Ctrl+Z
    kRedo,                // Ctrl+Y, Ctrl+Shift+Z
    kNextDifference,      // D
    kPreviousDifference,  // Shift+D
  };
  What what = What::kMove;
  double x = 0, y = 0;  // of the mouse, in Dear ImGui's units
  bool panels = true;   // whether they were shown when it came
};

/// What happened since the last poll. Keys typed into a text field do not count, but for Ctrl+S.
struct Events {
  bool quit = false;     // closed, or Q
  bool help = false;     // F1
  bool any_key = false;  // some key was pressed
  /// By keys: overlay/key_table.hpp.
  overlay::TransportEvents transport;
  bool record = false;  // R: begins a session, or ends it
  bool keep = false;    // K: of the last seconds
  std::vector<Input> input;
};

/// Where the picture lies in the window, in Dear ImGui's units.
struct PictureArea {
  double x = 0, y = 0, width = 1, height = 1;
};

/// Pictures composed by all windows of the process, for who waits until one has taken in what was done to it.
uint64_t total_composed();

class Window {
 public:
  /// What Device::create needs for a window. Errors (kRuntime): no display, no Vulkan for it. The driver
  /// search must have been set up before (gpu/driver_setup.hpp).
  static Result<std::vector<const char*>> instance_extensions();
  /// Errors (kRuntime): the window system refuses, the device can't present.
  static Result<std::unique_ptr<Window>> open(gpu::Device& device, const WindowOptions& options);
  /// The frame ring must have been drained.
  ~Window();
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;

  /// Handles the window's events; waits up to `wait_s` for one (while paused or minimised).
  Events poll(double wait_s = 0);

  /// Records scene and panels into the next picture of the window. `scene` is in ImageUse::kSampled;
  /// `generation` changes with it (SceneRenderer). `panels` draws with ImGui and is not called while the
  /// panels are hidden. False: nothing to show just now (minimised, being resized): the frame is to be
  /// submitted all the same.
  Result<bool> compose(gpu::FrameContext& frame, const gpu::Image& scene, uint64_t generation,
                       const std::function<void()>& panels);
  /// Submits the frame and, where compose() said true, presents it.
  Status submit(gpu::FrameRing& ring, gpu::FrameContext& frame);

  /// Within `panels` of compose(): draws a picture over everything, there in Dear ImGui's units, in this
  /// frame alone.
  void show_picture(const PictureArea& place, InsetPicture picture);

  [[nodiscard]] bool minimised() const;
  /// Of the latest composed picture.
  [[nodiscard]] const PictureArea& picture_area() const;
  [[nodiscard]] bool panels_visible() const;  // Tab
  void show_panels(bool visible);
  void set_title(const std::string& title);
  /// Saves the next composed picture that there is a buffer for, panels included (the S key does the same).
  /// Its bytes count as read back. `done` gets the path, or the error.
  void screenshot(std::function<void(const Result<std::string>&)> done = {});
  /// What the user should see for a moment ("saved out/tarsier-0001.png"): empty after a few seconds.
  [[nodiscard]] std::string message() const;
  void say(std::string message);
  /// For tests: hands over the next composed picture instead of saving it.
  void grab(present::FrameGrabber::Callback done);
  /// For tests.
  void resize(int width, int height);
  void iconify(bool iconified);
  void close();  // as the cross in its frame does
  /// How often the swapchain was made.
  [[nodiscard]] uint32_t swapchain_generation() const;

 private:
  Window();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tarsier::window
