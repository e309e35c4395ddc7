// No promise stays open: what an actor answers before it ends, however it ends.
#pragma once

#include "actors/log.hpp"
#include "messages/errors.hpp"

#include <caf/all.hpp>

#include <exception>
#include <string>
#include <utility>

namespace dbproxy {

/// Has `abandon(write_error)` called when the actor is told to exit and when
/// an exception escapes one of its handlers, in its own context: it must
/// answer every open promise. The error is UNAVAILABLE. CAF answers none of
/// them by itself.
template <class Self, class Abandon>
void set_last_words(Self* self, const std::string& who, Abandon abandon) {
  self->set_exit_handler([self, who, abandon](const caf::exit_msg& message) {
    abandon(make_error(error_code::unavailable, "the " + who + " is stopping"));
    self->quit(message.reason);
  });
  self->set_exception_handler(
    [who, abandon](std::exception_ptr& failure) -> caf::error {
      try {
        std::rethrow_exception(failure);
      } catch (const std::exception& exception) {
        log().error("the {} failed: {}", who, exception.what());
      } catch (...) {
        log().error("the {} failed", who);
      }
      abandon(make_error(error_code::unavailable, "the " + who + " failed"));
      return caf::sec::runtime_error;
    });
}

} // namespace dbproxy
