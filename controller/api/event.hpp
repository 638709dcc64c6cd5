// An Event of events.k8s.io/v1, as the operator writes it. Values. Limits: note <= 1 kB, reason and
// action <= 128 characters.
// Source: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
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
  std::string ns;  // of the regarded object; "default" for cluster-scoped objects
  // Equal facts get equal names, so that a restart cannot post an Event twice.
  std::string name;
  ObjectReference regarding;
  bool warning = false;
  std::string reason;
  std::string action;
  std::string note;  // encode_event() cuts it to 1000 bytes, between characters

  bool operator==(const Event&) const = default;
};

// The body that creates the Event. `instance` names this process (reportingInstance).
std::string encode_event(const Event& event, std::chrono::system_clock::time_point now,
                         std::string_view instance);
// A merge patch for an Event that happened again: sets its series to `count`.
std::string encode_event_series(int count, std::chrono::system_clock::time_point now);

}  // namespace apitoken::api
