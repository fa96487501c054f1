#include "window/window.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <filesystem>

#include "core/log.hpp"
#include "gpu/graphics_pipeline.hpp"
#include "gpu/swapchain.hpp"
#include "overlay/panels.hpp"
#include "present/glyphs.hpp"
#include "window/backend.hpp"
#define GLFW_INCLUDE_NONE
#include <GLFW/glfw3.h>
#include <imgui.h>
#include <imgui_impl_glfw.h>

namespace tarsier::window {
namespace {

using Clock = std::chrono::steady_clock;
using gpu::ImageUse;
constexpr auto kMessageTime = std::chrono::seconds(4);
std::atomic<uint64_t> composed_pictures = 0;
/// Beside a picture that has not the window's shape.
constexpr std::array<float, 4> kBackground{0.035F, 0.04F, 0.05F, 1};

/// GLFW's last complaint: it reports through a callback.
std::string& glfw_error() {
  static std::string message;
  return message;
}

/// GLFW lives as long as somebody needs it; the first call starts it.
Status start_glfw() {
  static bool running = false;
  if (running) return {};
  glfwSetErrorCallback([](int, const char* text) { glfw_error() = text; });
#ifdef GLFW_PLATFORM_X11
  glfwInitHint(GLFW_PLATFORM,
               GLFW_PLATFORM_X11);  // GLFW 3.4 would prefer Wayland, where windows have no frame
#endif
  if (glfwInit() == GLFW_FALSE) {
    return runtime_error("no window can be opened here ({}): use --headless, or set DISPLAY", glfw_error());
  }
  running = true;
  return {};
}

/// The largest area with the picture's shape, in the middle of the window.
gpu::Area fit(uint32_t width, uint32_t height, uint32_t window_width, uint32_t window_height) {
  const double scale = std::min(double(window_width) / width, double(window_height) / height);
  const auto w = std::clamp(uint32_t(std::lround(width * scale)), 1U, window_width);
  const auto h = std::clamp(uint32_t(std::lround(height * scale)), 1U, window_height);
  return {(window_width - w) / 2, (window_height - h) / 2, w, h};
}

std::string next_picture(const std::string& folder) {
  for (int number = 1;; ++number) {
    const std::filesystem::path path =
        std::filesystem::path(folder) / fmt::format("tarsier-{:04}.png", number);
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) return path.string();
  }
}

}  // namespace

struct Window::Impl {
  gpu::Device* device = nullptr;
  WindowOptions options;
  GLFWwindow* window = nullptr;
  std::unique_ptr<gpu::Swapchain> swapchain;
  std::unique_ptr<ImguiRenderer> imgui;
  bool imgui_context = false;
  gpu::GraphicsPipeline pipeline;
  std::shared_ptr<gpu::TextureSet> scene_textures;
  uint64_t scene_generation = UINT64_MAX;
  bool scene_exact = false;  // drawn pixel by pixel
  std::unique_ptr<present::FrameGrabber> grabber;
  std::vector<present::FrameGrabber::Callback> wanted;
  bool composed = false;
  PictureArea area;
  Inset inset;
  PictureArea inset_place;
  bool panels = true;
  bool shoot = false;  // S was pressed
  Events events;
  std::string message;
  Clock::time_point message_time;
  int restore[4] = {0, 0, 1280, 720};  // place and size before full screen

  ~Impl() {
    wanted.clear();
    grabber.reset();
    imgui.reset();
    inset = {};
    if (imgui_context) {
      ImGui_ImplGlfw_Shutdown();
      ImGui::DestroyContext();
    }
    scene_textures.reset();
    swapchain.reset();
    if (window != nullptr) glfwDestroyWindow(window);
  }

  void say(std::string text) {
    message = std::move(text);
    message_time = Clock::now();
  }
  void key(int code, int action, int mods);
  void input(Input::What what);
  double mouse_x = 0, mouse_y = 0;  // by its events: GLFW itself only knows where it is by now
  /// Whether it is one of a player's.
  bool transport_key(int code, int mods);
  void toggle_fullscreen();
  Status prepare(gpu::FrameContext& frame, const gpu::Image& scene, uint64_t generation, bool exact);
};

