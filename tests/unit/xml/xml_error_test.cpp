#include "s3pager/xml/xml_error.hpp"

#include <set>

#include "support/catch.hpp"

using namespace s3pager;
using xml::xml_errc;

TEST_CASE("every XML error has a message of its own and means a broken protocol") {
  std::set<std::string> messages;
  for (int value = 1; value < static_cast<int>(xml_errc::out_of_memory); ++value) {
    const std::error_code code{value, xml::xml_category()};
    CHECK(code == errc::protocol_violation);
    CHECK(code.message() != "unknown XML error");
    CHECK(messages.insert(code.message()).second);
  }
}

TEST_CASE("running out of memory over an XML answer means unavailable") {
  const std::error_code code = xml_errc::out_of_memory;
  CHECK(code == errc::unavailable);
  CHECK(code != errc::protocol_violation);
  CHECK(code.message() == "out of memory while reading the answer");
  CHECK(std::string(code.category().name()) == "s3pager.xml");
}
