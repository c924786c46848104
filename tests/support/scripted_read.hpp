// What a client makes of an object that a scripted server gives: everything read, or the failure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/pager/client.hpp"
#include "support/drive.hpp"
#include "support/scripted_server.hpp"

namespace s3pager::test {

struct scripted_outcome {
  std::vector<std::string> pages = {};
  std::string body = {};
  std::optional<verification> first = {};  ///< as the first page came
  std::optional<verification> last = {};   ///< with the last page
  std::optional<std::uint64_t> size = {};  ///< of the object, as its last page says
  std::optional<error> failure = {};
  std::vector<std::string> requests = {};
  summary total = {};

  /// The value of a request's header; empty: it had none.
  [[nodiscard]] std::string asked(std::size_t which, std::string_view header) const {
    const std::string& from = requests.at(which);
    const std::string name = "\r\n" + std::string(header) + ": ";
    const std::size_t at = from.find(name);
    if (at == std::string::npos) return {};
    return from.substr(at + name.size(), from.find("\r\n", at + name.size()) - at - name.size());
  }
};

/// What is read; of a client that asks one at a time, on a clock that stands still.
using scripted_start = std::function<page_stream(client&)>;

[[nodiscard]] inline async_generator<object> one_object(std::uint64_t size, std::string_view etag) {
  object made = object::of_key("k");
  made.size = size;
  made.etag = etag;
  co_yield std::move(made);
}
/// The object `k`, as a list has it. The ETag must outlive the reading.
[[nodiscard]] inline scripted_start as_listed(std::uint64_t size, std::string_view etag) {
  return [=](client& s3) { return s3.page_ordered("bucket", one_object(size, etag)); };
}

[[nodiscard]] inline task<> read_all(page_stream& pages, scripted_outcome& out) {
  try {
    for (;;) {
      const std::optional<page> got = co_await pages.next();
      if (!got) break;
      if (!out.first) out.first = got->object().verification();
      if (got->last()) {
        out.last = got->object().verification();
        out.size = got->object().size;
      }
      out.body += got->text();
      out.pages.emplace_back(got->text());
    }
  } catch (const error& failed) {
    out.failure.emplace(failed);
  }
  out.total = pages.summary();
}

[[nodiscard]] inline scripted_outcome read_scripted(std::vector<std::vector<scripted_answer>> answers, const scripted_start& start,
                                                    verify mode = verify::as_it_arrives, std::uint32_t attempts = 3) {
  manual_clock time;
  ring::reactor loop({.clock = &time});
  const scripted_server server(loop, std::move(answers));
  const std::string endpoint = server.endpoint();
  client s3(loop, {.anonymous = true,
                   .region = "us-east-1",
                   .endpoint_url = endpoint,
                   .window_bytes = 4 << 20,
                   .concurrency = 1,
                   .verify = mode,
                   .retry = {.max_attempts = attempts, .base_delay = duration::zero()}});
  page_stream pages = start(s3);
  scripted_outcome out;
  root<> reading(loop.ready(), read_all(pages, out));
  while (!reading.done()) loop.run_once();
  out.requests = server.requests();
  return out;
}

}  // namespace s3pager::test
