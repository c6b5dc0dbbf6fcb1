"""A script on one user's page that tries what it can: against the hub, and against other users."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jupyterhub import apihandlers, handlers
from jupyterhub.auth import Authenticator
from mosshub_contract.broker_account import API_PATH
from oauthenticator.oauth2 import OAuthenticator
from playwright.sync_api import Frame, Page, Response
from tornado.web import RequestHandler
from traitlets.config import Config

from hub import admin, apps, copies, origins, pages, reports, starts, team_folder
from hub.accounts.hooks import AccountHandler
from hub.settings import Settings
from hub.signin.blocked import BlockedUsers
from tests.support.marimo_routes import WEBSOCKET, marimo_routes
from tests.support.people import Person

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

# Makes its owner an admin, and takes a token of whoever looks at it: issue 14, S1.
ATTACK_PAGE = """<!doctype html><title>nothing happened</title><script>
(async () => {
  document.title = "the script runs";
  const home = await (await fetch("%(hub)s/hub/home", {credentials: "include"})).text();
  const xsrf = home.match(/xsrf_token: "([^"]+)"/)[1];
  for (const [method, path, body] of [
    ["PATCH", "users/%(owner)s", {admin: true}], ["POST", "users/%(victim)s/tokens", {}],
  ]) {
    const answer = await fetch("%(hub)s/hub/api/" + path, {
      method, body: JSON.stringify(body), credentials: "include",
      headers: {"X-XSRFToken": xsrf, "Content-Type": "application/json"},
    });
    document.title = "answered " + answer.status;
  }
})();
</script>"""

# Calls each address in each way that a page has; returns what the script could read.
CALL = """async calls => {
  const found = [];
  const names = ["planted"];
  const body = JSON.stringify({admin: true, name: "planted", usernames: names, users: names});
  for (const [method, url] of calls) {
    const ways = [
      {mode: "cors"},
      {mode: "cors", headers: {"X-XSRFToken": "guessed", "Content-Type": "application/json"}},
      {mode: "no-cors", headers: {"Content-Type": "text/plain"}},
    ];
    for (const way of ways) {
      const asks = ["GET", "HEAD"].includes(method);
      if (way.mode === "no-cors" && !asks && method !== "POST") continue;
      try {
        const answer = await fetch(url, {
          method, credentials: "include", ...way, ...(asks ? {} : {body}),
        });
        const text = await answer.text();
        if (answer.type !== "opaque" || text) found.push([method, url, answer.status, text]);
      } catch (error) {}  // the browser lets the script read nothing
    }
  }
  return found;
}"""

# Shows each address in a frame; returns those in which the script could look at something.
FRAME = """async urls => {
  const seen = [];
  for (const url of urls) {
    const frame = document.createElement("iframe");
    const loaded = new Promise(done => { frame.onload = done; setTimeout(done, 3000); });
    frame.src = url;
    document.body.append(frame);
    await loaded;
    try {
      if (frame.contentWindow.document.body.innerText) seen.push(url);
    } catch (error) {}
    frame.remove();
  }
  return seen;
}"""

# Opens each WebSocket; returns those that opened.
SOCKET = """async urls => {
  const opened = [];
  for (const url of urls) await new Promise(done => {
    const socket = new WebSocket(url);
    socket.onopen = () => { opened.push(url); socket.close(); done(); };
    socket.onerror = socket.onclose = done;
  });
  return opened;
}"""


def _filled_in(pattern: str, user: str) -> str:
    """Return a path that a handler's pattern matches, with a user's name in each of its places."""
    path = re.sub(r"\(\?:[^()]*\([^()]*\)[^()]*\)\?", "", pattern)
    path = re.sub(r"\(([\w-]+)\|[\w|-]+\)", r"\1", path)  # the first of some words
    path = path.replace(r"\.", ".").replace("([0-9a-f]{32})", "0" * 32)
    path = path.replace(r"(\d+)", "404")
    path = re.sub(r"\(\?P<user_path>[^()]*\)\?", "/", path)
    return re.sub(r"\([^()]*\)\??", user, path).rstrip("$").removesuffix("/?")


def _own_handlers() -> list[tuple]:
    """Return the handlers that the platform adds to JupyterHub's, as its configuration does."""
    c = Config()
    c.JupyterHub.extra_handlers, c.JupyterHub.template_vars = [], {}
    with tempfile.TemporaryDirectory() as directory:
        settings = Settings(data_dir=Path(directory))
        (settings.data_dir / "hub").mkdir()
        blocked = BlockedUsers(settings.data_dir / "blocked.json")
        apps.configure(c, settings, Authenticator, blocked)
        admin.configure(c, settings, blocked, apps.app_counter(settings))
        for room in (copies, origins, pages, team_folder):
            room.configure(c, settings)
        for room in (reports, starts):
            room.configure(c)
    return [(f"/api{API_PATH}", AccountHandler), *c.JupyterHub.extra_handlers]


