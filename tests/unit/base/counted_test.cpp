#include "s3pager/base/counted.hpp"

#include <thread>
#include <vector>

#include "support/catch.hpp"

using namespace s3pager;

namespace {

template <class Base>
struct probe : Base {
  explicit probe(int& count) : living(count) { ++living; }
  ~probe() override { --living; }
  int& living;
};

template <class Base>
struct derived : probe<Base> {
  using probe<Base>::probe;
};

}  // namespace

TEMPLATE_TEST_CASE("an object lives as long as its last ref", "", counted, shared_counted) {
  int living = 0;
  auto first = make_ref<probe<TestType>>(living);
  CHECK(living == 1);
  {
    const auto second = first;
    CHECK(second == first);
    first = nullptr;
    CHECK_FALSE(first);
    CHECK(living == 1);
    CHECK(&second->living == &living);
  }
  CHECK(living == 0);
}

TEMPLATE_TEST_CASE("moving a ref leaves null behind and does not count", "", counted, shared_counted) {
  int living = 0;
  auto first = make_ref<probe<TestType>>(living);
  auto* const object = first.get();
  auto second = std::move(first);
  CHECK(first.get() == nullptr);
  CHECK(second.get() == object);
  first = std::move(second);
  CHECK(first.get() == object);
  CHECK(living == 1);
  first = {};
  CHECK(living == 0);
}

TEMPLATE_TEST_CASE("a ref assigned to itself stays", "", counted, shared_counted) {
  int living = 0;
  auto first = make_ref<probe<TestType>>(living);
  auto& same = first;
  first = same;
  CHECK(living == 1);
  first = std::move(same);
  REQUIRE(first);
  CHECK(living == 1);
}

TEMPLATE_TEST_CASE("assigning drops what was referred to before", "", counted, shared_counted) {
  int old_living = 0, new_living = 0;
  auto first = make_ref<probe<TestType>>(old_living);
  first = make_ref<probe<TestType>>(new_living);
  CHECK(old_living == 0);
  CHECK(new_living == 1);
}

TEMPLATE_TEST_CASE("a ref to a derived object converts to one of its base", "", counted, shared_counted) {
  int living = 0;
  auto special = make_ref<derived<TestType>>(living);
  ref<probe<TestType>> general = special;
  CHECK(general.get() == special.get());
  special = nullptr;
  CHECK(living == 1);
  general = make_ref<derived<TestType>>(living);
  CHECK(living == 1);
  general = nullptr;
  CHECK(living == 0);
}

TEMPLATE_TEST_CASE("a ref made of a plain pointer counts too", "", counted, shared_counted) {
  int living = 0;
  auto first = make_ref<probe<TestType>>(living);
  ref<probe<TestType>> second(first.get());
  first = nullptr;
  CHECK(living == 1);
  second = nullptr;
  CHECK(living == 0);
  CHECK_FALSE(ref<probe<TestType>>(static_cast<probe<TestType>*>(nullptr)));
}

TEMPLATE_TEST_CASE("a released reference keeps the object until it is given back", "", counted, shared_counted) {
  int living = 0;
  auto first = make_ref<probe<TestType>>(living);
  ref<probe<TestType>> second = first;
  auto* const object = second.release();
  CHECK_FALSE(second);
  CHECK(object == first.get());
  first = nullptr;
  CHECK(living == 1);
  delete object;
  CHECK(living == 0);
}

TEST_CASE("refs on several threads delete a shared object once") {
  int living = 0;
  auto first = make_ref<probe<shared_counted>>(living);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([mine = first] {
      for (int turn = 0; turn < 10'000; ++turn) {
        auto copy = mine;
        auto moved = std::move(copy);
      }
    });
  first = nullptr;
  for (auto& thread : threads) thread.join();
  threads.clear();
  CHECK(living == 0);
}
