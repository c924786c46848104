// libcurl's multi interface: what programs without an SDK have.
#pragma once

#include <curl/curl.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "consumer.hpp"
#include "job.hpp"
#include "measure.hpp"

namespace bench {

struct curl_tuning {
  long buffer_bytes = 16 * 1024;  ///< CURLOPT_BUFFERSIZE; the default, and 512 KiB at most
  bool signs = false;             ///< by CURLOPT_AWS_SIGV4
};

class curl_contestant {
 public:
  explicit curl_contestant(target at, curl_tuning how = {}) : at_(std::move(at)), how_(how) {}

  [[nodiscard]] usage bulk(const bulk_job& what) const {
    const names found(at_);
    const std::unique_ptr<CURLM, decltype(&::curl_multi_cleanup)> multi(::curl_multi_init(), &::curl_multi_cleanup);
    ::curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(what.connections));
    usage made;
    consumer unused(consumption::count);
    consumer taking(what.what_for);
    std::vector<transfer> transfers(what.connections);
    for (transfer& each : transfers) each.prepare(*this, found, unused, made);
    const std::vector<request> warming = warming_of(what);
    const std::vector<request> requests = requests_of(what);
    meter used(at_.server_core);
    read_all(multi.get(), transfers, warming, made);
    const std::uint64_t connections = made.connections;
    made = {};
    for (transfer& each : transfers) each.into = &taking;
    used.begin();
    read_all(multi.get(), transfers, requests, made);
    used.end();
    made.bytes = taking.bytes();
    made.count = what.keys.size();
    made.requests = requests.size();
    made.connections += connections;
    return used.total(made);
  }

  [[nodiscard]] usage first_page(const first_page_job& what) const {
    const names found(at_);
    meter used;
    usage made;
    consumer taking(consumption::count);
    const request asked{at_.url() + at_.path(what.key), {}};
    transfer one;
    one.prepare(*this, found, taking, made);
    if (what.from == client_state::session || what.from == client_state::no_session)
      ::curl_easy_setopt(one.easy.get(), CURLOPT_FORBID_REUSE, 1L);
    if (what.from == client_state::no_session) ::curl_easy_setopt(one.easy.get(), CURLOPT_SSL_SESSIONID_CACHE, 0L);
    // The first time is not measured, as OpenSSL does a lot then.
    for (unsigned i = 0; i <= what.times; ++i) {
      meter unused;
      meter& into = i == 0 ? unused : used;
      if (i == 1) {
        made = {};
        taking = consumer(consumption::count);
      }
      if (what.from == client_state::fresh) one = {};
      into.begin();
      if (what.from == client_state::fresh) one.prepare(*this, found, taking, made);
      one.on_first_bytes = &into;
      one.ask(asked);
      check(::curl_easy_perform(one.easy.get()), one);
      ++made.count;
    }
    made.bytes = taking.bytes();
    return used.total(made);
  }

 private:
  struct request {
    std::string url;
    std::string range;  ///< empty: the whole
  };

  /// The host's address without a lookup.
  struct names {
    explicit names(const target& at) : list(::curl_slist_append(nullptr, (at.authority() + ":127.0.0.1").c_str())) {}
    names(const names&) = delete;
    names& operator=(const names&) = delete;
    ~names() { ::curl_slist_free_all(list); }
    curl_slist* list;
  };

  struct transfer {
    void prepare(const curl_contestant& with, const names& found, consumer& taking, usage& counting) {
      easy.reset(::curl_easy_init());
      into = &taking;
      counts = &counting;
      CURL* const to = easy.get();
      ::curl_easy_setopt(to, CURLOPT_RESOLVE, found.list);
      if (with.at_.secure) ::curl_easy_setopt(to, CURLOPT_CAINFO, with.at_.ca_file.c_str());
      ::curl_easy_setopt(to, CURLOPT_NOPROXY, "*");
      ::curl_easy_setopt(to, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
      ::curl_easy_setopt(to, CURLOPT_BUFFERSIZE, with.how_.buffer_bytes);
      ::curl_easy_setopt(to, CURLOPT_NOSIGNAL, 1L);
      ::curl_easy_setopt(to, CURLOPT_FAILONERROR, 1L);
      ::curl_easy_setopt(to, CURLOPT_WRITEFUNCTION, &transfer::take);
      if (with.how_.signs) {
        ::curl_easy_setopt(to, CURLOPT_AWS_SIGV4, (std::string("aws:amz:") + region + ":s3").c_str());
        ::curl_easy_setopt(to, CURLOPT_USERPWD, (std::string(access_key_id) + ':' + secret_access_key).c_str());
      }
    }
    void ask(const request& what) {
      ::curl_easy_setopt(easy.get(), CURLOPT_URL, what.url.c_str());
      if (!what.range.empty()) ::curl_easy_setopt(easy.get(), CURLOPT_RANGE, what.range.c_str());
      // Not before: it may have been moved.
      ::curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, this);
      ::curl_easy_setopt(easy.get(), CURLOPT_PRIVATE, this);
    }

