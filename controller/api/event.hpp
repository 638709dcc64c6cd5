// An Event of events.k8s.io/v1, as the operator writes it. Plain values.
// Source: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/ (note <=
// 1 kB; reason and action
// <= 128 characters).
#pragma once

#include "api/meta.hpp"

namespace apitoken::api {

struct ObjectReference {
  std::string api_version;
  std::string kind;
  std::string ns;
  std::string name;
  std::string uid;

  bool operator==(const ObjectReference&) const = default;
};

struct Event {
  std::string ns;    // the regarded object's; "default" for cluster-scoped ones
  std::string name;  // unique in its namespace; equal facts get equal names, so a restart cannot
                     // repeat them
  ObjectReference regarding;
  bool warning = false;
  std::string reason;
  std::string action;
  std::string note;  // cut to 1000 bytes when encoded, at a character's border

  bool operator==(const Event&) const = default;
};

// A new Event; `instance` names this process (reportingInstance).
std::string encode_event(const Event& event, std::chrono::system_clock::time_point now,
                         std::string_view instance);
// A merge patch that counts a repeat of an Event in its series.
std::string encode_event_series(int count, std::chrono::system_clock::time_point now);

}  // namespace apitoken::api