void Window::Impl::input(Input::What what) {
  // One move is as good as many, but for the presses between them.
  const bool again =
      !events.input.empty() && events.input.back().what == what && events.input.back().panels == panels;
  if (what == Input::What::kMove && again) events.input.pop_back();
  events.input.push_back({what, mouse_x, mouse_y, panels});
}

void Window::Impl::key(int code, int action, int mods) {
  if (action == GLFW_RELEASE) return;
  const bool first = action == GLFW_PRESS;
  events.any_key = true;
  // No text field takes it: a name that is being typed counts already.
  if (mods == GLFW_MOD_CONTROL && code == GLFW_KEY_S && first) input(Input::What::kSave);
  if (imgui_context && ImGui::GetIO().WantTextInput) return;
  if (mods == GLFW_MOD_CONTROL && code == GLFW_KEY_Z) input(Input::What::kUndo);
  if ((mods == GLFW_MOD_CONTROL && code == GLFW_KEY_Y) ||
      (mods == (GLFW_MOD_CONTROL | GLFW_MOD_SHIFT) && code == GLFW_KEY_Z))
    input(Input::What::kRedo);
  if (code == GLFW_KEY_D && (mods == 0 || mods == GLFW_MOD_SHIFT))
    input(mods == 0 ? Input::What::kNextDifference : Input::What::kPreviousDifference);
  if (transport_key(code, mods) || mods != 0) return;
  switch (code) {
    case GLFW_KEY_Q:
      if (first) events.quit = true;
      break;
    case GLFW_KEY_F1:
      if (first) events.help = !events.help;
      break;
    case GLFW_KEY_ESCAPE:
      if (first) input(Input::What::kEscape);
      break;
    case GLFW_KEY_ENTER:
    case GLFW_KEY_KP_ENTER:
      if (first) input(Input::What::kEnter);
      break;
    case GLFW_KEY_BACKSPACE:
      input(Input::What::kBackspace);
      break;
    case GLFW_KEY_DELETE:
      if (first) input(Input::What::kDelete);
      break;
    case GLFW_KEY_Z:
      if (first) input(Input::What::kZ);
      break;
    case GLFW_KEY_L:
      if (first) input(Input::What::kL);
      break;
    case GLFW_KEY_P:
      if (first) input(Input::What::kP);
      break;
    case GLFW_KEY_I:
      if (first) input(Input::What::kI);
      break;
    case GLFW_KEY_UP:
      input(Input::What::kUp);
      break;
    case GLFW_KEY_DOWN:
      input(Input::What::kDown);
      break;
    case GLFW_KEY_SPACE:
      if (first) events.transport.toggle_pause = !events.transport.toggle_pause;
      break;
    case GLFW_KEY_TAB:
      if (first) panels = !panels;
      break;
    case GLFW_KEY_S:
      if (first) shoot = true;
      break;
    case GLFW_KEY_R:
      if (first) events.record = true;
      break;
    case GLFW_KEY_K:
      if (first) events.keep = true;
      break;
    case GLFW_KEY_F:
      if (first) toggle_fullscreen();
      break;
    default:
      break;
  }
}

bool Window::Impl::transport_key(int code, int mods) {
  overlay::TransportEvents& keys = events.transport;
  const bool shift = mods == GLFW_MOD_SHIFT;
  if (mods != 0 && !shift) return false;
  switch (code) {
    case GLFW_KEY_LEFT:
      (shift ? keys.skip : keys.step) -= 1;
      return true;
    case GLFW_KEY_RIGHT:
      (shift ? keys.skip : keys.step) += 1;
      return true;
    case GLFW_KEY_E:
      keys.event += shift ? -1 : 1;
      return true;
    case GLFW_KEY_EQUAL:  // + has Shift there on some keyboards
    case GLFW_KEY_KP_ADD:
      ++keys.faster;
      return true;
    case GLFW_KEY_MINUS:
    case GLFW_KEY_KP_SUBTRACT:
      --keys.faster;
      return true;
    default:
      break;
  }
  if (shift) return false;
  switch (code) {
    case GLFW_KEY_COMMA:
      --keys.step;
      return true;
    case GLFW_KEY_PERIOD:
      ++keys.step;
      return true;
    case GLFW_KEY_HOME:
      keys.first = true;
      return true;
    case GLFW_KEY_END:
      keys.last = true;
      return true;
    case GLFW_KEY_LEFT_BRACKET:
      keys.mark_start = true;
      return true;
    case GLFW_KEY_RIGHT_BRACKET:
      keys.mark_end = true;
      return true;
    case GLFW_KEY_BACKSLASH:
      keys.no_loop = true;
      return true;
    default:
      return false;
  }
}

