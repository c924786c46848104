// Every way to cut an input in two, and into single bytes, must give what the whole gives.
#pragma once

#include <string_view>
#include <vector>

#include "support/catch.hpp"
#include "unit/http/events.hpp"

namespace s3pager::test {

/// `make` gives a parser that is ready for the message. Returns the transcript, the same for all cuts.
template <class Make>
transcript run_all_splits(std::string_view input, Make make) {
  auto whole_parser = make();
  const transcript whole = run(*whole_parser, input);
  for (std::size_t cut = 0; cut <= input.size(); ++cut) {
    const std::string_view pieces[] = {input.substr(0, cut), input.substr(cut)};
    auto parser = make();
    if (!(run(*parser, pieces) == whole)) FAIL("cut at " << cut << " changes the answer to: " << input);
  }
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < input.size(); ++i) bytes.push_back(input.substr(i, 1));
  auto parser = make();
  if (!(run(*parser, bytes) == whole)) FAIL("single bytes change the answer to: " << input);
  return whole;
}

}  // namespace s3pager::test
