"""The certificate elsewhere: a controller before the edge, through an Ingress and a Gateway.

Traefik takes long to build, so these tests run only on demand: `make test-cluster INGRESS=1`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from websockets.exceptions import InvalidStatus

from tests.cluster import way_in
from tests.cluster.cluster import Cluster
from tests.cluster.platform import DOMAIN, SMALL, ClusterPlatform, PodPerson
from tests.cluster.pods import Namespace
from tests.support.oidc_provider import browser, sign_in
from tests.support.waiting import retry_until

MIB = 1024 * 1024
EMPTY = b"import marimo\n\napp = marimo.App()\n"
ELSEWHERE: dict[str, Any] = {**SMALL["edge"], "tls": "elsewhere"}
ROUTER = "traefik.ingress.kubernetes.io/router"
#: The two ways in, as docs/kubernetes.md says.
EDGES: dict[str, dict[str, Any]] = {
    "ingress": {
        "ingress": {
            "className": way_in.CLASS,
            "tlsSecret": "mosshub-tls",
            "annotations": {f"{ROUTER}.entrypoints": "websecure", f"{ROUTER}.tls": "true"},
        }
    },
    "gateway": {
        "gateway": {
            "name": way_in.GATEWAY,
            "namespace": way_in.NAMESPACE,
            "listeners": list(way_in.LISTENERS),
        }
    },
}

pytestmark = pytest.mark.timeout(1500)


@pytest.fixture(scope="module")
def controller(cluster: Cluster) -> Iterator[None]:
    """Install Traefik for these tests: the others find the cluster without it."""
    try:
        way_in.install(cluster)
        yield
    finally:
        way_in.remove(cluster)


@pytest.fixture(scope="module")
def installed(
    cluster: Cluster, controller: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ClusterPlatform]:
    """A platform with one broker, which is installed with the first way in."""
    space = Namespace(cluster, f"ingress-{secrets.token_hex(4)}")
    values: dict[str, Any] = {
        "kafka": {**SMALL["kafka"], "replicas": 1},
        "proxy": {**SMALL["proxy"], "replicas": 1},
    }
    made = ClusterPlatform(cluster, space.name, tmp_path_factory.mktemp("ingress"), **values)
    made.way_in = ("service/traefik", way_in.NAMESPACE)
    cluster.apply(way_in.gateway(space.name))
    try:
        yield made
    finally:
        made.stop()
        space.delete()


@pytest.fixture(scope="module", params=EDGES)
def platform(request: pytest.FixtureRequest, installed: ClusterPlatform) -> ClusterPlatform:
    """The platform with each way in; the second is an upgrade."""
    installed.install(edge=ELSEWHERE | EDGES[request.param])
    return installed


def visitor(platform: ClusterPlatform) -> requests.Session:
    """Return the session of a browser that has no cookie yet."""
    session = browser()
    session.verify, session.trust_env = platform.authority, False
    return session


def test_a_user_signs_in_uploads_and_runs_a_notebook(ada: PodPerson) -> None:
    name = f"way-{secrets.token_hex(3)}"
    assert ada.upload(f"{name}.bin", b"x" * 20 * MIB).ok
    size = ada.inside("stat", "-c", "%s", f"/home/mosshub/notebooks/{name}.bin")
    assert int(size) == 20 * MIB
    assert ada.upload(f"{name}.py", EMPTY).ok
    notebook = ada.notebook(f"{name}.py")
    assert notebook.run("print(6 * 7)").strip() == "42"


def test_every_address_and_cookie_is_encrypted(platform: ClusterPlatform) -> None:
    session = visitor(platform)
    page, trail = sign_in(session, platform.url, "ada")
    assert page.ok, page.text
    ours = [address for address in trail if not address.startswith(platform.provider.issuer)]
    assert {urlsplit(address).netloc for address in ours} == {DOMAIN, f"ada.{DOMAIN}"}
    assert all(address.startswith("https://") for address in ours), ours
    # JupyterHub gives the servers' `_xsrf` no prefix; the edge lets none of those through.
    found = [cookie for cookie in session.cookies if DOMAIN in cookie.domain]
    cookies = [cookie for cookie in found if cookie.name != "_xsrf"]
    assert cookies and all(cookie.secure for cookie in cookies), cookies
    assert all(cookie.name.startswith("__Host-") for cookie in cookies), cookies
    # A browser that says where it comes from is not believed.
    lying = {"X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.example.org"}
    page = requests.get(
        f"{platform.url}/hub/login", headers=lying, verify=platform.authority, timeout=30
    )
    assert page.ok and "evil.example.org" not in page.text
    assert page.headers["Strict-Transport-Security"] == "max-age=31536000"
    # Without TLS there is nothing.
    for host in (DOMAIN, f"ada.{DOMAIN}"):
        plain = requests.get(f"http://{host}/hub/login", allow_redirects=False, timeout=30)
        assert plain.status_code == 404, plain.headers


def test_other_origins_and_people_are_refused(platform: ClusterPlatform, ada: PodPerson) -> None:
    socket = "ws?session_id=s_x&file=other.py"
    # The last is their own without encryption: the server is told what the browser used.
    for origin in (platform.url, "https://evil.example", ada.origin.replace("https", "http")):
        with pytest.raises(InvalidStatus) as refused:
            ada.websocket(socket, origin=origin).close()
        assert refused.value.response.status_code == 403
    ada.websocket(socket, origin=ada.origin).close()
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert ada.post("api/home/running_notebooks", {}).ok
    assert ada.post("api/home/running_notebooks", {}, **foreign).status_code == 403
    linus = platform.person("linus")
    page = linus.session.get(f"{ada.base}?files=all", timeout=30)
    assert page.status_code == 403 and "<marimo-" not in page.text, page.text
    stranger = visitor(platform)
    page = stranger.get(ada.base, timeout=30)
    assert urlsplit(page.url).path == "/hub/login" and "<marimo-" not in page.text, page.url
    page, _ = sign_in(stranger, platform.url, "mallory")
    assert page.status_code == 403, page.text


def test_one_way_leads_to_the_edge(
    cluster: Cluster, platform: ClusterPlatform, request: pytest.FixtureRequest
) -> None:
    (found,) = cluster.get("-n", platform.namespace, "ingress,httproute")["items"]
    if request.node.callspec.params["platform"] == "ingress":
        assert found["kind"] == "Ingress"
        return
    assert found["kind"] == "HTTPRoute", "the upgrade took the Ingress away"

    def attached() -> bool:
        status = cluster.get("-n", way_in.NAMESPACE, f"gateway/{way_in.GATEWAY}")["status"]
        counts = {listener["name"]: listener["attachedRoutes"] for listener in status["listeners"]}
        return counts == {**dict.fromkeys(way_in.LISTENERS, 1), way_in.PLAIN: 0}

    retry_until(attached, 30, "both listeners have the route, and the plain one has not")
    parents = cluster.get("-n", platform.namespace, "httproute/edge")["status"]["parents"]
    said = {(c["type"], c["status"]) for parent in parents for c in parent["conditions"]}
    assert len(parents) == 2 and said == {("Accepted", "True"), ("ResolvedRefs", "True")}
