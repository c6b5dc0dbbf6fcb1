"""A start that fails says why, and after the second one there is another way to start."""

from __future__ import annotations

import re
import sys
import time
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.support import light_hub
from tests.support.light_hub import LightHub
from tests.support.people import LocalPerson
from tests.support.waiting import TIMEOUT_FACTOR, wait_until

#: A server that starts only without the packages of its user.
BROKEN = f"""#!/bin/sh
echo "broken packages; token=very-secret" >&2
[ "$MOSSHUB_WITHOUT" = packages ] || exit 3
exec {sys.executable} -I -S {Path(light_hub.__file__).parent / "server.py"}
"""
PAGE = "/hub/mosshub/start-without/ada"


def text_of(page: str | requests.Response) -> str:
    html = page if isinstance(page, str) else page.text
    return unescape(re.sub("<[^>]+>", "", html))


@pytest.mark.slow
def test_after_two_failed_starts_ada_starts_without_her_packages_once(tmp_path: Path) -> None:
    command = tmp_path / "server"
    command.write_text(BROKEN)
    command.chmod(0o755)
    with LightHub(tmp_path / "data", LIGHT_COMMAND=str(command)) as hub:
        ada = LocalPerson(hub, "ada")

        def failed() -> str:
            """Return the page that waits for a start, when it says how that ended."""

            def page() -> str:
                page = ada.session.get(f"{hub.url}/hub/spawn-pending/ada", timeout=60).text
                return page if "could not start" in page else ""

            return wait_until(page, 30, "the page of a failed start")

        began = time.monotonic()
        first = failed()  # the sign-in has started it
        assert time.monotonic() - began < 20 * TIMEOUT_FACTOR, "nobody waits for a dead process"
        said = text_of(first)
        assert "Your editor ended while it started (exit code 3). Its last output:" in said
        assert "broken packages" in said and "very-secret" not in said
        assert PAGE not in first, "one failure may be a chance"

        ada.session.get(f"{hub.url}/hub/spawn/ada", timeout=60)
        second = failed()
        assert "2 starts in a row have failed" in second
        assert PAGE in second

        # Nobody else may, and the page is whole without scripts.
        bob = LocalPerson(hub, "bob")
        assert bob.session.get(hub.url + PAGE, timeout=30).status_code in (403, 404)
        assert bob.post_form(PAGE, {"without": "packages"}).status_code in (403, 404)
        page = ada.session.get(hub.url + PAGE, timeout=30).text
        assert re.search("<pre>[^<]*broken packages[^<]*</pre>", page), "output as it came"
        page = text_of(page)
        assert "The last start failed. Your editor ended while it started (exit code 3)." in page
        assert "Start without my packages" in page and "Start with default settings" in page
        assert ada.post_form(PAGE, {"without": "nonsense"}).status_code == 400
        forged = ada.session.post(hub.url + PAGE, {"without": "packages"}, timeout=30)
        assert forged.status_code == 403

        assert ada.post_form(PAGE, {"without": "packages"}).ok
        ada.open()
        admin = LocalPerson(hub, "admin", hub.admin_password)
        about = f"{hub.url}/hub/mosshub/admin/people/ada"
        said = text_of(admin.session.get(about, timeout=30))
        assert "The last start that failed" in said and "broken packages" in said

        # The choice held for one start; the button also ends an editor that runs.
        ended = admin.post_form(PAGE, {"without": "settings"})
        assert urlsplit(ended.url).path == "/hub/spawn-pending/ada"
        assert "(exit code 3)" in text_of(failed())
        said = text_of(admin.session.get(about, timeout=30))
        assert "The last start failed." in said and "broken packages" in said
        ada.session.get(f"{hub.url}/hub/spawn/ada", timeout=60)
        assert "(exit code 3)" in text_of(failed())
