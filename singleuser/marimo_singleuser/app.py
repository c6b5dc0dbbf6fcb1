"""Puts the parts together and runs them until a signal comes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import shutil
import signal
import socket
import tempfile
from pathlib import Path

import aiohttp
from jupyterhub.httpclient import JupyterHubHTTPClient
from mosshub_contract import disk_limit
from mosshub_contract.apps import SOCKET_VARIABLE
from mosshub_contract.broker_account import FILE_VARIABLE
from tornado import routing, web
from tornado.httpserver import HTTPServer

from . import processes
from .activity import Activity
from .assets import handlers as assets
from .broker_account import BrokerAccountFile
from .copies.hub import CopiesHub
from .copies.taken import Taken
from .disk import Disk
from .errors import StartError
from .frame import routes as frame
from .frame.ended import FILE_VARIABLE as ENDED_KERNELS_VARIABLE
from .frame.seen import DIRECTORY_VARIABLE, Seen
from .frame.status import Status, ended_file
from .frame.views import Views
from .history.handlers import history_file
from .history.store import FILE_VARIABLE as HISTORY_VARIABLE
from .home.preparation import Home
from .home.reinstall import reinstall
from .hub_report import HubReport
from .marimo_process import Marimo, notebook_environment
from .proxy.backend import client_session
from .proxy.callback import CallbackHandler
from .proxy.handler import MarimoHandler
from .proxy.hub_auth import HubSignIn
from .proxy.other_spelling import OtherSpelling
from .proxy.services import Services
from .publishing import socket as publish_socket
from .publishing.following import follow
from .publishing.hub_apps import HubApps
from .publishing.publisher import Publisher
from .settings import Settings
from .start_page import routes as start_page
from .start_page.marimo_api import MarimoAPI
from .team.listing import TeamDisk
from .team.record import TeamRecord
from .team.saves import FILE_VARIABLE as TEAM_SAVES_VARIABLE
from .team_messages import TeamMessages

log = logging.getLogger("marimo_singleuser")

HUB_CACHE_S = 30  #: how long the hub's word on who is signed in stays valid


def make_app(
    services: Services, status: Status, seen: Seen, publisher: Publisher
) -> web.Application:
    """Return the tornado application: the hub's callback, our pages, and marimo for all else."""
    base = services.settings.base_url
    views = Views(services.settings.state / "views.json")
    handlers: list[routing.Rule | tuple] = [
        (rf"{re.escape(base)}oauth_callback", CallbackHandler),
        *start_page.rules(services, views, status, publisher),
        *frame.rules(services, status, views, seen),
        *assets.rules(services),
        (rf"{re.escape(base)}(.*)", MarimoHandler, {"services": services}),
    ]
    if base != "/":
        handlers.append((r".*", OtherSpelling, {"base_url": base}))
    return web.Application(
        handlers,
        base_url=base,
        hub_url=services.settings.hub_url,
        cookie_secret=os.urandom(32),
        log_function=lambda handler: None,  # errors are logged where they happen
    )


def listen(app: web.Application, settings: Settings) -> HTTPServer:
    """Return the HTTP server, which listens where the hub wants it.

    Raises:
        StartError: that address cannot be used.
    """
    server = HTTPServer(app, xheaders=False, max_body_size=settings.max_upload_bytes)
    try:
        server.listen(settings.port, settings.address)
    except (OSError, socket.gaierror) as e:
        raise StartError(
            f"The hub chose the address {settings.address}:{settings.port} for this server, and it "
            f"cannot be used: {e.strerror or e}. Start the server again from the hub's page."
        ) from e
    return server


def _files_of_marimo(settings: Settings, runtime: Path) -> dict[str, str]:
    """Return the variables that name files which this program and the user's share."""
    return {
        disk_limit.VARIABLE: str(runtime / "disk-full"),
        disk_limit.TEAM_VARIABLE: str(runtime / "team-full"),
        ENDED_KERNELS_VARIABLE: str(ended_file(settings)),
        HISTORY_VARIABLE: str(history_file(settings)),
        SOCKET_VARIABLE: str(runtime / "publish"),
        TEAM_SAVES_VARIABLE: str(runtime / "team-saves.jsonl"),
    }


