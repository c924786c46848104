// What is measured: the scenes, their contestants, and what s3pager is to reach in them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "blocking_contestant.hpp"
#include "curl_contestant.hpp"
#include "data.hpp"
#include "epoll_contestant.hpp"
#include "job.hpp"
#include "openssl_contestant.hpp"
#include "s3pager_contestant.hpp"
#include "scene.hpp"
#include "signing_contestant.hpp"
#include "uring_contestant.hpp"
#include "wrk_contestant.hpp"

namespace bench {

struct scene_settings {
  target plain = {};
  target secure = {};
  std::string tls = {};  ///< the protocol's name
  bool quick = false;    ///< little of everything, to see that it works
  bool giant = false;    ///< nothing but an object that is larger than any memory
  bool counted = false;  ///< as much as can be run under callgrind
  unsigned pages = 20;   ///< first ones a round
  s3pager_tuning tuning = {};
  ring_sizes ring = {};
};

namespace detail {

inline constexpr const char* ordered = "s3pager, ordered";
inline constexpr const char* unordered = "s3pager, unordered";
inline constexpr const char* tuned_curl = "libcurl, 512 KiB, SigV4";

inline void add_memory_goal(scene& to, const std::string& who) {
  to.goals.push_back({"memory", who, {}, quantity::memory, 1, "peak memory, of window + 16 MiB + 160 KiB a TLS connection"});
}

/// All objects of a set by all ways to read them.
class bulk_scene {
 public:
  bulk_scene(const scene_settings& asked, const server_data& data, bool secure, object_set objects, unsigned lanes,
             consumption what_for, std::uint64_t range_bytes = 0)
      : asked_(&asked), at_(secure ? asked.secure : asked.plain), small_(objects.bytes < (64 << 10)) {
    job_ = {.connections = lanes,
            .what_for = what_for,
            .prefix = objects.prefix,
            .keys = objects.keys(),
            .object_bytes = objects.bytes,
            .range_bytes = range_bytes};
    const object_set warming{"warming-", lanes, 1 << 20};
    const object_set all_warming{"warming-", 64, 1 << 20};
    job_.warming_keys = warming.keys();
    const std::string size = objects.bytes >= (1 << 30)   ? std::to_string(objects.bytes >> 30) + " GiB"
                             : objects.bytes >= (1 << 20) ? std::to_string(objects.bytes >> 20) + " MiB"
                                                          : std::to_string(objects.bytes >> 10) + " KiB";
    made_ = {.name = (secure ? asked.tls : std::string("plain")) + ", " + std::to_string(objects.count) + " x " + size +
                     (range_bytes > 0 ? " in ranges, " : ", ") + std::to_string(lanes) + " lanes" +
                     (what_for == consumption::checksum ? ", every byte read" : ""),
             .per = small_ ? unit::request : unit::gigabyte,
             .count = objects.count,
             .bytes = objects.count * objects.bytes,
             .counts_instructions = what_for == consumption::count,
             .make_data = [data, objects, all_warming] {
               data.make(all_warming);
               data.make(objects);
             }};
    add_contestants(secure);
    for (const std::string who : {ordered, unordered})
      for (const contestant& each : made_.contestants)
        if (!each.name.starts_with("s3pager")) made_.comparisons.push_back({who, each.name});
  }

  [[nodiscard]] std::vector<std::string> floors() const { return floors_; }
  /// For both modes.
  void add_goal(const std::string& row, std::vector<std::string> against, quantity of, double bound, const std::string& words) {
    for (const std::string who : {ordered, unordered}) made_.goals.push_back({row, who, against, of, bound, words});
  }
  [[nodiscard]] scene take() {
    for (const std::string who : {ordered, unordered}) add_memory_goal(made_, who);
    return std::move(made_);
  }

