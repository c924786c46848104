#include "s3pager/testing/directory_bucket.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/ring/reactor.hpp"
#include "support/catch.hpp"

using namespace s3pager;
using namespace s3pager::testing;

namespace {

class temporary_directory {
 public:
  temporary_directory() {
    std::string name = (std::filesystem::temp_directory_path() / "s3pager-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw error(errno_code(errno), "a temporary directory");
    path_ = name;
  }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  ~temporary_directory() { std::filesystem::remove_all(path_); }

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  void write(const std::string& name, std::string_view text) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << text;
  }

 private:
  std::filesystem::path path_;
};

std::vector<std::string> keys(const bucket& from, std::string_view first = {}) {
  struct gatherer final : bucket::visitor {
    bool visit(const object_info& object) override {
      found.push_back(object.key);
      return true;
    }
    std::vector<std::string> found;
  } all;
  from.scan(first, all);
  return all.found;
}

std::string read(ring::reactor& loop, const opened_object& object) {
  std::string out;
  while (out.size() < object.info.size) {
    const body_piece piece = loop.run(object.body->read(out.size(), std::size_t{1} << 20));
    if (piece.bytes.empty()) break;
    out += as_chars(piece.bytes);
  }
  return out;
}

}  // namespace

TEST_CASE("the files below a directory are objects in the order of their keys", "[testing][directory_bucket]") {
  const temporary_directory root;
  for (const char* name : {"b", "a/b", "a-b", "a/\xc3\xa9 +%", ".hidden", "a/c/d"}) root.write(name, name);
  const directory_bucket made(root.path());
  CHECK(keys(made) == std::vector<std::string>{".hidden", "a-b", "a/b", "a/c/d", "a/\xc3\xa9 +%", "b"});
  CHECK(keys(made, "a/c") == std::vector<std::string>{"a/c/d", "a/\xc3\xa9 +%", "b"});
}

TEST_CASE("a file is read whole, however large", "[testing][directory_bucket]") {
  const temporary_directory root;
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += std::to_string(i);
  root.write("folder/large", text);
  root.write("empty", "");
  ring::reactor loop;
  const directory_bucket made(root.path());
  {
    const opened_object large = made.open(loop, "folder/large");
    REQUIRE(large.body);
    CHECK(large.info.size == text.size());
    CHECK(large.info.etag.size() == 32);
    CHECK(read(loop, large) == text);
    CHECK(made.open(loop, "empty").info.size == 0);
    CHECK(loop.run(made.open(loop, "empty").body->read(0, 10)).bytes.empty());
  }
  CHECK(ring::descriptor::live() == 0);
  CHECK(loop.live_operations() == 0);
}

TEST_CASE("no key leads out of the directory", "[testing][directory_bucket]") {
  const temporary_directory outside;
  outside.write("secret", "s");
  const temporary_directory root;
  root.write("inside/file", "f");
  std::filesystem::create_symlink(outside.path(), root.path() / "link");
  std::filesystem::create_symlink(outside.path() / "secret", root.path() / "file_link");
  const std::string name = outside.path().filename().string();
  ring::reactor loop;
  const directory_bucket made(root.path());
  CHECK(keys(made) == std::vector<std::string>{"inside/file"});
  CHECK(made.open(loop, "inside/file").body);
  for (const std::string& key : {"../" + name + "/secret", "inside/../../" + name + "/secret",
                                 (outside.path() / "secret").string(), std::string("link/secret"),
                                 std::string("file_link"), std::string("inside"), std::string("inside/"),
                                 std::string("inside//file"), std::string("./inside/file"), std::string(""),
                                 std::string(".."), std::string("inside/file\0", 12)})
    CHECK_FALSE(made.open(loop, key).body);
}

TEST_CASE("a directory is listed anew when asked to, and read as it is", "[testing][directory_bucket]") {
  const temporary_directory root;
  root.write("a", "one");
  ring::reactor loop;
  directory_bucket made(root.path());
  const std::string before = made.open(loop, "a").info.etag;
  root.write("a", "three");
  root.write("b", "");
  CHECK(made.open(loop, "a").info.size == 5);
  CHECK(made.open(loop, "a").info.etag != before);
  CHECK(keys(made) == std::vector<std::string>{"a"});
  made.refresh();
  CHECK(keys(made) == std::vector<std::string>{"a", "b"});
}

TEST_CASE("a directory that is not there is an error", "[testing][directory_bucket]") {
  const temporary_directory root;
  CHECK_THROWS_AS(directory_bucket(root.path() / "nothing"), error);
}
