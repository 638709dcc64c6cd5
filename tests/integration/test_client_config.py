"""The client's configuration as kubectl takes it: what works with kubectl works with the plugin and
the operator, from the same kubeconfig and environment. The API server is on loopback, which no
environment proxies; so tests reach it by a name that only a proxy can resolve."""

import base64
import stat
import subprocess
import urllib.parse

import pytest
import yaml

from testbed import rbac
from testbed.certificates import Authority
from testbed.connect_proxy import BrokenProxy, ConnectProxy, SocksProxy
from testbed.plugin import Plugin, in_namespace
from testbed.tokens import hash_of

NAME = "kubernetes.default.svc"  # in the server's certificate
NOT_ALLOWED, UNREACHABLE = 4, 5
VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def port_of(cluster):
    return urllib.parse.urlsplit(cluster.url).port


def make_proxy(cluster, scheme, folder, login=None):
    port = port_of(cluster)
    if scheme == "socks5":
        return SocksProxy(port, login)
    if scheme == "http":
        return ConnectProxy(port, login)
    return ConnectProxy(port, login, Authority(folder, "proxy-ca").files("proxy", "server"))


def authorities(cluster, folder):
    """Those of the API server and of a proxy over TLS, for certificate-authority-data."""
    both = (cluster.dir / "ca.crt").read_bytes()
    extra = folder / "proxy-ca.crt"
    return base64.b64encode(both + (extra.read_bytes() if extra.exists() else b"")).decode()


@pytest.fixture(params=["http", "https", "socks5"])
def any_proxy(request, cluster, tmp_path):
    proxy = make_proxy(cluster, request.param, tmp_path)
    yield proxy
    proxy.stop()


@pytest.fixture(params=["http", "https", "socks5"])
def any_login_proxy(request, cluster, tmp_path):
    proxy = make_proxy(cluster, request.param, tmp_path, "al:p@ss/word")
    yield proxy
    proxy.stop()


@pytest.fixture
def proxy(cluster, tmp_path):
    proxy = make_proxy(cluster, "http", tmp_path)
    yield proxy
    proxy.stop()


@pytest.fixture
def trusting(cluster, tmp_path):
    """The fields of a cluster that is verified by its authority or that of a proxy over TLS."""
    return {
        "certificate-authority": None,
        "certificate-authority-data": authorities(cluster, tmp_path),
    }


@pytest.fixture
def configured(namespace, tmp_path):
    """configured(cluster=…, user=…): a plugin whose kubeconfig has these fields too."""

    def make(cluster=None, user=None, only_user=None):
        path = in_namespace(namespace.cluster, tmp_path / "configured", namespace.name)
        config = yaml.safe_load(path.read_text())
        config["clusters"][0]["cluster"].update(cluster or {})
        config["users"][0]["user"].update(user or {})
        if only_user is not None:
            config["users"][0]["user"] = only_user
        for entry in (config["clusters"][0]["cluster"], config["users"][0]["user"]):
            for key in [key for key, value in entry.items() if value is None]:
                del entry[key]
        path.write_text(yaml.safe_dump(config))
        return Plugin(namespace.cluster, path)

    return make


@pytest.fixture
def remote(cluster):
    """A server's address that leads nowhere without a proxy."""
    return f"https://{NAME}:{port_of(cluster)}"


def both(plugin, env=None):
    """Whether kubectl and the plugin list ApiTokens; they must agree."""
    kubectl = plugin.run("get", "apitokens", program=("kubectl",), env=env)
    ours = plugin.run("list", "--all", env=env)
    assert (kubectl.returncode == 0) == (ours.returncode == 0), (
        f"kubectl: {kubectl.stderr}\nplugin: {ours.stderr}"
    )
    return ours.returncode == 0, ours.stderr


# --- proxies ---


def test_proxy_url_leads_to_the_server_in_spite_of_the_environment(
    configured, remote, any_proxy, trusting
):
    plugin = configured({"server": remote, "proxy-url": any_proxy.url, **trusting})
    elsewhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "*"}
    for env in ({}, elsewhere):
        any_proxy.seen.clear()
        assert both(plugin, env)[0]
        assert set(any_proxy.seen) == {remote.removeprefix("https://")}
        assert len(any_proxy.seen) >= 2


