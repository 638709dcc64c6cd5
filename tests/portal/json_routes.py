"""The portal's routes as a page calls them; both ways to serve the portal have the same ones."""


class JsonRoutes:
    """Calls of self.request(method, path, body), whose answers are JSON with an expected status."""

    def get(self, path, status=200):
        return self.send("GET", path, status=status)

    def send(self, method, path, body=None, status=200):
        answer = self.request(method, path, body)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()
