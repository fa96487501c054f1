// Zones and lines drawn with a mouse: events in, shapes out.
#include "app/zone_editor.hpp"

#include <gtest/gtest.h>

namespace tarsier::app {
namespace {

using pipeline::ZoneSpec;
using vision::Point;
using Points = std::vector<Point>;

const ZoneSpec kSquare{{"square", false, {{0.2, 0.2}, {0.6, 0.2}, {0.6, 0.6}, {0.2, 0.6}}}, "clip.avi", ""};
const ZoneSpec kPath{{"path", true, {{0.8, 0.1}, {0.8, 0.9}}}, "", ""};

class ZoneEditorTest : public ::testing::Test {
 protected:
  ZoneEditor editor_;
  double left_ = 100, top_ = 0, width_ = 1000, height_ = 500;  // the picture in a wider window

  void SetUp() override {
    editor_.set_view({left_, top_, width_, height_});
    editor_.load({kSquare, kPath}, "clip.avi");
  }
  [[nodiscard]] Point at(Point part) const { return {left_ + part.x * width_, top_ + part.y * height_}; }
  void click(Point part, double dx = 0, double dy = 0) {
    const Point mouse = at(part);
    editor_.move(mouse.x + dx, mouse.y + dy);
    editor_.press(mouse.x + dx, mouse.y + dy);
    editor_.release(mouse.x + dx, mouse.y + dy);
  }
  void drag(Point from, Point to) {
    editor_.press(at(from).x, at(from).y);
    for (const double t : {0.3, 0.7, 1.0}) {
      const Point mouse = at({from.x + t * (to.x - from.x), from.y + t * (to.y - from.y)});
      editor_.move(mouse.x, mouse.y);
    }
    editor_.release(at(to).x, at(to).y);
  }
  void context(Point part) { editor_.remove_corner(at(part).x, at(part).y); }
  [[nodiscard]] Points points(size_t item) const { return editor_.items()[item].now.shape.points; }
  void expect_fault(const std::string& part) const {
    EXPECT_NE(editor_.fault().find(part), std::string::npos) << "'" << editor_.fault() << "'";
  }
};

TEST_F(ZoneEditorTest, AZoneIsDrawnCornerByCorner) {
  const Points corners = {{0.1, 0.7}, {0.3, 0.7}, {0.3, 0.9}};
  // Three ways to end it.
  for (const int way : {0, 1, 2}) {
    editor_.draw_zone();
    const uint64_t before = editor_.version();
    for (const Point& corner : corners) click(corner);
    ASSERT_TRUE(editor_.draft().has_value());
    EXPECT_EQ(editor_.version(), before) << "nothing changes before it is whole";
    EXPECT_EQ(editor_.shapes().size(), size_t(2 + way));
    if (way == 0) editor_.accept();
    if (way == 1) click(corners.front(), 4, -4);
    if (way == 2) click(corners.back(), 1, 1);
    EXPECT_FALSE(editor_.draft().has_value());
    ASSERT_EQ(editor_.items().size(), size_t(3 + way));
    const auto& made = editor_.items().back();
    EXPECT_EQ(made.now.shape.name, fmt::format("zone {}", way + 1));
    EXPECT_EQ(made.now.shape.points, corners);
    EXPECT_FALSE(made.now.shape.line);
    EXPECT_EQ(made.now.source, "clip.avi");
    EXPECT_EQ(editor_.selected(), size_t(2 + way));
    EXPECT_GT(editor_.version(), before);
  }
}

TEST_F(ZoneEditorTest, ALineEndsWithItsSecondPoint) {
  editor_.draw_line();
  click({0.1, 0.1});
  click({0.1, 0.1}, 1, 0);  // the second half of a double click
  ASSERT_TRUE(editor_.draft().has_value());
  click({0.9, 0.95});
  EXPECT_FALSE(editor_.draft().has_value());
  EXPECT_EQ(editor_.items().back().now.shape, (vision::ZoneShape{"line 1", true, {{0.1, 0.1}, {0.9, 0.95}}}));
}

TEST_F(ZoneEditorTest, WindowsOfAnyShapeGiveTheSamePlaces) {
  for (const auto& view : {ZoneEditor::View{0, 0, 640, 480}, {0, 120, 1280, 720}, {317, 0, 331.5, 777}}) {
    left_ = view.x, top_ = view.y, width_ = view.width, height_ = view.height;
    editor_.set_view(view);
    editor_.draw_line();
    click({0.25, 0.125});
    click({0.7512, 0.5});
    EXPECT_EQ(editor_.items().back().now.shape.points, (Points{{0.25, 0.125}, {0.7512, 0.5}}));
    const Point seen = editor_.to_window({0.25, 0.125});
    EXPECT_DOUBLE_EQ(seen.x, at({0.25, 0.125}).x);
    EXPECT_DOUBLE_EQ(seen.y, at({0.25, 0.125}).y);
  }
  // Beside the picture is its edge.
  editor_.draw_line();
  click({-0.2, 0.5});
  click({1.3, 1.2});
  EXPECT_EQ(editor_.items().back().now.shape.points, (Points{{0, 0.5}, {1, 1}}));
  // There too a second click ends it, and one at the first corner closes it.
  for (const bool again : {true, false}) {
    editor_.draw_zone();
    click({1.2, 0.1});
    click({1.2, 0.1}, 2, 0);
    ASSERT_EQ(editor_.draft()->points.size(), 1U);
    click({0.5, 0.5});
    click({0.8, 1.3});
    click(again ? Point{0.8, 1.3} : Point{1.2, 0.1}, -1, 1);
    ASSERT_FALSE(editor_.draft().has_value());
    EXPECT_EQ(editor_.items().back().now.shape.points, (Points{{1, 0.1}, {0.5, 0.5}, {0.8, 1}}));
  }
}

TEST_F(ZoneEditorTest, HandlesAreAsLargeForTheMouseAsTheyAreDrawn) {
  for (const double scale : {1.0, 2.0}) {
    editor_.set_view({left_, top_, width_, height_, scale});
    const Point corner = at({0.2, 0.2});
    editor_.move(corner.x - 8 * scale, corner.y);
    EXPECT_EQ(editor_.hold(), (ZoneEditor::Hold{0, ZoneEditor::Hold::What::kCorner, 0})) << scale;
    editor_.move(corner.x - 10 * scale, corner.y);
    EXPECT_EQ(editor_.hold(), std::nullopt) << scale;
    click({0.2, 0.2}, 2.5 * scale, 0);
    EXPECT_FALSE(editor_.unsaved()) << "a click moves nothing";
    editor_.draw_line();
    click({0.1, 0.1});
    click({0.1, 0.1}, 3.5 * scale, 0);
    EXPECT_EQ(editor_.draft()->points.size(), 1U) << scale;
    EXPECT_TRUE(editor_.cancel());
  }
}

TEST_F(ZoneEditorTest, EscapeGivesUpAndBackspaceTakesBack) {
  EXPECT_FALSE(editor_.cancel()) << "nothing is under way: it may end the program";
  editor_.draw_zone();
  for (const Point& corner : Points{{0.1, 0.7}, {0.3, 0.7}, {0.3, 0.9}}) click(corner);
  editor_.take_back();
  EXPECT_EQ(editor_.draft()->points.size(), 2U);
  context({0.5, 0.5});  // the right button does the same
  EXPECT_EQ(editor_.draft()->points.size(), 1U);
  editor_.take_back();
  editor_.take_back();
  EXPECT_TRUE(editor_.draft()->points.empty());
  EXPECT_TRUE(editor_.cancel());
  EXPECT_FALSE(editor_.draft().has_value());
  EXPECT_FALSE(editor_.unsaved());
  // In the middle of a drag.
  editor_.press(at({0.2, 0.2}).x, at({0.2, 0.2}).y);
  editor_.move(at({0.1, 0.1}).x, at({0.1, 0.1}).y);
  EXPECT_TRUE(editor_.cancel());
  editor_.release(at({0.1, 0.1}).x, at({0.1, 0.1}).y);
  EXPECT_EQ(points(0), kSquare.shape.points);
}

TEST_F(ZoneEditorTest, FaultsAreToldAndNotTakenOver) {
  editor_.draw_zone();
  for (const Point& corner : Points{{0.1, 0.1}, {0.9, 0.1}, {0.9, 0.9}}) click(corner);
  editor_.move(at({0.5, 0.02}).x, at({0.5, 0.02}).y);
  EXPECT_FALSE(editor_.pointer_fits()) << "seen before the click";
  click({0.5, 0.02});
  expect_fault("cross");
  EXPECT_EQ(editor_.draft()->points.size(), 3U);
  click({0.5, 0.9});
  EXPECT_EQ(editor_.fault(), "");
  editor_.take_back();
  editor_.take_back();
  editor_.accept();
  expect_fault("at least 3 points, not 2");
  EXPECT_TRUE(editor_.draft().has_value()) << "it can be mended";
  click({0.5, 0.9});
  editor_.accept();
  EXPECT_EQ(editor_.items().size(), 3U);
  EXPECT_EQ(editor_.fault(), "");
  // Its last edge closes it: that may cross where none before did.
  editor_.draw_zone();
  for (const Point& corner : Points{{0.1, 0.5}, {0.9, 0.5}, {0.9, 0.9}, {0.5, 0.9}, {0.5, 0.6}})
    click(corner);
  click({0.3, 0.3});
  expect_fault("cross");
  for (const auto& shape : editor_.shapes()) EXPECT_EQ(vision::fault_of(shape), "");
}

TEST_F(ZoneEditorTest, CornersAreDragged) {
  editor_.move(at({0.2, 0.2}).x + 5, at({0.2, 0.2}).y + 5);
  EXPECT_EQ(editor_.hold(), (ZoneEditor::Hold{0, ZoneEditor::Hold::What::kCorner, 0}));
  editor_.move(at({0.4, 0.4}).x, at({0.4, 0.4}).y);
  EXPECT_EQ(editor_.hold(), std::nullopt);
  click({0.2, 0.2}, 2, 2);
  EXPECT_EQ(points(0), kSquare.shape.points) << "a click moves nothing";
  EXPECT_EQ(editor_.selected(), size_t(0));

  const uint64_t before = editor_.version();
  editor_.press(at({0.2, 0.2}).x, at({0.2, 0.2}).y);
  editor_.move(at({0.1, 0.15}).x, at({0.1, 0.15}).y);
  ASSERT_NE(editor_.dragged(), nullptr);
  EXPECT_EQ(editor_.dragged()->points[0], (Point{0.1, 0.15}));
  EXPECT_EQ(editor_.version(), before) << "counts go on until it is let go";
  editor_.release(at({0.1, 0.15}).x, at({0.1, 0.15}).y);
  EXPECT_EQ(points(0)[0], (Point{0.1, 0.15}));
  EXPECT_GT(editor_.version(), before);
  drag({0.8, 0.9}, {0.7, 1.4});
  EXPECT_EQ(points(1), (Points{{0.8, 0.1}, {0.7, 1}}));
  // Over an edge of its own.
  const Points good = points(0);
  drag({0.6, 0.2}, {0.3, 0.9});
  expect_fault("cross");
  expect_fault("it stays as it was");
  EXPECT_EQ(points(0), good);
}

TEST_F(ZoneEditorTest, MiddlesOfEdgesBecomeCorners) {
  click({0.4, 0.2});
  EXPECT_EQ(points(0), (Points{{0.2, 0.2}, {0.4, 0.2}, {0.6, 0.2}, {0.6, 0.6}, {0.2, 0.6}}));
  drag({0.2, 0.4}, {0.1, 0.4});  // of the edge that closes it
  EXPECT_EQ(points(0).back(), (Point{0.1, 0.4}));
  context({0.4, 0.2});
  context({0.1, 0.4});
  EXPECT_EQ(points(0), kSquare.shape.points);
  EXPECT_FALSE(editor_.unsaved()) << "as it was";
  context({0.2, 0.2});
  context({0.6, 0.6});
  EXPECT_EQ(points(0).size(), 3U);
  expect_fault("at least 3 points, not 2");
  // A line has no middle.
  click({0.8, 0.5});
  EXPECT_EQ(points(1), kPath.shape.points);
  EXPECT_EQ(editor_.selected(), size_t(1)) << "but it can be chosen there";
  context({0.8, 0.1});
  expect_fault("a line has 2 points, not 1");
  EXPECT_EQ(points(1), kPath.shape.points);
}

TEST_F(ZoneEditorTest, NamesAreDifferentAndNotEmpty) {
  editor_.rename(0, "path");
  expect_fault("there is another 'path'");
  editor_.rename(0, "");
  expect_fault("at least one letter");
  EXPECT_FALSE(editor_.unsaved());
  editor_.rename(0, "zone 1");
  EXPECT_EQ(editor_.fault(), "");
  editor_.draw_zone();
  EXPECT_EQ(editor_.draft()->name, "zone 2");
  editor_.rename(0, "zone 2");
  expect_fault("there is another 'zone 2'");
  // The file gets its name while it is drawn.
  const ZoneSpec other{{"zone 2", false, {{0.1, 0.1}, {0.2, 0.1}, {0.2, 0.2}}}, "clip.avi", ""};
  editor_.load({kSquare, kPath, other}, "clip.avi");
  for (const Point& corner : Points{{0.1, 0.7}, {0.3, 0.7}, {0.3, 0.9}}) click(corner);
  editor_.accept();
  EXPECT_EQ(editor_.items().back().now.shape.name, "zone 3");
}

TEST_F(ZoneEditorTest, RevertTakesBackWhatIsNotSaved) {
  editor_.rename(0, "yard");
  drag({0.2, 0.2}, {0.1, 0.1});
  editor_.remove(1);
  editor_.draw_line();
  click({0.1, 0.8});
  click({0.2, 0.8});
  const auto changes = editor_.changes();
  ASSERT_EQ(changes.size(), 3U);
  EXPECT_EQ(changes[0].was, kPath);
  EXPECT_EQ(changes[0].now, std::nullopt);
  EXPECT_EQ(changes[1].was, kSquare);
  EXPECT_EQ(changes[1].now->shape.name, "yard");
  EXPECT_EQ(changes[1].now->shape.points[0], (Point{0.1, 0.1}));
  EXPECT_EQ(changes[2].was, std::nullopt);
  EXPECT_EQ(changes[2].now->shape.name, "line 1");
  editor_.revert();
  EXPECT_FALSE(editor_.unsaved());
  EXPECT_EQ(editor_.shapes(), (std::vector{kSquare.shape, kPath.shape}));
}

TEST_F(ZoneEditorTest, WhatWasSavedIsUnchanged) {
  editor_.rename(0, "yard");
  drag({0.8, 0.9}, {0.7, 0.9});
  editor_.draw_line();
  click({0.1, 0.8});
  click({0.2, 0.8});
  std::vector<ZoneSpec> file;  // lines come first in what is read
  for (const size_t i : {1, 2, 0}) file.push_back(editor_.items()[i].now);
  const auto shapes = editor_.shapes();
  editor_.load(file, "clip.avi");
  EXPECT_FALSE(editor_.unsaved());
  EXPECT_EQ(editor_.shapes(), shapes) << "in the order of the list";
}

TEST_F(ZoneEditorTest, AFileThatIsEditedMeetsWhatIsNotSaved) {
  drag({0.2, 0.2}, {0.1, 0.1});  // square, changed here
  editor_.draw_line();
  click({0.1, 0.8});
  click({0.2, 0.8});
  ZoneSpec square = kSquare, path = kPath;
  square.shape.points[2] = {0.9, 0.9};
  path.shape.points[0] = {0.7, 0};
  const ZoneSpec other{{"other", false, {{0.1, 0.1}, {0.2, 0.1}, {0.2, 0.2}}}, "", ""};
  editor_.load({path, square, other}, "clip.avi");
  ASSERT_EQ(editor_.items().size(), 4U);
  EXPECT_EQ(points(0)[0], (Point{0.1, 0.1})) << "own changes stay";
  EXPECT_EQ(points(1), path.shape.points) << "others come from the file";
  EXPECT_EQ(editor_.items()[2].now.shape.name, "line 1");
  EXPECT_EQ(editor_.items()[3].now, other);
  ASSERT_EQ(editor_.changes().size(), 2U);
  EXPECT_EQ(editor_.changes()[0].was, square) << "what will be replaced is the file's";
  // What went from the file goes here, unless it was changed.
  editor_.remove(3);
  editor_.load({other}, "clip.avi");
  ASSERT_EQ(editor_.items().size(), 2U);
  EXPECT_EQ(editor_.items()[0].saved, std::nullopt);
  ASSERT_EQ(editor_.changes().size(), 3U);
  EXPECT_EQ(editor_.changes()[0].was, other) << "what was taken away stays away";
  editor_.revert();
  EXPECT_EQ(editor_.shapes(), std::vector{other.shape});
}

}  // namespace
}  // namespace tarsier::app
