#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <unistd.h>

#include "core/file.hpp"
#include "models/catalogue.hpp"
#include "models/fetch.hpp"
#include "models/process.hpp"
#include "models/store.hpp"

namespace tarsier::models {
namespace {

namespace fs = std::filesystem;

/// A folder of its own for each test, with a catalogue of one network that comes from a file:// URL.
class Models : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() / fmt::format("tarsier_models_{}", getpid());
    fs::remove_all(root_);
    fs::create_directories(root_ / "upstream");
    write(root_ / "upstream" / "weights.bin", kContent);
    options_.cache = root_ / "cache";
  }
  void TearDown() override { fs::remove_all(root_); }

  static void write(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  static std::string hash(const std::string& text) {
    return sha256_hex(std::as_bytes(std::span(text.data(), text.size())));
  }
  [[nodiscard]] std::string catalogue_text(const std::string& sha, const std::string& extra = "") const {
    return fmt::format(
        "[[model]]\nname = \"tiny\"\nlicense = \"MIT\"\n{}\n[model.input]\nsize = [8, "
        "4]\n[[model.file]]\nname = \"tiny.onnx\"\n"
        "sha256 = \"{}\"\n[[model.source]]\nurls = [\"file://{}/upstream/weights.bin\"]\n",
        extra, sha, root_.string());
  }
  [[nodiscard]] Result<Catalogue> catalogue(const std::string& text) const {
    write(root_ / "models.toml", text);
    return Catalogue::load(root_ / "models.toml");
  }
  [[nodiscard]] Entry tiny(const std::string& sha, const std::string& extra = "") const {
    return **catalogue(catalogue_text(sha, extra))->find("tiny");
  }
  /// Everything below the cache that is not a folder: what a failed fetch must not leave.
  [[nodiscard]] size_t leftovers() const {
    size_t count = 0;
    if (!fs::exists(options_.cache)) return 0;
    for (const auto& item : fs::recursive_directory_iterator(options_.cache))
      count += item.is_regular_file() ? 1 : 0;
    return count;
  }

  inline static const std::string kContent = "the bytes of a network";
  fs::path root_;
  StoreOptions options_;
};

TEST(ModelCatalogue, ShippedOneDescribesEveryNetwork) {
  const auto catalogue = Catalogue::load(fs::path(TARSIER_SOURCE_DIR) / "assets" / "models.toml");
  ASSERT_TRUE(catalogue.ok()) << catalogue.error().message;
  for (const char* name : {"centernet", "yolox_nano", "fastestdet", "twinlitenet", "selfie_segmentation",
                           "face_landmark", "yolov8n"}) {
    const auto entry = catalogue->find(name);
    ASSERT_TRUE(entry.ok()) << name;
    EXPECT_GT((*entry)->input.width, 0) << name;
    EXPECT_FALSE((*entry)->sources.empty()) << name;
    EXPECT_EQ((*entry)->labels.size(), (*entry)->task == "detect" ? 80U : 0U) << name;
  }
  EXPECT_EQ((*catalogue->find("centernet"))->files.size(), 2U);
  EXPECT_TRUE((*catalogue->find("centernet"))->fetched_by_default);
  EXPECT_TRUE((*catalogue->find("yolov8n"))->needs_consent);
  EXPECT_FALSE((*catalogue->find("yolov8n"))->fetched_by_default);
  EXPECT_TRUE((*catalogue->find("yolox_nano"))->input.bgr);
  EXPECT_FLOAT_EQ((*catalogue->find("yolox_nano"))->input.pad, 114);
  EXPECT_FLOAT_EQ((*catalogue->find("fastestdet"))->input.std[2], 255);
}

TEST(ModelCatalogue, RoadnetComesWithTarsier) {
  const auto catalogue = Catalogue::load_default();
  ASSERT_TRUE(catalogue.ok()) << catalogue.error().message;
  const auto* entry = *catalogue->find("roadnet");
  EXPECT_TRUE(entry->sources.empty()) << "nothing to download";
  const auto options = store_options({});
  ASSERT_TRUE(options.ok()) << options.error().message;
  EXPECT_EQ(state_of(*entry, *options), "comes with Tarsier");
  const auto files = fetch(*entry, *options);
  ASSERT_TRUE(files.ok()) << files.error().message;
  EXPECT_EQ(fs::file_size(files->main), entry->files[0].bytes);
}

TEST_F(Models, OneThatComesWithTarsierAndIsNotThereIsOneClearLine) {
  Entry entry = tiny(hash(kContent));
  entry.sources.clear();
  const auto files = fetch(entry, options_);
  ASSERT_FALSE(files.ok());
  EXPECT_EQ(files.error().exit_code(), 2);
  EXPECT_NE(files.error().message.find("comes with Tarsier, but tiny.onnx is not in"), std::string::npos)
      << files.error().message;
}

TEST(ModelCatalogue, EveryUrlIsPinnedToACommit) {
  const auto catalogue = Catalogue::load(fs::path(TARSIER_SOURCE_DIR) / "assets" / "models.toml");
  ASSERT_TRUE(catalogue.ok());
  for (const auto& entry : catalogue->entries()) {
    for (const auto& source : entry.sources) {
      for (const auto& url : source.urls) {
        EXPECT_EQ(url.rfind("https://", 0), 0U) << url;
        size_t longest = 0;
        size_t run = 0;
        for (const char c : url)
          longest = std::max(longest, run = std::isxdigit(static_cast<unsigned char>(c)) != 0 ? run + 1 : 0);
        EXPECT_GE(longest, 40U) << url;
      }
    }
  }
}

TEST(ModelCatalogue, AnUnknownNameComesWithTheNearest) {
  const auto catalogue = Catalogue::load(fs::path(TARSIER_SOURCE_DIR) / "assets" / "models.toml");
  const auto entry = catalogue->find("yolox_nan");
  ASSERT_FALSE(entry.ok());
  EXPECT_EQ(entry.error().exit_code(), 2);
  EXPECT_NE(entry.error().message.find("did you mean 'yolox_nano'?"), std::string::npos)
      << entry.error().message;
}

TEST_F(Models, BadCataloguesAreRefusedWithLineAndKey) {
  const std::string sha = hash(kContent);
  const std::vector<std::pair<std::string, std::string>> cases = {
      {catalogue_text(sha, "lisence_url = \"x\""),
       "models.toml:4: unknown key 'lisence_url' (did you mean 'license_url'?)"},
      {catalogue_text(sha, "head = \"yolo\""), "must be one of none, centernet"},
      {catalogue_text(sha, "default = 3"), "models.toml:4: 'default' must be true or false"},
      {catalogue_text("abc"), "'sha256' must be 64 hexadecimal digits"},
      {catalogue_text(sha) + catalogue_text(sha), "model 'tiny' is there twice"},
      {"[[model]\n", "models.toml:1:"},
      {"", "no [[model]] in it"},
  };
  for (const auto& [text, message] : cases) {
    const auto result = catalogue(text);
    ASSERT_FALSE(result.ok()) << text;
    EXPECT_EQ(result.error().exit_code(), 2);
    EXPECT_NE(result.error().message.find(message), std::string::npos) << result.error().message;
  }
}

TEST_F(Models, FetchFillsTheCacheAndLocateFindsIt) {
  const Entry entry = tiny(hash(kContent));
  EXPECT_EQ(state_of(entry, options_), "not fetched");
  EXPECT_FALSE(locate(entry, options_).ok());
  const auto files = fetch(entry, options_);
  ASSERT_TRUE(files.ok()) << files.error().message;
  EXPECT_EQ(*read_text(files->main), kContent);
  EXPECT_EQ(files->main.filename(), "tiny.onnx");
  EXPECT_EQ(leftovers(), 1U);
  EXPECT_EQ(state_of(entry, options_), "cached");
  fs::remove_all(root_ / "upstream");  // the second call needs no source
  EXPECT_TRUE(fetch(entry, options_).ok());
}

TEST_F(Models, AWrongHashIsRejectedAndLeavesNothing) {
  const std::string other = hash("something else");
  const auto files = fetch(tiny(other), options_);
  ASSERT_FALSE(files.ok());
  EXPECT_EQ(files.error().exit_code(), 2);
  EXPECT_NE(files.error().message.find("expected " + other + ", got " + hash(kContent)), std::string::npos)
      << files.error().message;
  EXPECT_EQ(leftovers(), 0U);
}

TEST_F(Models, ADamagedCacheIsFetchedAgain) {
  const Entry entry = tiny(hash(kContent));
  ASSERT_TRUE(fetch(entry, options_).ok());
  write(cache_folder(entry, options_) / "tiny.onnx", "damaged");
  EXPECT_FALSE(locate(entry, options_).ok());
  const auto files = fetch(entry, options_);
  ASSERT_TRUE(files.ok()) << files.error().message;
  EXPECT_EQ(*read_text(files->main), kContent);
}

TEST_F(Models, NoConnectionNamesWhatWasTriedAndWhatToDo) {
  const Entry entry = tiny(hash(kContent));
  fs::remove_all(root_ / "upstream");
  const auto files = fetch(entry, options_);
  ASSERT_FALSE(files.ok());
  EXPECT_EQ(files.error().exit_code(), 1);
  EXPECT_NE(files.error().message.find("upstream/weights.bin"), std::string::npos) << files.error().message;
  EXPECT_NE(files.error().message.find("--model-path"), std::string::npos);
  EXPECT_EQ(files.error().message.find('\n'), std::string::npos);
  EXPECT_EQ(leftovers(), 0U);
}

TEST_F(Models, AMirrorComesFirstAndItsWrongFileIsReported) {
  const Entry entry = tiny(hash(kContent));
  write(root_ / "mirror" / "tiny.onnx", kContent);
  options_.mirrors = {root_ / "mirror"};
  EXPECT_EQ(fetch(entry, options_)->main, root_ / "mirror" / "tiny.onnx");
  EXPECT_EQ(leftovers(), 0U);
  write(root_ / "mirror" / "tiny.onnx", "not it");
  const auto files = fetch(entry, options_);
  ASSERT_FALSE(files.ok());
  EXPECT_NE(files.error().message.find("wrong SHA-256"), std::string::npos) << files.error().message;
  EXPECT_NE(files.error().message.find("to have it fetched"), std::string::npos) << files.error().message;
  Entry shipped = entry;
  shipped.sources.clear();
  const auto own = fetch(shipped, options_);
  ASSERT_FALSE(own.ok());
  EXPECT_NE(own.error().message.find("comes with Tarsier"), std::string::npos) << own.error().message;
  EXPECT_EQ(*read_text(root_ / "mirror" / "tiny.onnx"), "not it") << "a user's file is never removed";
}

TEST_F(Models, ALicenceThatNeedsConsentIsNotFetchedUnasked) {
  const Entry entry = tiny(hash(kContent), "consent = true");
  const auto files = fetch(entry, options_);
  ASSERT_FALSE(files.ok());
  EXPECT_NE(files.error().message.find("tarsier models add tiny"), std::string::npos)
      << files.error().message;
  FetchOptions accepted;
  accepted.consent = true;
  EXPECT_TRUE(fetch(entry, options_, accepted).ok());
}

TEST_F(Models, AnUnwritableCacheIsOneClearLine) {
  const Entry entry = tiny(hash(kContent));
  write(root_ / "cache", "a file where the folder should be");
  const auto files = fetch(entry, options_);
  ASSERT_FALSE(files.ok());
  EXPECT_EQ(files.error().exit_code(), 1);
  EXPECT_NE(files.error().message.find("XDG_CACHE_HOME"), std::string::npos) << files.error().message;
}

TEST_F(Models, AnOwnFileIsDescribedByTheTomlBesideIt) {
  const auto known = catalogue(catalogue_text(hash(kContent)));
  ASSERT_TRUE(known.ok());
  write(root_ / "mine.onnx", "bytes");
  auto entry = known->resolve((root_ / "mine.onnx").string());
  ASSERT_TRUE(entry.ok()) << entry.error().message;
  EXPECT_EQ(entry->name, "mine");
  EXPECT_EQ(entry->head, Head::kNone);
  EXPECT_EQ(locate(*entry, options_)->main, root_ / "mine.onnx");
  write(root_ / "names.txt", "cat\r\ndog\n\n");
  write(root_ / "mine.toml",
        "head = \"yolox\"\nlabels = \"names.txt\"\n[input]\nsize = [32, 16]\nfit = \"letterbox\"\nmean = [1, "
        "2, 3]\n");
  entry = known->resolve((root_ / "mine.onnx").string());
  ASSERT_TRUE(entry.ok()) << entry.error().message;
  EXPECT_EQ(entry->head, Head::kYolox);
  EXPECT_EQ(entry->labels, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(entry->input.width, 32);
  EXPECT_FLOAT_EQ(entry->input.mean[2], 3);
  EXPECT_EQ(entry->input.fit, Fit::kLetterboxCentre);
  EXPECT_EQ(known->resolve((root_ / "none.onnx").string()).error().exit_code(), 2);
}

TEST(Process, GivesOutputAndExitCodeAndReportsWhatIsMissing) {
  const auto result = run_process({"sh", "-c", "echo out; echo err >&2; exit 3"}, "/", {});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->exit_code, 3);
  EXPECT_NE(result->output.find("out\n"), std::string::npos);
  EXPECT_NE(result->output.find("err\n"), std::string::npos);
  EXPECT_FALSE(run_process({"no-such-program-of-ours"}, "/", {}).ok());
  const auto stopped = run_process({"sleep", "60"}, "/", [] { return false; });
  ASSERT_TRUE(stopped.ok());
  EXPECT_EQ(stopped->exit_code, 128 + 15);
}

}  // namespace
}  // namespace tarsier::models
