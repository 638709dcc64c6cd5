"""Verification over HTTPS, by real verifiers: kube-apiserver's token webhook and services that
introspect. One control plane whose webhook is one operator; each test takes a namespace."""

import concurrent.futures
import json
import os
import pathlib
import re
import secrets as random_names
import shutil
import subprocess

import pytest
import requests
import yaml

from testbed import late
from testbed.certificates import Authority
from testbed.cluster import ROOT, Cluster
from testbed.namespace import TestNamespace
from testbed.process import Operator, free_port
from testbed.proxy import Proxy
from testbed.tokens import moment, seconds_since, status_and_reason, value_in
from testbed.verifying import auth
from testbed.waiting import SCALE, eventually, holds, pause, wait_for

FORM = "application/x-www-form-urlencoded"
FOREIGN = "apt_" + "0" * 46
INVALID = (
    'Bearer realm="apitoken", error="invalid_token", error_description="the token is not valid"'
)


def webhook_config(path, url, ca):
    cluster = {"server": url, "certificate-authority": str(ca)}
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "webhook",
                "users": [{"name": "apiserver", "user": {}}],
                "clusters": [{"name": "operator", "cluster": cluster}],
                "contexts": [
                    {"name": "webhook", "context": {"cluster": "operator", "user": "apiserver"}}
                ],
            }
        )
    )
    return path


class Verified:
    """The cluster, the operator that is its webhook, and how to ask that operator."""

    def __init__(self, directory):
        self.authority = Authority(directory / "pki")
        certificate, key = self.authority.files("operator", "server")
        self.callers = Authority(directory / "pki", "callers-ca")
        port = free_port()
        config = webhook_config(
            directory / "webhook.yaml", f"https://127.0.0.1:{port}/tokenreview", self.authority.file
        )
        self.cluster = Cluster(
            directory / "cluster",
            f"--authentication-token-webhook-config-file={config}",
            "--authentication-token-webhook-version=v1",
            "--authentication-token-webhook-cache-ttl=1s",
        )
        self.cluster.apply_crds()
        flags = [
            "--kubeconfig",
            str(self.cluster.kubeconfig),
            "--operator-namespace",
            "default",
            "--verify-bind-address",
            f"127.0.0.1:{port}",
            "--verify-tls-cert-file",
            certificate,
            "--verify-tls-key-file",
            key,
            "--verify-client-ca-file",
            str(self.callers.file),
        ]
        self.operator = Operator(flags, directory / "operator.log", {}).wait_ready()
        self.url = f"https://127.0.0.1:{port}"

    def ask(self, method, path, url=None, **options):
        options.setdefault("timeout", 20)
        return requests.request(
            method, (url or self.url) + path, verify=str(self.authority.file), **options
        )

    def auth(self, token, url=None, **params):
        return self.ask(
            "GET", "/auth", url, params=params, headers={"Authorization": f"Bearer {token}"}
        )

    def review(self, token, **spec):
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token, **spec},
        }
        return self.ask("POST", "/tokenreview", json=body)

    def introspect(self, token, caller=None, cert=None):
        headers = {"Authorization": f"Bearer {caller}"} if caller else {}
        return self.ask("POST", "/introspect", data={"token": token}, headers=headers, cert=cert)

    def whoami(self, token):
        """What kube-apiserver says of a token: (user info, None), or (None, error)."""
        done = self.cluster.kubectl(
            "--kubeconfig",
            os.devnull,
            "--server",
            self.cluster.url,
            "--certificate-authority",
            self.cluster.dir / "ca.crt",
            "--token",
            token,
            "auth",
            "whoami",
            "-o",
            "json",
            check=False,
        )
        return (
            (json.loads(done.stdout)["status"]["userInfo"], None)
            if done.returncode == 0
            else (None, done.stderr)
        )

    def service_account(self, namespace, name):
        """A new service account's token."""
        path = f"/api/v1/namespaces/{namespace.name}/serviceaccounts"
        self.cluster.api.create(
            path, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
        )
        return self.cluster.api.create(
            f"{path}/{name}/token",
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}},
        )["status"]["token"]


