"""Another person's server answers nothing to those who are not let in."""

from urllib.parse import urljoin

import requests

ROUTES = [
    "", "?file=image_class.py", "api/status", "api/usage", "api/version", "health", "terminal/ws",
    "ws", "api/home/workspace_files", "api/home/running_notebooks", "api/files/list_files", "mcp",
    "og/thumbnail", "assets/x.js", "@file/1-x", "public/x", "lsp/pylsp", "api/kernel/run",
    "oauth_callback", "..%2f..%2fhub/api/users", "%2e%2e/linus/api/status", "//api/status",
]  # fmt: skip


def test_another_persons_server_answers_nothing_to_who_is_not_let_in(ada, linus):
    own = requests.get(
        f"{linus.base}api/status", headers=linus.cookies(), timeout=60, verify=linus.session.verify
    )
    assert own.status_code == 200, own.text
    for path in ROUTES:
        for method in ("GET", "POST"):
            for cookies in ({}, ada.cookies(), ada.every_cookie()):
                answer = requests.request(
                    method,
                    linus.base + path,
                    headers=cookies,
                    allow_redirects=False,
                    timeout=60,
                    verify=linus.session.verify,
                )
                what = (method, path, bool(cookies), answer.status_code, answer.text[:300])
                assert answer.status_code in (302, 400, 403, 404, 405), what
                assert "marimo-" not in answer.text, what
                if answer.status_code == 302:
                    # The end of a sign-in that none of theirs began leads to where it begins.
                    begins = linus.base if path == "oauth_callback" else None
                    target = urljoin(linus.base, answer.headers["Location"])
                    assert target == begins or "/hub/api/oauth2/authorize" in target, what
