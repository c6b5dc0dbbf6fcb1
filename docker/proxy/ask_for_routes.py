"""Ask the hub for all routes, as soon as it and the proxy in this container answer.

The hub knows the proxy as its service `proxy`, by the token that they share. This request is the
service's only scope. A hub that starts at the same time sends the routes by itself.

Of several replicas each asks with its address, because names of new pods are known late, and
again until it has them: before that it gets no requests of people.
"""

import contextlib
import json
import math
import os
import time
import urllib.error
import urllib.request
from pathlib import Path

TOKEN = {"Authorization": f"token {os.environ['CONFIGPROXY_AUTH_TOKEN']}"}
TIMEOUT_S = 120
PAUSE_S = 0.5
# One of several replicas has an address of its own, and is asked itself: the name `proxy-api`
# leads to all of them.
ADDRESS = os.environ.get("POD_IP")
ROUTES = f"http://{'127.0.0.1' if ADDRESS else 'proxy-api'}:8001/api/routes"
HUB = "http://hub:8081/hub/api"
ASK = f"{HUB}/mosshub/proxy" if ADDRESS else f"{HUB}/proxy"
# A file that says that the routes are there.
FILE = os.environ.get("ROUTES_FILE")


def call(method: str, url: str, body: bytes | None = None) -> bytes | None:
    """Return the answer of a request; None if there is none.

    Raises:
        HTTPError: the request is refused.
    """
    headers = {**TOKEN, "Content-Type": "application/json"}
    request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310  # ours
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return answer.read()
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            raise
    except OSError:
        pass
    return None


def has_routes() -> bool:
    """Return whether the hub has sent its own route, and with it all others."""
    table = json.loads(call("GET", ROUTES) or "{}")
    return any(route.get("hub") for route in table.values())


def ask() -> bool:
    """Ask the hub; return whether the routes are there then."""
    if call("GET", ROUTES) is None:  # it could take none
        return False
    asked = call("POST", ASK, json.dumps({"address": ADDRESS}).encode() if ADDRESS else None)
    return asked is not None and has_routes()


def main() -> None:
    """Ask until the routes are there; for TIMEOUT_S, where nobody waits for the file."""
    deadline = math.inf if FILE else time.monotonic() + TIMEOUT_S
    with contextlib.suppress(KeyboardInterrupt):
        while not ask():
            if time.monotonic() > deadline:
                return
            time.sleep(PAUSE_S)
        if FILE:
            Path(FILE).touch()


if __name__ == "__main__":
    try:
        main()
    except urllib.error.HTTPError as error:
        print(f"proxy: the hub gives no routes to its service `proxy`: {error}", flush=True)
