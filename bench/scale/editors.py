"""One program in place of all servers of people: it answers for them, and asks the hub.

    python editors.py API PKI NAMESPACE FIGURES

It watches the pods of a namespace. For each that runs it sends the hub what a server with an open
page sends while its user works (`marimo_singleuser`): each minute its activity, its report and the
question for copies; each 20 s the question for messages; each 30 s whether its viewer is still
signed in. At each address it listens on the port of a server and answers all with one page.
Every ten seconds it adds a line to FIGURES.
"""

from __future__ import annotations

import asyncio
import json
import random
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

PORT = 8888
FIGURES_S = 10.0
MINUTE_S, MESSAGES_S, SIGNED_IN_S = 60.0, 20.0, 30.0
_HEADERS = {"X-JupyterHub-Version": "6.1.1"}
_TIMEOUT = aiohttp.ClientTimeout(total=20)


class Editor:
    """The server in one pod.

    Args:
        environment: the variables of its container.
        session: a client for the hub.
        took: where the seconds of its requests go; a refused one counts as None.
    """

    def __init__(
        self,
        environment: dict[str, str],
        session: aiohttp.ClientSession,
        took: list[float | None],
    ) -> None:
        self._api = environment["JUPYTERHUB_API_URL"].rstrip("/")
        self._user = environment["JUPYTERHUB_USER"]
        self._headers = {"Authorization": f"token {environment['JUPYTERHUB_API_TOKEN']}"}
        self._session, self._took = session, took

    async def run(self) -> None:
        """Ask the hub until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._again(MINUTE_S, self._tell))
            group.create_task(self._again(MESSAGES_S, self._ask_messages))
            group.create_task(self._again(SIGNED_IN_S, self._ask_user))

    async def _again(self, pause_s: float, ask: Callable[[], Awaitable[None]]) -> None:
        await asyncio.sleep(random.uniform(0, pause_s))  # noqa: S311
        while True:
            await ask()
            await asyncio.sleep(pause_s)

    async def _tell(self) -> None:
        now = datetime.now(UTC)
        stamp = now.isoformat().replace("+00:00", "Z")
        activity = {"servers": {"": {"last_activity": stamp}}, "last_activity": stamp}
        await self._ask("POST", f"/users/{self._user}/activity", activity)
        report = {"last_used": now.timestamp(), "kept_until": None}
        disk = {"disk_bytes": 1 << 30, "disk_limit": 10 << 30}
        await self._ask("POST", "/mosshub/server-report", report | disk)
        await self._ask("GET", "/mosshub/copies")

    async def _ask_messages(self) -> None:
        await self._ask("GET", "/mosshub/messages")

    async def _ask_user(self) -> None:
        await self._ask("GET", "/user")

    async def _ask(self, method: str, path: str, body: Any = None) -> None:
        began = time.perf_counter()
        seconds = None
        try:
            async with self._session.request(
                method, self._api + path, json=body, headers=self._headers, timeout=_TIMEOUT
            ) as answer:
                await answer.read()
                if answer.ok:
                    seconds = time.perf_counter() - began
                else:
                    print(method, path, answer.status, await answer.text(), flush=True)
        except (aiohttp.ClientError, TimeoutError) as error:
            print(method, path, repr(error), flush=True)
        self._took.append(seconds)


async def follow(api: str, pki: Path, namespace: str, took: list[float | None]) -> None:
    """Run an editor for each pod that runs, until it is gone."""
    context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
    editors: dict[str, asyncio.Task[None]] = {}
    address = f"{api}/api/v1/namespaces/{namespace}/pods?watch=1"
    async with aiohttp.ClientSession(
        read_bufsize=1 << 22, timeout=aiohttp.ClientTimeout(total=None)
    ) as session:
        while True:  # the API server ends a watch after some time, and the next has all pods again
            async with session.get(address, ssl=context) as events:
                async for line in events.content:
                    event = json.loads(line)
                    pod, uid = event["object"], event["object"]["metadata"].get("uid", "")
                    runs = pod.get("status", {}).get("phase") == "Running"
                    if event["type"] == "DELETED" and uid in editors:
                        editors.pop(uid).cancel()
                    elif runs and uid not in editors:
                        variables = pod["spec"]["containers"][0]["env"]
                        found = {v["name"]: v.get("value", "") for v in variables}
                        editor = Editor(found, session, took)
                        editors[uid] = asyncio.create_task(editor.run())


async def write_figures(file: Path, took: list[float | None]) -> None:
    """Write how the requests of the last seconds fared, again and again."""
    while True:
        await asyncio.sleep(FIGURES_S)
        done = sorted(seconds for seconds in took if seconds is not None)
        line = {"at": time.time(), "seconds": done, "refused": len(took) - len(done)}
        took.clear()
        with file.open("a") as out:
            out.write(json.dumps(line) + "\n")


async def answer(request: web.Request) -> web.Response:
    """Answer as the first page of any server."""
    return web.Response(text="<marimo-light>", content_type="text/html", headers=_HEADERS)


async def main(api: str, pki: str, namespace: str, figures: str) -> None:
    """Answer and ask until somebody ends it."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", PORT).start()  # noqa: S104
    took: list[float | None] = []
    async with asyncio.TaskGroup() as group:
        group.create_task(follow(api, Path(pki), namespace, took))
        group.create_task(write_figures(Path(figures), took))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