void Window::Impl::toggle_fullscreen() {
  if (glfwGetWindowMonitor(window) != nullptr) {
    glfwSetWindowMonitor(window, nullptr, restore[0], restore[1], restore[2], restore[3], GLFW_DONT_CARE);
    return;
  }
  GLFWmonitor* monitor = glfwGetPrimaryMonitor();
  const GLFWvidmode* mode = monitor != nullptr ? glfwGetVideoMode(monitor) : nullptr;
  if (mode == nullptr) return;
  glfwGetWindowPos(window, &restore[0], &restore[1]);
  glfwGetWindowSize(window, &restore[2], &restore[3]);
  glfwSetWindowMonitor(window, monitor, 0, 0, mode->width, mode->height, mode->refreshRate);
}

Status Window::Impl::prepare(gpu::FrameContext& frame, const gpu::Image& scene, uint64_t generation,
                             bool exact) {
  if (!imgui) {
    TARSIER_TRY(imgui, ImguiRenderer::create(*device, *swapchain));
    TARSIER_TRY(pipeline, gpu::GraphicsPipeline::create(*device, swapchain->target(),
                                                        {.vertex = "present/fullscreen.vert",
                                                         .fragment = "present/picture.frag",
                                                         .constants = {},
                                                         .blend = false,
                                                         .textures = 1}));
  }
  if (!scene_textures || generation != scene_generation || exact != scene_exact) {
    if (scene_textures) frame.retire(scene_textures);
    const gpu::TextureSet::Texture texture{&scene, exact ? gpu::Filter::kNearest : gpu::Filter::kLinear};
    TARSIER_TRY(gpu::TextureSet set, gpu::TextureSet::create(*device, std::span(&texture, 1)));
    scene_textures = std::make_shared<gpu::TextureSet>(std::move(set));
    scene_generation = generation;
    scene_exact = exact;
  }
  return {};
}

Window::Window() : impl_(std::make_unique<Impl>()) {}
Window::~Window() = default;

Result<std::vector<const char*>> Window::instance_extensions() {
  TARSIER_CHECK(start_glfw());
  uint32_t count = 0;
  const char** names = glfwGetRequiredInstanceExtensions(&count);
  if (names == nullptr) {
    return runtime_error("Vulkan can't show pictures on this display ({}): use --headless", glfw_error());
  }
  return std::vector<const char*>(names, names + count);
}