    static std::size_t take(const char* bytes, std::size_t size, std::size_t count, void* data) noexcept {
      auto& self = *static_cast<transfer*>(data);
      self.into->take(bytes, size * count);
      if (self.on_first_bytes != nullptr) {
        std::exchange(self.on_first_bytes, nullptr)->end();
        curl_tlssessioninfo* secured = nullptr;
        long connects = 0;
        if (::curl_easy_getinfo(self.easy.get(), CURLINFO_TLS_SSL_PTR, &secured) == CURLE_OK && secured != nullptr &&
            secured->backend == CURLSSLBACKEND_OPENSSL &&
            ::curl_easy_getinfo(self.easy.get(), CURLINFO_NUM_CONNECTS, &connects) == CURLE_OK && connects > 0 &&
            ::SSL_session_reused(static_cast<const SSL*>(secured->internals)) == 1)
          ++self.counts->resumed;
      }
      return size * count;
    }

    struct cleaner {
      void operator()(CURL* what) const noexcept { ::curl_easy_cleanup(what); }
    };
    std::unique_ptr<CURL, cleaner> easy = nullptr;
    consumer* into = nullptr;
    usage* counts = nullptr;
    meter* on_first_bytes = nullptr;
  };

  static void check(CURLcode result, const transfer& of) {
    long connects = 0;
    ::curl_easy_getinfo(of.easy.get(), CURLINFO_NUM_CONNECTS, &connects);
    of.counts->connections += static_cast<std::uint64_t>(connects);
    if (result != CURLE_OK) throw std::runtime_error(std::string("libcurl: ") + ::curl_easy_strerror(result));
  }

  [[nodiscard]] std::vector<request> warming_of(const bulk_job& what) const {
    std::vector<request> made;
    for (const std::string& key : what.warming_keys) made.push_back({at_.url() + at_.path(key), {}});
    return made;
  }
  [[nodiscard]] std::vector<request> requests_of(const bulk_job& what) const {
    std::vector<request> made;
    for (const std::string& key : what.keys) {
      const std::string url = at_.url() + at_.path(key);
      if (what.range_bytes == 0) made.push_back({url, {}});
      for (std::uint64_t from = 0; what.range_bytes > 0 && from < what.object_bytes; from += what.range_bytes)
        made.push_back({url, std::to_string(from) + '-' +
                                 std::to_string(std::min(from + what.range_bytes, what.object_bytes) - 1)});
    }
    return made;
  }

  /// Asks with all transfers until all of `requests` are answered.
  static void read_all(CURLM* multi, std::vector<transfer>& transfers, const std::vector<request>& requests, usage& made) {
    std::size_t asked = 0;
    std::size_t busy = 0;
    const auto ask = [&](transfer& with) {
      with.ask(requests[asked++]);
      ::curl_multi_add_handle(multi, with.easy.get());
      ++busy;
    };
    for (transfer& each : transfers)
      if (asked < requests.size()) ask(each);
    while (busy > 0) {
      int running = 0;
      if (::curl_multi_perform(multi, &running) != CURLM_OK) throw std::runtime_error("curl_multi_perform");
      int left = 0;
      while (const CURLMsg* told = ::curl_multi_info_read(multi, &left)) {
        transfer* of = nullptr;
        ::curl_easy_getinfo(told->easy_handle, CURLINFO_PRIVATE, &of);
        check(told->data.result, *of);
        ::curl_multi_remove_handle(multi, of->easy.get());
        --busy;
        if (asked < requests.size()) {
          ask(*of);
          running = -1;  // it has something to do at once
        }
      }
      if (running > 0) {
        ::curl_multi_poll(multi, nullptr, 0, 1000, nullptr);
        ++made.waits;
      }
    }
  }

  target at_;
  curl_tuning how_;
};

}  // namespace bench