def test_proxy_url_applies_to_loopback_too(configured, cluster, any_proxy, trusting):
    assert both(configured({"proxy-url": any_proxy.url, **trusting}))[0]
    assert set(any_proxy.seen) == {f"127.0.0.1:{port_of(cluster)}"}


def test_a_proxy_with_a_login(configured, remote, any_login_proxy, trusting):
    proxy = any_login_proxy
    there = {"server": remote, **trusting}
    password = urllib.parse.quote("p@ss/word", safe="")
    assert both(configured({**there, "proxy-url": proxy.url_with(f"al:{password}")}))[0]
    assert proxy.seen
    proxy.seen.clear()
    for wrong in (proxy.url, proxy.url_with("al:s3cret"), proxy.url_with("bob:s3cret")):
        plugin = configured({**there, "proxy-url": wrong})
        works, line = both(plugin)
        assert not works and "s3cret" not in line
        assert f"through the proxy {proxy.url}: " in line
        assert f"write {proxy.scheme}://USER:PASSWORD@{proxy.address}" in line
    assert proxy.seen == []


@pytest.mark.parametrize(
    ("env", "works", "proxied"),
    [
        ({}, False, False),
        ({"HTTPS_PROXY": "PROXY"}, True, True),
        ({"HTTPS_PROXY": "http://PROXY"}, True, True),
        ({"https_proxy": "http://PROXY"}, True, True),
        ({"HTTPS_PROXY": "http://PROXY", "https_proxy": "http://127.0.0.1:9"}, True, True),
        ({"HTTP_PROXY": "http://PROXY"}, False, False),
        ({"ALL_PROXY": "http://PROXY"}, False, False),
        ({"HTTPS_PROXY": "PROXY", "NO_PROXY": "example.com,10.0.0.0/8"}, True, True),
        ({"HTTPS_PROXY": "PROXY", "NO_PROXY": "kubernetes.default.svc"}, False, False),
        ({"HTTPS_PROXY": "PROXY", "no_proxy": ".svc"}, False, False),
        ({"HTTPS_PROXY": "PROXY", "NO_PROXY": "*.default.svc"}, False, False),
        ({"HTTPS_PROXY": "PROXY", "NO_PROXY": "*"}, False, False),
        ({"HTTPS_PROXY": "PROXY", "NO_PROXY": "kubernetes.default.svc:443"}, True, True),
    ],
)
def test_the_environments_proxy_serves_both_or_neither(
    configured, remote, proxy, env, works, proxied
):
    env = {name: value.replace("PROXY", proxy.address) for name, value in env.items()}
    assert both(configured({"server": remote}), env)[0] == works
    assert bool(proxy.seen) == proxied


def test_the_environments_proxy_is_of_any_kind(configured, remote, any_proxy, trusting):
    plugin = configured({"server": remote, **trusting})
    assert both(plugin, {"https_proxy": any_proxy.url})[0]
    assert set(any_proxy.seen) == {remote.removeprefix("https://")}


def test_the_environment_proxies_no_loopback_address(configured, proxy):
    assert both(configured(), {"HTTPS_PROXY": f"http://{proxy.address}"})[0]
    assert proxy.seen == []


def test_a_proxy_over_tls_is_verified_as_the_server_is(configured, remote, cluster, tmp_path):
    proxy = make_proxy(cluster, "https", tmp_path)
    try:
        works, line = both(configured({"server": remote, "proxy-url": proxy.url}))
        assert not works and proxy.seen == []
        assert "proxy's certificate was refused" in line and "certificate-authority" in line
    finally:
        proxy.stop()


def test_a_proxy_that_cannot_be_used_is_named_with_the_remedy(configured, remote):
    line = configured({"server": remote, "proxy-url": "socks4://127.0.0.1:1080"}).refused(
        UNREACHABLE, "list"
    )
    assert "proxy-url has the scheme of no proxy" in line and "socks5://HOST:PORT" in line
    for scheme in ("http", "https", "socks5"):
        away = configured({"server": remote, "proxy-url": f"{scheme}://127.0.0.1:9"})
        line = away.refused(UNREACHABLE, "list")
        assert f"through the proxy {scheme}://127.0.0.1:9: no connection to the proxy" in line
        unknown = configured({"server": remote, "proxy-url": f"{scheme}://no-such-proxy.invalid"})
        assert "proxy's host name cannot be resolved" in unknown.refused(UNREACHABLE, "list")