 private:
  template <class Who>
  void add(const std::string& name, Who who) {
    made_.contestants.push_back({name, [who, what = job_] { return who.bulk(what); }});
  }
  template <class Who>
  void add_floor(const std::string& name, Who who) {
    add(name, std::move(who));
    floors_.push_back(name);
  }
  void add_contestants(bool secure) {
    add(ordered, s3pager_contestant(at_, mode::ordered, asked_->tuning));
    add(unordered, s3pager_contestant(at_, mode::unordered, asked_->tuning));
    if (secure) {
      add_floor("SSL_read", openssl_contestant(at_));
      add("SSL_read, read_ahead 64 KiB", openssl_contestant(at_, 64 * 1024));
    } else {
      add_floor("epoll, 256 KiB", epoll_contestant(at_, 256 << 10));
      if (!small_) add_floor("epoll, 4 MiB", epoll_contestant(at_, 4 << 20));
      if (!small_) add_floor("io_uring", uring_contestant(at_, asked_->ring));
      if (small_) add("io_uring, batches", uring_contestant(at_, asked_->ring, {.batches = true}));
      if (small_) add("io_uring, batches, multishot", uring_contestant(at_, asked_->ring, {.batches = true, .multishot = true}));
    }
    if (small_) {
      made_.contestants.push_back({"wrk", [at = at_, what = job_] { return wrk_contestant(at).bulk(what); }, {}, true});
      add("libcurl, SigV4", curl_contestant(at_, {.signs = true}));
    } else {
      add("libcurl", curl_contestant(at_));
      add(tuned_curl, curl_contestant(at_, {.buffer_bytes = 512 << 10, .signs = true}));
    }
  }

