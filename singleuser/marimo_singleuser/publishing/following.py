"""Publishes a notebook again when its file changes, whoever wrote it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from mosshub_contract.snapshots import BadSnapshot

from .hub_apps import NotPublished
from .publisher import Followed, Publisher

log = logging.getLogger("marimo_singleuser")

_INTERVAL_S = 2.0
_AGAIN_S = 30.0


async def follow(publisher: Publisher) -> None:
    """Look at the followed notebooks every two seconds, until cancelled.

    Args:
        publisher: knows which these are.
    """
    refused: dict[str, float] = {}  # when each notebook was written that can be no app
    while True:
        await asyncio.sleep(_INTERVAL_S)
        for slug, one in (await asyncio.to_thread(publisher.followed)).items():
            try:
                written = one.notebook.stat().st_mtime
            except OSError:
                continue  # it is gone: the app shows what it was
            if written in (one.written, refused.get(slug)):
                continue
            try:
                done = await _publish(publisher, slug, one)
            except BadSnapshot as error:  # the app shows what it was until the next save
                refused[slug], done = written, True
                log.warning("%s was not published again: %s", one.notebook.name, error)
            if not done:
                await asyncio.sleep(_AGAIN_S)


async def _publish(publisher: Publisher, slug: str, one: Followed) -> bool:
    """Publish a notebook again, if there is still an app that follows it.

    Returns:
        Whether this has not to be tried again.

    Raises:
        BadSnapshot: the notebook can be no app as it is.
    """
    try:
        apps = {app["slug"]: app for app in (await publisher.hub.published()).apps}
        if not (app := apps.get(slug, {})).get("is_following"):
            publisher.forget(slug)  # it was unpublished, on the page of apps
        else:
            # Who may open it may have been changed there, and may be changed meanwhile.
            audience = tuple(app["audience"]) or (publisher.owner,)
            card = replace(one.card, audience=audience)
            await publisher.publish(one.notebook, card, one.files, keeps_audience=True)
    except (NotPublished, OSError) as error:
        log.warning("%s was not published again: %s", one.notebook.name, error)
        return False
    return True
