// libcurl's multi interface, unsigned: what programs without an SDK have.
#pragma once

#include <curl/curl.h>
#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "job.hpp"
#include "measure.hpp"

namespace bench {

class curl_contestant {
 public:
  explicit curl_contestant(target at, long buffer_bytes = 16 * 1024)
      : at_(std::move(at)), url_("https://" + at_.authority()), buffer_bytes_(buffer_bytes) {}

  [[nodiscard]] usage bulk(const bulk_job& what) const {
    const names found(at_);
    const std::unique_ptr<CURLM, decltype(&::curl_multi_cleanup)> multi(::curl_multi_init(), &::curl_multi_cleanup);
    ::curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(what.connections));
    usage made;
    std::vector<transfer> transfers(what.connections);
    for (transfer& each : transfers) each.prepare(*this, found, made);
    meter used;
    read_all(multi.get(), transfers, what.warming_keys, made);
    const std::uint64_t connections = made.connections;
    made = {};
    used.begin();
    read_all(multi.get(), transfers, what.keys, made);
    used.end();
    usage all = used.total();
    all.bytes = made.bytes;
    all.count = made.count;
    all.waits = made.waits;
    all.connections = connections + made.connections;
    return all;
  }

  [[nodiscard]] usage first_page(const first_page_job& what) const {
    const names found(at_);
    meter used;
    usage made;
    transfer one;
    one.prepare(*this, found, made);
    if (what.from == client_state::session || what.from == client_state::no_session)
      ::curl_easy_setopt(one.easy.get(), CURLOPT_FORBID_REUSE, 1L);
    if (what.from == client_state::no_session) ::curl_easy_setopt(one.easy.get(), CURLOPT_SSL_SESSIONID_CACHE, 0L);
    // The first time is not measured, as OpenSSL does a lot then.
    for (unsigned i = 0; i <= what.times; ++i) {
      meter unused;
      meter& into = i == 0 ? unused : used;
      if (i == 1) made = {};
      if (what.from == client_state::fresh) one = {};
      into.begin();
      if (what.from == client_state::fresh) one.prepare(*this, found, made);
      one.on_first_bytes = &into;
      one.ask(url_ + at_.path(what.key));
      check(::curl_easy_perform(one.easy.get()), one);
      ++made.count;
    }
    usage all = used.total();
    all.bytes = made.bytes;
    all.count = made.count;
    all.resumed = made.resumed;
    all.connections = made.connections;
    return all;
  }

 private:
  /// The host's address without a lookup.
  struct names {
    explicit names(const target& at) : list(::curl_slist_append(nullptr, (at.authority() + ":127.0.0.1").c_str())) {}
    names(const names&) = delete;
    names& operator=(const names&) = delete;
    ~names() { ::curl_slist_free_all(list); }
    curl_slist* list;
  };

  struct transfer {
    void prepare(const curl_contestant& with, const names& found, usage& into) {
      easy.reset(::curl_easy_init());
      counts = &into;
      CURL* const to = easy.get();
      ::curl_easy_setopt(to, CURLOPT_RESOLVE, found.list);
      ::curl_easy_setopt(to, CURLOPT_CAINFO, with.at_.ca_file.c_str());
      ::curl_easy_setopt(to, CURLOPT_NOPROXY, "*");
      ::curl_easy_setopt(to, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
      ::curl_easy_setopt(to, CURLOPT_BUFFERSIZE, with.buffer_bytes_);
      ::curl_easy_setopt(to, CURLOPT_NOSIGNAL, 1L);
      ::curl_easy_setopt(to, CURLOPT_FAILONERROR, 1L);
      ::curl_easy_setopt(to, CURLOPT_WRITEFUNCTION, &transfer::take);
    }
    void ask(const std::string& url) {
      ::curl_easy_setopt(easy.get(), CURLOPT_URL, url.c_str());
      // Not before: it may have been moved.
      ::curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, this);
      ::curl_easy_setopt(easy.get(), CURLOPT_PRIVATE, this);
    }

    static std::size_t take(const char*, std::size_t size, std::size_t count, void* data) noexcept {
      auto& self = *static_cast<transfer*>(data);
      self.counts->bytes += size * count;
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
    usage* counts = nullptr;
    meter* on_first_bytes = nullptr;
  };

  static void check(CURLcode result, const transfer& of) {
    long connects = 0;
    ::curl_easy_getinfo(of.easy.get(), CURLINFO_NUM_CONNECTS, &connects);
    of.counts->connections += static_cast<std::uint64_t>(connects);
    if (result != CURLE_OK) throw std::runtime_error(std::string("libcurl: ") + ::curl_easy_strerror(result));
  }

  /// Asks with all transfers until all of `keys` are there.
  void read_all(CURLM* multi, std::vector<transfer>& transfers, const std::vector<std::string>& keys, usage& made) const {
    std::size_t asked = 0;
    std::size_t busy = 0;
    const auto ask = [&](transfer& with) {
      with.ask(url_ + at_.path(keys[asked++]));
      ::curl_multi_add_handle(multi, with.easy.get());
      ++busy;
    };
    for (transfer& each : transfers)
      if (asked < keys.size()) ask(each);
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
        ++made.count;
        if (asked < keys.size()) {
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
  std::string url_;
  long buffer_bytes_;
};

}  // namespace bench
