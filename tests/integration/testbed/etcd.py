"""etcd's own API, to put many objects into a cluster in seconds: the API server shows them like
any others, but admits and checks nothing."""

import base64
import concurrent.futures

import requests

OPERATIONS = 100  # of one transaction; etcd takes 128 by default
WRITERS = 8


def encoded(text):
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


class Etcd:
    def __init__(self, url):
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False

    def call(self, name, body, service="kv"):
        answer = self.session.post(f"{self.url}/v3/{service}/{name}", json=body, timeout=60)
        assert answer.status_code == 200, f"etcd {name}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def get(self, key):
        found = self.call("range", {"key": encoded(key)}).get("kvs")
        assert found, f"etcd has no {key}"
        return base64.b64decode(found[0]["value"])

    def put_all(self, pairs):
        """Writes the pairs of key and value of an iterator."""
        batch = []
        for key, value in pairs:
            put = {"key": encoded(key), "value": encoded(value)}
            batch.append({"requestPut": put})
            if len(batch) == OPERATIONS:
                self.call("txn", {"success": batch})
                batch = []
        if batch:
            self.call("txn", {"success": batch})

    def keys_below(self, prefix):
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        body = {"key": encoded(prefix), "range_end": encoded(end), "keys_only": True}
        return [one["key"] for one in self.call("range", body).get("kvs", [])]

    def delete_below(self, prefix):
        """One by one, so that each deletion has a version of its own, as the API server's have:
        a watch that resumes amid events of one version misses the rest of them."""
        keys = self.keys_below(prefix)

        def delete(some):
            own = Etcd(self.url)
            for key in some:
                own.call("deleterange", {"key": key})

        with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(delete, [keys[i::WRITERS] for i in range(WRITERS)]))

    def compact(self):
        """Removes all versions but the present ones, so that older watches end with 410."""
        revision = self.call("range", {"key": encoded("/"), "limit": 1})["header"]["revision"]
        self.call("compaction", {"revision": revision, "physical": True})

    def set_out_of_space(self, full):
        """As if its disk or its quota were full: it refuses each write, or takes them again."""
        action = "ACTIVATE" if full else "DEACTIVATE"
        self.call("alarm", {"action": action, "alarm": "NOSPACE"}, service="maintenance")