Result<std::unique_ptr<Window>> Window::open(gpu::Device& device, const WindowOptions& options) {
  TARSIER_CHECK(start_glfw());
  std::unique_ptr<Window> out(new Window());
  Impl& self = *out->impl_;
  self.device = &device;
  self.options = options;
  glfwWindowHint(GLFW_CLIENT_API, GLFW_NO_API);
  glfwWindowHint(GLFW_SCALE_TO_MONITOR, GLFW_TRUE);
  // Not larger than the screen: a clip may be.
  int width = options.width;
  int height = options.height;
  if (GLFWmonitor* monitor = glfwGetPrimaryMonitor()) {
    int x = 0, y = 0, area_width = 0, area_height = 0;
    glfwGetMonitorWorkarea(monitor, &x, &y, &area_width, &area_height);
    if (area_width > 0 && area_height > 0) {
      const double shrink = std::min({1.0, double(area_width) / width, double(area_height) / height});
      width = std::max(int(width * shrink), 64);
      height = std::max(int(height * shrink), 64);
    }
  }
  self.window = glfwCreateWindow(width, height, options.title.c_str(), nullptr, nullptr);
  if (self.window == nullptr) return runtime_error("the window does not open: {}", glfw_error());
  glfwSetWindowUserPointer(self.window, &self);
  glfwSetWindowSizeLimits(self.window, 160, 120, GLFW_DONT_CARE, GLFW_DONT_CARE);
  // Before Dear ImGui installs its own, which call these first.
  glfwSetKeyCallback(self.window, [](GLFWwindow* window, int key, int, int action, int mods) {
    static_cast<Impl*>(glfwGetWindowUserPointer(window))->key(key, action, mods);
  });
  glfwSetMouseButtonCallback(self.window, [](GLFWwindow* window, int button, int action, int) {
    auto* impl = static_cast<Impl*>(glfwGetWindowUserPointer(window));
    if (button == GLFW_MOUSE_BUTTON_LEFT)
      impl->input(action == GLFW_PRESS ? Input::What::kPress : Input::What::kRelease);
    if (button == GLFW_MOUSE_BUTTON_RIGHT && action == GLFW_PRESS) impl->input(Input::What::kContext);
  });
  glfwSetCursorPosCallback(self.window, [](GLFWwindow* window, double x, double y) {
    auto* impl = static_cast<Impl*>(glfwGetWindowUserPointer(window));
    impl->mouse_x = x;
    impl->mouse_y = y;
    impl->input(Input::What::kMove);
  });
  TARSIER_TRY(const VkSurfaceKHR surface, create_surface(device, self.window));
  TARSIER_TRY(
      self.swapchain,
      gpu::Swapchain::create(device, surface, {.vsync = options.vsync, .frames = options.frames_in_flight}));
  IMGUI_CHECKVERSION();
  ImGui::CreateContext();
  self.imgui_context = true;
  float scale_x = 1;
  float scale_y = 1;
  glfwGetWindowContentScale(self.window, &scale_x, &scale_y);
  const auto font = present::find_font();
  const float scale = options.scale > 0 ? float(options.scale) : std::clamp(scale_x, 1.0F, 4.0F);
  overlay::apply_style(scale, font.ok() ? font->string() : "");
  ImGui_ImplGlfw_InitForVulkan(self.window, true);
  self.grabber = std::make_unique<present::FrameGrabber>(device, options.frames_in_flight + 1);
  if (options.fullscreen) self.toggle_fullscreen();
  return out;
}

Events Window::poll(double wait_s) {
  Impl& self = *impl_;
  if (wait_s > 0) {
    glfwWaitEventsTimeout(wait_s);
  } else {
    glfwPollEvents();
  }
  if (glfwWindowShouldClose(self.window) != 0) {
    self.events.quit = true;
    glfwSetWindowShouldClose(self.window, GLFW_FALSE);  // whoever asked may stay
  }
  if (std::exchange(self.shoot, false)) screenshot();
  return std::exchange(self.events, {});
}

uint64_t total_composed() {
  return composed_pictures;
}

