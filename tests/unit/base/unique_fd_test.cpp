#include "s3pager/base/unique_fd.hpp"

#include <fcntl.h>

#include <type_traits>

#include "support/catch.hpp"

using s3pager::unique_fd;

namespace {

int open_null() {
  const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  REQUIRE(fd >= 0);
  return fd;
}

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) != -1; }

}  // namespace

static_assert(!std::is_copy_constructible_v<unique_fd> && !std::is_copy_assignable_v<unique_fd>);
static_assert(std::is_nothrow_move_constructible_v<unique_fd> && std::is_nothrow_move_assignable_v<unique_fd>);
static_assert(!std::is_convertible_v<int, unique_fd>);

TEST_CASE("an owner of no descriptor is false") {
  const unique_fd none;
  CHECK(none.get() == -1);
  CHECK_FALSE(none);
}

TEST_CASE("descriptor zero is one") {
  unique_fd zero(0);
  CHECK(bool(zero));
  CHECK(zero.release() == 0);
}

TEST_CASE("a descriptor is closed with its owner") {
  const int fd = open_null();
  {
    const unique_fd owner(fd);
    CHECK(bool(owner));
    CHECK(owner.get() == fd);
    CHECK(is_open(fd));
  }
  CHECK_FALSE(is_open(fd));
}

TEST_CASE("a descriptor that is released stays open") {
  const int fd = open_null();
  {
    unique_fd owner(fd);
    CHECK(owner.release() == fd);
    CHECK_FALSE(owner);
  }
  CHECK(is_open(fd));
  ::close(fd);
}

TEST_CASE("moving hands the descriptor on") {
  const int fd = open_null();
  unique_fd from(fd);
  unique_fd to(std::move(from));
  CHECK(from.get() == -1);
  CHECK(to.get() == fd);
  CHECK(is_open(fd));
}

TEST_CASE("assigning closes what was owned before") {
  const int old = open_null();
  const int fd = open_null();
  unique_fd owner(old);
  owner = unique_fd(fd);
  CHECK(owner.get() == fd);
  CHECK_FALSE(is_open(old));
  CHECK(is_open(fd));
}

TEST_CASE("assigning to itself keeps the descriptor") {
  const int fd = open_null();
  unique_fd owner(fd);
  unique_fd& same = owner;
  owner = std::move(same);
  CHECK(owner.get() == fd);
  CHECK(is_open(fd));
}

TEST_CASE("reset closes and takes another, or none") {
  const int old = open_null();
  const int fd = open_null();
  unique_fd owner(old);
  owner.reset(fd);
  CHECK_FALSE(is_open(old));
  CHECK(owner.get() == fd);
  owner.reset();
  CHECK_FALSE(is_open(fd));
  CHECK_FALSE(owner);
  owner.reset();
  CHECK(owner.get() == -1);
}