@pytest.fixture(scope="module")
def testbed(tmp_path_factory):
    verified = Verified(tmp_path_factory.mktemp("verify"))
    try:
        yield verified
        verified.operator.stop()
        verified.operator.check_log()
    finally:
        if verified.operator.running():
            verified.operator.kill()
        verified.cluster.down()


@pytest.fixture
def namespace(testbed):
    namespace = TestNamespace.made(testbed.cluster)
    yield namespace
    namespace.remove()


def test_forward_auth_names_the_user_of_a_valid_token(testbed, namespace):
    token = namespace.minted_value(
        groups=["deployers", "readers"],
        scopes=["deploy:write"],
        audiences=["https://api.example.com"],
    )
    answer = testbed.auth(token)
    assert answer.status_code == 200
    assert answer.headers["X-Auth-Request-User"] == "alice@example.com"
    assert answer.headers["X-Auth-Request-Groups"] == "deployers,readers"
    assert (
        testbed.auth(token, scope="deploy:write", audience="https://api.example.com").status_code
        == 200
    )
    assert testbed.auth(token, scope="admin").status_code == 403
    assert testbed.auth(token, audience="https://other.example.com").status_code == 401


def test_every_bad_token_is_answered_alike(testbed, namespace):
    good = namespace.minted_value()
    revoked = namespace.minted_value("revoked")
    namespace.tokens.patch("revoked", {"spec": {"revoked": True}})
    eventually(lambda: testbed.auth(revoked).status_code == 401 or pytest.fail("still valid"))
    damaged = good[:-1] + ("0" if good[-1] != "0" else "1")
    seen = []
    for bad in (FOREIGN, good[:-1], damaged, good + "x", revoked, "x", "eyJhbGciOiJub25lIn0.e30."):
        answer = testbed.auth(bad)
        headers = {k: v for k, v in answer.headers.items() if k != "Date"}
        seen.append((answer.status_code, headers, answer.text))
        assert testbed.review(bad).json()["status"] == {"authenticated": False}
    assert seen[0][0] == 401 and seen[0][1]["WWW-Authenticate"] == INVALID
    assert all(answer == seen[0] for answer in seen)
    assert testbed.ask("GET", "/auth").headers["WWW-Authenticate"] == 'Bearer realm="apitoken"'
    assert testbed.auth(good).status_code == 200


def test_revocation_and_deletion_count_within_a_second(testbed, namespace):
    for name, end in (
        ("revoked", lambda n: namespace.tokens.patch(n, {"spec": {"revoked": True}})),
        ("deleted", namespace.tokens.delete),
    ):
        token = namespace.minted_value(name)
        assert testbed.auth(token).status_code == 200
        end(name)
        wait_for(
            lambda token=token: testbed.auth(token).status_code == 401,
            1,
            f"{name}, and still valid",
        )


def test_kube_apiserver_accepts_a_token_until_it_is_revoked(testbed, namespace):
    token = namespace.minted_value(groups=["deployers"])
    user, error = testbed.whoami(token)
    assert user, error
    assert user["username"] == "alice@example.com"
    assert set(user["groups"]) == {"deployers", "system:authenticated"}
    assert user["uid"] == namespace.tokens.get("ci")["metadata"]["uid"]
    assert user["extra"]["apitoken.dev/apitoken"] == [f"{namespace.name}/ci"]
    assert testbed.whoami(FOREIGN)[0] is None
    namespace.tokens.patch("ci", {"spec": {"revoked": True}})

    def refused():
        user, error = testbed.whoami(token)
        assert user is None and "Unauthorized" in error, (user, error)

    eventually(refused)


def test_kube_apiserver_refuses_a_token_that_expired(testbed, namespace):
    token = namespace.minted_value(type="Temporary", ttl="12s")
    assert testbed.whoami(token)[0]
    expires = namespace.tokens.get("ci")["status"]["expiresAt"]
    wait_for(lambda: testbed.auth(token).status_code == 401, 15, "still valid after its ttl")
    assert -0.1 < seconds_since(expires) < 1.5 * SCALE, "not at the instant"
    eventually(
        lambda: testbed.whoami(token)[0] is None or pytest.fail("kube-apiserver still accepts it")
    )


