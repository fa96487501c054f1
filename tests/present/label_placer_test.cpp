// Places of labels: none covers another, and they stay.
#include "present/label_placer.hpp"

#include <gtest/gtest.h>
#include <map>
#include <random>

namespace tarsier::present {
namespace {

constexpr Rect kNoPlace;

Rect at(float x, float y, float width = 40) {
  return {x, y, x + width, y + 10};
}

TEST(LabelPlacer, TheFirstOneHasTheBestPlaceAndTheNextOneAnother) {
  LabelPlacer placer;
  placer.begin(2);
  const std::vector<Rect> first{at(0, 0), at(0, 50)}, second{at(20, 5), at(20, 80)}, third{at(10, 2)};
  EXPECT_EQ(placer.place(1, first), 0U);
  EXPECT_EQ(placer.place(2, second), 1U);
  EXPECT_EQ(placer.place(3, third), std::nullopt) << "left out";
  EXPECT_EQ(placer.place(4, std::vector<Rect>{kNoPlace, at(200, 0)}), 1U);
  placer.begin(2);
  EXPECT_TRUE(placer.was_shown(2));
  EXPECT_FALSE(placer.was_shown(3));
  placer.block({0, 0, 300, 300});
  EXPECT_EQ(placer.place(1, first), std::nullopt) << "nothing is drawn where something hides it";
}

TEST(LabelPlacer, ALabelStaysUntilABetterPlaceWasFreeForAWhile) {
  LabelPlacer placer;
  const std::vector<Rect> places{at(0, 0), at(0, 50)};
  placer.begin(2);
  placer.block(at(30, 0));
  EXPECT_EQ(placer.place(1, places), 1U);
  int stayed = 0;
  for (;; ++stayed) {
    placer.begin(2);
    if (placer.place(1, places) == 0U) break;
    ASSERT_LT(stayed, 50) << "it goes back at last";
  }
  EXPECT_GE(stayed, 5);
  // A moment in which the better place is taken starts the wait anew.
  LabelPlacer other;
  int frames = 0;
  for (bool moved = false; !moved && frames < 60; ++frames) {
    other.begin(2);
    if (frames % 4 == 0) other.block(at(30, 0));
    moved = other.place(1, places) == 0U;
  }
  EXPECT_EQ(frames, 60);
}

/// Two labels whose boxes jitter around the distance at which both have room.
TEST(LabelPlacer, NothingFlickersAtTheLimit) {
  LabelPlacer placer;
  int changes = 0;
  bool shown = false;
  for (int i = 0; i < 200; ++i) {
    placer.begin(4);
    const float jitter = i % 2 == 0 ? -1.0F : 1.0F;
    ASSERT_EQ(placer.place(1, std::vector<Rect>{at(0, 0)}), 0U);
    const bool now = placer.place(2, std::vector<Rect>{at(41.5F + jitter, 0)}).has_value();
    changes += i > 0 && now != shown ? 1 : 0;
    shown = now;
  }
  EXPECT_LE(changes, 1);
}

/// Many objects that wander about, each with three places.
TEST(LabelPlacer, NoTwoEverOverlapAndTheSameFramesGiveTheSamePlaces) {
  struct Object {
    float x, y, dx, dy;
  };
  const auto run = [] {
    std::mt19937 random(5);
    std::uniform_real_distribution<float> unit(0, 1);
    std::vector<Object> objects;
    for (int i = 0; i < 40; ++i)
      objects.push_back({unit(random) * 600, unit(random) * 300, unit(random) * 2 - 1, unit(random) - 0.5F});
    LabelPlacer placer;
    std::map<int64_t, size_t> last;
    int changes = 0, placed = 0;
    for (int frame = 0; frame < 150; ++frame) {
      placer.begin(4);
      std::vector<Rect> taken;
      std::map<int64_t, size_t> now;
      for (size_t i = 0; i < objects.size(); ++i) {
        Object& one = objects[i];
        one.x += one.dx + unit(random) - 0.5F;
        one.y += one.dy + unit(random) - 0.5F;
        const std::vector<Rect> places{at(one.x, one.y - 12, 70), at(one.x, one.y, 70),
                                       at(one.x, one.y + 40, 70)};
        const auto place = placer.place(int64_t(i) + 1, places);
        if (!place) continue;
        ++placed;
        const Rect& rect = places[*place];
        for (const Rect& other : taken) {
          EXPECT_FALSE(rect.x0 < other.x1 && rect.x1 > other.x0 && rect.y0 < other.y1 && rect.y1 > other.y0);
        }
        taken.push_back(rect);
        now[int64_t(i)] = *place;
      }
      for (const auto& [id, place] : now) changes += frame > 0 && (!last.contains(id) || last[id] != place);
      last = now;
    }
    return std::pair(changes, placed);
  };
  const auto [changes, placed] = run();
  EXPECT_EQ(run(), std::pair(changes, placed));
  EXPECT_GT(placed, 150 * 20) << "most find a place";
  EXPECT_LT(changes, placed / 40) << "and keep it";
}

}  // namespace
}  // namespace tarsier::present
