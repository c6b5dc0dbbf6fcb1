"""Ask the hub for everybody's routes, once it and the proxy in this container answer.

The hub knows the proxy as its service `proxy`, by the token that they share; its one scope is this.
A hub that is only starting sends the routes by itself.
"""

import contextlib
import os
import time
import urllib.error
import urllib.request

TOKEN = {"Authorization": f"token {os.environ['CONFIGPROXY_AUTH_TOKEN']}"}
DEADLINE = 120  # seconds


def answers(method: str, url: str) -> bool:
    """Whether the call succeeds. Raises HTTPError when it is refused."""
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
    end = time.monotonic() + DEADLINE
    with contextlib.suppress(KeyboardInterrupt):
        for call in (
            ("GET", "http://proxy-api:8001/api/routes"),
            ("POST", "http://hub:8081/hub/api/proxy"),
        ):
            while not answers(*call):
                if time.monotonic() > end:
                    return
                time.sleep(0.5)


if __name__ == "__main__":
    try:
        main()
    except urllib.error.HTTPError as error:
        print(f"proxy: the hub does not give routes to its service `proxy`: {error}", flush=True)
