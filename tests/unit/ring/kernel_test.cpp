#include "s3pager/ring/kernel.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "s3pager/ring/reactor.hpp"
#include "support/catch.hpp"

using namespace s3pager;
using namespace s3pager::ring;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_CASE("the words for no io_uring tell the causes apart") {
  const kernel_version old{5, 15};
  const kernel_version fresh{6, 12};
  CHECK(contains(explain_setup_failure(ENOSYS, old, "", false), "this kernel is 5.15, Linux 6.1 or later"));
  CHECK(contains(explain_setup_failure(EPERM, fresh, "2", false), "kernel.io_uring_disabled = 2"));
  CHECK(contains(explain_setup_failure(EPERM, fresh, "1", true), "kernel.io_uring_disabled = 1"));
  CHECK(contains(explain_setup_failure(EPERM, fresh, "0", true), "seccomp"));
  CHECK(contains(explain_setup_failure(ENOSYS, fresh, "", true), "seccomp"));
  CHECK(contains(explain_setup_failure(ENOSYS, fresh, "", false), "CONFIG_IO_URING"));
  CHECK(contains(explain_setup_failure(EACCES, fresh, "0", false), "security module"));
  CHECK(contains(explain_setup_failure(EINVAL, old, "0", false), "5.15"));
  CHECK(contains(explain_setup_failure(ENOMEM, fresh, "0", false), "RLIMIT_MEMLOCK"));
  CHECK(contains(explain_setup_failure(EMFILE, fresh, "0", false), "RLIMIT_NOFILE"));
  CHECK(contains(explain_setup_failure(ENFILE, fresh, "0", false), "fs.file-max"));
  CHECK(contains(explain_setup_failure(EFAULT, fresh, "0", false), "Bad address"));
}

TEST_CASE("versions compare by number, not by letter") {
  CHECK(kernel_version{6, 9} < kernel_version{6, 12});
  CHECK(kernel_version{5, 19} < oldest_kernel);
  CHECK(running_kernel() > kernel_version{3, 0});
}

TEST_CASE("bundles are used only where they hold their length") {
  CHECK_FALSE(bundles_hold_their_length({6, 10}));
  CHECK_FALSE(bundles_hold_their_length({6, 12}));
  CHECK_FALSE(bundles_hold_their_length({6, 16}));
  CHECK(bundles_hold_their_length({6, 17}));
  CHECK(bundles_hold_their_length({7, 0}));
}

TEST_CASE("features can be masked one by one") {
  CHECK((~feature::defer_taskrun & feature::all) == (feature::receive_bundle | feature::min_wait));
  CHECK(has(feature::all, feature::defer_taskrun | feature::receive_bundle | feature::min_wait));
  CHECK(reactor({.masked = feature::all}).features() == feature::none);
  CHECK_FALSE(has(reactor({.masked = feature::receive_bundle}).features(), feature::receive_bundle));
  CHECK_FALSE(has(reactor({.masked = feature::min_wait}).features(), feature::min_wait));
  CHECK(has(reactor().features(), feature::min_wait) == (running_kernel() >= kernel_version{6, 12}));
  CHECK_FALSE(has(reactor({.masked = feature::defer_taskrun}).features(), feature::min_wait));
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define S3PAGER_TEST_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define S3PAGER_TEST_SANITIZED
#endif

// Sanitizers need descriptors themselves, to look at objects.
#if !defined(S3PAGER_TEST_SANITIZED)

// What making a reactor said, in a child that may have `more` descriptors.
std::string failure_with_descriptors(int more) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const int next = ::dup(0);
    const rlimit limit{static_cast<rlim_t>(next + more), static_cast<rlim_t>(next + more)};
    ::close(next);
    std::string said = "nothing";
    if (::setrlimit(RLIMIT_NOFILE, &limit) == 0) {
      try {
        const reactor made;
      } catch (const error& failure) {
        said = failure.what();
        if (failure.code() == errc::unavailable) said += " (unavailable)";
      }
    }
    [[maybe_unused]] const auto written = ::write(ends[1], said.data(), said.size());
    ::_exit(0);
  }
  ::close(ends[1]);
  char text[1000];
  const auto size = ::read(ends[0], text, sizeof text);
  ::close(ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return {text, static_cast<std::size_t>(size)};
}

TEST_CASE("a process out of descriptors is told so") {
  for (const int more : {0, 1}) {
    const std::string said = failure_with_descriptors(more);
    INFO(said);
    CHECK(contains(said, "RLIMIT_NOFILE"));
    CHECK(contains(said, "(unavailable)"));
  }
  CHECK(failure_with_descriptors(10) == "nothing");
}

#endif

}  // namespace
