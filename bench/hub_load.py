"""The hub under load: pages for 1, 20 and 100 people, starts beside running servers, a crowd."""

from __future__ import annotations

import asyncio
import json
import os
import re
import tempfile
import threading
import time
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import aiohttp
import psutil
import requests
from yarl import URL

from bench.hubs import BenchError, Hub, hubs
from bench.report import percentile
from bench.samples import Recording
from bench.subjects import LISTED, SUBJECTS, Subject
from tests.support import host_names
from tests.support.light_hub import LightHub

PEOPLE = (1, 20, 100)
LOAD_S = 3.0
LOAD_ROUNDS = 3
#: Servers that run beside a start, by the subject's name.
BESIDE = {"up to 4": range(5), "5 to 9": range(5, 10), "10 to 14": range(10, 15)} | {
    "15 to 19": range(15, 20)
}
CROWD = 20
CROWDS = "extension", "mosshub"  # once: a round takes the extension a minute, and two agreed
CROWD_DEADLINE_S = 120.0
_PRESS_AGAIN_S = 1.0
_PROGRESS = re.compile(r'"(/hub/api/users/[^"]+/progress[^"]*)"')
_XSRF = re.compile(r'name="_xsrf" value="([^"]+)"')


def measure(recording: Recording, rounds: int) -> None:
    """Measure the load, one row of starts, and crowds."""
    with (
        tempfile.TemporaryDirectory(prefix="mosshub-bench-") as scratch,
        LightHub(Path(scratch), SUBDOMAINS="no") as hub,
    ):
        asyncio.run(_load(recording, hub, min(rounds, LOAD_ROUNDS)))
    host_names.install()  # a user's host is below localhost
    with hubs("plain", "mosshub") as running:
        _starts(recording, running["mosshub"])
        for key in CROWDS:
            subject = SUBJECTS[key]
            _crowd(recording, running[subject.hub], subject)


# -- pages of the hub


async def _load(recording: Recording, hub: LightHub, rounds: int) -> None:
    async with asyncio.TaskGroup() as group:
        signing = [group.create_task(_signed_in(hub, f"p{n}")) for n in range(max(PEOPLE))]
    people = [task.result() for task in signing]
    try:
        for turn in range(1, rounds + 1):
            for count in PEOPLE:
                begin = time.perf_counter()
                took = await _loop(hub, people[:count])
                rate = len(took) / (time.perf_counter() - begin)
                recording.add("requests_per_s", str(count), turn, rate)
                recording.add("page_p50", str(count), turn, 1000 * percentile(took, 50))
                recording.add("page_p95", str(count), turn, 1000 * percentile(took, 95))
    finally:
        for person in people:
            await person.close()


async def _signed_in(hub: LightHub, name: str) -> aiohttp.ClientSession:
    """Return the session of somebody who signed in, with their cookies."""
    person = aiohttp.ClientSession(
        cookie_jar=aiohttp.CookieJar(unsafe=True), timeout=aiohttp.ClientTimeout(120)
    )
    page = URL(f"{hub.url}/hub/login")
    async with person.get(page) as answer:
        xsrf = _XSRF.search(await answer.text())
    if not xsrf:
        raise BenchError(f"{page} has no form")
    form = {"_xsrf": xsrf[1], "username": name, "password": hub.password}
    async with person.post(page, data=form, allow_redirects=False) as answer:
        if answer.status != 302:
            raise BenchError(f"{name} could not sign in: {answer.status} {await answer.text()}")
    return person


async def _loop(hub: LightHub, people: list[aiohttp.ClientSession]) -> list[float]:
    """Let everybody load the Home page for some seconds; return the seconds of each load."""
    took: list[float] = []
    end = time.perf_counter() + LOAD_S

    async def load_again_and_again(person: aiohttp.ClientSession) -> None:
        while (begin := time.perf_counter()) < end:
            async with person.get(f"{hub.url}/hub/home") as answer:
                page = await answer.text()
            if answer.status != 200 or "editor" not in page:
                raise BenchError(f"the Home page answered {answer.status}: {page[:500]}")
            took.append(time.perf_counter() - begin)

    async with asyncio.TaskGroup() as group:
        for person in people:
            group.create_task(load_again_and_again(person))
    return took


