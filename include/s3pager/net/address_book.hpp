// The addresses of one host: which are known, which of them are good, and the order in which to try them. Makes no lookup and
// no connection.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "s3pager/base/clock.hpp"
#include "s3pager/ring/socket.hpp"

namespace s3pager::net {

class address_in_use;

/// Connections are spread over all addresses that are known, so that each has as many. Amazon S3 answers a lookup with few of its many
/// addresses, other ones each time: what an earlier answer gave stays good for a while.
class address_book {
 public:
  /// A lookup as old as this is to be made again (what Amazon S3's name servers allow).
  static constexpr duration fresh_for = std::chrono::seconds(5);
  /// Without being named again, an address is forgotten after this; it may be another's then.
  static constexpr duration known_for = std::chrono::seconds(60);
  /// An address that failed is set aside for so long; for twice as long each further time, until it serves again.
  static constexpr duration least_aside = std::chrono::seconds(10);
  static constexpr duration most_aside = std::chrono::minutes(5);

  /// Addresses that are the host's for good, which is a literal. None: it is none.
  void learn_for_good(const std::vector<ring::socket_address>& found) {
    for_good_ = !found.empty();
    take(found, no_deadline);
  }
  /// What a lookup gave, in its order of preference (RFC 6724).
  void learn(const std::vector<ring::socket_address>& found, time_point now) {
    looked_up_ = now;
    std::erase_if(entries_, [now](const entry& each) { return each.known_until <= now && each.open == 0; });
    take(found, after(now, known_for));
  }

  [[nodiscard]] bool known(time_point now) const noexcept {
    return std::any_of(entries_.begin(), entries_.end(), [now](const entry& each) { return each.known_until > now; });
  }
  /// Whether no lookup is needed.
  [[nodiscard]] bool fresh(time_point now) const noexcept { return for_good_ || (looked_up_ && now < after(*looked_up_, fresh_for)); }

  /// All that are known. First those with the fewest connections, IPv6 and IPv4 by turns (RFC 8305 4); then `avoided`; last what is
  /// set aside, the next to come back first.
  [[nodiscard]] std::vector<ring::socket_address> order(time_point now, const ring::socket_address& avoided = {}) const {
    std::vector<const entry*> good;
    std::vector<const entry*> poor;
    for (const entry& each : entries_) {
      if (each.known_until <= now) continue;
      (each.aside_until > now || each.address == avoided ? poor : good).push_back(&each);
    }
    // Else in the order of the entries. (std::stable_sort of libstdc++ 12 uses what is deprecated, which clang minds.)
    std::sort(good.begin(), good.end(), [](const entry* a, const entry* b) { return std::tie(a->open, a) < std::tie(b->open, b); });
    std::sort(poor.begin(), poor.end(), [now](const entry* a, const entry* b) {
      return std::pair(std::max(a->aside_until, now), a) < std::pair(std::max(b->aside_until, now), b);
    });
    std::vector<ring::socket_address> made;
    made.reserve(good.size() + poor.size());
    while (!good.empty()) {
      // Of the other family than the one before, if there is one.
      auto next = std::find_if(good.begin(), good.end(), [&made](const entry* each) {
        return made.empty() || each->address.family() != made.back().family();
      });
      if (next == good.end()) next = good.begin();
      made.push_back((*next)->address);
      good.erase(next);
    }
    for (const entry* each : poor) made.push_back(each->address);
    return made;
  }

  /// A connection to it is begun: it counts from now on, or all that begin at once would go to one address.
  [[nodiscard]] inline address_in_use use(const ring::socket_address& address) noexcept;
  /// A connection to it is closed.
  void closed(const ring::socket_address& address) noexcept {
    if (entry* of = find(address); of != nullptr && of->open > 0) --of->open;
  }
  /// It has answered a request.
  void served(const ring::socket_address& address) noexcept {
    if (entry* of = find(address)) {
      of->aside_for = duration::zero();
      of->aside_until = {};
    }
  }
  /// It refused, or was slow. What is aside already stays so for as long as it was to be.
  void set_aside(const ring::socket_address& address, time_point now) noexcept {
    entry* of = find(address);
    if (of == nullptr || of->aside_until > now) return;
    of->aside_for = std::clamp(2 * of->aside_for, least_aside, most_aside);
    of->aside_until = after(now, of->aside_for);
  }

 private:
  struct entry {
    ring::socket_address address = {};
    time_point known_until = {};
    time_point aside_until = {};
    duration aside_for{0};
    std::size_t open = 0;  // connections
  };

  [[nodiscard]] entry* find(const ring::socket_address& address) noexcept {
    const auto at = std::find_if(entries_.begin(), entries_.end(), [&](const entry& each) { return each.address == address; });
    return at != entries_.end() ? &*at : nullptr;
  }
  // Those that were found now come first, in their order.
  void take(const std::vector<ring::socket_address>& found, time_point until) {
    std::vector<entry> made;
    made.reserve(entries_.size() + found.size());
    for (const ring::socket_address& each : found) {
      if (std::any_of(made.begin(), made.end(), [&](const entry& one) { return one.address == each; })) continue;
      entry* known = find(each);
      made.push_back(known != nullptr ? *known : entry{.address = each});
      made.back().known_until = until;
      if (known != nullptr) entries_.erase(entries_.begin() + (known - entries_.data()));
    }
    made.insert(made.end(), entries_.begin(), entries_.end());
    entries_ = std::move(made);
  }

  std::vector<entry> entries_;
  std::optional<time_point> looked_up_;
  bool for_good_ = false;
};

/// A connection that counts, until this is dropped or the connection is made. The book must outlive it.
class [[nodiscard]] address_in_use {
 public:
  address_in_use() noexcept = default;
  address_in_use(address_in_use&& other) noexcept : book_(std::exchange(other.book_, nullptr)), address_(other.address_) {}
  address_in_use& operator=(address_in_use&& other) noexcept {
    if (this != &other) {
      reset();
      book_ = std::exchange(other.book_, nullptr);
      address_ = other.address_;
    }
    return *this;
  }
  ~address_in_use() { reset(); }

  /// The connection was made: closed() is to be called when it ends.
  void made() noexcept { book_ = nullptr; }
  void reset() noexcept {
    if (address_book* book = std::exchange(book_, nullptr)) book->closed(address_);
  }

 private:
  friend class address_book;
  address_in_use(address_book& book, const ring::socket_address& address) noexcept : book_(&book), address_(address) {}

  address_book* book_ = nullptr;
  ring::socket_address address_;
};

inline address_in_use address_book::use(const ring::socket_address& address) noexcept {
  entry* of = find(address);
  // What is not known any more is not counted, nor is it later.
  if (of == nullptr) return {};
  ++of->open;
  return address_in_use(*this, address);
}

}  // namespace s3pager::net
