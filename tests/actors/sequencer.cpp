// Steps go in the order in which they were begun.
#define CAF_SUITE sequencer
#include "actors/sequencer.hpp"

#include <string>

#include "caf/test/unit_test.hpp"

using namespace dbproxy;

namespace {

struct fixture {
  sequencer order;
  std::string gone;

  auto step(char name) {
    return [this, name] { gone += name; };
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(sequencer_tests, fixture)

CAF_TEST(a step goes at once where nothing is before it) {
  order.run(step('a'));
  CAF_CHECK(gone == "a");
  CAF_CHECK(order.size() == 0);
}

CAF_TEST(a step that is ready early waits for its turn) {
  auto first = order.begin();
  auto second = order.begin();
  order.run(step('c'));
  order.ready(second, step('b'));
  CAF_CHECK(gone.empty());
  CAF_CHECK(order.size() == 3);
  order.ready(first, step('a'));
  CAF_CHECK(gone == "abc");
  CAF_CHECK(order.size() == 0);
}

CAF_TEST(a step that came to nothing lets the others pass) {
  auto first = order.begin();
  order.run(step('b'));
  order.ready(first, {});
  CAF_CHECK(gone == "b");
}

CAF_TEST(a step may begin others) {
  auto first = order.begin();
  order.run(step('c'));
  order.ready(first, [this] {
    gone += 'a';
    order.run(step('d'));
    gone += 'b';
  });
  // What was begun inside comes after what was begun before.
  CAF_CHECK(gone == "acdb" || gone == "abcd");
  CAF_CHECK(gone.find('c') < gone.find('d'));
  CAF_CHECK(order.size() == 0);
}

CAF_TEST_FIXTURE_SCOPE_END()