def stop_event() -> asyncio.Event:
    """Return what is set when a signal ends this program."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    return stop


async def wait_for_stop(stop: asyncio.Event, seconds: float) -> None:
    """Return when this program shall end, or after so many seconds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


async def end(
    server: HTTPServer, tasks: list[asyncio.Task[None]], account: BrokerAccountFile, marimo: Marimo
) -> None:
    """End everything that this program has started."""
    server.stop()
    for task in tasks:
        task.cancel()
    account.remove()  # first: whoever ends this program may kill it before the rest is done
    await marimo.stop()
    await asyncio.to_thread(processes.end_descendants)
    await JupyterHubHTTPClient.loop_instance().close()  # it asked who is signed in


def make_services(
    settings: Settings,
    home: Home,
    marimo: Marimo,
    activity: Activity,
    disk: Disk,
    session: aiohttp.ClientSession,
) -> Services:
    """Return what all handlers share; `marimo.env` names the files that marimo writes for them."""
    saves, running = Path(marimo.env[TEAM_SAVES_VARIABLE]), MarimoAPI(marimo, session).running_paths
    taken = Taken(settings)
    return Services(
        *(settings, home, marimo, activity, TeamMessages(settings, session), disk),
        HubReport(settings, activity, disk, session),
        TeamRecord(settings, session, saves, running),
        TeamDisk(settings, saves.with_name("team-full")),
        CopiesHub(settings, taken, session),
        *(taken, session),
    )


async def _tell_hub(services: Services) -> None:
    """Tell the hub what it asks every minute, and hear what is new."""
    team, copies = services.team.current(now=True), services.copies.overview()
    await asyncio.gather(services.report.send(), team, copies)


async def run(settings: Settings) -> None:
    """Run until SIGTERM, SIGINT or SIGHUP.

    Raises:
        StartError: the server cannot start.
    """
    stop = stop_event()
    # This reads the hub's variables, so that a wrong one ends the start and not a request.
    HubSignIn.instance(cache_max_age=HUB_CACHE_S)

    runtime = Path(tempfile.mkdtemp(prefix="mosshub-run."))
    disk = Disk(settings, runtime / "disk-full")
    home = Home(settings, disk)
    async with client_session() as session:
        account = BrokerAccountFile(settings, session)
        env = notebook_environment(os.environ, settings.venv, settings.home)
        env[FILE_VARIABLE] = str(account.path)
        seen = Seen(runtime / "seen")
        env[DIRECTORY_VARIABLE] = str(seen.directory)
        env |= _files_of_marimo(settings, runtime)
        marimo = Marimo(settings.notebooks, env, start_timeout_s=settings.start_timeout_s)
        activity = Activity(settings, marimo, session)
        services = make_services(settings, home, marimo, activity, disk, session)
        status = Status(settings, marimo, activity)
        with contextlib.suppress(OSError):
            ended_file(settings).unlink()  # kernels of an earlier start
        publisher = Publisher(settings, HubApps(settings, session))
        server = listen(make_app(services, status, seen, publisher), settings)
        publish_socket.listen(Path(env[SOCKET_VARIABLE]), publisher)
        tasks: list[asyncio.Task[None]] = []
        try:
            await asyncio.gather(account.refresh(), asyncio.to_thread(home.prepare))
            marimo.directory = home.start_directory()
            if account.refused:
                marimo.env.pop(FILE_VARIABLE)  # this platform's broker has no accounts
            else:
                tasks.append(asyncio.create_task(account.run()))
            marimo.start()
            log.warning("serving %s for %s", settings.base_url, settings.user)
            tasks.append(asyncio.create_task(reinstall(settings, env, marimo.helper_pids)))
            tasks.append(asyncio.create_task(follow(publisher)))
            while not stop.is_set():
                disk.refresh()
                services.team_disk.watch()
                await asyncio.gather(activity.sample(), status.sample(), _tell_hub(services))
                await wait_for_stop(stop, settings.activity_interval_s)
        finally:
            await end(server, tasks, account, marimo)
            shutil.rmtree(runtime, ignore_errors=True)
