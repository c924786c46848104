// A variable of the environment, set or unset while this lives. Knows no variable.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

namespace s3pager::test {

class variable {
 public:
  explicit variable(std::string name) : name_(std::move(name)) {
    if (const char* const value = std::getenv(name_.c_str())) before_ = value;
    ::unsetenv(name_.c_str());
  }
  variable(std::string name, const std::string& value) : variable(std::move(name)) { ::setenv(name_.c_str(), value.c_str(), 1); }
  variable(const variable&) = delete;
  variable& operator=(const variable&) = delete;
  ~variable() {
    if (before_) ::setenv(name_.c_str(), before_->c_str(), 1);
    else ::unsetenv(name_.c_str());
  }

 private:
  std::string name_;
  std::optional<std::string> before_;
};

}  // namespace s3pager::test
