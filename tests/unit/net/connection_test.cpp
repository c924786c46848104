#include "s3pager/net/connection.hpp"

#include <string_view>
#include <utility>

#include "s3pager/base/bytes.hpp"
#include "s3pager/ring/reactor.hpp"
#include "support/catch.hpp"

using namespace s3pager;
using namespace s3pager::net;

TEST_CASE("a connection counts its requests, and parses each answer anew", "[net][connection]") {
  ring::reactor loop;
  ring::socket socket;
  REQUIRE_FALSE(ring::socket::open(loop, AF_INET, socket));
  connection made(std::move(socket), ring::socket_address::loopback(80));
  CHECK(made.requests() == 0);
  CHECK(made.peer().port() == 80);
  CHECK(made.out()->bytes().size() == request_buffer::capacity);
  CHECK_FALSE(made.reusable());

  made.request_began();
  CHECK(made.requests() == 1);
  static_cast<void>(made.parser().feed(as_byte_span("HTTP/1.1 204 X\r\n\r\n")));
  CHECK(made.parser().status() == 204);
  CHECK(made.reusable());

  made.request_began();
  CHECK(made.requests() == 2);
  CHECK_FALSE(made.parser().started());
  CHECK_FALSE(made.reusable());
  static_cast<void>(made.parser().feed(as_byte_span("HTTP/1.1 204 X\r\nConnection: close\r\n\r\n")));
  CHECK_FALSE(made.reusable());
}

TEST_CASE("a connection with something in the kernel's hands is of no use to another request", "[net][connection]") {
  ring::reactor loop;
  ring::socket socket;
  REQUIRE_FALSE(ring::socket::open(loop, AF_INET, socket));
  connection made(std::move(socket), ring::socket_address::loopback(80));
  made.request_began();
  static_cast<void>(made.parser().feed(as_byte_span("HTTP/1.1 204 X\r\n\r\n")));
  made.stream().socket().handle()->operation_began();
  CHECK_FALSE(made.reusable());
  made.stream().socket().handle()->operation_ended();
  CHECK(made.reusable());
  made.stream().socket().handle()->operation_orphaned();
  CHECK_FALSE(made.reusable());
}
