// FakeApiServer: an API server in memory, behind the Transport interface, with creates, merge
// patches with preconditions, and deletes. Its n-th write can fail in four ways. It grants no get
// of ApiTokens, as manifests/rbac does not. For tests; one thread.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "kube/transport.hpp"

namespace apitoken {

class FakeApiServer final : public kube::Transport {
 public:
  using Json = nlohmann::json;
  enum class Fault {
    Refused,      // the write is not done, the answer says so
    AnswerLost,   // the write is done, the answer never arrives
    CrashBefore,  // the operator dies: the write is not done, nor is anything after it
    CrashAfter,   // the same, but the write is done
  };

  std::map<std::string, Json> objects;  // by path
  // Called after each write that changed the objects.
  std::function<void()> watch_writes;
  // Called before each write; may refuse it with an answer.
  std::function<std::optional<int>(const kube::HttpRequest&)> refuse;

  void fail_write(int nth, Fault fault) {
    writes_left_ = nth;
    fault_ = fault;
    fired_ = crashed_ = false;
  }
  void mend() { writes_left_ = 0, crashed_ = false; }
  bool fired() const { return fired_; }
  bool crashed() const { return crashed_; }
  std::string version() const { return std::to_string(version_); }

  // All objects and the version, as a snapshot of etcd has them.
  struct Snapshot {
    std::map<std::string, Json> objects;
    int version;
  };
  Snapshot save() const { return {objects, version_}; }
  void restore(const Snapshot& snapshot) {
    objects = snapshot.objects;
    version_ = snapshot.version;
  }
  int writes() const { return writes_; }

  // A write of another client: `change` may alter the object.
  template <typename Change>
  void edit(const std::string& path, Change change) {
    change(objects.at(path));
    touch(objects.at(path));
  }
  void put(const std::string& path, Json object) {
    object["metadata"]["uid"] = "uid-" + std::to_string(++uids_);
    touch(object);
    objects[path] = std::move(object);
  }

  Result<kube::HttpResponse> send(const kube::HttpRequest& request, std::stop_token) override {
    if (crashed_) return fail(ErrorKind::Unavailable, "the operator is dead");
    const std::string path = request.target.substr(0, request.target.find('?'));
    if (request.method == kube::Method::Get) {
      const auto by_name = request.target.find("fieldSelector=metadata.name%3D");
      return by_name == std::string::npos ? read(path, request)
                                          : list_one(path, request, by_name + 30);
    }
    ++writes_;
    if (const auto code = refuse ? refuse(request) : std::nullopt)
      return status(*code, *code == 403 ? "Forbidden" : "Invalid");
    const bool fails = writes_left_ > 0 && --writes_left_ == 0;
    if (fails) fired_ = true;
    if (fails && fault_ == Fault::Refused) return status(500, "InternalError");
    if (fails && fault_ == Fault::CrashBefore) return die();
    auto answer = write(path, request);
    if (watch_writes) watch_writes();
    if (fails && fault_ == Fault::CrashAfter) return die();
    if (fails && fault_ == Fault::AnswerLost)
      return fail(ErrorKind::Unavailable, "the connection broke");
    return answer;
  }
  Result<kube::HttpResponse> stream(const kube::HttpRequest&, std::stop_token,
                                    const std::function<bool(std::string_view)>&) override {
    return fail(ErrorKind::Unavailable, "no streams here");
  }

 private:
  static kube::HttpResponse status(int code, std::string_view reason) {
    return {
        code,
        Json{{"kind", "Status"}, {"code", code}, {"reason", reason}, {"message", reason}}.dump(),
        {}};
  }
  Result<kube::HttpResponse> die() {
    crashed_ = true;
    return fail(ErrorKind::Unavailable, "the operator is dead");
  }
  void touch(Json& object) { object["metadata"]["resourceVersion"] = std::to_string(++version_); }
  static kube::HttpResponse show(Json object, const kube::HttpRequest& request) {
    if (request.accept.find("PartialObjectMetadata") != std::string::npos) object.erase("data");
    return {200, object.dump(), {}};
  }

  Result<kube::HttpResponse> read(const std::string& path, const kube::HttpRequest& request) {
    if (path.find("/apitokens/") != std::string::npos) return status(403, "Forbidden");
    const auto found = objects.find(path);
    return found == objects.end() ? status(404, "NotFound") : show(found->second, request);
  }

  // The collection at `path`, selected by the name that begins at `name` of the target.
  Result<kube::HttpResponse> list_one(const std::string& path, const kube::HttpRequest& request,
                                      std::size_t name) {
    const auto found = objects.find(path + "/" + request.target.substr(name));
    Json list{
        {"kind", "List"}, {"metadata", {{"resourceVersion", version()}}}, {"items", Json::array()}};
    if (found != objects.end())
      list["items"].push_back(Json::parse(show(found->second, request).body));
    return kube::HttpResponse{200, list.dump(), {}};
  }

  Result<kube::HttpResponse> write(std::string path, const kube::HttpRequest& request) {
    const Json body = Json::parse(request.body);
    if (request.method == kube::Method::Post) {
      path += "/" + body["metadata"]["name"].get<std::string>();
      if (objects.contains(path)) return status(409, "AlreadyExists");
      put(path, body);
      note_writer(objects[path], body);
      return show(objects[path], request);
    }
    const bool of_status = path.ends_with("/status");
    if (of_status) path.resize(path.size() - 7);
    const auto found = objects.find(path);
    if (found == objects.end()) return status(404, "NotFound");
    Json& object = found->second;
    const Json empty = Json::object();
    const Json& wanted = request.method == kube::Method::Delete ? body.value("preconditions", empty)
                                                                : body["metadata"];
    for (const char* name : {"uid", "resourceVersion"}) {
      if (wanted.contains(name) && wanted[name] != object["metadata"][name])
        return status(409, "Conflict");
    }
    if (request.method == kube::Method::Delete) {
      objects.erase(found);
      return kube::HttpResponse{200, "{}", {}};
    }
    const Json before = object;
    object.merge_patch(of_status ? Json{{"status", body["status"]}} : body);
    note_writer(object, body);
    if (object != before) touch(object);
    return show(object, request);
  }

  static void note_writer(Json& object, const Json& body) {
    if (!body.contains("data")) return;
    Json keys = Json::object();  // all are the operator's: nobody else writes here but by edit()
    for (const auto& [name, value] : object["data"].items()) keys["f:" + name] = Json::object();
    object["metadata"]["managedFields"] = {
        {{"manager", "apitoken-operator"}, {"fieldsV1", {{"f:data", keys}}}}};
  }

  int version_ = 100;
  int uids_ = 0;
  int writes_ = 0;
  int writes_left_ = 0;
  Fault fault_ = Fault::Refused;
  bool fired_ = false;
  bool crashed_ = false;
};

}  // namespace apitoken