@pytest.mark.parametrize(
    ("scheme", "answer", "waits", "says"),
    [
        ("http", b"", False, "broke off"),
        ("http", b"SSH-2.0-OpenSSH_9.2\r\n", True, "no HTTP proxy"),
        ("http", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000, True, "no HTTP proxy"),
        ("http", b"HTTP/1.1 403 Forbidden\r\n\r\n", True, "(status 403)"),
        ("http", b"HTTP/1.1 200", True, "no whole answer from the proxy within"),
        ("https", b"HTTP/1.1 400 Bad Request\r\n\r\n", True, "TLS handshake with the proxy"),
        ("https", b"", False, "TLS handshake with the proxy"),
        ("socks5", b"HTTP/1.1 400 Bad Request\r\n\r\n", True, "no SOCKS5 proxy"),
        ("socks5", b"\x05\x00\x05", False, "broke off"),
        ("socks5", b"\x05\x00\x05\x05\x00\x01", True, "connection was refused, SOCKS5 code 5"),
        ("socks5", b"\x05\x00\x05\x00\x00\x01", True, "no whole answer from the proxy within"),
    ],
)
def test_a_broken_proxy_is_named_with_the_reason(configured, remote, scheme, answer, waits, says):
    proxy = BrokenProxy(answer, waits)
    try:
        url = f"{scheme}://{proxy.address}"
        line = configured({"server": remote, "proxy-url": url}).refused(UNREACHABLE, "list")
        assert f"through the proxy {url}: " in line and says in line
        assert proxy.seen
    finally:
        proxy.stop()


def test_the_operator_works_through_a_proxy(
    namespace, start_operator, remote, any_proxy, trusting, tmp_path
):
    def change(config):
        cluster = config["clusters"][0]["cluster"]
        cluster.update({"server": remote, "proxy-url": any_proxy.url, **trusting})
        cluster.pop("certificate-authority", None)

    config = namespace.cluster.changed_kubeconfig(tmp_path / "proxied", change)
    start_operator(kubeconfig=config)
    namespace.token("through")
    token = namespace.ready("through")
    assert hash_of(namespace.value("through")) == token["status"]["tokenHash"]
    assert set(any_proxy.seen) == {remote.removeprefix("https://")}


def test_the_operator_follows_the_environment(namespace, start_operator, remote, proxy, tmp_path):
    config = namespace.cluster.changed_kubeconfig(
        tmp_path / "remote", lambda c: c["clusters"][0]["cluster"].update({"server": remote})
    )
    start_operator(kubeconfig=config, env={"https_proxy": proxy.address})
    namespace.token("through")
    namespace.ready("through")
    assert proxy.seen


# --- users ---


def grant(namespace, kind, name):
    """The ApiTokens of the namespace, to a user or group."""
    rules = [{"apiGroups": ["apitoken.dev"], "resources": ["apitokens"], "verbs": ["list"]}]
    subject = {"kind": kind, "apiGroup": rbac.GROUP, "name": name}
    rbac.grant(namespace.cluster, subject, rules, namespace.name)


def test_impersonation_by_the_kubeconfig(namespace, configured):
    grant(namespace, "Group", "second group")
    groups = {"as": "jane", "as-groups": ["first", "second group", "third"]}
    assert both(configured(user=groups))[0]
    assert not both(configured(user={"as": "jane", "as-groups": ["first", "third"]}))[0]
    # The library behind must not make one group of two.
    assert not both(configured(user={"as": "jane", "as-groups": ["first, second group"]}))[0]
    more = {"as-uid": "u-7", "as-user-extra": {"acme.com/Project": ["a", "b"]}}
    assert both(configured(user={**groups, **more}))[0]


def test_impersonation_by_flags(namespace, configured):
    grant(namespace, "User", "jane")
    grant(namespace, "Group", "ops")
    plugin = configured()
    assert plugin.run("list", "--all", "--as", "jane").returncode == 0
    line = plugin.refused(NOT_ALLOWED, "list", "--all", "--as=bob")
    assert 'User "bob" cannot list' in line
    assert plugin.run("list", "--as=bob", "--as-group=dev", "--as-group=ops").returncode == 0
    assert "knows you as jane" in plugin.run("check", "--as", "jane").stdout
    assert "--as" in plugin.refused(UNREACHABLE, "list", "--as-group", "ops")


