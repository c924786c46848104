#include "s3pager/coro/stop.hpp"

#include <memory>
#include <vector>

#include "support/catch.hpp"

using namespace s3pager;
using namespace s3pager::coro;

namespace {

class noting final : public stop_callback {
 public:
  noting(int who, std::vector<int>& order) noexcept : who_(who), order_(order) {}
  std::unique_ptr<noting>* to_destroy = nullptr;
  stop_state* to_request = nullptr;

 private:
  void on_stop() noexcept override {
    order_.push_back(who_);
    if (to_destroy != nullptr) to_destroy->reset();
    if (to_request != nullptr) to_request->request();
  }
  int who_;
  std::vector<int>& order_;
};

TEST_CASE("a stop tells every callback once, in order") {
  std::vector<int> order;
  const ref<stop_state> state = make_ref<stop_state>();
  noting a(1, order);
  noting b(2, order);
  state->add(a);
  state->add(b);
  CHECK_FALSE(state->requested());
  state->request();
  state->request();
  CHECK(state->requested());
  CHECK(order == std::vector<int>{1, 2});
}

TEST_CASE("a callback may destroy others, and ask for the stop again, while it is told") {
  std::vector<int> order;
  const ref<stop_state> state = make_ref<stop_state>();
  noting a(1, order);
  auto b = std::make_unique<noting>(2, order);
  noting c(3, order);
  a.to_destroy = &b;
  a.to_request = state.get();
  state->add(a);
  state->add(*b);
  state->add(c);
  state->request();
  CHECK(order == std::vector<int>{1, 3});
}

TEST_CASE("a destroyed callback is not told") {
  std::vector<int> order;
  const ref<stop_state> state = make_ref<stop_state>();
  noting a(1, order);
  {
    noting gone(2, order);
    state->add(gone);
    state->add(a);
  }
  state->request();
  CHECK(order == std::vector<int>{1});
}

TEST_CASE("a state that dies before its callbacks lets go of them") {
  std::vector<int> order;
  noting a(1, order);
  {
    const ref<stop_state> state = make_ref<stop_state>();
    state->add(a);
  }
  CHECK_FALSE(a.linked());
}

TEST_CASE("one stop may hand on to another, whose callbacks it destroys") {
  std::vector<int> order;
  const ref<stop_state> outer = make_ref<stop_state>();
  const ref<stop_state> inner = make_ref<stop_state>();
  noting hands_on(1, order);
  hands_on.to_request = inner.get();
  noting in_inner(2, order);
  outer->add(hands_on);
  inner->add(in_inner);
  outer->request();
  CHECK(inner->requested());
  CHECK(order == std::vector<int>{1, 2});
}

TEST_CASE("a token views its source, and a state taken from it outlives that") {
  CHECK_FALSE(stop_token().stop_requested());
  CHECK_FALSE(stop_token().state());
  ref<stop_state> state;
  {
    const stop_source source;
    const stop_token token = source.token();
    state = token.state();
    CHECK_FALSE(token.stop_requested());
    source.request_stop();
    CHECK(token.stop_requested());
    CHECK(source.stop_requested());
  }
  CHECK(state->requested());
  STATIC_REQUIRE(std::is_trivially_destructible_v<stop_token>);
}

}  // namespace
