// Every shape is a surface over the unit square, with normals by its own differences.
#include "present/object_model.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <span>

#include "vision/face_model.hpp"

namespace tarsier::present {
namespace {

using Point = std::array<double, 3>;
using Surface = std::function<Point(double u, double v)>;
using Number = std::function<double(double u, double v)>;
constexpr double kTurn = 2 * std::numbers::pi;

Point operator+(const Point& a, const Point& b) {
  return {a[0] + b[0], a[1] + b[1], a[2] + b[2]};
}
Point operator-(const Point& a, const Point& b) {
  return {a[0] - b[0], a[1] - b[1], a[2] - b[2]};
}
Point operator*(double s, const Point& a) {
  return {s * a[0], s * a[1], s * a[2]};
}
Point cross(const Point& a, const Point& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
Point unit(const Point& a) {
  const double length = std::hypot(a[0], a[1], a[2]);
  return length > 1e-12 ? (1 / length) * a : Point{0, 0, -1};
}
double smoothstep(double from, double to, double x) {
  const double t = std::clamp((x - from) / (to - from), 0.0, 1.0);
  return t * t * (3 - 2 * t);
}
/// Of a superellipse: |x|^n + |y|^n = 1 with power = 2 / n.
double rounded(double x, double power) {
  return std::copysign(std::pow(std::abs(x), power), x);
}

class Maker {
 public:
  ObjectModels models;

  [[nodiscard]] uint32_t begin() const { return uint32_t(models.indices.size()); }
  [[nodiscard]] ObjectPart since(uint32_t first) const { return {first, begin() - first}; }

  /// Seams have their vertices twice, so that `extra` may run on over them.
  void surface(int columns, int rows, ObjectMaterial material, const Surface& at, const Number& extra = {}) {
    const auto base = uint32_t(models.vertices.size());
    for (int row = 0; row <= rows; ++row) {
      for (int column = 0; column <= columns; ++column) {
        const double u = double(column) / columns, v = double(row) / rows;
        // At a pole the surface has no direction; a little off there is one.
        constexpr double kOff = 2e-3, kStep = 1e-3;
        const double nu = std::clamp(u, kOff, 1 - kOff), nv = std::clamp(v, kOff, 1 - kOff);
        const Point normal =
            unit(cross(at(nu + kStep, nv) - at(nu - kStep, nv), at(nu, nv + kStep) - at(nu, nv - kStep)));
        add(at(u, v), extra ? extra(u, v) : 0, normal, material);
      }
    }
    // Outwards: over a closed surface points and normals agree in the sum (the divergence is the volume).
    double agree = 0;
    const std::span made(models.vertices.begin() + base, models.vertices.end());
    std::array<double, 3> middle{};
    for (size_t k = 0; k < 3; ++k) {
      for (const auto& vertex : made) middle[k] += double(vertex.at[k]) / double(made.size());
      for (const auto& vertex : made) agree += (double(vertex.at[k]) - middle[k]) * double(vertex.normal[k]);
    }
    const bool inwards = agree < 0;
    for (auto& vertex : made) {
      for (float& value : vertex.normal) value = inwards ? -value : value;
    }
    const auto across = uint32_t(columns + 1);
    for (uint32_t row = 0; row < uint32_t(rows); ++row) {
      for (uint32_t column = 0; column < uint32_t(columns); ++column) {
        const uint32_t a = base + row * across + column, b = a + across;
        const uint32_t x = inwards ? b : a + 1, y = inwards ? a + 1 : b;  // seen from outside, all turn alike
        models.indices.insert(models.indices.end(), {a, x, y, b + 1, y, x});
      }
    }
  }

  /// A bar along `path` (0..1): `across` and `along` are half its extents, across in the direction that is
  /// square to the path and `up`. Its section is a rounded rectangle; its ends are rounded unless it is
  /// closed.
  void bar(int columns, int rows, ObjectMaterial material, const std::function<Point(double)>& path,
           const Point& up, const std::function<std::array<double, 2>(double)>& half, bool closed) {
    surface(columns, rows, material, [&](double t, double v) {
      const double from = closed ? t - 1e-3 : std::clamp(t - 1e-3, 0.0, 1.0);
      const double to = closed ? t + 1e-3 : std::clamp(t + 1e-3, 0.0, 1.0);
      const Point tangent = unit(path(to) - path(from));
      const Point side = unit(cross(tangent, up)), other = cross(side, tangent);
      const auto [a, b] = half(t);
      const double end = closed ? 1 : std::sqrt(std::max(1 - std::pow(std::abs(2 * t - 1), 30), 0.0));
      const double c = rounded(std::cos(kTurn * v), 0.65), s = rounded(std::sin(kTurn * v), 0.65);
      return path(t) + (end * a * c) * side + (end * b * s) * other;
    });
  }

  void add(const Point& at, double extra, const Point& normal, ObjectMaterial material) {
    const auto floats = [](const Point& p) { return std::array{float(p[0]), float(p[1]), float(p[2])}; };
    models.vertices.push_back({floats(at), float(extra), floats(normal), float(uint32_t(material))});
  }

  /// `shadow`: how far below the object its shadow falls.
  void finish(FaceObject object, uint32_t first, ObjectPart glass, float shadow,
              const std::array<uint32_t, 8>& anchors) {
    ObjectModel& model = models.objects[size_t(object) - 1];
    model.opaque = {first, begin() - first - glass.count};
    model.glass = glass;
    model.anchors = anchors;
    model.low.fill(1e9F);
    model.high.fill(-1e9F);
    for (uint32_t i = first; i < begin(); ++i) {
      const auto& at = models.vertices[models.indices[i]].at;
      for (size_t k = 0; k < 3; ++k) {
        model.low[k] = std::min(model.low[k], at[k]);
        model.high[k] = std::max(model.high[k], at[k]);
      }
    }
    model.high[1] += shadow;
  }
};

/// An ellipsoid whose radii differ to both sides: `low` towards negative coordinates.
Surface ball(const Point& middle, const Point& low, const Point& high) {
  return [=](double u, double v) {
    const double round = std::sin(v * kTurn / 2);
    const Point d{round * std::sin(u * kTurn), -std::cos(v * kTurn / 2), round * std::cos(u * kTurn)};
    Point at = middle;
    for (size_t k = 0; k < 3; ++k) at[k] += d[k] * (d[k] < 0 ? low[k] : high[k]);
    return at;
  };
}

// Radii to the left, top and front (low); to the right, chin and back (high).
constexpr Point kSkull{0, -0.10, 0.42}, kSkullLow{0.415, 0.58, 0.37}, kSkullHigh{0.415, 0.45, 0.52};

void make_head(Maker& maker) {
  const uint32_t first = maker.begin();
  const auto base = uint32_t(maker.models.vertices.size());
  const auto& head = vision::canonical_head();
  for (size_t i = 0; i < head.size(); ++i) {
    const Point at{double(head[i].x), double(head[i].y), double(head[i].z)};
    maker.add(at, double(i), unit(at - Point{0, 0, 0.45}), ObjectMaterial::kSkin);
  }
  for (const auto& triangle : vision::face_triangles()) {
    for (const uint16_t point : triangle) maker.models.indices.push_back(base + point);
  }
  // Behind the landmarks everywhere: it is the face that counts where both are.
  maker.surface(28, 18, ObjectMaterial::kSkull, ball(kSkull, kSkullLow, kSkullHigh));
  for (const double side : {-1.0, 1.0}) {
    const Point half{0.03, 0.12, 0.075};
    maker.surface(12, 8, ObjectMaterial::kSkull, ball({side * 0.425, 0.02, 0.50}, half, half));
  }
  maker.models.head = maker.since(first);
}

// Glasses: lenses in rims, bent around the face and leaning to the cheeks.
constexpr double kLensX = 0.19, kLensY = -0.056, kLensWidth = 0.145, kLensHeight = 0.116;

double glasses_depth(double x, double y) {
  return -0.092 + 0.65 * x * x + 0.10 * (y - kLensY);
}
Point rim(double t, double side) {
  const double c = rounded(std::cos(kTurn * t), 0.74), s = rounded(std::sin(kTurn * t), 0.74);
  const double x = side * (kLensX + kLensWidth * (1 - 0.09 * s) * c),
               y = kLensY + kLensHeight * s - 0.012 * c;
  return {x, y, glasses_depth(x, y)};
}
/// Through points, smoothly (Catmull and Rom).
Point through(const std::vector<Point>& points, double t) {
  const double at = std::clamp(t, 0.0, 1.0) * double(points.size() - 1);
  const size_t i = std::min(size_t(at), points.size() - 2);
  const double f = at - double(i);
  const auto point = [&](size_t k) { return points[std::clamp<size_t>(k, 1, points.size()) - 1]; };
  const Point a = point(i), b = point(i + 1), c = point(i + 2), d = point(i + 3);
  const double f2 = f * f, f3 = f2 * f;
  return 0.5 * ((2.0 * b) + (f * (c - a)) + (f2 * (((2.0 * a) - (5.0 * b)) + ((4.0 * c) - d))) +
                (f3 * (((3.0 * b) - a) + (d - (3.0 * c)))));
}

void make_glasses(Maker& maker) {
  const uint32_t first = maker.begin();
  constexpr Point kAway{0, 0, 1}, kDown{0, 1, 0};
  for (const double side : {-1.0, 1.0}) {
    maker.bar(
        64, 8, ObjectMaterial::kAcetate, [&](double t) { return rim(t, side); }, kAway,
        [](double t) {
          return std::array{0.0105 + 0.007 * smoothstep(0.2, -0.9, std::sin(kTurn * t)), 0.014};
        },
        true);
    std::vector<Point> temple = {{0.320, -0.116, 0},     {0.366, -0.124, 0},    {0.396, -0.124, 0.040},
                                 {0.407, -0.122, 0.12},  {0.415, -0.116, 0.30}, {0.424, -0.110, 0.45},
                                 {0.420, -0.078, 0.535}, {0.412, 0.02, 0.60}};
    for (size_t i = 0; i < temple.size(); ++i) {
      if (i < 2) temple[i][2] = glasses_depth(temple[i][0], temple[i][1]);
      temple[i][0] *= side;
    }
    maker.bar(
        30, 8, ObjectMaterial::kAcetate, [&](double t) { return through(temple, t); }, kDown,
        [](double t) {
          return std::array{0.0105, 0.021 - 0.009 * smoothstep(0.1, 0.7, t)};
        },
        false);
  }
  maker.bar(
      12, 8, ObjectMaterial::kAcetate,
      [](double t) {
        const double x = (t - 0.5) * 0.128, y = -0.088 - 0.024 * (1 - std::pow(x / 0.064, 2));
        return Point{x, y, glasses_depth(x, y) - 0.004};
      },
      kAway,
      [](double) {
        return std::array{0.0135, 0.012};
      },
      false);
  const uint32_t glass = maker.begin();
  for (const double side : {-1.0, 1.0}) {
    maker.surface(
        48, 2, ObjectMaterial::kGlass,
        [&](double u, double v) {
          const Point middle{side * kLensX, kLensY, 0};
          Point at = middle + v * (rim(u, side) - middle);
          at[2] = glasses_depth(at[0], at[1]) - 0.014 * (1 - v * v);
          return at;
        },
        [&](double u, double v) { return v * (rim(u, side)[1] - kLensY) / kLensHeight; });
  }
  // Between the eyes and at their outer corners.
  maker.finish(FaceObject::kGlasses, first, maker.since(glass), 0.14F, {168, 6, 197, 8, 122, 351, 33, 263});
}

// A felt hat. Angle 0 is its front; it leans back.
constexpr double kHatX = 0.485, kHatZ = 0.56, kHatMiddle = 0.47, kHatBase = -0.415, kHatLean = 0.15;

Point hat(double angle, double radius, double beyond, double y) {
  const double x = (kHatX * radius + beyond) * std::sin(angle);
  const double z = kHatMiddle - (kHatZ * radius + beyond) * std::cos(angle);
  return {x, kHatBase + y + kHatLean * (z - kHatMiddle + kHatZ), z};
}
/// `v` from the brim up to the middle of the top.
Point crown(double angle, double v, double beyond) {
  const double c = std::pow(std::max(std::cos(v * kTurn / 4), 0.0), 0.42);
  const double s = std::pow(std::max(std::sin(v * kTurn / 4), 0.0), 0.42);
  const double front = std::max(std::cos(angle), 0.0);
  Point at = hat(angle, c * (1 - 0.15 * s), beyond, -(0.50 + 0.05 * std::cos(angle) * c) * s);
  at[0] *= 1 - 0.30 * front * front * smoothstep(0.35, 1, s);                    // pinched
  at[1] += 0.13 * std::exp(-std::pow(at[0] / 0.12, 2)) * smoothstep(0.8, 1, s);  // the crease
  return at;
}

void make_hat(Maker& maker) {
  const uint32_t first = maker.begin();
  constexpr double kBrim = 0.235;
  // `extra`: how open to the light it is; the brim's inner edge is in the hat.
  maker.surface(
      64, 20, ObjectMaterial::kFelt, [](double u, double v) { return crown(u * kTurn, v, 0); },
      [](double, double) { return 1.0; });
  const auto out = [](double v) { return (1 + rounded(std::cos(kTurn * v), 0.5)) / 2; };
  maker.surface(
      72, 12, ObjectMaterial::kFelt,
      [&](double u, double v) {
        const double angle = u * kTurn, front = std::cos(angle), flank = std::sin(angle);
        const double curl =
            out(v) * out(v) *
            (0.050 * std::max(front, 0.0) - 0.115 * flank * flank - 0.05 * std::max(-front, 0.0));
        return hat(angle, 1, out(v) * kBrim - 0.012, curl + 0.009 * rounded(std::sin(kTurn * v), 0.5));
      },
      [&](double, double v) { return smoothstep(0.01, 0.12, out(v)); });
  maker.surface(64, 4, ObjectMaterial::kRibbon, [](double u, double v) {
    return crown(u * kTurn, 0.0005 + 0.055 * v, 0.012 * std::sqrt(std::max(1 - std::pow(2 * v - 1, 8), 0.0)));
  });
  maker.finish(FaceObject::kHat, first, {}, 0.20F, {10, 151, 9, 8, 67, 297, 109, 338});
}

void make_party_hat(Maker& maker) {
  const uint32_t first = maker.begin();
  constexpr Point kMiddle{0.05, 0, 0.44}, kTip{0.13, -1.20, 0.42};
  constexpr double kRadius = 0.235;
  // Its edge lies on the head.
  const auto edge = [&](double turns) {
    Point at = kMiddle + Point{kRadius * std::sin(turns * kTurn), 0.0, -kRadius * std::cos(turns * kTurn)};
    const double z = at[2] - kSkull[2], deep = z < 0 ? kSkullLow[2] : kSkullHigh[2];
    at[1] = kSkull[1] -
            kSkullLow[1] *
                std::sqrt(1 - std::pow((at[0] - kSkull[0]) / kSkullLow[0], 2) - std::pow(z / deep, 2)) -
            0.01;
    return at;
  };
  maker.surface(
      48, 6, ObjectMaterial::kPaper, [&](double u, double v) { return edge(u) + v * (kTip - edge(u)); },
      [](double u, double v) { return 3 * u + 4 * v; });
  maker.bar(
      48, 8, ObjectMaterial::kPompom, edge, {0, 1, 0},
      [](double) {
        return std::array{0.018, 0.018};
      },
      true);
  const Point half{0.068, 0.068, 0.068};
  maker.surface(24, 14, ObjectMaterial::kPompom, ball(kTip, half, half));
  maker.finish(FaceObject::kPartyHat, first, {}, 0.10F, {10, 151, 9, 8, 67, 297, 109, 338});
}

}  // namespace

ObjectModels make_object_models() {
  Maker maker;
  make_head(maker);
  make_glasses(maker);
  make_hat(maker);
  make_party_hat(maker);
  return std::move(maker.models);
}

}  // namespace tarsier::present
