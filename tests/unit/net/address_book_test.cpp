#include "s3pager/net/address_book.hpp"

#include <netinet/in.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "s3pager/base/clock.hpp"
#include "support/catch.hpp"

namespace s3pager::net {
namespace {

using namespace std::chrono_literals;

constexpr time_point start{1h};

ring::socket_address v4(std::uint8_t last) {
  ring::socket_address made = ring::socket_address::loopback(80);
  reinterpret_cast<sockaddr_in*>(&made.storage)->sin_addr.s_addr = htonl(0xC000'0200U + last);
  return made;
}
ring::socket_address v6(std::uint8_t last) {
  ring::socket_address made;
  auto& in = *reinterpret_cast<sockaddr_in6*>(&made.storage);
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(80);
  in.sin6_addr.s6_addr[15] = last;
  made.size = sizeof(sockaddr_in6);
  return made;
}

/// The last byte of each, those of IPv6 with 6 in front.
std::vector<int> order(const address_book& of, time_point now, const ring::socket_address& avoided = {}) {
  std::vector<int> made;
  for (const ring::socket_address& each : of.order(now, avoided)) {
    if (each.family() == AF_INET6)
      made.push_back(600 + reinterpret_cast<const sockaddr_in6*>(&each.storage)->sin6_addr.s6_addr[15]);
    else
      made.push_back(static_cast<int>(ntohl(reinterpret_cast<const sockaddr_in*>(&each.storage)->sin_addr.s_addr) & 0xFF));
  }
  return made;
}
using list = std::vector<int>;

}  // namespace

TEST_CASE("an address book knows nothing at first") {
  const address_book book;
  CHECK_FALSE(book.known(start));
  CHECK_FALSE(book.fresh(start));
  CHECK(book.order(start).empty());
}

TEST_CASE("what a lookup gave is fresh for five seconds and known for sixty") {
  address_book book;
  book.learn({v4(1), v4(2)}, start);
  CHECK(book.fresh(start + 5s - 1ns));
  CHECK_FALSE(book.fresh(start + 5s));
  CHECK(order(book, start + 60s - 1ns) == list{1, 2});
  CHECK(book.known(start + 60s - 1ns));
  CHECK_FALSE(book.known(start + 60s));
  CHECK(book.order(start + 60s).empty());
}

TEST_CASE("what an earlier lookup gave stays known, behind what came later") {
  address_book book;
  book.learn({v4(1), v4(2), v4(3)}, start);
  book.learn({v4(4), v4(2), v4(4)}, start + 10s);
  CHECK(book.fresh(start + 14s));
  CHECK(order(book, start + 59s) == list{4, 2, 1, 3});
  CHECK(order(book, start + 60s) == list{4, 2});
  CHECK(order(book, start + 70s).empty());
}

TEST_CASE("literal addresses are known for good") {
  address_book book;
  book.learn_for_good({v4(1)});
  CHECK(book.fresh(start + 1'000h));
  CHECK(book.known(start + 1'000h));
  CHECK(order(book, start + 1'000h) == list{1});
  address_book of_a_name;
  of_a_name.learn_for_good({});
  CHECK_FALSE(of_a_name.fresh(start));
}

TEST_CASE("connections are spread over all addresses") {
  address_book book;
  book.learn({v4(1), v4(2), v4(3)}, start);
  list chosen;
  for (int i = 0; i < 7; ++i) {
    const auto next = book.order(start);
    chosen.push_back(order(book, start).front());
    book.use(next.front()).made();
  }
  CHECK(chosen == list{1, 2, 3, 1, 2, 3, 1});
  book.closed(v4(3));
  CHECK(order(book, start) == list{3, 2, 1});
  book.closed(v4(9));
  book.use(v4(9)).made();
  CHECK(order(book, start) == list{3, 2, 1});
}

TEST_CASE("a connection that is begun counts, until it is given up") {
  address_book book;
  book.learn({v4(1), v4(2)}, start);
  address_in_use first = book.use(v4(1));
  CHECK(order(book, start) == list{2, 1});
  address_in_use moved = std::move(first);
  first.reset();
  CHECK(order(book, start) == list{2, 1});
  moved = address_in_use();
  CHECK(order(book, start) == list{1, 2});
  { const address_in_use dropped = book.use(v4(1)); }
  CHECK(order(book, start) == list{1, 2});
}

TEST_CASE("what is known no more is forgotten, with all that was held against it") {
  address_book book;
  book.learn({v4(1), v4(2)}, start);
  book.set_aside(v4(1), start);
  book.learn({v4(2)}, start + 60s);
  book.learn({v4(1), v4(2)}, start + 61s);
  book.set_aside(v4(1), start + 61s);
  CHECK(order(book, start + 71s - 1ns) == list{2, 1});
  CHECK(order(book, start + 71s) == list{1, 2});  // ten seconds again, not twenty
}

TEST_CASE("the families take turns, the better one first") {
  address_book book;
  book.learn({v6(1), v6(2), v6(3), v4(1), v4(2)}, start);
  CHECK(order(book, start) == list{601, 1, 602, 2, 603});
  book.use(v6(1)).made();
  CHECK(order(book, start) == list{602, 1, 603, 2, 601});
  book.use(v6(2)).made();
  book.use(v6(3)).made();
  CHECK(order(book, start) == list{1, 601, 2, 602, 603});
}

TEST_CASE("an address that failed is tried last for ten seconds, and longer each time until it serves") {
  address_book book;
  book.learn_for_good({v4(1), v4(2)});
  time_point now = start;
  for (const duration aside : {10s, 20s, 40s, 80s, 160s, 300s, 300s}) {
    book.set_aside(v4(1), now);
    book.set_aside(v4(1), now + 1s);  // it is aside already
    CHECK(order(book, now) == list{2, 1});
    CHECK(order(book, now + aside - 1ns) == list{2, 1});
    CHECK(order(book, now + aside) == list{1, 2});
    now += aside;
  }
  book.set_aside(v4(1), now);
  book.served(v4(1));
  CHECK(order(book, now) == list{1, 2});
  book.set_aside(v4(1), now);
  CHECK(order(book, now + 10s) == list{1, 2});
}

TEST_CASE("where all are set aside, the next to come back is the first") {
  address_book book;
  book.learn_for_good({v4(1), v4(2), v4(3)});
  book.set_aside(v4(1), start + 2s);
  book.set_aside(v4(3), start + 1s);
  book.set_aside(v4(2), start + 3s);
  CHECK(order(book, start + 4s) == list{3, 1, 2});
}

TEST_CASE("an address to be avoided is behind all good ones, but before those that are set aside") {
  address_book book;
  book.learn_for_good({v4(1), v4(2), v4(3), v6(1)});
  book.set_aside(v4(2), start);
  CHECK(order(book, start, v4(1)) == list{3, 601, 1, 2});
  CHECK(order(book, start, v4(2)) == list{1, 601, 3, 2});
  CHECK(order(book, start, v4(9)) == list{1, 601, 3, 2});
}

TEST_CASE("an address with connections is not forgotten before they are closed") {
  address_book book;
  book.learn({v4(1), v4(2)}, start);
  book.use(v4(1)).made();
  book.learn({v4(3)}, start + 61s);
  CHECK(order(book, start + 61s) == list{3});
  // Named again, it has its connection still.
  book.learn({v4(1), v4(3)}, start + 70s);
  CHECK(order(book, start + 70s) == list{3, 1});
  book.closed(v4(1));
  CHECK(order(book, start + 70s) == list{1, 3});
}

}  // namespace s3pager::net
