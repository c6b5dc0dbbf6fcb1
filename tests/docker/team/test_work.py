"""Two people in real browsers train and stream through one broker."""

import re
import subprocess
import time

import pytest
from playwright.sync_api import Page, expect

from tests.standins.engine import docker
from tests.support.host_names import server_of
from tests.support.image_class import open_notebooks, train_and_stream
from tests.support.images import ASSETS
from tests.support.stack import SERVICES, errors_in
from tests.support.team_pages import MINUTE, server, wait_for_files

pytestmark = [pytest.mark.timeout(1800), pytest.mark.browser]


# Two people, side by side


def test_two_people_train_and_stream_through_one_broker(stack, enter, picture):
    began = time.time()
    homes: dict[str, Page] = {}
    for name in ("ada", "linus"):
        homes[name] = enter(name)
        expect(homes[name]).to_have_url(re.compile(f"/user/{name}/"), timeout=3 * MINUTE)
        wait_for_files(homes[name])
    notebooks = open_notebooks(homes)
    picture(homes["ada"], "team-files")
    train_and_stream(list(notebooks.values()))
    picture(notebooks["ada"], "team-verdicts")
    check_compressed(notebooks["ada"], server(stack, "ada"))

    # One broker has what both sent, each under their own names.
    topics = stack.in_hub(TOPICS).split()
    for name in homes:
        assert [t for t in topics if t.startswith(f"{name}.")], topics

    # What one makes, the other does not have; nor may they look.
    own = "import marimo\n\napp = marimo.App()\n"
    docker(
        *("exec", "--user=1000", server(stack, "ada"), "sh", "-c"),
        f"printf {own!r} > ~/notebooks/adas_own.py",
    )
    for name, home in homes.items():
        home.reload()
        wait_for_files(home)
        expect(home.get_by_text("adas_own.py", exact=True)).to_have_count(int(name == "ada"))
    # The logs of the start, of the platform since then and of both servers have no error.
    logs = {s: stack.first_words[s] + stack.logs(s, since=began) for s in SERVICES}
    assert {s: errors_in(log) for s, log in logs.items()} == {s: [] for s in SERVICES}
    for name in homes:
        done = subprocess.run(
            ["docker", "logs", server(stack, name)], capture_output=True, text=True
        )
        assert errors_in(done.stdout + done.stderr) == [], name

    stranger = homes["linus"].context.new_page()
    reply = stranger.goto(server_of(stack.url, "ada"))
    assert reply
    assert reply.status == 403
    picture(stranger, "team-refused")

    cookies = [c for home in homes.values() for c in home.context.cookies()]
    hubs = [c for c in cookies if "jupyterhub-" in (c.get("name") or "")]
    assert len(hubs) >= 4, "of hub and server, for each of the two"
    assert [c for c in hubs if not (c.get("secure") and c.get("httpOnly"))] == []
    # No page of another host can set one.
    assert [c for c in hubs if not (c.get("name") or "").startswith("__Host-")] == []
    assert [c for c in hubs if (c.get("domain") or "").startswith(".")] == []


FETCH = """async () => {
  const url = new URL(document.querySelector("link[rel=modulepreload]").href);
  const answer = await fetch(url, { cache: "no-store" });
  const hash = await crypto.subtle.digest("SHA-256", await answer.arrayBuffer());
  const hex = [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [url.pathname.split("/assets/")[1], answer.headers.get("content-encoding"), hex];
}"""


def check_compressed(page: Page, container: str) -> None:
    """A browser gets marimo's files compressed, and unpacks what the image has."""
    name, encoding, digest = page.evaluate(FETCH)
    assert encoding == "br"
    assert docker("exec", container, "sh", "-c", f"sha256sum {ASSETS}/{name}").split()[0] == digest


TOPICS = """
from hub.accounts import KafkaAdmin, admin_login, admin_server
from hub.settings import load_settings
settings = load_settings()
print(*KafkaAdmin(lambda: admin_server(settings), admin_login(settings)).topics())
"""
