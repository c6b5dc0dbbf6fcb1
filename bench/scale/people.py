"""What people do: they sign in, load pages, and start their servers."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import aiohttp
import requests

from bench.hubs import BenchError
from tests.support.oidc_provider import browser, sign_in
from tests.support.people import Person

HOME = "/hub/home"
START_TIMEOUT_S = 900
PRESS_AGAIN_S = 2.0


def arrive(url: str, names: Iterable[str], at_once: int) -> tuple[list[Person], list[float]]:
    """Let people sign in at the provider; return them, and how many seconds each took to Home.

    Args:
        url: the platform's address.
        names: their names.
        at_once: how many do so at the same time.
    """

    def come(name: str) -> tuple[Person, float]:
        session = browser()
        began = time.perf_counter()
        page, _ = sign_in(session, url, name, next=HOME)
        if not page.ok or not page.url.endswith(HOME):
            raise BenchError(f"{name} landed at {page.url}, {page.status_code}: {page.text[:500]}")
        return Person(url, name, session), time.perf_counter() - began

    with ThreadPoolExecutor(at_once) as pool:
        done = list(pool.map(come, names))
    return [person for person, _ in done], [seconds for _, seconds in done]


def load(session: requests.Session, address: str, count: int, expected: str = "") -> list[float]:
    """Load a page some times, one after another; return the seconds of each.

    Raises:
        BenchError: it does not answer, or without what is expected.
    """
    took = []
    for _ in range(count):
        began = time.perf_counter()
        answer = session.get(address, timeout=120)
        took.append(time.perf_counter() - began)
        if not answer.ok or expected not in answer.text:
            raise BenchError(f"{address}: {answer.url} {answer.status_code} {answer.text[:500]}")
    return took


async def start_servers(people: list[Person]) -> tuple[list[float], float, int]:
    """Let people ask for their servers at once; who is told that it failed asks again.

    Returns:
        The seconds from asked to ready of each, the seconds until the last was ready, and how
        often a start failed.
    """
    began = time.perf_counter()
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=START_TIMEOUT_S)
    jar = aiohttp.DummyCookieJar()  # everybody brings their own
    async with aiohttp.ClientSession(
        cookie_jar=jar, connector=connector, timeout=timeout
    ) as session:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_start(session, person)) for person in people]
        passed = time.perf_counter() - began
    failed = sum(task.result()[1] for task in tasks)
    return [task.result()[0] for task in tasks], passed, failed


async def _start(session: aiohttp.ClientSession, person: Person) -> tuple[float, int]:
    """Return the seconds until a person has their server, and how often that failed."""
    began = time.perf_counter()
    failed = 0
    while not await _ask_and_wait(session, person):
        failed += 1
        await asyncio.sleep(PRESS_AGAIN_S)
    return time.perf_counter() - began, failed


async def _ask_and_wait(session: aiohttp.ClientSession, person: Person) -> bool:
    """Ask for a server as the Home page does, and wait as the page that waits does."""
    api = f"{person.url}/hub/api/users/{person.name}/server"
    headers = {
        **person.cookies(f"{person.url}/hub/"),
        "X-XSRFToken": person.xsrf(),
        "Referer": f"{person.url}{HOME}",
        "Sec-Fetch-Mode": "cors",
        "Sec-Fetch-Site": "same-origin",
    }
    async with session.post(api, headers=headers, json={}) as answer:
        if answer.status not in (201, 202):
            print(f"  {person.name}: {answer.status} {await answer.text()}", flush=True)
            return False
        if answer.status == 201:
            return True
    events = {**headers, "Accept": "text/event-stream"}
    async with session.get(f"{api}/progress", headers=events) as answer:
        async for line in answer.content:
            event = json.loads(line[5:]) if line.startswith(b"data:") else {}
            if event.get("ready"):
                return True
            if event.get("failed"):
                print(f"  {person.name}: {event['message']}", flush=True)
    return False
