"""Who may use a server: its owner, and nobody else."""

from __future__ import annotations

import contextlib
import socket
from urllib.parse import quote, urlsplit

import psutil
import pytest
import requests
from marimo_singleuser.proxy.paths import is_closed
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.support.host_names import ALL_FILES
from tests.support.marimo_routes import WEBSOCKET, marimo_routes
from tests.support.singleuser import Hub, Person, ask, by_marimo, own_cookies
from tests.support.waiting import wait_until

ROUTES = marimo_routes()
# Without a query the root is the start page: test_start_page.py asks for it.
HTTP = [
    (method, path or ALL_FILES)
    for method, path in ROUTES
    if method != WEBSOCKET and not is_closed(path)
]
#: The quick set asks for every eighth route, each in eleven ways: all go through one check.
HTTP_CASES = [
    pytest.param(*route, marks=[pytest.mark.slow] if number % 8 else [])
    for number, route in enumerate(HTTP)
]
SOCKETS = [path for method, path in ROUTES if method == WEBSOCKET]


def test_marimo_was_asked_for_its_routes() -> None:
    assert {"ws", "terminal/ws", "ws_sync"} <= set(SOCKETS)
    assert any(path.startswith("lsp/") for path in SOCKETS)
    assert len(HTTP) > 80
    assert ("POST", "api/kernel/run") in HTTP and ("GET", ALL_FILES) in HTTP


@pytest.mark.parametrize(("method", "path"), HTTP_CASES)
def test_http_route_is_the_owners_only(ada: Person, bob: Person, method: str, path: str) -> None:
    origin = {"Origin": ada.origin}
    # The nearest allowed case: marimo answers the owner's request. It refuses POSTs without its
    # page's token, so no request here shuts down or deletes anything.
    owner = ask(ada, method, path, own_cookies(ada), **origin)
    assert by_marimo(owner), (owner.status_code, owner.text[:300])
    # marimo does not know where it is: it may only redirect in relation to the page.
    assert not owner.headers.get("Location", "").startswith(("/", "http"))

    anonymous = ask(ada, method, path, **origin)
    assert anonymous.status_code == 403 and not by_marimo(anonymous)

    other = ask(ada, method, path, bob.cookie_header(), **origin)
    assert other.status_code == 403 and not by_marimo(other)

    renamed = bob.cookie_header().replace("jupyterhub-user-bob", "jupyterhub-user-ada")
    forged = ask(ada, method, path, renamed, **origin)
    assert forged.status_code == 403 and not by_marimo(forged)

    foreign = ask(ada, method, path, own_cookies(ada), Origin="https://evil.example")
    assert foreign.status_code == 403 and not by_marimo(foreign)

    # Another user's page is same-site: its host has the same domain.
    for site in ("cross-site", "same-site"):
        for mode in ({"Mode": "cors"}, {"Mode": "no-cors"}, {"Mode": "navigate", "Dest": "iframe"}):
            sent = {"Sec-Fetch-Site": site, **{f"Sec-Fetch-{k}": v for k, v in mode.items()}}
            fetched = ask(ada, method, path, own_cookies(ada), **sent)
            assert fetched.status_code == 403 and not by_marimo(fetched), sent


def test_marimos_own_sign_in_is_the_only_route_that_is_closed() -> None:
    closed = {path for _, path in ROUTES if is_closed(path)}
    assert closed == {"auth/login", "auth/token"}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "path",
    [
        *("api/marimo/v1", "api/marimo/v1/notebooks", "api/%6Darimo/v1", "%61pi%2fmarimo%2fv1"),
        *("/api/marimo/v1", "api//marimo/v1", "api/marimo/v1/", "auth/token", "auth/%6Cogin"),
    ],
)
def test_no_browser_reaches_marimos_host_api_and_token(ada: Person, method: str, path: str) -> None:
    answer = ask(ada, method, path, own_cookies(ada), Origin=ada.origin)
    assert answer.status_code == 404 and not by_marimo(answer), answer.text[:300]
    if method == "GET":
        with pytest.raises(InvalidStatus) as refused:
            ada.websocket(path).close()
        assert refused.value.response.status_code == 404
        assert "closed here" in str(refused.value.response.body)


def test_a_page_with_a_token_of_another_marimo_opens(ada: Person) -> None:
    answer = ask(ada, "GET", "?access_token=copied&file=first.py", own_cookies(ada))
    assert answer.status_code == 200 and by_marimo(answer)


def test_anonymous_page_load_leads_to_the_login(ada: Person) -> None:
    answer = ask(ada, "GET", "?file=first.py", Accept="text/html")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(f"{ada.hub.url}/hub/api/oauth2/authorize")


@pytest.mark.slow
def test_a_link_to_a_notebook_keeps_its_address_through_a_start(hub: Hub) -> None:
    """The hub counts its redirects in the address, which the user would copy and share."""
    dan = Person(hub, "dan")
    address = f"{dan.base}?file=first.py&x=1"
    link = quote(address.replace(f"{dan.origin}/", "/hub/"))

    as_browser = {"Accept": "text/html"}

    def opened() -> requests.Response | None:
        page = f"{hub.url}/hub/spawn/dan?next={link}"
        answer = dan.session.get(page, headers=as_browser, timeout=60)
        return answer if answer.url.startswith(dan.base) and answer.ok else None

    answer = wait_until(opened, 90, "the notebook's page")
    assert any("redirects=1" in step.url for step in answer.history)
    assert answer.url == address and "<marimo-" in answer.text
    # The count is the hub's only at the end of a page's address.
    kept = dan.get("?redirects=1&file=first.py", allow_redirects=False)
    assert kept.status_code == 200
    dan.stop()


