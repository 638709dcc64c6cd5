// Deliveries: the ways in which one notice reaches people, each with its target and its state.
// Plain values; the outbox keeps them.
//
// A further channel is a value of Channel, a row in kChannels (delivery.cpp) that says when it
// applies, a field of core::ConfigRoute decoded from the TokenExpiryConfig, and a file that sends.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "core/notices.hpp"

namespace apitoken::notify {

enum class Channel {
  Event,     // a Kubernetes Event on the ApiToken
  ListMail,  // a digest to spec.emails of the TokenExpiryConfig
  UserMail,  // a digest to the token's user, with that user's tokens alone
};

// Notices with equal targets share a mail.
struct Target {
  Channel channel = Channel::Event;
  std::string config;                   // name of the TokenExpiryConfig
  std::vector<std::string> recipients;  // of a mail; empty: the mail waits for a valid address

  auto operator<=>(const Target&) const = default;
};

struct Delivery {
  enum class State {
    Waiting,   // an Event that is not written, or a mail that still collects notices
    Tried,     // the mail was offered to a server: its content does not change any more
    Delivered  // the Event was written or dropped, the mail was accepted
  };
  Target target;
  State state = State::Waiting;
  std::uint64_t carrier = 0;  // the tag of the Event, or the id of the batch

  bool is_delivered() const { return state == State::Delivered; }
};

// The targets of a notice, in the order of Channel, at most one for each.
std::vector<Target> targets_of(const core::Notice& notice, const core::ConfigRoute& route);

}  // namespace apitoken::notify
