"""A thin client of the API server with the administrator's certificate: paths and JSON, one
connection a thread."""

import threading
import time

import requests

MERGE = "application/merge-patch+json"


class ApiError(Exception):
    def __init__(self, code, body):
        self.code = code
        self.reason = body.get("reason", "")
        self.message = body.get("message", "")
        super().__init__(f"{code} {self.reason}: {self.message}")


class Api:
    def __init__(self, url, ca, certificate, key, manager="tests", headers=()):
        self.url = url
        self.headers = dict(headers)
        self.ca = ca
        self.pair = (certificate, key)
        self.manager = manager
        self._local = threading.local()

    def impersonating(self, user, group=None):
        """The same server, called as another user, like `kubectl --as`."""
        headers = {"Impersonate-User": user, **({"Impersonate-Group": group} if group else {})}
        return Api(self.url, self.ca, *self.pair, self.manager, headers)

    def _session(self):
        if not hasattr(self._local, "session"):
            session = requests.Session()
            session.trust_env = False
            session.verify = self.ca
            session.cert = self.pair
            session.headers.update(self.headers)
            self._local.session = session
        return self._local.session

    def request(self, method, path, body=None, params=None, content_type="application/json"):
        params = dict(params or {})
        if method != "GET":
            params.setdefault("fieldManager", self.manager)
        if method == "DELETE":
            params.pop("fieldManager")
        while True:
            answer = self._session().request(
                method,
                self.url + path,
                json=body,
                params=params,
                timeout=30,
                headers={"Content-Type": content_type},
            )
            if (
                answer.status_code != 429
            ):  # "storage is (re)initializing", just after a CRD was changed
                break
            time.sleep(float(answer.headers.get("Retry-After", 1)))
        if answer.status_code >= 400:
            try:
                raise ApiError(answer.status_code, answer.json())
            except ValueError:
                raise ApiError(answer.status_code, {"message": answer.text}) from None
        return answer

    def text(self, path):
        return self.request("GET", path).text

    def get(self, path, **params):
        """The object, or None."""
        try:
            return self.request("GET", path, params=params).json()
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def create(self, path, body, **params):
        return self.request("POST", path, body, params).json()

    def update(self, path, body, **params):
        return self.request("PUT", path, body, params).json()

    def patch(self, path, body, **params):
        return self.request("PATCH", path, body, params, MERGE).json()

    def delete(self, path, **params):
        """True if there was an object to delete."""
        try:
            self.request("DELETE", path, params=params)
            return True
        except ApiError as error:
            if error.code == 404:
                return False
            raise


class Collection:
    """The objects of one kind in one place, each identified by its name."""

    def __init__(self, api, path, api_version="", kind=""):
        self.api = api
        self.path = path
        self.api_version = api_version
        self.kind = kind

    def create(self, name, spec=None, labels=None, annotations=None, **members):
        body = {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "metadata": {"name": name},
            **members,
        }
        if spec is not None:
            body["spec"] = spec
        if labels:
            body["metadata"]["labels"] = labels
        if annotations:
            body["metadata"]["annotations"] = annotations
        return self.api.create(self.path, body)

    def get(self, name):
        return self.api.get(f"{self.path}/{name}")

    def list(self):
        return self.api.get(self.path)["items"] or []

    def patch(self, name, body, **params):
        return self.api.patch(f"{self.path}/{name}", body, **params)

    def delete(self, name, **params):
        return self.api.delete(f"{self.path}/{name}", **params)


def apitokens(api, namespace):
    return Collection(
        api,
        f"/apis/apitoken.dev/v1alpha1/namespaces/{namespace}/apitokens",
        "apitoken.dev/v1alpha1",
        "ApiToken",
    )


def configs(api):
    return Collection(
        api,
        "/apis/apitoken.dev/v1alpha1/tokenexpiryconfigs",
        "apitoken.dev/v1alpha1",
        "TokenExpiryConfig",
    )


def secrets(api, namespace):
    return Collection(api, f"/api/v1/namespaces/{namespace}/secrets", "v1", "Secret")


def leases(api, namespace):
    return Collection(
        api,
        f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases",
        "coordination.k8s.io/v1",
        "Lease",
    )


def events(api, namespace):
    return Collection(
        api, f"/apis/events.k8s.io/v1/namespaces/{namespace}/events", "events.k8s.io/v1", "Event"
    )
