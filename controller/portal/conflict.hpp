// save_spec: saves a spec although the operator wrote status meanwhile. Each write of status gives
// the object a new resourceVersion while a person fills in a form; that is not a conflict between
// people. All routes that save use it. Workers' threads.
#pragma once

#include <functional>

#include "api/meta.hpp"
#include "portal/viewer.hpp"

namespace apitoken::portal {

// Saves an object by `save`, which gets the resourceVersion to name and returns the body: first
// `since`, and after a conflict the present one, if the spec is still the one that it had at
// `since`. The operator may write status again in between: up to five times. Empty `since`: no
// version is named, and save() is called once.
Expected<std::string> save_spec(
    Viewer& viewer, const kube::Resource& resource, const api::ObjectKey& key,
    const std::string& since, std::stop_token stop,
    const std::function<Expected<std::string>(const std::string& version)>& save);

}  // namespace apitoken::portal
