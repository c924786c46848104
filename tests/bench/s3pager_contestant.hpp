// s3pager itself, as a program would use it: requests are signed, and all options are their defaults but for the lanes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <s3pager/s3pager.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "consumer.hpp"
#include "job.hpp"
#include "measure.hpp"

namespace bench {

/// What can be tried out beside the defaults; 0 is the default.
struct s3pager_tuning {
  std::size_t window_bytes = 0;
  std::size_t slot_bytes = 0;
  std::optional<std::size_t> receive_window_bytes = {};
};

enum class mode : std::uint8_t { ordered, unordered };

class s3pager_contestant {
 public:
  explicit s3pager_contestant(target at, mode how = mode::unordered, s3pager_tuning tuning = {})
      : at_(std::move(at)), url_(at_.url()), how_(how), tuning_(tuning) {}

  [[nodiscard]] usage bulk(const bulk_job& what) const {
    s3pager::ring::reactor loop;
    s3pager::client_options options = settings();
    options.concurrency = what.connections;
    s3pager::client s3(loop, options);
    meter used(at_.server_core);
    usage made;
    loop.run(read_bulk(loop, s3, what, used, made));
    made.connections = s3.connections().open;
    made.resumed = s3.connections().resumed;
    made.bound_kibibytes = memory_bound_kibibytes(options, made.connections);
    return used.total(made);
  }

  /// The first page of what is listed. What has not come by then is read to its end, as connections are only kept so.
  [[nodiscard]] usage first_listed_page(const first_page_job& what) const {
    const s3pager::client_options options = settings();
    meter used;
    meter unused;
    usage made;
    if (what.from == client_state::connection) {
      s3pager::ring::reactor loop;
      s3pager::client s3(loop, options);
      for (unsigned i = 0; i <= what.times; ++i)
        loop.run(read_first_listed_page(s3, what.prefix, i == 0 ? unused : used, made));
      made.connections = s3.connections().open;
    } else {
      for (unsigned i = 0; i <= what.times; ++i) {
        s3pager::ring::reactor loop;
        s3pager::client s3(loop, options);
        loop.run(read_first_listed_page(s3, what.prefix, i == 0 ? unused : used, made));
        made.connections = s3.connections().open;
      }
    }
    made.count = what.times;
    made.bytes = what.times * what.object_bytes;
    made.bound_kibibytes = memory_bound_kibibytes(options, made.connections);
    return used.total(made);
  }

  [[nodiscard]] usage list(const list_job& what) const {
    const s3pager::client_options options = settings();
    s3pager::ring::reactor loop;
    s3pager::client s3(loop, options);
    meter used(at_.server_core);
    usage made;
    used.begin();
    loop.run(read_list(s3, what.prefix, made));
    used.end();
    made.connections = s3.connections().open;
    made.bound_kibibytes = memory_bound_kibibytes(options, made.connections);
    return used.total(made);
  }

  [[nodiscard]] usage first_page(const first_page_job& what) const {
    s3pager::client_options options = settings();
    options.concurrency = 1;
    if (what.from == client_state::session) options.keep_alive = {};
    const std::string every_bucket = "https://" + at_.hosts_suffix + ':' + std::to_string(at_.port);
    if (what.from == client_state::no_session) {
      // A client has no session for a host that it has not spoken with yet: each bucket is one.
      options.endpoint_url = every_bucket;
      options.addressing = s3pager::addressing::virtual_hosted;
    }
    meter used;
    meter unused;
    usage made;
    std::uint64_t resumed = 0;
    // The first time is not measured, as OpenSSL does a lot then.
    if (what.from == client_state::fresh) {
      for (unsigned i = 0; i <= what.times; ++i) {
        meter& into = i == 0 ? unused : used;
        if (i == 1) made = {};
        into.begin();
        s3pager::ring::reactor loop;
        s3pager::client s3(loop, options);
        into.end();
        loop.run(read_first_page(s3, at_.bucket, what.key, into, made));
      }
    } else {
      s3pager::ring::reactor loop;
      s3pager::client s3(loop, options);
      loop.run(read_first_page(s3, at_.bucket, what.key, unused, made));
      made = {};
      for (unsigned i = 0; i < what.times; ++i) {
        const std::string bucket = what.from == client_state::no_session ? at_.bucket + std::to_string(i) : at_.bucket;
        loop.run(read_first_page(s3, bucket, what.key, used, made));
      }
      resumed = s3.connections().resumed;
    }
    made.resumed = resumed;
    return used.total(made);
  }

