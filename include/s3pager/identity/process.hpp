// Credentials that a program of the user's prints: credential_process of a profile. Knows not who set it.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/aws/credential_answers.hpp"
#include "s3pager/aws/credentials.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/secret.hpp"
#include "s3pager/base/shell_words.hpp"
#include "s3pager/base/unique_fd.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/identity/provider.hpp"
#include "s3pager/identity/small_file.hpp"
#include "s3pager/ring/await.hpp"
#include "s3pager/ring/descriptor.hpp"
#include "s3pager/ring/file.hpp"
#include "s3pager/ring/poll.hpp"
#include "s3pager/ring/reactor.hpp"

namespace s3pager::identity {

namespace detail {

/// A running program: its input is empty, its output a pipe's, its complaints are kept in memory. It is killed if it is still running
/// when this goes, and always waited for by its pid.
class child_program {
 public:
  /// Throws error(invalid_argument) if it can't be started.
  // Delegating, so that it is destroyed, and the program waited for, though what comes after its start throws.
  explicit child_program(const std::vector<std::string>& words) : child_program(words.front()) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) fail("no pipe can be made", errno);
    output_ = unique_fd(ends[0]);
    const unique_fd into(ends[1]);
    complaints_ = unique_fd(::memfd_create("s3pager", MFD_CLOEXEC));
    if (!complaints_) fail("no memory for its messages", errno);

    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawnattr_init(&how);
    ::posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&files, into.get(), 1);
    ::posix_spawn_file_actions_adddup2(&files, complaints_.get(), 2);
    sigset_t signals;
    ::sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&how, &signals);
    ::sigfillset(&signals);
    ::posix_spawnattr_setsigdefault(&how, &signals);
    ::posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    const int failed = ::posix_spawnp(&pid_, arguments.front(), &files, &how, arguments.data(), environ);
    ::posix_spawnattr_destroy(&how);
    ::posix_spawn_file_actions_destroy(&files);
    if (failed != 0) {
      pid_ = -1;
      fail("it can't be started", failed);
    }
    handle_ = make_ref<ring::descriptor>(unique_fd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0))));
  }
  child_program(const child_program&) = delete;
  child_program& operator=(const child_program&) = delete;
  ~child_program() {
    if (pid_ < 0) return;
    // By its descriptor, if there is one: the number may be another's where somebody else waits for all children.
    if (handle_ && handle_->fd() >= 0) ::syscall(SYS_pidfd_send_signal, handle_->fd(), SIGKILL, nullptr, 0);
    else ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
  }

  [[nodiscard]] unique_fd take_output() noexcept { return std::move(output_); }
  /// To be polled for its end; negative: it has ended and nothing is known of it (the program ignores SIGCHLD).
  [[nodiscard]] const ref<ring::descriptor>& handle() const noexcept { return handle_; }

  /// Empty if it ended well; else how it ended, with the beginning of what it complained of. It must have ended.
  [[nodiscard]] std::string end() {
    int status = 0;
    pid_t got = 0;
    while ((got = ::waitpid(pid_, &status, 0)) < 0 && errno == EINTR) {}
    pid_ = -1;
    if (got < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) return {};
    std::string words = WIFSIGNALED(status) ? "it was ended by signal " + std::to_string(WTERMSIG(status))
                                            : "its exit status is " + std::to_string(WEXITSTATUS(status));
    char text[300];
    const ssize_t size = ::pread(complaints_.get(), text, sizeof text, 0);
    if (size > 0) words.append(": ").append(text, static_cast<std::size_t>(size));
    while (words.ends_with('\n')) words.pop_back();
    std::replace(words.begin(), words.end(), '\n', ' ');
    return words;
  }

 private:
  explicit child_program(const std::string& name) : name_(name) {}

  [[noreturn]] void fail(std::string_view what, int number) const {
    throw error(errc::invalid_argument,
                "credential_process " + name_ + ": " + std::string(what) + ": " + errno_code(number).message());
  }

  std::string name_;
  unique_fd output_;
  unique_fd complaints_;
  ref<ring::descriptor> handle_;
  pid_t pid_ = -1;
};

}  // namespace detail

/// Runs the command at each fetch, without a shell, as AWS's CLI does: words are cut as a shell would, nothing is expanded. The first word
/// is looked for on PATH; messages name it, and none of the others.
class process_credentials final : public credentials_provider {
 public:
  explicit process_credentials(std::string_view command) : command_(command) {}

  [[nodiscard]] std::string_view name() const noexcept override { return "credential_process"; }

  [[nodiscard]] task<std::optional<aws::credentials>> fetch(ring::reactor& loop) override {
    const auto words = shell_words(command_.view());
    if (!words) throw error(errc::invalid_argument, "credential_process has a quote that is left open, or ends with a backslash");
    if (words->empty() || words->front().empty()) throw error(errc::invalid_argument, "credential_process is empty");
    const std::string what = "credential_process " + words->front();
    detail::child_program child(*words);
    const ring::file output(loop, child.take_output());
    task<secret> reading = detail::read_to_end(output, "the output of " + what, aws::max_json_bytes, no_deadline);
    const secret text = co_await std::move(reading);
    if (child.handle()->fd() >= 0) {
      ring::io_awaiter ended(ring::make_poll(loop, child.handle()->fd(), POLLIN, child.handle()), no_deadline);
      const ring::io_result result = co_await ended;
      if (result.error == errno_code(ECANCELED)) throw error(errc::cancelled, "the wait for " + what + " was stopped");
      if (result.error) throw error(errc::unavailable, "the wait for " + what + ": " + result.error.message());
    }
    if (const std::string failed = child.end(); !failed.empty()) throw error(errc::access_denied, what + ": " + failed);
    auto parsed = aws::parse_process_credentials(text.view());
    if (!parsed) throw error(errc::invalid_argument, what + ": " + parsed.message());
    co_return std::move(parsed).value();
  }

 private:
  secret command_;
};

}  // namespace s3pager::identity
