"""The hub, as a user with a token asks it."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import requests

from smoke.errors import SmokeError

#: Seconds for one answer of the hub.
ANSWER_TIMEOUT_S = 30.0
#: Seconds for a server to start; the hub itself gives up after 120 and says why.
START_TIMEOUT_S = 240.0
_MAX_REDIRECTS = 10


def resolve_localhost() -> None:
    """Send every name below `localhost` to this machine, as browsers do and the C library does not.

    A platform on a laptop gives each user such a name.
    """
    getaddrinfo = socket.getaddrinfo

    def resolved(host: Any, *args: Any, **kwargs: Any) -> list:
        below = isinstance(host, str) and host.endswith(".localhost")
        return getaddrinfo("127.0.0.1" if below else host, *args, **kwargs)

    socket.getaddrinfo = resolved


class Platform:
    """An installation and the user whose token is given.

    Args:
        url: the address of the platform.
        token: a token of that user, from the hub's page *Token*.
        ca: file of the authority that signed its certificate; None for those of this machine.

    Attributes:
        session: HTTP client that sends the token.
        name: the user, once `sign_in` has asked.
    """

    def __init__(self, url: str, token: str, ca: str | None = None) -> None:
        self.url = url.rstrip("/")
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"token {token}"
        self.session.trust_env = False  # no password of ~/.netrc in the token's place
        self.session.verify = ca or True
        self.name = ""
        self._started = False
        self._stranger = requests.Session()  # keeps cookies, which a provider needs
        self._stranger.trust_env = False

    def open_sign_in(self) -> None:
        """Open the page to which the hub sends whoever signs in; without the token.

        Raises:
            SmokeError: the platform does not answer, or its identity provider does not.
        """
        try:
            answer = self._as_stranger(f"{self.url}/hub/oauth_login")
        except requests.exceptions.SSLError as error:
            raise SmokeError("address", f"the certificate of {self.url}: {error}") from None
        except requests.RequestException as error:
            raise SmokeError("address", f"{self.url} does not answer: {_short(error)}") from None
        if not answer.is_redirect:
            return  # the hub itself asks for a password
        page = urljoin(self.url, answer.headers["Location"])
        provider = origin_of(page)
        try:
            for _ in range(_MAX_REDIRECTS):
                answer = self._as_stranger(page)
                if not answer.is_redirect:
                    break
                page = urljoin(page, answer.headers["Location"])
        except requests.RequestException as error:
            raise SmokeError("provider", f"{provider} does not answer: {_short(error)}") from None
        if not answer.ok:
            status = answer.status_code
            raise SmokeError("provider", f"{provider} answers {status} to whoever signs in")

    def sign_in(self) -> None:
        """Ask the hub whose the token is.

        Raises:
            SmokeError: it does not answer to this token.
        """
        answer = self._ask("GET", "user")
        if answer.status_code in (401, 403):
            raise SmokeError("sign-in", "the hub does not know this token; make one at /hub/token")
        found = _json(answer)
        if not answer.ok or not isinstance(found.get("name"), str):
            raise SmokeError("address", f"{self.url} is no hub: it answers {answer.status_code}")
        self.name = found["name"]

    def start(self) -> str:
        """Start the user's server unless it runs; return its address.

        Raises:
            SmokeError: it does not start; with the hub's reason.
        """
        server = self._server()
        if not server.get("ready"):
            if server.get("pending") != "spawn":  # else its user has just opened it
                self._begin()
            self._wait()
            server = self._server()
        if not server.get("ready"):
            raise SmokeError("spawner", "the editor does not run after its start")
        return urljoin(f"{self.url}/", server.get("full_url") or server["url"])

    def stop(self) -> None:
        """Stop the server if this program has started it."""
        if self._started:
            self._ask("DELETE", f"{self._path()}/server")

    def get(self, url: str) -> requests.Response:
        """Return what is at an address of the platform, without following it elsewhere."""
        return self.session.get(url, timeout=ANSWER_TIMEOUT_S, allow_redirects=False)

    def _begin(self) -> None:
        answer = self._ask("POST", f"{self._path()}/server")
        if answer.status_code not in (201, 202):
            said = _json(answer).get("message") or answer.status_code
            raise SmokeError("spawner", f"the editor did not start: {said}")
        self._started = True

    def _wait(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        said = "nothing"
        while time.monotonic() < deadline:
            for event in self._progress(deadline):
                said = str(event.get("message") or said)
                if event.get("failed"):
                    raise SmokeError("spawner", f"the editor did not start: {said}")
                if event.get("ready"):
                    return
            time.sleep(1)
        raise SmokeError("spawner", f"no editor after {START_TIMEOUT_S:.0f} s; last: {said}")

    def _progress(self, deadline: float) -> Iterator[dict[str, Any]]:
        """Yield what the hub says while the server starts, until the line breaks off.

        Args:
            deadline: when to stop, by `time.monotonic`: the hub keeps a silent line open.
        """
        try:
            with self._ask("GET", f"{self._path()}/server/progress", stream=True) as answer:
                for line in answer.iter_lines():
                    if time.monotonic() > deadline:
                        return
                    if line.startswith(b"data:"):
                        yield json.loads(line[5:])
        except (requests.RequestException, ValueError):
            return

    def _server(self) -> dict[str, Any]:
        return (_json(self._ask("GET", self._path())).get("servers") or {}).get("", {})

    def _path(self) -> str:
        return f"users/{quote(self.name, safe='')}"

    def _as_stranger(self, url: str) -> requests.Response:
        """Ask without the token: what answers may be somebody else's."""
        ours = urlsplit(self.url).hostname
        verify = self.session.verify if urlsplit(url).hostname == ours else True
        return self._stranger.get(
            url, timeout=ANSWER_TIMEOUT_S, allow_redirects=False, verify=verify
        )

    def _ask(self, method: str, path: str, *, stream: bool = False) -> requests.Response:
        url = f"{self.url}/hub/api/{path}"
        return self.session.request(
            method, url, timeout=ANSWER_TIMEOUT_S, stream=stream, allow_redirects=False
        )


def origin_of(url: str) -> str:
    """Return the origin of an address, such as `https://ada.moss.example.org`."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _json(answer: requests.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _short(error: Exception) -> str:
    return str(error).rpartition(": ")[2].strip("\"')")[:200]