 private:
  [[nodiscard]] s3pager::client_options settings() const {
    s3pager::client_options made;
    made.access_key_id = access_key_id;
    made.secret_access_key = secret_access_key;
    made.region = region;
    made.endpoint_url = url_;
    made.connect_host = "127.0.0.1";
    made.addressing = s3pager::addressing::path;
    if (at_.secure) made.ca_file = at_.ca_file;
    if (tuning_.window_bytes != 0) made.window_bytes = tuning_.window_bytes;
    if (tuning_.slot_bytes != 0) made.slot_bytes = tuning_.slot_bytes;
    if (tuning_.receive_window_bytes) made.receive_window_bytes = *tuning_.receive_window_bytes;
    return made;
  }

  /// What the README promises.
  [[nodiscard]] std::uint64_t memory_bound_kibibytes(const s3pager::client_options& options, std::uint64_t connections) const {
    return (options.window_bytes >> 10) + 16 * 1024 + (at_.secure ? 160 * connections : 0);
  }

  [[nodiscard]] s3pager::page_stream page(s3pager::client& s3, const std::string& prefix) const {
    const s3pager::page_options what{.bucket = at_.bucket, .prefix = prefix};
    return how_ == mode::ordered ? s3.page_ordered(what) : s3.page_unordered(what);
  }

  [[nodiscard]] s3pager::task<> read_bulk(s3pager::ring::reactor& loop, s3pager::client& s3, const bulk_job& what, meter& used,
                                          usage& made) const {
    {
      auto warming = s3.page_unordered(at_.bucket, what.warming_keys);
      while (auto page = co_await warming.next()) {}
    }
    consumer taking(what.what_for);
    const std::uint64_t enters_before = loop.enters();
    used.begin();
    auto pages = page(s3, what.prefix);
    while (auto next = co_await pages.next()) {
      taking.take(next->bytes());
      made.count += next->last() ? 1U : 0U;
    }
    used.end();
    made.waits = loop.enters() - enters_before;
    made.bytes = taking.bytes();
    made.requests = pages.summary().requests;
    made.hedges = pages.summary().hedges;
  }

  [[nodiscard]] static s3pager::task<> read_first_page(s3pager::client& s3, const std::string& bucket, const std::string& key,
                                                       meter& used, usage& made) {
    const std::vector<std::string> keys{key};
    used.begin();
    auto pages = s3.page_unordered(bucket, keys);
    auto first = co_await pages.next();
    used.end();
    if (!first) throw std::runtime_error("no page came");
    made.bytes += first->bytes().size();
    ++made.count;
    first.reset();
    while (auto page = co_await pages.next()) made.bytes += page->bytes().size();
  }

  [[nodiscard]] s3pager::task<> read_first_listed_page(s3pager::client& s3, const std::string& prefix, meter& used,
                                                       usage& made) const {
    used.begin();
    auto pages = page(s3, prefix);
    auto first = co_await pages.next();
    used.end();
    if (!first || first->bytes().empty()) throw std::runtime_error("no page came");
    first.reset();
    while (auto more = co_await pages.next()) {}
    made.requests += pages.summary().requests;
  }

  [[nodiscard]] s3pager::task<> read_list(s3pager::client& s3, const std::string& prefix, usage& made) const {
    auto objects = s3.list({.bucket = at_.bucket, .prefix = prefix});
    while (auto next = co_await objects.next()) {
      ++made.count;
      made.bytes += *next->size;
    }
  }

  target at_;
  std::string url_;
  mode how_;
  s3pager_tuning tuning_;
};

}  // namespace bench