def hub_calls(hub: str, user: str) -> list[tuple[str, str]]:
    """Return method and address of everything that the hub answers, as JupyterHub lists it.

    Args:
        hub: the hub's address, without a path.
        user: the name to fill in.
    """
    calls = set()
    sign_in = OAuthenticator().get_handlers(None)
    of_jupyterhub = [*apihandlers.default_handlers, *handlers.default_handlers, *sign_in]
    for pattern, handler, *_ in [*of_jupyterhub, *_own_handlers()]:
        path = _filled_in(pattern, user)
        assert re.fullmatch(pattern, path) or pattern == "", (pattern, path)
        for method in METHODS:
            implemented = getattr(handler, method.lower())
            if implemented is not RequestHandler._unimplemented_method:
                calls.add((method, f"{hub}/hub{path}"))
    return sorted(calls)


def server_calls(base: str) -> list[tuple[str, str]]:
    """Return method and address of everything that a user's server answers, as marimo lists it."""
    return [(method, base + path) for method, path in marimo_routes() if method != WEBSOCKET]


def server_sockets(base: str) -> list[str]:
    """Return the addresses of a user's server for WebSockets, as marimo lists them."""
    address = base.replace("http", "ws", 1)
    return [address + path for method, path in marimo_routes() if method == WEBSOCKET]


def state(admin: Person) -> dict[str, Any]:
    """Return what a script could have changed: users, their rights, tokens and servers, groups."""

    def users() -> Iterator[tuple]:
        for user in sorted(admin.api("GET", "users").json(), key=lambda user: user["name"]):
            tokens = admin.api("GET", f"users/{user['name']}/tokens").json()["api_tokens"]
            made = sorted(token["id"] for token in tokens if not token.get("oauth_client"))
            servers = {name: server["started"] for name, server in user["servers"].items()}
            yield user["name"], user["admin"], sorted(user["roles"]), servers, len(made)

    groups = {group["name"]: group["users"] for group in admin.api("GET", "groups").json()}
    return {"users": list(users()), "groups": groups}


def tries_everything(
    page: Page,
    hub: str,
    victim: str,
    servers: list[str],
    frame: Frame | None = None,
    own: str | None = None,
) -> None:
    """Run the script on the page that is open; AssertionError if it gets anything.

    Args:
        page: a page of the attacker's server in the browser of somebody else.
        hub: the hub's address, without a path.
        victim: name of the person whose browser it is.
        servers: addresses of servers that the script calls.
        frame: the part of the page where the script runs; the page itself by default.
        own: address of the page's server, where one of `servers` has the same origin.
    """
    answered: list[tuple[str, str, int]] = []

    def hear(answer: Response) -> None:
        # The page around the frame asks for things of its own.
        by_frame = answer.request.is_navigation_request() or answer.frame != page.main_frame
        is_own = own is not None and answer.url.startswith(own)
        if (frame is None or by_frame) and not is_own:
            answered.append((answer.request.method, answer.url, answer.status))

    page.on("response", hear)
    calls = hub_calls(hub, victim) + [call for base in servers for call in server_calls(base)]
    place = frame or page
    read = [one for one in place.evaluate(CALL, calls) if not _is_refusal(one, own, victim)]
    assert read == [], read
    pages = [f"{hub}/hub/{path}" for path in ("home", "admin", "token", "login", "api/user")]
    assert place.evaluate(FRAME, [*pages, *servers]) == []
    sockets = [socket for base in servers for socket in server_sockets(base)]
    assert place.evaluate(SOCKET, sockets) == []
    # What could not be read was not done either: for the hub the browser was nobody's.
    done = [
        call
        for call in answered
        if call[2] < 400 and call[1].startswith(f"{hub}/hub/api/") and not _is_public(call, hub)
    ]
    assert done == [], done
    done = [call for call in answered if call[2] < 300 and call[1].startswith(tuple(servers))]
    assert done == [], done
    assert len(answered) > len(calls) / 2, "the script was not heard"


def _is_refusal(answer: tuple[str, str, int, str], own: str | None, victim: str) -> bool:
    """Return whether a script read from its own origin that it gets nothing there."""
    _, url, status, text = answer
    is_own = own is not None and urlsplit(url).netloc == urlsplit(own).netloc
    return is_own and status in (401, 403, 404, 405) and victim not in text


def _is_public(call: tuple[str, str, int], hub: str) -> bool:
    """Return whether anybody may have this answer: the version, the health, and preflights."""
    method, url, _ = call
    paths = ("", "/", "/health", "/oauth2/authorize")
    return method == "OPTIONS" or url.partition("?")[0] in {f"{hub}/hub/api{p}" for p in paths}