  const scene_settings* asked_;
  target at_;
  bool small_;
  bulk_job job_;
  scene made_;
  std::vector<std::string> floors_;
};

inline void add_bulk_scenes(std::vector<scene>& to, const scene_settings& asked, const server_data& data) {
  const object_set large = asked.quick     ? object_set{"few-large-", 8, 4 << 20}
                           : asked.counted ? object_set{"some-large-", 8, 16 << 20}
                                           : object_set{"large-", 64, 16 << 20};
  const object_set medium = asked.quick     ? object_set{"few-medium-", 16, 1 << 20}
                            : asked.counted ? object_set{"some-medium-", 128, 1 << 20}
                                            : object_set{"medium-", 512, 1 << 20};
  for (const bool secure : {false, true}) {
    for (const consumption what_for : {consumption::count, consumption::checksum}) {
      for (const object_set& objects : {large, medium}) {
        for (const unsigned lanes : {16U, 64U}) {
          bulk_scene made(asked, data, secure, objects, lanes, what_for);
          if (secure) {
            made.add_goal("bulk, TLS", made.floors(), quantity::cpu, 0.75, "CPU per GB by TLS, of SSL_read's on a socket");
            made.add_goal("bulk, TLS", {tuned_curl}, quantity::cpu, 0.75, "CPU per GB by TLS, of tuned libcurl's");
          } else {
            made.add_goal("bulk", made.floors(), quantity::cpu, 1.10, "CPU per GB, of the best copying floor's");
            made.add_goal("bulk", {tuned_curl}, quantity::cpu, 0.85, "CPU per GB, of tuned libcurl's");
            made.add_goal("bulk, wall", made.floors(), quantity::throughput, 0.95, "throughput, of the best copying floor's");
          }
          to.push_back(made.take());
        }
      }
    }
  }
}

inline void add_small_scenes(std::vector<scene>& to, const scene_settings& asked, const server_data& data) {
  const object_set small = asked.quick || asked.counted ? object_set{"few-small-", 2000, 4 << 10}
                                                        : object_set{"small-", 20'000, 4 << 10};
  for (const bool secure : {false, true}) {
    bulk_scene made(asked, data, secure, small, 64, consumption::count);
    if (secure) {
      made.add_goal("small, TLS", {"libcurl, SigV4"}, quantity::cpu, 0.28, "CPU per 1,000 by TLS, of libcurl's with SigV4");
    } else {
      made.add_goal("small", made.floors(), quantity::cpu, 1, "CPU per 1,000, of the unsigned epoll floor's");
      made.add_goal("small", {"wrk"}, quantity::cpu, 1, "CPU per 1,000, of wrk's");
      made.add_goal("small", {"libcurl, SigV4"}, quantity::cpu, 0.25, "CPU per 1,000, of libcurl's with SigV4");
    }
    to.push_back(made.take());
  }
}

inline void add_huge_scenes(std::vector<scene>& to, const scene_settings& asked, const server_data& data) {
  const object_set huge = asked.quick || asked.counted ? object_set{"rather-huge-", 1, 128 << 20}
                                                       : object_set{"huge-", 1, std::uint64_t{2} << 30};
  for (const bool secure : {false, true}) {
    bulk_scene made(asked, data, secure, huge, 16, consumption::count, 8 << 20);
    made.add_goal("ranges", made.floors(), quantity::cpu, 1.10, "CPU per GB, of the best floor's");
    to.push_back(made.take());
  }
}

/// Ordered by one connection and by many, beside a floor that takes the ranges as they come.
inline void add_giant_scenes(std::vector<scene>& to, const scene_settings& asked, const server_data& data) {
  const object_set giant{"giant-", 1, std::uint64_t{100} << 30};
  for (const unsigned lanes : {1U, 16U}) {
    bulk_scene made(asked, data, false, giant, lanes, consumption::count, 8 << 20);
    to.push_back(made.take());
    to.back().only(std::regex("s3pager|io_uring"));
  }
}

/// From the call to the first bytes of what a list of 20 or 1,000 small objects names, with the list's page read: with connections kept
/// on both sides (s3pager has one a lane and one for the list), or none on either.
inline void add_first_listed_page_scenes(std::vector<scene>& to, const scene_settings& asked, const server_data& data) {
  for (const object_set& listed : {object_set{"early-", 20, 4 << 10}, object_set{"first-", 1000, 4 << 10}}) {
    for (const bool kept : {true, false}) {
      const first_page_job what{.from = kept ? client_state::connection : client_state::no_session,
                                .times = asked.pages,
                                .prefix = listed.prefix,
                                .object_bytes = listed.bytes};
      scene made{.name = "plain, first page of a list of " + std::to_string(listed.count) + (kept ? ", connected" : ", not connected"),
                 .per = unit::page,
                 .count = what.times,
                 .bytes = what.times * listed.bytes,
                 .counts_instructions = false,
                 .make_data = [data, listed] { data.make(listed); }};
      const std::string floor = "list and GET, blocking";
      const auto add = [&](const std::string& name, mode how) {
        made.contestants.push_back({name, [at = asked.plain, tuning = asked.tuning, how, what] {
                                      return s3pager_contestant(at, how, tuning).first_listed_page(what);
                                    }});
      };
      add(ordered, mode::ordered);
      add(unordered, mode::unordered);
      made.contestants.push_back({floor, [at = asked.plain, what] { return blocking_contestant(at).first_page(what); }});
      for (const std::string who : {ordered, unordered}) {
        made.comparisons.push_back({who, floor});
        made.goals.push_back({"first page", who, {floor}, quantity::wall, 1.5, "time to the first page, of a bare list's and GET's"});
        add_memory_goal(made, who);
      }
      to.push_back(std::move(made));
    }
  }
}

inline void add_list_scene(std::vector<scene>& to, const scene_settings& asked, const server_data& data) {
  const object_set listed = asked.quick || asked.counted ? object_set{"logs.2026.11.24.part-", 20'000, 4 << 10}
                                                         : object_set{"logs.2026.11.25.part-", 1'000'000, 4 << 10};
  const list_job what{.prefix = listed.prefix, .pages = listed.count / server_data::keys_a_page, .keys = listed.count};
  scene made{.name = "plain, list of " + std::to_string(listed.count) + " keys",
             .per = unit::key,
             .count = listed.count,
             .bytes = listed.count * listed.bytes,
             .make_data = [data, listed] { data.make_list(listed); }};
  const std::string us = "s3pager, list";
  made.contestants.push_back({us, [asked, what] { return s3pager_contestant(asked.plain, mode::ordered, asked.tuning).list(what); }});
  made.contestants.push_back(
      {"pages received, not read", [asked, what] { return blocking_contestant(asked.plain).list(what); }, {}, true});
  made.goals.push_back({"listing", us, {}, quantity::cpu_rate, 1.5e6, "keys a second of client CPU"});
  add_memory_goal(made, us);
  to.push_back(std::move(made));
}

inline void add_signing_scene(std::vector<scene>& to, const scene_settings& asked) {
  const std::size_t batches = asked.quick ? 3 : 50;
  constexpr std::size_t a_batch = 4000;
  scene made{.name = "signing a GET", .per = unit::signature, .count = batches * a_batch};
  made.contestants.push_back({"s3pager", [=] { return sign_many(batches, a_batch); }});
  made.goals.push_back({"signing", "s3pager", {}, quantity::cpu_microseconds, 0.6, "microseconds to sign a GET"});
  to.push_back(std::move(made));
}

/// By keys that are given, from how little a client may have to begin with; nothing of it is held to anything.
inline void add_first_page_scene(std::vector<scene>& to, const scene_settings& asked, const server_data& data) {
  const object_set objects{"first-", 1000, 4 << 10};
  scene made{.name = asked.tls + ", first page of a given key of 4 KiB",
             .per = unit::page,
             .count = asked.pages,
             .bytes = asked.pages * objects.bytes,
             .counts_instructions = false,
             .make_data = [data, objects] { data.make(objects); }};
  struct beginning {
    client_state from;
    std::string name;
  };
  const std::vector<beginning> beginnings{{client_state::fresh, "fresh client"},
                                          {client_state::no_session, "full handshake"},
                                          {client_state::session, "resumed"},
                                          {client_state::connection, "connected"}};
  const bool curl_resumes = asked.tls != "TLS 1.2";  // 7.88 offers a session, but not its ticket
  for (const beginning& each : beginnings) {
    const first_page_job what{.from = each.from, .times = asked.pages, .key = objects.key(0)};
    const bool resumes = each.from == client_state::session;
    const std::string ours = "s3pager, " + each.name;
    const std::string floor = "OpenSSL, " + each.name;
    const std::string curl = "libcurl, " + each.name;
    const auto add = [&](const std::string& name, std::function<usage()> work) {
      made.contestants.push_back({name, std::move(work), resumes});
    };
    add(ours, [asked, what] { return s3pager_contestant(asked.secure, mode::unordered, asked.tuning).first_page(what); });
    add(floor, [asked, what] { return openssl_contestant(asked.secure).first_page(what); });
    made.comparisons.push_back({ours, floor});
    if (resumes && !curl_resumes) continue;
    add(curl, [asked, what] { return curl_contestant(asked.secure).first_page(what); });
    made.comparisons.push_back({ours, curl});
  }
  for (const std::string who : {"s3pager", "OpenSSL", "libcurl"})
    if (who != "libcurl" || curl_resumes) made.comparisons.push_back({who + ", resumed", who + ", full handshake"});
  to.push_back(std::move(made));
}

}  // namespace detail

[[nodiscard]] inline std::vector<scene> make_scenes(const scene_settings& asked, const server_data& data) {
  // Those that decide most first.
  std::vector<scene> made;
  if (asked.giant) {
    detail::add_giant_scenes(made, asked, data);
    return made;
  }
  detail::add_bulk_scenes(made, asked, data);
  detail::add_small_scenes(made, asked, data);
  detail::add_huge_scenes(made, asked, data);
  detail::add_first_listed_page_scenes(made, asked, data);
  detail::add_first_page_scene(made, asked, data);
  detail::add_list_scene(made, asked, data);
  detail::add_signing_scene(made, asked);
  return made;
}

}  // namespace bench
