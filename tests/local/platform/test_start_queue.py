"""Many people at once: everybody gets in, in turn, and knows how many are before them.

Hub, proxy, sign-in, queue and the spawner of a laptop are real; the servers are light ones
(tests/support/light_hub), so that 60 fit on a small machine.
"""

import json
import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.light_hub import LightHub
from tests.support.people import LocalPerson
from tests.support.waiting import TIMEOUT_FACTOR, retry_until, wait_until

PLACES = 4
BEFORE = re.compile(r"(\d+) (?:person is|people are) before you")


@pytest.fixture
def light_hub(tmp_path: Path) -> Iterator[LightHub]:
    with LightHub(
        tmp_path / "data",
        start_seconds=2,
        # Less than the last of 60 waits: the time of a start counts from its turn.
        LIGHT_SPAWN_TIMEOUT=f"{5 + 5 * TIMEOUT_FACTOR:.0f}",
        ACTIVE_SERVER_LIMIT="100",
    ) as running:
        yield running


class Waiting:
    """A person on the page that waits for their server."""

    def __init__(self, hub: LightHub, name: str) -> None:
        """Sign in, which leads to the start of the server."""
        self.person = LocalPerson(hub, name)
        self.told: list[str] = []
        self.statuses = [r.status_code for r in (*self.person.login.history, self.person.login)]

    @classmethod
    def of(cls, person: LocalPerson) -> "Waiting":
        """Return somebody whose start was asked for already."""
        waiting = cls.__new__(cls)
        waiting.person, waiting.told, waiting.statuses = person, [], []
        return waiting

    def ask(self) -> None:
        """Start the server again."""
        self.person.session.get(f"{self.person.url}/hub/spawn", timeout=120)

    def watch(self, until: str = "ready") -> dict:
        """Listen to the page's events until one has the key `until`; return it."""
        name = self.person.name
        with self.person.session.get(
            f"{self.person.url}/hub/api/users/{name}/server/progress?_xsrf={self.person.xsrf()}",
            headers={"Referer": f"{self.person.url}/hub/spawn-pending/{name}"},
            stream=True,
            timeout=120,
        ) as stream:
            assert stream.ok, f"{name}: {stream.status_code} {stream.text}"
            for line in stream.iter_lines(chunk_size=1):
                if line.startswith(b"data: "):
                    event = json.loads(line[6:])
                    self.told.append(event.get("message", ""))
                    if event.get(until) or (until == "place" and BEFORE.search(self.told[-1])):
                        return event
        raise AssertionError(f"{name}: the events ended: {self.told}\n{self.person.context()}")

    def go_in(self) -> str:
        """Wait as the page does; return the editor's page."""
        self.watch()
        return self.person.open(60).text


def most_at_once(journal: list[tuple[str, str]]) -> int:
    starting, most = set(), 0
    for event, name in journal:
        (starting.add if event == "starts" else starting.discard)(name)
        most = max(most, len(starting))
    return most


@pytest.mark.slow
@pytest.mark.parametrize("count", [24, 60])
def test_everybody_gets_in_without_a_hand(light_hub: LightHub, count: int) -> None:
    with ThreadPoolExecutor(count) as pool:
        people = list(pool.map(lambda n: Waiting(light_hub, f"p{n:02}"), range(count)))
        pages = list(pool.map(Waiting.go_in, people))
    assert [f"<marimo-light>{w.person.name}</marimo-light>" for w in people] == pages
    assert {status for w in people for status in w.statuses} <= {200, 302}
    journal = light_hub.journal()
    assert len(journal) == 2 * count
    assert most_at_once(journal) <= PLACES
    assert "Traceback" not in light_hub.log

    positions = [[int(n) for n in BEFORE.findall(" ".join(w.told))] for w in people]
    assert max(max(told, default=0) for told in positions) >= count // 2
    for told in positions:
        assert told == sorted(told, reverse=True), "nobody is overtaken"


@pytest.fixture
def slow_hub(tmp_path: Path) -> Iterator[LightHub]:
    """A hub whose servers take longer to start than a test lasts."""
    with LightHub(tmp_path / "data", start_seconds=100) as running:
        yield running


def fill(hub: LightHub) -> None:
    """Let as many servers start as may start at the same time."""
    for n in range(PLACES):
        Waiting(hub, f"first{n}")
    wait_until(lambda: len(hub.journal()) == PLACES, 60, "four servers to start")


