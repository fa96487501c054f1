// Zones and lines written back into a pipeline file's text.
#include "pipeline/zone_tables.hpp"

#include <algorithm>
#include <gtest/gtest.h>

#include "core/file.hpp"
#include "support/temp_folder.hpp"

namespace tarsier::pipeline {
namespace {

namespace fs = std::filesystem;

const std::string kFile = R"(# What moves.
description = "é"

[[stage]]
name = "zones"   # counts
type = "zones"
band = 0.1 # heights

# Before the café.
[[stage.zone]]
name = "forecourt" # é
source = "vtest.avi"
points = [[0.43, 0.38], [0.70, 0.36], # a ]
          [0.78, 0.52]] # the lamp

  # Right of the way.
[[stage.line]]
points = [[0.84, 0.80], [0.84, 0.44]]
name = 'path'

# Last.
[[stage]]
name = "other"
type = "zones"
[[stage.zone]]
name = "forecourt"
source = "vtest.avi"
points = [[0, 0], [1, 0], [1, 1]]
)";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}
std::string crlf(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '\n' ? "\r\n" : std::string(1, c);
  return out;
}

class ZoneTables : public ::testing::Test {
 protected:
  test::TempFolder dir_;
  fs::path file_ = dir_ / "p.toml";

  std::vector<StageSpec> read(const std::string& text) {
    EXPECT_TRUE(write_text_atomic(file_, text).ok());
    Params params;
    const auto spec = load_pipeline(file_.string(), params);
    EXPECT_TRUE(spec.ok()) << spec.error().message;
    return spec.ok() ? spec->stages : std::vector<StageSpec>();
  }
  /// What the text becomes; reading it back gives the stages with these changes and all else as it was.
  std::string changed(const std::string& text, const std::vector<ZoneChange>& changes,
                      const std::string& stage = "zones") {
    auto stages = read(text);
    const auto result = with_zones(text, "p.toml", stage, changes);
    EXPECT_TRUE(result.ok()) << result.error().message;
    if (!result.ok()) return "";
    auto& zones = std::ranges::find(stages, stage, &StageSpec::name)->zones;
    for (const auto& change : changes) {
      const auto at = change.was ? std::ranges::find(zones, *change.was) : zones.end();
      if (at == zones.end()) {
        if (change.now) zones.push_back(*change.now);
      } else if (change.now) {
        *at = *change.now;
      } else {
        zones.erase(at);
      }
    }
    std::ranges::stable_sort(zones, std::greater(), [](const ZoneSpec& zone) { return zone.shape.line; });
    EXPECT_EQ(read(*result), stages) << *result;
    return *result;
  }
  ZoneSpec find(const std::string& text, const std::string& name, const std::string& stage = "zones") {
    const auto stages = read(text);
    const auto& zones = std::ranges::find(stages, stage, &StageSpec::name)->zones;
    return *std::ranges::find_if(zones, [&](const ZoneSpec& zone) { return zone.shape.name == name; });
  }
};

TEST_F(ZoneTables, ChangedValuesAloneAreWritten) {
  const ZoneSpec was = find(kFile, "forecourt");
  ZoneSpec now = was;
  now.shape.points = {{0, 0.25}, {0.1234, 0.5}, {1, 1}, {0.5, 0.75}};
  const std::string points = "[[0.43, 0.38], [0.70, 0.36], # a ]\n          [0.78, 0.52]]";
  const std::string list = "[[0.0, 0.25], [0.1234, 0.5], [1.0, 1.0], [0.5, 0.75]]";
  EXPECT_EQ(changed(kFile, {{was, now}}), replaced(kFile, points, list));
  now.shape.name = "a \"b\" \\ é";
  EXPECT_EQ(changed(kFile, {{was, now}}),
            replaced(replaced(kFile, points, list), "\"forecourt\"", R"("a \"b\" \\ é")"));
  EXPECT_EQ(changed(crlf(kFile), {{was, now}}), crlf(changed(kFile, {{was, now}})));
  const std::string mark = "\xEF\xBB\xBF";
  EXPECT_EQ(changed(mark + kFile, {{was, now}}), mark + changed(kFile, {{was, now}}));
  EXPECT_EQ(changed("\n" + kFile, {{was, now}}), "\n" + changed(kFile, {{was, now}}));
}

TEST_F(ZoneTables, AnotherStageOfTheFileIsChangedByItsName) {
  const ZoneSpec was = find(kFile, "forecourt", "other");
  ZoneSpec now = was;
  now.shape.points[2] = {0.5, 1};
  EXPECT_EQ(changed(kFile, {{was, now}}, "other"),
            replaced(kFile, "[[0, 0], [1, 0], [1, 1]]", "[[0.0, 0.0], [1.0, 0.0], [0.5, 1.0]]"));
  EXPECT_EQ(changed(kFile, {{was, {}}}, "other"),
            replaced(kFile,
                     "[[stage.zone]]\nname = \"forecourt\"\nsource = \"vtest.avi\"\n"
                     "points = [[0, 0], [1, 0], [1, 1]]\n",
                     ""));
}

TEST_F(ZoneTables, NewOnesComeBehindTheStagesLast) {
  const ZoneSpec zone{{"zone 1", false, {{0.1, 0.1}, {0.2, 0.1}, {0.2, 0.2}}}, "cam \"1\"", ""};
  const ZoneSpec line{{"line 1", true, {{0.1, 0.1}, {0.2, 0.1}}}, "", ""};
  const std::string tables =
      "\n\n[[stage.zone]]\nname = \"zone 1\"\nsource = \"cam \\\"1\\\"\"\n"
      "points = [[0.1, 0.1], [0.2, 0.1], [0.2, 0.2]]"
      "\n\n[[stage.line]]\nname = \"line 1\"\npoints = [[0.1, 0.1], [0.2, 0.1]]";
  const std::vector<ZoneChange> both = {{{}, zone}, {{}, line}};
  EXPECT_EQ(changed(kFile, both), replaced(kFile, "name = 'path'", "name = 'path'" + tables));
  EXPECT_EQ(changed(crlf(kFile), both), crlf(replaced(kFile, "name = 'path'", "name = 'path'" + tables)));
  // A stage that has none, at the end of a file without a last newline.
  const std::string bare = "[[stage]]\nname = 'zones'\ntype = 'zones'\n[stage.more]\nband = 1 # end";
  EXPECT_EQ(changed(bare, both), bare + tables);
  EXPECT_EQ(changed(bare + "\n\n# foot\n", both), bare + tables + "\n\n# foot\n");
}

TEST_F(ZoneTables, AllAtOnce) {
  const ZoneSpec zone = find(kFile, "forecourt"), path = find(kFile, "path");
  ZoneSpec renamed = path;
  renamed.shape.name = "way";
  const ZoneSpec fresh{{"forecourt", false, {{0.1, 0.1}, {0.2, 0.1}, {0.2, 0.2}}}, "vtest.avi", ""};
  const std::string out = changed(kFile, {{zone, {}}, {path, renamed}, {{}, fresh}});
  EXPECT_NE(out.find("# Before the café.\n\n  # Right of the way.\n[[stage.line]]"), std::string::npos)
      << out;
  EXPECT_NE(out.find("name = \"way\"\n\n[[stage.zone]]\nname = \"forecourt\"\nsource = \"vtest.avi\"\n"
                     "points = [[0.1, 0.1], [0.2, 0.1], [0.2, 0.2]]\n\n# Last.\n"),
            std::string::npos)
      << out;
}

TEST_F(ZoneTables, WhatGoesLeavesCommentsAndOneEmptyLine) {
  const std::string text =
      "[[stage]]\nname='zones'\ntype='zones'\n\n[[stage.line]]\nname='a'\n"
      "points=[[0,0],[1,1]] # x\n\n[[stage.zone]]\nname='b'\npoints=[[0,0],[1,1],[1,0]]";
  const ZoneSpec a = find(text, "a"), b = find(text, "b");
  EXPECT_EQ(changed(text, {{a, {}}}),
            "[[stage]]\nname='zones'\ntype='zones'\n\n[[stage.zone]]\nname='b'\n"
            "points=[[0,0],[1,1],[1,0]]");
  EXPECT_EQ(changed(text + "\n", {{b, {}}}), text.substr(0, text.find("\n[[stage.zone]]")));
  EXPECT_EQ(changed(text, {{b, {}}}), text.substr(0, text.find("\n\n[[stage.zone]]")));
  EXPECT_EQ(changed(crlf(text), {{a, {}}}), crlf(changed(text, {{a, {}}})));
  EXPECT_EQ(changed(text, {{a, {}}, {b, {}}}), "[[stage]]\nname='zones'\ntype='zones'\n");
  EXPECT_EQ(changed(text, {{b, {}}, {a, {}}}), "[[stage]]\nname='zones'\ntype='zones'\n");
}

TEST_F(ZoneTables, WhatIsNotThereAnyMoreIsAddedAgainOrGone) {
  const ZoneSpec zone{{"gone", false, {{0.1, 0.1}, {0.2, 0.1}, {0.2, 0.2}}}, "", ""};
  EXPECT_EQ(changed(kFile, {{zone, {}}}), kFile);
  EXPECT_NE(changed(kFile, {{zone, zone}}).find("name = \"gone\""), std::string::npos);
  // What is there already is not added twice.
  ZoneSpec path = find(kFile, "path");
  path.shape.points[0] = {0.5, 0.5};
  const auto twice = with_zones(kFile, "p.toml", "zones", std::array{ZoneChange{{}, path}});
  ASSERT_TRUE(twice.ok());
  EXPECT_EQ(*twice, replaced(kFile, "[[0.84, 0.80], [0.84, 0.44]]", "[[0.5, 0.5], [0.84, 0.44]]"));
}

TEST_F(ZoneTables, WhatCannotBeChangedIsTold) {
  const ZoneSpec zone{{"z", false, {{0.1, 0.1}, {0.2, 0.1}, {0.2, 0.2}}}, "", ""};
  const auto expect_error = [&](const std::string& text, const ZoneChange& change, const std::string& part) {
    const auto result = with_zones(text, "p.toml", "zones", std::array{change});
    ASSERT_FALSE(result.ok());
    EXPECT_NE(result.error().message.find(part), std::string::npos) << result.error().message;
    EXPECT_EQ(result.error().exit_code(), 2);
  };
  expect_error("[[stage]\n", {{}, zone}, "p.toml:1:9: not valid TOML");
  expect_error("[[stage]]\nname = 'a'\n", {{}, zone}, "no stage 'zones'");
  const std::string braces =
      "[[stage]]\nname = 'zones'\nzone = [{name = 'z', points = [[0.1, 0.1], [0.2, 0.1], [0.2, 0.2]]}]\n";
  ZoneSpec fresh = zone;
  fresh.shape.name = "fresh";
  expect_error(braces, {{}, fresh}, "p.toml:3: stage.zone is written in braces");
  expect_error(braces, {zone, {}}, "p.toml:3: stage.zone is written in braces");
  ZoneSpec now = zone;
  now.shape.name = "y";
  EXPECT_TRUE(with_zones(braces, "p.toml", "zones", std::array{ZoneChange{zone, now}}).ok());
  // A stage in braces has no place for tables.
  expect_error("stage = [{name = 'zones'}]\n", {{}, zone}, "in a way that cannot be changed here");
}

TEST_F(ZoneTables, TheFileIsReplacedInOneStepAndStaysWhatItIs) {
  dir_.write("real.toml", kFile);
  fs::permissions(dir_ / "real.toml", fs::perms(0640));
  fs::create_symlink("real.toml", dir_ / "link.toml");
  const ZoneSpec path = find(kFile, "path");
  const std::vector<ZoneChange> changes = {{path, {}}};
  ASSERT_TRUE(save_zones(dir_ / "link.toml", "zones", changes).ok());
  EXPECT_TRUE(fs::is_symlink(dir_ / "link.toml"));
  EXPECT_EQ(fs::status(dir_ / "real.toml").permissions(), fs::perms(0640));
  EXPECT_EQ(*read_text(dir_ / "real.toml"), changed(kFile, changes));

  // Where it cannot be written: a folder is in the way of the temporary file.
  const fs::path blocked = dir_.write("blocked.toml", kFile);
  fs::create_directory(blocked.string() + fmt::format(".{}.partial", ::getpid()));
  const Status failed = save_zones(blocked, "zones", changes);
  ASSERT_FALSE(failed.ok());
  EXPECT_TRUE(failed.error().message.starts_with(blocked.string() + ": cannot be created"));
  EXPECT_EQ(*read_text(blocked), kFile);
  EXPECT_TRUE(save_zones_as(blocked, dir_ / "copy.toml", "zones", changes).ok());
  EXPECT_EQ(*read_text(dir_ / "copy.toml"), changed(kFile, changes));
  EXPECT_FALSE(save_zones_as(blocked, dir_ / "copy.toml", "zones", changes).ok()) << "nothing is overwritten";
}

TEST_F(ZoneTables, ZonesAreThoseOfTheSource) {
  StageSpec stage;
  for (const char* source : {"", "10.0.0.1/live", "10.0.0.2/live", "live", "vtest.avi"})
    stage.zones.push_back({{source, true, {}}, source, ""});
  const auto names = [&](std::string_view source) {
    std::string all;
    for (const auto& zone : zones_in(stage, source)) all += zone.shape.name + ";";
    return all;
  };
  EXPECT_EQ(names("/videos/vtest.avi"), ";vtest.avi;");
  EXPECT_EQ(names("rtsp://me:secret@10.0.0.2/live"), ";10.0.0.2/live;live;")
      << "the last as older files have it";
  EXPECT_EQ(names("http://192.168.1.5:8080/"), ";");
}

}  // namespace
}  // namespace tarsier::pipeline
