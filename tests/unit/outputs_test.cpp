// Where a run's pictures and results go.
#include "app/outputs.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

#include "app/application.hpp"
#include "core/file.hpp"
#include "support/clips.hpp"
#include "support/temp_folder.hpp"

namespace tarsier::app {
namespace {

namespace fs = std::filesystem;
using test::TempFolder;

TEST(RunFiles, WhatIsReadIsNeverWrittenOver) {
  const TempFolder folder;
  const fs::path clip = folder / "drive.mp4", pipeline = folder / "own.toml", images = folder / "images";
  std::ofstream(clip) << "x";
  std::ofstream(pipeline) << "x";
  fs::create_directories(images);
  fs::create_hard_link(clip, folder / "linked.mp4");
  fs::create_symlink(images, folder / "pictures");
  const auto refused = [&](const RunFiles& files, const char* why) {
    const Status status = check_places(files);
    if (status.ok()) return std::string("accepted");
    const std::string& message = status.error().message;
    const bool good = status.error().exit_code() == 2 && message.find(why) != std::string::npos &&
                      message.find('\n') == std::string::npos;
    return good ? std::string() : message;
  };
  const std::string source = clip.string();
  EXPECT_EQ(refused({source, pipeline, clip, {}}, "is the source"), "");
  EXPECT_EQ(refused({source, pipeline, folder / "images/../drive.mp4", {}}, "is the source"), "");
  EXPECT_EQ(refused({source, pipeline, folder / "linked.mp4", {}}, "is the source"), "");
  EXPECT_EQ(refused({"file://" + source, pipeline, clip, {}}, "is the source"), "");
  EXPECT_EQ(refused({source, pipeline, {}, clip}, "is the source"), "");
  EXPECT_EQ(refused({source, pipeline, {}, {}, {}, clip}, "is the source"), "");
  EXPECT_EQ(refused({source, pipeline, {}, folder / "a.jsonl", {}, folder / "a.jsonl"}, "--compare-json"),
            "");
  EXPECT_EQ(refused({source, pipeline, {}, {}, {}, pipeline}, "--compare-json"), "");
  EXPECT_EQ(refused({images.string(), pipeline, folder / "pictures/", {}}, "source's images"), "");
  EXPECT_EQ(refused({(images / "*.png").string(), pipeline, images / "a%d.png", {}}, "source's images"), "");
  EXPECT_EQ(refused({source, pipeline, folder / "new.mp4", folder / "new.mp4"}, "one file"), "");
  EXPECT_EQ(refused({source, pipeline, {}, pipeline}, "pipeline file"), "");
  EXPECT_EQ(refused({source, pipeline, {}, {}, clip}, "is the source"), "");
  for (const fs::path& trace : {folder / "new.mp4", folder / "new.jsonl", pipeline})
    EXPECT_EQ(refused({source, pipeline, folder / "new.mp4", folder / "new.jsonl", trace}, "--trace"), "");
  EXPECT_TRUE(check_places({source, pipeline, folder / "new.mp4", folder / "new.jsonl"}).ok());
  EXPECT_TRUE(check_places({source, pipeline, folder / "%05d.png", "-"}).ok());
  EXPECT_TRUE(check_places({images.string(), pipeline, folder / "seen/", {}}).ok());
  for (const char* camera : {"0", "synthetic", "rtsp://10.0.0.1/live", "http://cam/?a=b"})
    EXPECT_TRUE(check_places({camera, pipeline, folder / "new.mp4", folder / "new.jsonl"}).ok()) << camera;
}

TEST(RunFiles, ARunAsksBeforeItOpensAnything) {
  const TempFolder folder;
  const fs::path clip = folder / "drive.mp4";
  test::write_clip(clip, 3);
  const auto before = *read_text(clip);
  Application app;
  app.options.source = app.options.sink = clip.string();
  const Status status = assemble(app, {}, false);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("is the source"), std::string::npos) << status.error().message;
  EXPECT_EQ(*read_text(clip), before);
  EXPECT_EQ(folder.entries().size(), 1U);
}

TEST(Outputs, ResultsAreKeptWhereTheVideoFails) {
  const TempFolder folder;
  auto outputs = Outputs::open(folder / "seen.mp4", 25, folder / "seen.jsonl");
  ASSERT_TRUE(outputs.ok()) << outputs.error().message;
  ASSERT_TRUE((*outputs)->write(pipeline::FrameResult{}).ok());
  const Status status = (*outputs)->finish();
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("no frame was recorded"), std::string::npos)
      << status.error().message;
  EXPECT_EQ(folder.entries(), std::vector<std::string>{"seen.jsonl"});
}

}  // namespace
}  // namespace tarsier::app