def test_the_operator_acts_as_another_user_too(namespace, start_operator, tmp_path):
    """Watches carry impersonation as requests do."""
    config = namespace.cluster.changed_kubeconfig(
        tmp_path / "as-nobody", lambda c: c["users"][0]["user"].update({"as": "nobody-at-all"})
    )
    operator = start_operator(kubeconfig=config, wait_ready=False)
    operator.wait_logged("User .*nobody-at-all.* cannot list")


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_an_exec_plugin_talks_to_the_person_at_the_terminal(
    namespace, configured, tmp_path, version
):
    token = namespace.cluster.kubectl("create", "token", "default", "-n", "default").stdout.strip()
    script = tmp_path / "sign-in"
    script.write_text(
        "#!/bin/sh\nprintf 'Sign in? [y/N] ' >&2; read answer\n"
        '[ "$answer" = y ] || { echo "not signed in" >&2; exit 1; }\n'
        f'echo \'{{"apiVersion":"client.authentication.k8s.io/{version}","kind":"ExecCredential",'
        f'"status":{{"token":"{token}"}}}}\'\n'
    )
    script.chmod(stat.S_IRWXU)
    mode = {"interactiveMode": "Always"} if version == "v1" else {}
    exec_ = {"apiVersion": f"client.authentication.k8s.io/{version}", "command": str(script)}
    plugin = configured(only_user={"exec": {**exec_, **mode}})
    screen = plugin.on_terminal("list", "--all", answer="y")
    assert "Sign in? [y/N]" in screen.text, screen.text
    assert 'User "system:serviceaccount:default:default" cannot list' in screen.text, screen.text
    screen = plugin.on_terminal("list", "--all", answer="n")
    assert "not signed in" in screen.text and screen.returncode == NOT_ALLOWED
    if version == "v1":
        assert "no terminal" in plugin.refused(UNREACHABLE, "list")


# --- the server ---


def test_the_environments_authorities_are_the_systems(namespace, configured, tmp_path):
    """A kubeconfig without an authority trusts the system's, which SSL_CERT_FILE and SSL_CERT_DIR
    extend."""
    plugin = configured({"certificate-authority": None, "certificate-authority-data": None})
    ca = namespace.cluster.dir / "ca.crt"
    (tmp_path / "authorities").mkdir()
    (tmp_path / "authorities" / "ours.crt").write_bytes(ca.read_bytes())
    assert not both(plugin)[0]
    assert both(plugin, {"SSL_CERT_FILE": str(ca)})[0]
    assert both(plugin, {"SSL_CERT_DIR": f"/nowhere:{tmp_path / 'authorities'}"})[0]
    assert not both(plugin, {"SSL_CERT_FILE": "/nowhere"})[0]


def test_the_servers_name_in_its_certificate(configured):
    assert both(configured({"tls-server-name": NAME}))[0]
    assert not both(configured({"tls-server-name": "elsewhere.example.com"}))[0]


def test_files_of_a_kubeconfig_lie_beside_it_and_lists_are_merged(namespace, configured, tmp_path):
    plugin = configured()
    config = yaml.safe_load(plugin.kubeconfig.read_text())
    folder = tmp_path / "beside"
    (folder / "pki").mkdir(parents=True)
    (folder / "pki" / "ca").write_bytes((namespace.cluster.dir / "ca.crt").read_bytes())
    cluster = config["clusters"][0]["cluster"]
    cluster.pop("certificate-authority-data", None)
    cluster["certificate-authority"] = "pki/ca"
    parts = {
        "clusters": {"clusters": config["clusters"]},
        "rest": {
            "current-context": config["current-context"],
            "contexts": config["contexts"],
            "users": config["users"],
            "clusters": [
                {"name": config["clusters"][0]["name"], "cluster": {"server": "https://nowhere"}}
            ],
        },
    }
    for name, content in parts.items():
        (folder / name).write_text(yaml.safe_dump(content))
    paths = f"{folder}/clusters:{folder}/missing:{folder}/rest"
    assert both(plugin, {"KUBECONFIG": paths})[0]
    here = subprocess.run(
        ["kubectl", "apitoken", "list", "--all"],
        cwd=folder,
        env=plugin.environment(KUBECONFIG="clusters:rest"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert here.returncode == 0, here.stderr
