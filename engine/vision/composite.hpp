// A frame put together anew by a map that was brought to its edges: the person before another background, or
// the scene in fog or in the colours of its depth.
#pragma once

#include <array>
#include <initializer_list>

#include "vision/disc_blur.hpp"
#include "vision/matte.hpp"

namespace tarsier::vision {

/// What is put behind the person; of the last two the map is a depth map, 1 is near.
enum class Ground : uint8_t {
  kBlurred,  // the frame's own background, blurred
  kPicture,  // another picture of the frame's size
  kColour,
  kMatte,  // nothing: the coverage itself is shown in grey
  kFog,    // light is lost on its way and the fog's colour takes its place (Koschmieder's law)
  kDepth   // a colour for each depth, from yellow (near) to violet
};

/// For frames of one size.
class Composite {
 public:
  struct Input {
    // Addresses, multiples of 8:
    uint64_t guide = 0;             // the frame that the matte was made of
    uint64_t frame = 0;             // the frame as it is shown
    uint64_t picture = 0;           // Ground::kPicture; else not read
    std::array<float, 3> colour{};  // Ground::kColour, kFog: B, G, R in 0..1
    float amount = 0;               // kFog: its density; kDepth: how much of the frame the colours hide
  };
  /// `grounds`: those that record() will be asked for.
  static Result<Composite> create(gpu::Device& device, const CellGrid& grid,
                                  std::initializer_list<Ground> grounds);
  /// The blur is what the frame's own background is taken to be at the person's edge; depth and the matte
  /// need none. Ends by making result() visible to compute and transfers.
  void record(gpu::CommandList& commands, Ground ground, const Matte& matte, const DiscBlur* blur,
              const Input& input) const;
  /// B, G, R, A bytes of the frame's size.
  [[nodiscard]] const gpu::Buffer& result() const { return result_; }

 private:
  CellGrid grid_;
  std::array<const gpu::ComputePipeline*, 12> pipelines_{};
  gpu::Buffer result_;
};

}  // namespace tarsier::vision
