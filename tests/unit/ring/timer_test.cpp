#include "s3pager/ring/timer.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <random>
#include <vector>

#include "support/catch.hpp"

using namespace s3pager;
using namespace s3pager::ring;

namespace {

constexpr time_point at(int seconds) { return time_point{std::chrono::seconds{seconds}}; }

struct recorder final : timer {
  recorder(int name, std::vector<int>& into) : name_(name), into_(into) {}
  void expired() noexcept override {
    into_.push_back(name_);
    if (other != nullptr) other->disarm();
    if (again != nullptr) again->arm(*this, at(100));
  }
  timer* other = nullptr;
  timer_queue* again = nullptr;

 private:
  int name_;
  std::vector<int>& into_;
};

TEST_CASE("timers fire in the order of their times, and only those that are due") {
  std::vector<int> fired;
  timer_queue queue;
  recorder three(3, fired), one(1, fired), two(2, fired);
  CHECK(queue.next() == no_deadline);
  queue.arm(three, at(3));
  queue.arm(one, at(1));
  queue.arm(two, at(2));
  CHECK(queue.size() == 3);
  CHECK(queue.next() == at(1));
  queue.fire(at(0));
  CHECK(fired.empty());
  queue.fire(at(2));
  CHECK(fired == std::vector<int>{1, 2});
  CHECK_FALSE(one.armed());
  CHECK(three.armed());
  CHECK(queue.next() == at(3));
}

TEST_CASE("arming an armed timer moves it, and no deadline disarms it") {
  std::vector<int> fired;
  timer_queue queue;
  recorder one(1, fired), two(2, fired);
  queue.arm(one, at(1));
  queue.arm(two, at(2));
  queue.arm(one, at(3));
  CHECK(queue.size() == 2);
  queue.fire(at(2));
  CHECK(fired == std::vector<int>{2});
  queue.arm(one, no_deadline);
  CHECK_FALSE(one.armed());
  CHECK(queue.empty());
}

TEST_CASE("a timer that fires may disarm another one that is due, and arm itself again") {
  std::vector<int> fired;
  timer_queue queue;
  recorder one(1, fired), two(2, fired);
  one.other = &two;
  one.again = &queue;
  queue.arm(one, at(1));
  queue.arm(two, at(2));
  queue.fire(at(5));
  CHECK(fired == std::vector<int>{1});
  CHECK(one.armed());
  CHECK(queue.next() == at(100));
}

TEST_CASE("a timer and its queue may be destroyed in either order") {
  std::vector<int> fired;
  recorder outlives(1, fired);
  {
    timer_queue queue;
    queue.arm(outlives, at(1));
    {
      recorder shorter(2, fired);
      queue.arm(shorter, at(0));
    }
    CHECK(queue.size() == 1);
    CHECK(queue.next() == at(1));
  }
  CHECK_FALSE(outlives.armed());
}

TEST_CASE("random arming, moving and disarming agrees with a sorted list") {
  std::minstd_rand random(7);
  std::vector<int> fired;
  timer_queue queue;
  std::vector<std::unique_ptr<recorder>> timers;
  std::vector<int> due(300, -1);
  for (int i = 0; i < 300; ++i) timers.push_back(std::make_unique<recorder>(i, fired));
  for (int step = 0; step < 5000; ++step) {
    const auto which = static_cast<std::size_t>(random() % timers.size());
    if (random() % 4 == 0) {
      timers[which]->disarm();
      due[which] = -1;
    } else {
      due[which] = static_cast<int>(random() % 1000);
      queue.arm(*timers[which], at(due[which]));
    }
  }
  const auto armed = static_cast<std::size_t>(std::count_if(due.begin(), due.end(), [](int each) { return each >= 0; }));
  CHECK(queue.size() == armed);
  queue.fire(at(1000));
  CHECK(fired.size() == armed);
  for (std::size_t i = 1; i < fired.size(); ++i)
    CHECK(due[static_cast<std::size_t>(fired[i - 1])] <= due[static_cast<std::size_t>(fired[i])]);
}

}  // namespace