Result<bool> Window::compose(gpu::FrameContext& frame, const gpu::Image& scene, uint64_t generation,
                             const std::function<void()>& panels) {
  Impl& self = *impl_;
  self.composed = false;
  if (minimised()) return false;
  int width = 0;
  int height = 0;
  glfwGetFramebufferSize(self.window, &width, &height);
  TARSIER_TRY(const auto state, self.swapchain->acquire(frame, uint32_t(width), uint32_t(height)));
  if (state == gpu::Swapchain::State::kSkip) return false;
  const gpu::Image& target = self.swapchain->image();
  const gpu::Area area = fit(scene.width(), scene.height(), target.width(), target.height());
  // Dear ImGui and the mouse count in the window's units, the target has pixels.
  int units_x = 0, units_y = 0;
  glfwGetWindowSize(self.window, &units_x, &units_y);
  const double unit_x = double(units_x) / target.width(), unit_y = double(units_y) / target.height();
  self.area = {area.x * unit_x, area.y * unit_y, area.width * unit_x, area.height * unit_y};
  const bool exact = area.width == scene.width() && area.height == scene.height();
  TARSIER_CHECK(self.prepare(frame, scene, generation, exact));

  const bool draw_panels = self.panels && panels;
  self.imgui->new_frame();
  ImGui_ImplGlfw_NewFrame();
  ImGui::NewFrame();
  if (draw_panels) {
    panels();
    ImGui::Render();
  } else {
    ImGui::EndFrame();  // else what is clicked meanwhile would reach the panels when they are back
  }
  gpu::CommandList& commands = frame.commands();
  frame.begin_span("window");
  TARSIER_CHECK(self.inset.prepare(*self.device, frame));
  commands.image_barrier(target, ImageUse::kAcquired, ImageUse::kColorTarget);
  commands.begin_render(self.swapchain->target(), self.swapchain->image_index(), kBackground);
  commands.viewport(area);
  commands.bind(self.pipeline, std::span<const std::byte>(), self.scene_textures.get());
  commands.draw(3);
  if (draw_panels) self.imgui->record(commands);
  if (self.inset.there()) {
    const auto pixels = [](double units, double unit, uint32_t most) {
      return uint32_t(std::clamp(std::lround(units / unit), 0L, long(most)));
    };
    const PictureArea& at = self.inset_place;
    const uint32_t x = pixels(at.x, unit_x, target.width() - 1),
                   y = pixels(at.y, unit_y, target.height() - 1);
    self.inset.draw(commands, self.pipeline,
                    {x, y, std::max(pixels(at.width, unit_x, target.width() - x), 1U),
                     std::max(pixels(at.height, unit_y, target.height() - y), 1U)});
  }
  commands.end_render();
  for (auto& done : std::exchange(self.wanted, {})) {
    if (!self.swapchain->readable()) {
      log::warn("{} does not let a window's picture be read: no screenshot", self.device->info().name);
      continue;
    }
    if (self.grabber->free() == 0) {  // others are still on their way
      self.wanted.push_back(std::move(done));
      continue;
    }
    TARSIER_TRY([[maybe_unused]] const bool taken,
                self.grabber->grab(frame, target, ImageUse::kColorTarget, std::move(done)));
  }
  commands.image_barrier(target, ImageUse::kColorTarget, ImageUse::kPresent);
  frame.end_span();
  self.composed = true;
  ++composed_pictures;
  return true;
}

Status Window::submit(gpu::FrameRing& ring, gpu::FrameContext& frame) {
  Impl& self = *impl_;
  if (!self.composed) return ring.submit(frame);
  self.composed = false;
  TARSIER_CHECK(ring.submit(frame, self.swapchain->wait_semaphore(), gpu::Swapchain::kWaitStage,
                            self.swapchain->signal_semaphore()));
  return self.swapchain->present();
}

void Window::show_picture(const PictureArea& place, InsetPicture picture) {
  impl_->inset_place = place;
  impl_->inset.show(std::move(picture));
}

bool Window::minimised() const {
  int width = 0;
  int height = 0;
  glfwGetFramebufferSize(impl_->window, &width, &height);
  return width == 0 || height == 0 || glfwGetWindowAttrib(impl_->window, GLFW_ICONIFIED) != 0;
}

const PictureArea& Window::picture_area() const {
  return impl_->area;
}

bool Window::panels_visible() const {
  return impl_->panels;
}
void Window::show_panels(bool visible) {
  impl_->panels = visible;
}
void Window::set_title(const std::string& title) {
  glfwSetWindowTitle(impl_->window, title.c_str());
}

void Window::screenshot(std::function<void(const Result<std::string>&)> done) {
  grab([this, done = std::move(done)](const std::shared_ptr<const present::HostPicture>& picture) {
    const std::string path = next_picture(impl_->options.picture_folder);
    const Status written = present::write_png(path, *picture);
    impl_->say(written.ok() ? "saved " + path : written.error().message);
    if (!written.ok()) log::error("{}", written.error().message);
    if (done) done(written.ok() ? Result<std::string>(path) : Result<std::string>(written.error()));
  });
}

void Window::say(std::string message) {
  impl_->say(std::move(message));
}

std::string Window::message() const {
  return Clock::now() - impl_->message_time < kMessageTime ? impl_->message : "";
}

void Window::grab(present::FrameGrabber::Callback done) {
  impl_->wanted.push_back(std::move(done));
}
void Window::resize(int width, int height) {
  glfwSetWindowSize(impl_->window, width, height);
}
void Window::iconify(bool iconified) {
  if (iconified) {
    glfwIconifyWindow(impl_->window);
  } else {
    glfwRestoreWindow(impl_->window);
  }
}
void Window::close() {
  glfwSetWindowShouldClose(impl_->window, GLFW_TRUE);
}
uint32_t Window::swapchain_generation() const {
  return impl_->swapchain->generation();
}

}  // namespace tarsier::window