PAGE = (ROOT / "docs/verify.md").read_text()


def block(language):
    """The one code block of docs/verify.md in that language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)
    return found


def interpreter(language, directory):
    """The command that runs the program of docs/verify.md, or None if the language is not
    installed."""
    name, commands = {
        "python": ("introspect.py", ["python3"]),
        "go": ("main.go", ["go", "/usr/local/go/bin/go"]),
        "java": ("Introspect.java", ["java"]),
    }[language]
    (directory / name).write_text(block(language))
    found = next(filter(None, map(shutil.which, commands)), None)
    return found and [found, *(["run"] if language == "go" else []), str(directory / name)]


@pytest.fixture
def introspector(testbed, namespace):
    """The token of a service account that may introspect."""
    testbed.cluster.kubectl("apply", "-f", str(ROOT / "manifests/policy/roles.yaml"))
    token = testbed.service_account(namespace, "introspector")
    testbed.cluster.kubectl(
        "create",
        "clusterrolebinding",
        namespace.name,
        "--clusterrole=apitoken-introspector",
        f"--serviceaccount={namespace.name}:introspector",
    )

    # kube-apiserver follows new bindings a moment later, and the operator remembers a refusal for
    # ten seconds.
    wait_for(
        lambda: testbed.introspect(FOREIGN, token).status_code == 200,
        30,
        "the service account may not introspect",
    )
    yield token
    testbed.cluster.kubectl("delete", "clusterrolebinding", namespace.name)


@pytest.mark.parametrize("language", ["python", "go", "java"])
def test_a_program_of_the_page_names_the_user_of_a_valid_token(
    testbed, namespace, introspector, tmp_path, language
):
    command = interpreter(language, tmp_path)
    if command is None:
        pytest.skip(f"no {language} on this machine")
    token = namespace.minted_value()
    environment = {
        **os.environ,
        "INTROSPECT_URL": f"{testbed.url}/introspect",
        "CA_FILE": str(testbed.authority.file),
        "CALLER_TOKEN": introspector,
    }
    runs = [
        subprocess.run(
            command,
            input=text,
            text=True,
            capture_output=True,
            env=environment,
            timeout=240,
            cwd=tmp_path,
        )
        for text in (token, FOREIGN)
    ]
    assert (runs[0].returncode, runs[0].stdout.strip()) == (0, "alice@example.com"), runs[0].stderr
    assert runs[1].returncode != 0 and not runs[1].stdout


def test_keys_and_discovery_are_published(testbed):
    found = testbed.ask("GET", "/.well-known/openid-configuration").json()
    assert found["issuer"] == "https://apitoken-operator.default.svc:8443"
    assert found["jwks_uri"] == found["issuer"] + "/.well-known/jwks.json"
    assert "keys" in testbed.ask("GET", "/.well-known/jwks.json").json()


def test_introspection_is_for_permitted_service_accounts(testbed, namespace, introspector):
    token = namespace.minted_value(scopes=["a", "b"], audiences=["https://api.example.com"])
    status = namespace.tokens.get("ci")["status"]
    assert testbed.introspect(token, introspector).json() == {
        "active": True,
        "token_type": "Bearer",
        "sub": "alice@example.com",
        "username": "alice@example.com",
        "client_id": f"{namespace.name}/ci",
        "jti": status["tokenID"],
        "scope": "a b",
        "aud": ["https://api.example.com"],
        "iss": "https://apitoken-operator.default.svc:8443",
        "iat": moment(status["issuedAt"]).timestamp(),
        "exp": moment(status["expiresAt"]).timestamp(),
    }
    assert testbed.introspect(FOREIGN, introspector).json() == {"active": False}
    other = namespace.minted_value("other")
    for stranger, refusal in (
        (None, 401),
        (FOREIGN, 401),
        (testbed.service_account(namespace, "other"), 403),
        (other, 403),
    ):
        refused = testbed.introspect(token, stranger)
        assert refused.status_code == refusal, "an API token is a user without the right"
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")


def test_introspection_is_for_clients_with_a_certificate_of_the_client_ca(testbed, namespace):
    token = namespace.minted_value()
    own = testbed.callers.files("service", "client")
    assert testbed.introspect(token, cert=own).json()["active"] is True
    assert testbed.introspect(FOREIGN, cert=own).json() == {"active": False}
    for cert in (
        testbed.authority.files("stranger", "client"),
        testbed.callers.files("a-server", "server"),
    ):
        assert testbed.introspect(token, cert=cert).status_code == 401


def test_broken_reviews_get_400_and_a_line_without_the_token(testbed, namespace):
    token = namespace.minted_value()
    kind = f'{{"apiVersion":"authentication.k8s.io/v1","kind":"{token}"}}'
    for body in (
        "",
        "{",
        f'{{"spec":{{"token":"{token}"}}}}',
        f'{{"token":"{token}',
        "[]",
        "\0" * 100,
        f'{{"apiVersion":"{token}"}}',
        kind,
    ):
        answer = testbed.ask(
            "POST", "/tokenreview", data=body, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 400 and token not in answer.text
    assert testbed.ask("POST", "/tokenreview", data="x" * 100_000).status_code == 413
    assert testbed.ask("GET", "/tokenreview").status_code == 405
    assert testbed.ask("GET", "/nothing").status_code == 404
    testbed.operator.wait_logged("cannot read a TokenReview")
    testbed.operator.check_log()


def test_a_flood_of_bad_tokens_costs_no_api_call(testbed, namespace):
    token = namespace.minted_value()
    assert testbed.auth(token).status_code == 200
    wait_for(lambda: namespace.tokens.get("ci")["status"].get("lastUsedAt"), 10, "no lastUsedAt")
    before = testbed.operator.metrics()

    def flood(number):
        with requests.Session() as session:
            session.trust_env, session.verify = False, str(testbed.authority.file)
            for i in range(250):
                bad = f"apt_{number:010}{i:036}"
                assert (
                    session.get(
                        testbed.url + "/auth",
                        headers={"Authorization": f"Bearer {bad}"},
                        timeout=20,
                    ).status_code
                    == 401
                )
                assert (
                    session.post(
                        testbed.url + "/introspect", data={"token": bad}, timeout=20
                    ).status_code
                    == 401
                )

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(flood, range(8)))
    assert testbed.auth(token).status_code == 200
    after = testbed.operator.metrics()
    asked = {m: after.requests(m) - before.requests(m) for m in ("POST", "PATCH", "PUT", "DELETE")}
    assert asked == {"POST": 0, "PATCH": 0, "PUT": 0, "DELETE": 0}
    assert after.value("apitoken_verifications_total", endpoint="auth", result="invalid") >= 2000


def test_the_last_use_is_written_once(testbed, namespace):
    token = namespace.minted_value()
    assert "lastUsedAt" not in namespace.tokens.get("ci")["status"]
    assert testbed.auth(token).status_code == 200
    used = wait_for(
        lambda: namespace.tokens.get("ci")["status"].get("lastUsedAt"), 10, "no lastUsedAt"
    )
    assert -1.5 < seconds_since(used) < 10 * SCALE
    version = namespace.tokens.get("ci")["metadata"]["resourceVersion"]

    def unchanged():
        assert testbed.auth(token).status_code == 200
        assert namespace.tokens.get("ci")["metadata"]["resourceVersion"] == version

    holds(unchanged, 2)


def mount(directory, authority):
    """Certificate and key like the kubelet mounts a Secret: links through ..data, which is
    swapped."""
    content = directory / f"..{random_names.token_hex(4)}"
    content.mkdir(parents=True)
    for name, text in zip(("tls.crt", "tls.key"), authority.sign("operator", "server")):
        (content / name).write_bytes(text)
        if not (directory / name).is_symlink():
            (directory / name).symlink_to(pathlib.Path("..data") / name)
    (directory / "..new").symlink_to(content.name)
    os.replace(directory / "..new", directory / "..data")


def test_a_changed_certificate_is_served_without_a_restart(testbed, namespace, launch, tmp_path):
    first, second = (
        Authority(tmp_path / "pki", "first-ca"),
        Authority(tmp_path / "pki", "second-ca"),
    )
    mount(tmp_path / "tls", first)
    operator = launch(
        *namespace.flags,
        "--verify-tls-cert-file",
        tmp_path / "tls/tls.crt",
        "--verify-tls-key-file",
        tmp_path / "tls/tls.key",
        kubeconfig=testbed.cluster.kubeconfig,
    )
    health = f"{operator.verify_url}/healthz"
    assert requests.get(health, verify=str(first.file), timeout=10).status_code == 200
    mount(tmp_path / "tls", second)

    def changed():
        try:
            return requests.get(health, verify=str(second.file), timeout=10).status_code == 200
        except requests.exceptions.SSLError:
            return False

    wait_for(changed, 5, "the previous certificate is still served")
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(health, verify=str(first.file), timeout=10)


def test_a_replica_that_does_not_lead_verifies_too(cluster, make_namespace, launch):
    namespace = make_namespace()  # on a cluster without another operator
    flags = [*namespace.flags, "--leader-elect"]
    first = launch(*flags, kubeconfig=cluster.kubeconfig).wait_leading()
    second = launch(*flags, kubeconfig=cluster.kubeconfig)
    token = namespace.minted_value()

    def status(operator):
        return requests.get(
            f"{operator.verify_url}/auth",
            headers={"Authorization": f"Bearer {token}"},
            verify=False,
            timeout=10,
        ).status_code

    eventually(
        lambda: status(second) == 200 or pytest.fail("the second replica does not know the token")
    )
    assert not second.leads()
    assert (
        second.metrics().value(
            "apitoken_verifications_total", endpoint="tokenreview", result="valid"
        )
        == 0
    ), "from the start"
    second.wait_logged("certificate made for this run")
    namespace.tokens.patch("ci", {"spec": {"revoked": True}})
    for operator in (first, second):
        wait_for(lambda operator=operator: status(operator) == 401, 1, "still valid")


def test_a_follower_with_a_late_watch_accepts_a_new_value(
    cluster, make_namespace, launch, tmp_path
):
    """A client reads a rotated Secret and calls before the follower's watch has brought the new
    hash."""
    namespace = make_namespace()
    flags = [*namespace.flags, "--leader-elect"]
    launch(*flags, kubeconfig=cluster.kubeconfig).wait_leading()

    def late(path, line):
        if path.endswith("/apitokens"):
            pause(0.04)
        return line

    proxy = Proxy(cluster, spoil_watch=late)
    try:
        path = cluster.changed_kubeconfig(
            tmp_path / "late", lambda c: c["clusters"][0]["cluster"].update(server=proxy.url)
        )
        follower = launch(*flags, kubeconfig=path)
        with requests.Session() as session:
            session.trust_env, session.verify = False, False

            def status(token):
                return session.get(
                    f"{follower.verify_url}/auth",
                    headers={"Authorization": f"Bearer {token}"},
                    timeout=10,
                ).status_code

            value = namespace.minted_value()
            assert status(value) == 200
            for second in range(5):
                previous = value
                namespace.tokens.patch(
                    "ci",
                    {
                        "metadata": {
                            "annotations": {
                                "apitoken.dev/rotate-requested-at": f"2026-01-01T00:00:0{second}Z"
                            }
                        }
                    },
                )
                value = wait_for(
                    lambda previous=previous: (
                        (found := namespace.value("ci")) != previous and found
                    ),
                    10,
                    "not rotated",
                )
                assert status(value) == 200, f"rotation {second}"
            namespace.tokens.patch("ci", {"spec": {"revoked": True}})
            wait_for(lambda: status(value) == 401, 2, "still valid")
        follower.stop()
    finally:
        proxy.stop()


@pytest.mark.skipif(late.SECONDS > 0, reason="has its own delays, and the sum is beyond 200 ms")
def test_a_ready_token_is_valid_before_the_leader_has_the_answer_to_its_write(
    cluster, make_namespace, launch, tmp_path
):
    """A first value, a rotated one and one that was lost: a client reads each as soon as it is
    there, while answers and watch events come to the operator a tenth of a second late."""
    namespace = make_namespace()

    def late_answer(method, path, body):
        if path.endswith("/status"):
            pause(0.1)
        return body

    def late_event(path, line):
        if path.endswith("/apitokens"):
            pause(0.1)
        return line

    proxy = Proxy(cluster, spoil_answer=late_answer, spoil_watch=late_event)
    try:
        path = cluster.changed_kubeconfig(
            tmp_path / "late", lambda c: c["clusters"][0]["cluster"].update(server=proxy.url)
        )
        operator = launch(*namespace.flags, kubeconfig=path)

        def value_after(previous):
            def look():
                token, secret = namespace.check_consistent("ci")
                value = value_in(secret)
                assert value != previous and status_and_reason(token, "Ready")[0] == "True"
                return value

            return eventually(look)

        value = namespace.minted_value()
        assert auth(operator, value).status_code == 200
        request = {"apitoken.dev/rotate-requested-at": "2026-01-01T00:00:00Z"}
        namespace.tokens.patch("ci", {"metadata": {"annotations": request}})
        value = value_after(value)
        assert auth(operator, value).status_code == 200, "rotated"
        namespace.secrets.delete("ci")
        value = value_after(value)
        assert auth(operator, value).status_code == 200, "minted again"
    finally:
        proxy.stop()


def test_wrong_settings_say_which_flag(testbed, launch, tmp_path):
    operator = launch(
        "--verify-tls-cert-file",
        tmp_path / "none",
        "--verify-tls-key-file",
        tmp_path / "none",
        kubeconfig=testbed.cluster.kubeconfig,
        wait_ready=False,
    )
    assert operator.wait_exit() == 1
    operator.wait_logged(f"cannot read {tmp_path}/none")
    alone = launch(
        "--verify-tls-cert-file",
        tmp_path / "none",
        kubeconfig=testbed.cluster.kubeconfig,
        wait_ready=False,
    )
    assert alone.wait_exit() == 2
    alone.wait_logged("--verify-tls-key-file go together")


def test_secure_metrics_are_for_accounts_that_may_get_the_path(testbed, namespace, tmp_path):
    """--metrics-secure: HTTPS, with the certificate of verification, and TokenReview and
    SubjectAccessReview for each caller."""
    certificate, key = testbed.authority.files("metrics", "server")
    operator = Operator(
        [
            "--kubeconfig",
            str(testbed.cluster.kubeconfig),
            *namespace.flags,
            "--metrics-secure",
            "--verify-tls-cert-file",
            certificate,
            "--verify-tls-key-file",
            key,
        ],
        tmp_path / "operator.log",
        {},
    ).wait_ready()
    try:
        url = f"https://127.0.0.1:{operator.metrics_port}"
        reader = testbed.service_account(namespace, "prometheus")
        stranger = testbed.service_account(namespace, "stranger")

        def read(token):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            return testbed.ask("GET", "/metrics", url, headers=headers)

        assert read("").status_code == 401
        assert read(FOREIGN).status_code == 401
        assert read(stranger).status_code == 403
        with pytest.raises(requests.RequestException):
            requests.get(operator.metrics_url, timeout=5)
        testbed.cluster.kubectl("apply", "-f", str(ROOT / "manifests/policy/roles.yaml"))
        testbed.cluster.kubectl(
            "create",
            "clusterrolebinding",
            f"{namespace.name}-metrics",
            "--clusterrole=apitoken-metrics-reader",
            f"--serviceaccount={namespace.name}:prometheus",
        )
        answer = read(reader)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert "leader_election_master_status 1" in answer.text.replace(
            '{name="apitoken-operator"}', ""
        )
        operator.stop()
        operator.check_log()
    finally:
        if operator.running():
            operator.kill()
        testbed.cluster.kubectl(
            "delete", "clusterrolebinding", f"{namespace.name}-metrics", check=False
        )
