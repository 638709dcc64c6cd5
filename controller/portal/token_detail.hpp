// Token detail: the data of the page of one ApiToken. Routes' tables name the handlers; workers'
// threads.
#pragma once

#include "api/meta.hpp"
#include "portal/call.hpp"

namespace apitoken::portal {

Expected<serve::HttpReply> get_token(Call& call);

// An object of the API server as the browser gets it: without managedFields.
nlohmann::json shown_object(std::string_view body);
// Whether a Secret belongs to the ApiToken of that uid, and to nothing else.
bool is_owned_by(const api::ObjectMeta& meta, std::string_view uid);

}  // namespace apitoken::portal
