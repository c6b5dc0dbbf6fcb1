"""Puts the parts of an app's server together and runs them until a signal comes."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shutil
import tempfile
from functools import partial
from pathlib import Path

from mosshub_contract.broker_account import FILE_VARIABLE
from mosshub_contract.topics import PREFIX_VARIABLE, named_prefix
from tornado import web

from ..activity import Activity
from ..app import HUB_CACHE_S, end, listen, make_services, stop_event, wait_for_stop
from ..assets import handlers as assets
from ..broker_account import BrokerAccountFile
from ..disk import Disk
from ..home.preparation import Home
from ..marimo_process import notebook_environment
from ..proxy.backend import client_session
from ..proxy.callback import CallbackHandler
from ..proxy.hub_auth import HubSignIn
from ..proxy.other_spelling import OtherSpelling
from ..proxy.own_page import OWN
from ..proxy.services import Services
from ..settings import Settings
from ..team.saves import FILE_VARIABLE as TEAM_SAVES_VARIABLE
from .handler import AppHandler, AppScript, AppStatus, NewSnapshot
from .marimo_run import MarimoRun
from .packages import install
from .snapshot import SnapshotSource

log = logging.getLogger("marimo_singleuser")


def make_app(services: Services, source: SnapshotSource) -> web.Application:
    """Return the tornado application: the hub's callback, the bar, and marimo for all else."""
    base = services.settings.base_url
    own, shared = re.escape(base + OWN), {"services": services}
    return web.Application(
        [
            (rf"{re.escape(base)}oauth_callback", CallbackHandler),
            (rf"{own}app\.js", AppScript, shared),
            (rf"{own}status", AppStatus, shared),
            (rf"{own}ask-hub-again", NewSnapshot, {**shared, "source": source}),
            *assets.rules(services),
            (rf"{re.escape(base)}(.*)", AppHandler, {**shared, "source": source}),
            (r".*", OtherSpelling, {"base_url": base}),
        ],
        base_url=base,
        hub_url=services.settings.hub_url,
        cookie_secret=os.urandom(32),
        log_function=lambda handler: None,  # errors are logged where they happen
    )


async def run(settings: Settings) -> None:
    """Run until SIGTERM, SIGINT or SIGHUP.

    Raises:
        StartError: the server cannot start.
    """
    stop = stop_event()
    HubSignIn.instance(cache_max_age=HUB_CACHE_S)
    runtime = Path(tempfile.mkdtemp(prefix="mosshub-run."))
    async with client_session() as session:
        source = SnapshotSource(settings, session)
        await source.begin()
        account = BrokerAccountFile(settings, session)
        env = notebook_environment(os.environ, settings.venv, settings.home)
        env[FILE_VARIABLE] = str(account.path)
        env[TEAM_SAVES_VARIABLE] = str(runtime / "team-saves.jsonl")  # an app has no such folder
        if prefix := named_prefix(source.card.topics):
            env[PREFIX_VARIABLE] = prefix  # an app of the team's topics may be anybody's
        disk = Disk(settings, runtime / "disk-full")
        notebook = settings.notebooks / source.card.notebook
        marimo = MarimoRun(notebook, settings.venv, env)
        activity = Activity(settings, marimo, session)
        services = make_services(settings, Home(settings), marimo, activity, disk, session)
        server = listen(make_app(services, source), settings)
        tasks: list[asyncio.Task[None]] = []
        try:
            await asyncio.gather(account.refresh(), asyncio.to_thread(services.home.prepare))
            if account.refused:
                marimo.env.pop(FILE_VARIABLE)  # this platform's broker has no accounts
            else:
                tasks.append(asyncio.create_task(account.run()))
            source.install = partial(install, settings, env)
            await source.prepare(settings.venv / "bin" / "python", env)
            marimo.start()
            log.warning("serving the app %s of %s", settings.app, settings.user)
            while not stop.is_set():
                await activity.sample()
                await wait_for_stop(stop, settings.activity_interval_s)
        finally:
            await end(server, tasks, account, marimo)
            shutil.rmtree(runtime, ignore_errors=True)
