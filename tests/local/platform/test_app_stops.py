"""An app stops when nobody looks at it, and when its author presses the button; it starts again.

The hub is the laptop's own without a broker, and the apps' servers are real ones.
"""

import sys
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from mosshub_contract.apps import AppCard
from mosshub_contract.snapshots import Snapshot, pack

from hub.apps.store import AppStore
from hub.apps.upkeep import INTERVAL_S
from tests.support.apps import app_url, open_app, server_url
from tests.support.light_hub import LightHub
from tests.support.people import LocalPerson
from tests.support.waiting import TIMEOUT_FACTOR, wait_until

pytestmark = pytest.mark.slow

IDLE_S = round(10 * TIMEOUT_FACTOR)  # the least that there may be
SERVER = str(Path(sys.executable).parent / "marimo-singleuser")
SEEN, HIDDEN, STOPPED = "seen", "hidden", "stopped"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LightHub]:
    data = tmp_path_factory.mktemp("hub") / "data"
    with LightHub(data, LIGHT_COMMAND=SERVER, APP_IDLE_TIMEOUT=f"{IDLE_S}s") as running:
        yield running


@pytest.fixture(scope="module")
def author(hub: LightHub) -> LocalPerson:
    """Ivy, whose three apps noel may open."""
    ivy = LocalPerson(hub, "ivy")
    store = AppStore(hub.data_dir / "hub" / "apps")
    for slug in (SEEN, HIDDEN, STOPPED):
        card = AppCard(slug, slug.title(), "app.py", audience=("noel",))
        code = b"import marimo\n\napp = marimo.App()\n"
        store.publish("ivy", pack(Snapshot(card, {card.notebook: code})))
    return ivy


@pytest.fixture(scope="module")
def viewer(hub: LightHub) -> LocalPerson:
    return LocalPerson(hub, "noel")


def why_stopped(author: LocalPerson, slug: str) -> str:
    """Return what an app's page is told about why its server stopped; empty while it runs."""
    told = requests.get(
        f"{author.url}/hub/mosshub/server-status",
        params={"server": urlsplit(server_url(author, slug)).path},
        headers={"Origin": author.origin},
        timeout=60,
    ).json()
    return (told["why"] or "") if told["state"] == "stopped" else ""


def look(viewer: LocalPerson, author: LocalPerson, slug: str, *, seen: bool) -> int:
    """Ask as an app's page does, in front or in the background; return the status."""
    asked = {"seen": "yes" if seen else ""}
    url = f"{server_url(author, slug)}_mosshub/status"
    # A page follows no redirect either: it would lead to what starts the app again.
    script = {"Sec-Fetch-Mode": "cors"}  # otherwise somebody opens a page
    answer = viewer.session.get(
        url, params=asked, headers=script, timeout=60, allow_redirects=False
    )
    return answer.status_code


def test_an_app_stays_while_its_page_is_seen_and_no_longer(
    author: LocalPerson, viewer: LocalPerson
) -> None:
    open_app(viewer, author, HIDDEN)
    open_app(viewer, author, SEEN)
    enough = time.monotonic() + IDLE_S + 2 * INTERVAL_S

    def hidden_is_stopped_and_seen_is_not() -> bool:
        assert look(viewer, author, SEEN, seen=True) == 200, why_stopped(author, SEEN)
        if not why_stopped(author, HIDDEN):
            look(viewer, author, HIDDEN, seen=False)  # an open page that nobody sees
            return False
        return time.monotonic() > enough

    wait_until(hidden_is_stopped_and_seen_is_not, IDLE_S + 60, "the end of the hidden app alone")
    assert why_stopped(author, HIDDEN) == "idle"
    wait_until(lambda: why_stopped(author, SEEN), IDLE_S + 60, "the end of the app")
    assert why_stopped(author, SEEN) == "idle"


def test_the_author_stops_an_app_and_it_opens_again(
    author: LocalPerson, viewer: LocalPerson
) -> None:
    open_app(viewer, author, STOPPED)
    button = f"/hub/apps/{author.name}/{STOPPED}/stop"
    refused = viewer.post_form(button, {})
    assert refused.status_code == 403
    assert "Only ivy or an admin may do this" in unescape(refused.text)
    assert look(viewer, author, STOPPED, seen=True) == 200
    stopped = author.post_form(button, {})
    assert stopped.ok
    assert "Stopped is stopped. It starts again when somebody opens it." in unescape(stopped.text)
    assert why_stopped(author, STOPPED) == "user"
    state = viewer.session.get(f"{app_url(author, STOPPED)}/state", timeout=60).json()
    assert state["state"] == "stopped"
    assert open_app(viewer, author, STOPPED).ok
    assert why_stopped(author, STOPPED) == ""
