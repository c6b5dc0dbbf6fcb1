"""No secret in any log, whichever way a request fails."""

import socket
import uuid
from collections.abc import Iterator
from urllib.parse import quote

import pytest
import requests

from tests.support.people import LocalPerson
from tests.support.platform import RunningPlatform
from tests.support.waiting import wait_until


def raw(platform: RunningPlatform, target: str, *headers: str) -> bytes:
    """Send a request whose target no client library would send; return the answer's first line."""
    with socket.create_connection(("127.0.0.1", platform.port), timeout=30) as connection:
        lines = [f"GET {target} HTTP/1.1", f"Host: 127.0.0.1:{platform.port}", *headers]
        connection.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        return connection.makefile("rb").readline()


@pytest.fixture(scope="module")
def ada(platform: RunningPlatform) -> LocalPerson:
    person = LocalPerson(platform, "log-ada")
    person.editor()
    return person


@pytest.fixture
def secret(platform: RunningPlatform) -> Iterator[str]:
    """A secret that a test sends; afterwards it is in no line of the platform's log."""
    value = uuid.uuid4().hex
    yield value
    mark = uuid.uuid4().hex
    requests.get(f"{platform.url}/hub/{mark}", timeout=30)
    wait_until(lambda: mark in platform.log, 30, "the end of the requests in the log")
    assert [line for line in platform.log.splitlines() if value in line] == []


SECRET_QUERIES = ("code={0}&state={0}", "token={0}", "next=%2Fhub%2Fx%3Fcode%3D{0}", "x={0}")


@pytest.mark.parametrize("query", SECRET_QUERIES)
@pytest.mark.parametrize(
    "path",
    [
        "/hub/oauth_callback",
        "/hub/nowhere",
        "/hub/login",
        "/hub/api/user",
        "/hub/api/oauth2/authorize",
        "/hub/error/503",
        "/hub/spawn",
        "/user/log-ada/oauth_callback",
        "/user/log-ada/nowhere",
        "/user/nobody/",
        "/nowhere",
        "/services/nowhere/",
    ],
)
def test_queries(platform: RunningPlatform, secret: str, path: str, query: str) -> None:
    """Whatever the path answers: refused, unknown, redirected."""
    answer = requests.get(
        f"{platform.url}{path}?{query.format(secret)}",
        headers={"Referer": f"{platform.url}/hub/oauth_callback?code={secret}"},
        allow_redirects=False,
        timeout=60,
    )
    assert answer.status_code >= 200


@pytest.mark.parametrize("query", SECRET_QUERIES)
def test_queries_of_a_person_who_is_signed_in(
    platform: RunningPlatform, ada: LocalPerson, secret: str, query: str
) -> None:
    for path in ("/hub/home", "/hub/user/log-ada/x", "/user/log-ada/oauth_callback", "/hub/token"):
        ada.session.get(f"{platform.url}{path}?{query.format(secret)}", timeout=60)


@pytest.mark.parametrize(
    "target",
    ["//?code={0}", "/%?code={0}", "/%ff?code=%ff{0}", "http://[?code={0}"],
)
def test_targets_that_no_browser_sends(platform, secret: str, target: str) -> None:
    assert raw(platform, target.format(secret)).startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize("path", ["/hub/api/user", "/hub/home", "/user/log-ada/", "/hub/error/500"])
def test_headers_and_cookies(platform: RunningPlatform, secret: str, path: str) -> None:
    headers = {
        "Authorization": f"Bearer {secret}",
        "X-XSRFToken": secret,
        "Cookie": f"jupyterhub-hub-login={secret}; _xsrf={secret}; jupyterhub-session-id={secret}",
        "Referer": f"{platform.url}/?code={secret}",
        "X-Forwarded-Access-Token": secret,
    }
    for method in ("GET", "POST", "PUT"):
        requests.request(method, platform.url + path, headers=headers, timeout=60)


def test_a_password_that_is_wrong(platform: RunningPlatform, secret: str) -> None:
    assert LocalPerson(platform, "log-ada", secret).login.status_code == 403
    typed_as_name = LocalPerson(platform, secret, "")
    assert typed_as_name.login.status_code == 403


def test_an_error_of_the_hub_itself(platform: RunningPlatform, secret: str) -> None:
    """The hub logs the headers of a request that ended with status 500."""
    admin = LocalPerson(platform, "admin", platform.admin_password)
    answer = admin.session.patch(
        f"{platform.url}/hub/api/users/log-ada/server?code={secret}",
        json={"nonsense": 1},  # JupyterHub 6.1.1 fails at its own message about it
        headers={
            "X-XSRFToken": admin.xsrf(),
            "Referer": f"{platform.url}/hub/home?code={secret}",
            "X-Forwarded-Access-Token": secret,
            "Sec-Fetch-Site": "same-origin",
            "Cookie": "; ".join(f"{c.name}={c.value}" for c in admin.session.cookies)
            + f"; mine={secret}",
        },
        timeout=60,
    )
    assert answer.status_code == 500, answer.text
    wait_until(lambda: "Traceback" in platform.log, 30, "the traceback in the log")
    assert admin.xsrf() not in platform.log


@pytest.mark.slow
def test_the_cookies_of_a_session(platform: RunningPlatform) -> None:
    person = LocalPerson(platform, "log-bob")
    person.editor()
    platform_log = platform.log
    for cookie in person.session.cookies:
        parts = [part for part in str(cookie.value).strip('"').split("|") if len(part) > 11]
        assert parts
        assert not [part for part in parts if part in platform_log], cookie.name


@pytest.mark.slow
def test_a_progress_stream_that_a_browser_leaves(platform: RunningPlatform, secret: str) -> None:
    person = LocalPerson(platform, "log-cleo")
    person.session.get(f"{platform.url}/hub/spawn", timeout=60)
    with person.session.get(
        f"{platform.url}/hub/api/users/log-cleo/server/progress?_xsrf={person.xsrf()}&x={secret}",
        headers={"Referer": f"{platform.url}/hub/spawn-pending/log-cleo"},
        stream=True,
        timeout=60,
    ) as stream:
        next(stream.iter_lines())
    person.open()
    assert person.xsrf() not in platform.log


@pytest.mark.slow
def test_a_server_that_died(platform: RunningPlatform, secret: str) -> None:
    """The proxy asks the hub for a page, and tells it the address that it could not open."""
    person = LocalPerson(platform, "log-dora")
    person.editor()
    server = next(
        p
        for p in platform.processes()
        if p.environ().get("JUPYTERHUB_USER") == "log-dora" and "marimo_singleuser" in p.cmdline()
    )
    server.kill()
    path = f"/user/log-dora/x?code={secret}&next={quote(f'/x?code={secret}')}"
    assert person.session.get(platform.url + path, timeout=60).status_code in (424, 503)


def test_a_request_straight_to_a_users_server(
    platform: RunningPlatform, ada: LocalPerson, secret: str
) -> None:
    """Other containers reach it without the proxy."""
    admin = LocalPerson(platform, "admin", platform.admin_password)
    routes = admin.api("GET", "proxy").json()
    (address,) = [
        route["target"] for route in routes.values() if route["data"].get("user") == "log-ada"
    ]
    for path in ("/elsewhere", "/user/log-ada/oauth_callback", "/user/log-ada"):
        requests.get(f"{address}{path}?code={secret}&state={secret}&token={secret}", timeout=60)
