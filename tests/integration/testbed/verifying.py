"""Asks an operator about tokens, like a service or a proxy."""

import requests


def auth(operator, token, **params):
    """The answer of /auth."""
    headers = {"Authorization": b"Bearer " + token.encode()}
    url = f"{operator.verify_url}/auth"
    return requests.get(url, params=params, headers=headers, timeout=20, verify=False)


def is_valid(operator, token):
    return auth(operator, token).status_code == 200


def review(operator, token, **spec):
    """The answer of /tokenreview."""
    kind = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview"}
    url, body = f"{operator.verify_url}/tokenreview", {**kind, "spec": {"token": token, **spec}}
    return requests.post(url, json=body, timeout=20, verify=False).json()["status"]


def keys(operator):
    """The published key set."""
    url = f"{operator.verify_url}/.well-known/jwks.json"
    return requests.get(url, timeout=20, verify=False).json()