def test_the_end_of_a_sign_in_loaded_again_leads_to_the_editor(ada: Person) -> None:
    """After Back or a lost network, the browser sends the hub's code again, which works once."""
    ada.session.cookies.clear(domain="ada.localhost", path="/user/ada/")
    opened = ada.get("")
    (back,) = [step.url for step in opened.history if "oauth_callback?" in step.url]
    ada.session.cookies.clear(domain="ada.localhost", path="/user/ada/")
    again = ada.session.get(back, headers={"Accept": "text/html"}, timeout=60)
    assert (again.status_code, again.url) == (200, ada.base), again.text[-2000:]
    assert "Hello, ada" in again.text
    # A sign-in that fails twice in a row ends with an error page, and not in a circle.
    ada.session.cookies.clear(domain="ada.localhost", path="/user/ada/", name="jupyterhub-user-ada")
    twice = ada.session.get(back, headers={"Accept": "text/html"}, timeout=60)
    assert twice.status_code == 403
    assert "The sign-in could not be finished. Open your editor from the hub." in twice.text
    ada.open()


def test_another_person_is_told_whose_server_it_is(ada: Person, bob: Person) -> None:
    page = bob.session.get(ada.base, headers={"Accept": "text/html"}, timeout=60)
    assert page.status_code == 403 and "/hub/" in page.url  # the hub refuses at sign-in
    token = ada.hub.api("POST", "users/bob/tokens", json={}).json()["token"]
    answer = ask(ada, "GET", "", Authorization=f"token {token}", Accept="text/html")
    assert answer.status_code == 403
    assert "ada" in answer.text and "bob" in answer.text


def test_api_token_of_the_owner_works(ada: Person) -> None:
    token = ada.hub.api("POST", "users/ada/tokens", json={}).json()["token"]
    answer = ask(ada, "GET", "api/status", Authorization=f"token {token}")
    assert answer.status_code == 200 and answer.json()["status"] == "healthy"
    assert ask(ada, "GET", "api/status", Authorization="token nonsense").status_code == 403


def test_at_the_hubs_host_a_server_is_its_owners_alone(hub: Hub, ada: Person) -> None:
    """After a change to SUBDOMAINS=no, the proxy sends a running server the hub's host."""
    port = next(c.laddr.port for c in ada.process.net_connections() if c.status == "LISTEN")
    url = f"http://127.0.0.1:{port}{urlsplit(ada.base).path}api/status"
    own = hub.api("POST", "users/ada/tokens", json={}).json()["token"]

    def status(token: str, address: str) -> requests.Response:
        headers = {"Authorization": f"token {token}", "Host": urlsplit(address).netloc}
        return requests.get(url, headers=headers, timeout=60)

    # This token may open every server, as an admin's.
    assert status(hub.api_token, ada.origin).status_code == 200
    refused = status(hub.api_token, hub.url)
    assert refused.status_code == 403 and "Only ada may open this server" in refused.text
    assert status(own, hub.url).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_link_from_another_website_opens_the_editor(ada: Person, site: str) -> None:
    link = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Accept": "text/html"}
    for path in (ALL_FILES, "?file=first.py"):
        answer = ask(ada, "GET", path, own_cookies(ada), **link)
        assert answer.status_code == 200 and by_marimo(answer)
    start_page = ask(ada, "GET", "", own_cookies(ada), **link)
    assert start_page.status_code == 200 and "Hello, ada" in start_page.text


def test_marimo_itself_lets_nobody_in_but_the_proxy(ada: Person) -> None:
    """Every page in a browser on this machine reaches marimo's port, and must not get in."""
    port = next(c.laddr.port for c in ada.marimo.net_connections() if c.status == "LISTEN")
    url = f"http://127.0.0.1:{port}/"
    assert requests.get(url + "health", timeout=60).status_code == 200
    assert requests.get(url + "api/usage", timeout=60).status_code == 401
    with pytest.raises(InvalidStatus):
        connect(url.replace("http", "ws") + "terminal/ws").close()


def test_nothing_listens_on_another_address(ada: Person) -> None:
    ada.notebook().close()
    listening = []
    for process in [ada.process, *ada.process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):  # a short-lived child of the kernel
            listening += [
                (process.name(), connection.laddr)
                for connection in process.net_connections("inet")
                if connection.status == "LISTEN"
            ]
    assert len(listening) >= 2
    assert {address.ip for _, address in listening} == {"127.0.0.1"}, listening
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(
            ("192.0.2.1", 9)
        )  # sends nothing; the socket then has the machine's other address
        outside = probe.getsockname()[0]
    if not outside.startswith("127."):
        for _, address in listening:
            with pytest.raises(OSError), socket.create_connection((outside, address.port), 2):
                pass
