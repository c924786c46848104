// A directory of a test's own, gone with it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace s3pager::test {

class scratch_directory {
 public:
  scratch_directory() : path_((std::filesystem::temp_directory_path() / "s3pager-XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
  }
  scratch_directory(const scratch_directory&) = delete;
  scratch_directory& operator=(const scratch_directory&) = delete;
  ~scratch_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// The path of a file that holds `text`.
  [[nodiscard]] std::string file(const std::string& name, const std::string& text) const {
    std::string made = path_ + "/" + name;
    std::ofstream(made, std::ios::binary) << text;
    return made;
  }

 private:
  std::string path_;
};

}  // namespace s3pager::test
