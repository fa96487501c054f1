// Things to wear, as triangles: made by formulas when they are first wanted, in units and axes of the
// canonical head (vision/face_model.hpp: x right in the picture, y down, z away, a face one unit high).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tarsier::present {

enum class FaceObject : uint8_t { kNone, kGlasses, kHat, kPartyHat };
inline constexpr std::size_t kFaceObjects = 3;  // without kNone

/// As in shaders/present/object.frag, which knows how they look.
enum class ObjectMaterial : uint32_t { kSkin, kSkull, kAcetate, kGlass, kFelt, kRibbon, kPaper, kPompom };

/// 32 bytes, two attributes of object.vert.
struct ObjectVertex {
  std::array<float, 3> at;
  float extra;  // skin: the landmark; else what the material makes of it
  std::array<float, 3> normal;
  float material;
};
static_assert(sizeof(ObjectVertex) == 32);

/// Triangles: a part of the indices.
struct ObjectPart {
  uint32_t first = 0, count = 0;
};

struct ObjectModel {
  ObjectPart opaque, glass;            // glass is drawn last, over the rest
  std::array<float, 3> low{}, high{};  // it and its shadow
  /// Landmarks that it sits on: where they are off the canonical head's, the object moves along.
  std::array<uint32_t, 8> anchors{};
};

struct ObjectModels {
  std::vector<ObjectVertex> vertices;
  std::vector<uint32_t> indices;
  /// What hides objects without being drawn: the face by its landmarks, skull and ears by a canonical shape.
  ObjectPart head;
  std::array<ObjectModel, kFaceObjects> objects;  // by FaceObject, less one

  [[nodiscard]] const ObjectModel& of(FaceObject object) const { return objects[std::size_t(object) - 1]; }
};

[[nodiscard]] ObjectModels make_object_models();

}  // namespace tarsier::present