# -- starts


def _starts(recording: Recording, hub: Hub) -> None:
    """Start one server after another, and stop all."""
    users = [f"mosshub-{number}" for number in range(20)]
    for number, user in enumerate(users):
        hub.add(user)
        beside = next(key for key, numbers in BESIDE.items() if number in numbers)
        recording.add("start", beside, 1, hub.start(user))
    hub.stop(*users)


def _crowd(recording: Recording, hub: Hub, subject: Subject) -> None:
    """Let 20 people sign in at once; everybody waits until their notebooks are there."""
    users = [f"{subject.key}-{number}" for number in range(CROWD)]
    came = threading.Barrier(CROWD)
    lock = threading.Lock()

    def come(user: str) -> None:
        came.wait()
        seconds, failures = _arrive(hub, user, subject)
        with lock:
            recording.add("crowd", subject.key, 1, seconds)
            failed.append(failures)

    failed: list[int] = []
    threads = [threading.Thread(target=come, args=(user,)) for user in users]
    began, before = time.monotonic(), psutil.cpu_times()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    idle_s = psutil.cpu_times().idle - before.idle
    processors_s = (time.monotonic() - began) * (os.cpu_count() or 1)
    recording.add("crowd_processor", subject.key, 1, (processors_s - idle_s) / CROWD)
    recording.add("crowd_busy", subject.key, 1, 100 * (1 - idle_s / processors_s))
    recording.add("crowd_failed", subject.key, 1, sum(map(bool, failed)) + CROWD - len(failed))
    hub.stop(*users)


def _arrive(hub: Hub, user: str, subject: Subject) -> tuple[float, int]:
    """Sign in and follow the hub's pages, as a browser does, until the notebooks are there.

    Returns:
        The seconds, and how often a page said to try again.
    """
    person = requests.Session()
    person.headers["Sec-Fetch-Mode"] = "navigate"
    begin = time.perf_counter()
    failures = 0
    page = person.get(f"{hub.url}/hub/login", timeout=CROWD_DEADLINE_S)
    xsrf = _XSRF.search(page.text)
    form = {"_xsrf": xsrf[1] if xsrf else "", "username": user, "password": "any"}
    page = person.post(page.url, form, headers={"Referer": page.url}, timeout=CROWD_DEADLINE_S)
    while time.perf_counter() - begin < CROWD_DEADLINE_S:
        if page.ok and _shows_notebooks(page, subject):
            return time.perf_counter() - begin, failures
        address = _wait_for_start(person, hub, page)
        if not address:
            failures += 1
            time.sleep(_PRESS_AGAIN_S)
        page = person.get(address or f"{hub.url}/hub/spawn", timeout=CROWD_DEADLINE_S)
    return CROWD_DEADLINE_S, failures + 1


def _wait_for_start(person: requests.Session, hub: Hub, page: requests.Response) -> str:
    """Read the events of the page that waits; return where it leads, or nothing."""
    if not (found := _PROGRESS.search(page.text)):
        return ""
    events = urljoin(hub.url, unescape(found[1]))
    headers = {"Accept": "text/event-stream", "Sec-Fetch-Mode": "cors", "Referer": page.url}
    with person.get(events, headers=headers, stream=True, timeout=CROWD_DEADLINE_S) as answer:
        for line in answer.iter_lines():
            event = json.loads(line[5:]) if line.startswith(b"data:") else {}
            if event.get("ready"):
                return urljoin(hub.url, event["url"])
            if event.get("failed"):
                break
    return ""


def _shows_notebooks(page: requests.Response, subject: Subject) -> bool:
    """Return whether a page is the list; marimo's page asks its server for the files."""
    if "/hub/" in page.url:
        return False
    return LISTED in page.text or (not subject.listed_at and "<marimo-" in page.text)
