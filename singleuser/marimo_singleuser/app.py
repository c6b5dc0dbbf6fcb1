"""Puts the parts together and runs them until a signal comes."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import socket

from jupyterhub.services.auth import HubOAuth
from tornado import web
from tornado.httpserver import HTTPServer

from . import processes
from .activity import Activity
from .broker_account import VARIABLE, BrokerAccount
from .errors import StartError
from .home import packages, workspace
from .marimo_process import Marimo, notebook_environment
from .proxy.backend import Services, client_session
from .proxy.callback import CallbackHandler
from .proxy.http_proxy import MarimoHandler
from .settings import Settings

log = logging.getLogger("marimo_singleuser")


def make_app(services: Services) -> web.Application:
    """The tornado application: the hub's callback, and everything else to marimo."""
    base = services.settings.base_url
    handlers: list[tuple] = [
        (rf"{re.escape(base)}oauth_callback", CallbackHandler),
        (rf"{re.escape(base)}(.*)", MarimoHandler, {"services": services}),
    ]
    if base != "/":
        handlers.insert(0, (re.escape(base.rstrip("/")), web.RedirectHandler, {"url": base}))
    return web.Application(
        handlers,
        base_url=base,
        cookie_secret=os.urandom(32),
        log_function=lambda handler: None,  # errors are logged where they happen
        websocket_max_message_size=services.settings.max_frame,
        websocket_ping_interval=30,  # a browser that went away without a word is noticed
    )


def _listen(app: web.Application, settings: Settings) -> HTTPServer:
    server = HTTPServer(app, xheaders=False, max_body_size=settings.max_upload)
    try:
        server.listen(settings.port, settings.address)
    except (OSError, socket.gaierror) as e:
        raise StartError(
            f"The address {settings.address}:{settings.port} that the hub chose for this server "
            f"cannot be used: {e.strerror or e}. Start the server once more from the hub's page."
        ) from e
    return server


async def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        StartError: the server cannot start, with what to do about it.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    # Reads the hub's variables: a wrong one is told now, not at a request. Who may not be here any
    # more is noticed within a minute of the hub.
    HubOAuth.instance(cache_max_age=60)

    workspace.prepare(settings)
    async with client_session() as session:
        account = BrokerAccount(settings, session)
        env = notebook_environment(os.environ, settings.venv, settings.home)
        env[VARIABLE] = str(account.path)
        marimo = Marimo(
            settings.notebooks, settings.base_url, env, start_timeout=settings.start_timeout
        )
        activity = Activity(settings, marimo, session)
        services = Services(settings, marimo, activity, session)
        server = _listen(make_app(services), settings)
        tasks: list[asyncio.Task[None]] = []
        try:
            await asyncio.gather(account.look(), asyncio.to_thread(packages.prepare, settings))
            if account.refused:
                # The broker is one without accounts.
                marimo.env.pop(VARIABLE)
            else:
                tasks.append(asyncio.create_task(account.run()))
            marimo.start()
            log.warning("serving %s for %s", settings.base_url, settings.user)
            tasks.append(asyncio.create_task(packages.reinstall(settings, env, marimo.keep_pids)))
            while not stop.is_set():
                await activity.look()
                try:
                    await asyncio.wait_for(stop.wait(), settings.activity_interval)
                except TimeoutError:
                    continue
        finally:
            server.stop()
            for task in tasks:
                task.cancel()
            account.remove()  # early: who ends this may not wait for the rest
            await marimo.stop()
            await asyncio.to_thread(processes.end_descendants)
