// An S3 server on loopback to try things on: synthetic objects of mixed sizes, or the files below a directory.
//
//   origin [--port N] [--bucket NAME] [--objects N] [--seed N] [--largest BYTES] [--directory PATH]
//
// Asks for signatures if AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are set. Prints what it holds and where it
// listens, and serves until SIGINT or SIGTERM.
#include <signal.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <s3pager/aws/environment.hpp>
#include <s3pager/base/unique_fd.hpp>
#include <s3pager/coro/when_all.hpp>
#include <s3pager/ring/socket.hpp>
#include <s3pager/testing/directory_bucket.hpp>
#include <s3pager/testing/origin.hpp>
#include <s3pager/testing/synthetic_bucket.hpp>

namespace {

struct arguments {
  std::uint16_t port = 0;
  std::string bucket = "demo";
  std::uint64_t objects = 300;
  std::uint64_t seed = 1;
  std::uint64_t largest = 4 << 20;
  std::string directory;
};

template <class Number>
Number number(std::string_view name, std::string_view text) {
  Number value{};
  const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || stop != text.data() + text.size())
    throw std::invalid_argument(std::string(name) + " needs a number, not '" + std::string(text) + "'");
  return value;
}

arguments parse(int count, char** values) {
  arguments out;
  for (int i = 1; i < count; i += 2) {
    const std::string_view name = values[i];
    if (i + 1 == count) throw std::invalid_argument(std::string(name) + " needs a value");
    const std::string_view value = values[i + 1];
    if (name == "--port") out.port = number<std::uint16_t>(name, value);
    else if (name == "--bucket") out.bucket = value;
    else if (name == "--objects") out.objects = number<std::uint64_t>(name, value);
    else if (name == "--seed") out.seed = number<std::uint64_t>(name, value);
    else if (name == "--largest") out.largest = number<std::uint64_t>(name, value);
    else if (name == "--directory") out.directory = value;
    else throw std::invalid_argument("there is no option " + std::string(name));
  }
  return out;
}

std::shared_ptr<const s3pager::testing::bucket> make_bucket(const arguments& asked) {
  if (!asked.directory.empty()) return std::make_shared<s3pager::testing::directory_bucket>(asked.directory);
  s3pager::testing::synthetic_options options;
  options.count = asked.objects;
  options.seed = asked.seed;
  options.per_folder = 100;
  options.size_of = [seed = asked.seed, largest = asked.largest](std::uint64_t index) {
    return s3pager::testing::mixed_size(seed, index, largest);
  };
  return std::make_shared<s3pager::testing::synthetic_bucket>(std::move(options));
}

// Blocked, the signals come through a descriptor that the reactor can wait for.
s3pager::unique_fd signals_to_end() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  if (const int failure = pthread_sigmask(SIG_BLOCK, &ends, nullptr); failure != 0)
    throw s3pager::error(s3pager::errno_code(failure), "blocking signals");
  s3pager::unique_fd fd(signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) throw s3pager::error(s3pager::errno_code(errno), "a descriptor for signals");
  return fd;
}

s3pager::task<> stop_on_signal(s3pager::ring::socket& signals, s3pager::testing::origin& server) {
  static_cast<void>(co_await signals.poll(POLLIN, s3pager::no_deadline));
  server.stop();
}

int serve(const arguments& asked) {
  s3pager::testing::origin_options options;
  options.port = asked.port;
  const auto found = s3pager::aws::credentials_from_environment();
  if (!found) throw std::invalid_argument(found.message());
  if (const auto& keys = found.value()) {
    options.access_key_id = keys->access_key_id;
    options.secret_access_key = keys->secret_access_key.view();
    options.session_token = keys->session_token.view();
  }
  const auto bucket = make_bucket(asked);
  const auto held = s3pager::testing::total(*bucket);

  s3pager::ring::reactor loop;
  s3pager::ring::socket signals(loop, signals_to_end());
  s3pager::testing::origin server(loop, options);
  server.add_bucket(asked.bucket, bucket);
  std::cout << "objects " << held.objects << " bytes " << held.bytes << '\n'
            << "bucket " << asked.bucket << '\n'
            << "endpoint " << server.endpoint() << std::endl;
  loop.run(s3pager::coro::when_all(server.serve(), stop_on_signal(signals, server)));
  std::cout << "requests " << server.counters().requests << " sent " << server.counters().bytes_sent << " bytes\n";
  return 0;
}

}  // namespace

int main(int count, char** values) {
  try {
    return serve(parse(count, values));
  } catch (const std::exception& e) {
    std::cerr << "origin: " << e.what() << '\n';
    return 2;
  }
}
