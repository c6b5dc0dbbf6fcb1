"""Another person's server answers nothing to those who are not let in."""

import json
from urllib.parse import urljoin

import pytest
import requests

pytestmark = pytest.mark.timeout(1200)


# Somebody else's server without being let in

ROUTES = [
    "", "?file=image_class.py", "api/status", "api/usage", "api/version", "health", "terminal/ws",
    "ws", "api/home/workspace_files", "api/home/running_notebooks", "api/files/list_files", "mcp",
    "og/thumbnail", "assets/x.js", "@file/1-x", "public/x", "lsp/pylsp", "api/kernel/run",
    "oauth_callback", "..%2f..%2fhub/api/users", "%2e%2e/linus/api/status", "//api/status",
]  # fmt: skip


def test_another_persons_server_answers_nothing_to_who_is_not_let_in(stack, ada, linus):
    own = requests.get(f"{linus.base}api/status", headers=linus.cookies(), timeout=60)
    assert own.status_code == 200, own.text
    for path in ROUTES:
        for method in ("GET", "POST"):
            for cookies in ({}, ada.cookies(), ada.every_cookie()):
                answer = requests.request(
                    method, linus.base + path, headers=cookies, allow_redirects=False, timeout=60
                )
                what = (method, path, bool(cookies), answer.status_code, answer.text[:300])
                assert answer.status_code in (302, 400, 403, 404, 405), what
                assert "marimo-" not in answer.text, what
                if answer.status_code == 302:
                    # The end of a sign-in that none of theirs began leads to where it begins.
                    begins = linus.base if path == "oauth_callback" else None
                    target = urljoin(linus.base, answer.headers["Location"])
                    assert target == begins or "/hub/api/oauth2/authorize" in target, what


def test_another_persons_port_answers_nothing_from_the_inside(ada, linus):
    """Straight to the container, with no proxy between."""
    asking = (
        "import json, sys, http.client\n"
        "out = []\n"
        "for path in json.loads(sys.argv[2]):\n"
        "    c = http.client.HTTPConnection(sys.argv[1], 8888, timeout=20)\n"
        "    c.request('GET', path); r = c.getresponse(); out.append(r.status); c.close()\n"
        "print(json.dumps(out))\n"
    )
    paths = ["/", "/health", *(f"/user/linus/{p}".replace("//", "/") for p in ROUTES)]
    found = json.loads(ada.inside("python3", "-c", asking, linus.address, json.dumps(paths)))
    bad = {p: s for p, s in zip(paths, found, strict=True) if s not in (302, 400, 403, 404)}
    assert bad == {}
