"""Ask the hub for all routes, as soon as it and the proxy in this container answer.

The hub knows the proxy as its service `proxy`, by the token that they share. This request is the
service's only scope. A hub that starts at the same time sends the routes by itself.
"""

import contextlib
import math
import os
import time
import urllib.error
import urllib.request
from pathlib import Path

TOKEN = {"Authorization": f"token {os.environ['CONFIGPROXY_AUTH_TOKEN']}"}
TIMEOUT_S = 120
# One of several replicas is asked itself: the name `proxy-api` leads to all of them.
OWN_HOST = "127.0.0.1" if os.environ.get("API_IP") else "proxy-api"
# A file that says that the routes are there: before that a replica gets no requests.
FILE = os.environ.get("ROUTES_FILE")


def answers(method: str, url: str) -> bool:
    """Return whether a request succeeds.

    Raises:
        HTTPError: the request is refused.
    """
    call = urllib.request.Request(url, method=method, headers=TOKEN)  # noqa: S310  # ours
    try:
        with urllib.request.urlopen(call, timeout=30):  # noqa: S310
            return True
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            raise
    except OSError:
        pass
    return False


def main() -> None:
    """Wait for the proxy, then for the hub; until TIMEOUT_S have passed, where nobody waits."""
    deadline = math.inf if FILE else time.monotonic() + TIMEOUT_S
    with contextlib.suppress(KeyboardInterrupt):
        for call in (
            ("GET", f"http://{OWN_HOST}:8001/api/routes"),
            ("POST", "http://hub:8081/hub/api/proxy"),
        ):
            while not answers(*call):
                if time.monotonic() > deadline:
                    return
                time.sleep(0.5)
        if FILE:
            Path(FILE).touch()


if __name__ == "__main__":
    try:
        main()
    except urllib.error.HTTPError as error:
        print(f"proxy: the hub gives no routes to its service `proxy`: {error}", flush=True)
