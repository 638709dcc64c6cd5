// Conflicts of people with the operator are none: it writes status, and so gives an object a new
// resourceVersion while somebody fills in a form about its spec. Routes that save ask here before
// they report a conflict. Workers' threads.
#pragma once

#include "api/meta.hpp"
#include "portal/viewer.hpp"

namespace apitoken::portal {

// The resourceVersion of the object as it is, if its spec is still the one that it had at `since`;
// empty: somebody changed it, or that can no longer be found out.
std::string version_with_same_spec(Viewer& viewer, const kube::Resource& resource,
                                   const api::ObjectKey& key, const std::string& since,
                                   std::stop_token stop);

}  // namespace apitoken::portal