@pytest.mark.slow
def test_who_stops_or_is_removed_leaves_the_queue(slow_hub: LightHub) -> None:
    fill(slow_hub)
    ada, _, cleo = (Waiting(slow_hub, name) for name in ("ada", "bob", "cleo"))
    cleo.watch("place")
    assert "2 people are before you" in cleo.told[-1]
    # The page's button.
    assert ada.person.api("DELETE", "users/ada/server").status_code in (202, 204)
    cleo.watch("place")
    assert "1 person is before you" in cleo.told[-1]
    admin = LocalPerson(slow_hub, "admin", slow_hub.admin_password)
    assert admin.api("DELETE", "users/bob").status_code == 204
    retry_until(lambda: "You are next" in last_word(cleo), 30, "cleo to be the next")
    # Ada may come back, and stands at the end.
    ada.ask()
    ada.watch("place")
    assert "1 person is before you" in ada.told[-1]
    assert not [name for event, name in slow_hub.journal() if name in ("ada", "bob", "cleo")]
    assert "Traceback" not in slow_hub.log


def last_word(waiting: Waiting) -> str:
    """Return what a page that is opened now says first about the place."""
    name = waiting.person.name
    with waiting.person.session.get(
        f"{waiting.person.url}/hub/api/users/{name}/server/progress?_xsrf={waiting.person.xsrf()}",
        headers={"Referer": f"{waiting.person.url}/hub/spawn-pending/{name}"},
        stream=True,
        timeout=30,
    ) as stream:
        events = (json.loads(x[6:]) for x in stream.iter_lines(chunk_size=1) if x[:6] == b"data: ")
        return next(e["message"] for e in events if e["message"] != "Server requested")


@pytest.mark.slow
def test_a_hub_that_ends_ends_the_queue_and_a_new_one_begins(slow_hub: LightHub) -> None:
    """The page asks again by itself: tests/browser/test_start_queue.py."""
    fill(slow_hub)
    ada = Waiting(slow_hub, "ada")
    assert slow_hub.process
    slow_hub.process.send_signal(signal.SIGTERM)
    assert slow_hub.process.wait(60 * TIMEOUT_FACTOR) == 0
    assert "Traceback" not in slow_hub.log
    slow_hub.start()
    page = ada.person.session.get(f"{slow_hub.url}/hub/spawn-pending/ada", timeout=60)
    assert "Your editor is not running" in page.text
    ada.ask()
    ada.watch("progress")


@pytest.mark.slow
def test_who_waits_for_a_gpu_knows_how_many_wait_before_them(tmp_path: Path) -> None:
    """Others start meanwhile, and a GPU goes to the next in the queue when its editor stops."""

    def asks(name: str, size: str) -> Waiting:
        person = LocalPerson(hub, name)
        assert person.api("POST", f"users/{name}/server", json={"size": size}).ok
        return Waiting.of(person)

    sizes = {"SIZES": "Small=1/1G, GPU=2/2G/gpu", "GPUS": "1"}
    with LightHub(tmp_path / "data", **sizes) as hub:
        ada = asks("ada", "GPU")
        ada.watch()
        bob, cleo = asks("bob", "GPU"), asks("cleo", "GPU")
        assert last_word(bob).startswith("The GPU is in use. You are the next who gets one.")
        assert "1 person waits for one before you" in last_word(cleo)
        asks("dan", "Small").watch()
        assert ada.person.api("DELETE", "users/ada/server").status_code in (202, 204)
        bob.watch()
        retry_until(lambda: "You are the next" in last_word(cleo), 30, "cleo to be the next")
        assert ("listens", "cleo") not in hub.journal()
        assert "Traceback" not in hub.log


@pytest.mark.slow
def test_beyond_the_limit_a_sentence_says_what_to_do(tmp_path: Path) -> None:
    hub = LightHub(tmp_path / "data", ACTIVE_SERVER_LIMIT="2")
    hub.start()
    try:
        for name in ("ada", "bob"):
            Waiting(hub, name).go_in()
        cleo = LocalPerson(hub, "cleo")
        page = cleo.session.get(f"{hub.url}/hub/spawn", timeout=60)
        assert page.status_code == 429
        assert "All 2 editors that may run at the same time are running" in page.text
        assert "Stop my editor" in page.text
        assert "Traceback" not in hub.log
        told = cleo.api("POST", "users/cleo/server")
        assert told.status_code == 429
        assert "All 2 editors" in told.json()["message"]
        assert LocalPerson(hub, "bob").api("DELETE", "users/bob/server").status_code in (202, 204)
        assert "cleo" in retry_until(lambda: cleo.editor(5).text, 60, "cleo's editor")
    finally:
        hub.stop()


@pytest.mark.slow
def test_while_nothing_may_start_no_page_offers_a_start(tmp_path: Path) -> None:
    with LightHub(tmp_path / "data", MAINTENANCE="The host gets a new disk.") as hub:
        ada = LocalPerson(hub, "ada")
        home = ada.session.get(f"{hub.url}/hub/home", timeout=60).text
        assert "Your editor is not running. Your files are safe." in home
        assert "No editor starts at the moment: The host gets a new disk." in home
        assert "Open my editor" not in home
        told = ada.api("POST", "users/ada/server")
        assert told.status_code == 429
        assert "Nothing starts at the moment: The host gets a new disk." in told.json()["message"]
