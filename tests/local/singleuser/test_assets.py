"""marimo's own files: for the signed-in user alone, kept by browsers, there without marimo."""

from __future__ import annotations

import signal

import requests
from marimo_singleuser.assets.files import static_directory
from marimo_singleuser.assets.page_files import linked

from tests.support.singleuser import Person, ask, own_cookies


def test_a_file_is_sent_to_its_user_alone_and_kept_for_ever(ada: Person, bob: Person) -> None:
    static = static_directory()
    name = next(name for name in linked(static) if name.endswith(".js"))
    cookies = own_cookies(ada)
    process = ada.marimo
    process.send_signal(signal.SIGSTOP)  # marimo is not asked
    try:
        answer = ask(ada, "GET", name, cookies)
        head = ask(ada, "HEAD", name, cookies)
        again = ask(ada, "GET", name, cookies, **{"If-None-Match": answer.headers["ETag"]})
    finally:
        process.send_signal(signal.SIGCONT)
    assert answer.status_code == 200
    assert answer.content == (static / name).read_bytes()
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Vary"] == "Accept-Encoding"
    # A policy would also hold for a worker, which is started from an asset.
    assert "Content-Security-Policy" not in answer.headers
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["Content-Length"]) == len(answer.content)
    assert (again.status_code, again.content) == (304, b"")

    assert ask(ada, "POST", name, cookies).status_code == 405
    assert ask(ada, "GET", f"{name[:-3]}x.js", cookies).status_code == 404
    for stranger in ("", own_cookies(bob)):
        refused = ask(ada, "GET", name, stranger)
        assert refused.status_code == 403 and len(refused.content) < 10_000
    by_address = requests.get(ada.base + "assets/../" + name, timeout=60, allow_redirects=False)
    assert by_address.status_code == 403
