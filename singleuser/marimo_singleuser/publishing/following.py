"""Publishes a notebook again when its file changes, whoever wrote it."""

from __future__ import annotations

import asyncio
import logging

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
    while True:
        await asyncio.sleep(_INTERVAL_S)
        for slug, one in (await asyncio.to_thread(publisher.followed)).items():
            try:
                is_as_published = one.notebook.stat().st_mtime == one.written
            except OSError:
                continue  # it is gone: the app shows what it was
            if not (is_as_published or await _publish(publisher, slug, one)):
                await asyncio.sleep(_AGAIN_S)


async def _publish(publisher: Publisher, slug: str, one: Followed) -> bool:
    """Publish a notebook again, if there is still an app that follows it.

    Returns:
        Whether this has not to be tried again.
    """
    try:
        apps = {app["slug"]: app for app in (await publisher.hub.published()).apps}
        if not apps.get(slug, {}).get("is_following"):
            publisher.forget(slug)  # it was unpublished, on the page of apps
        else:
            await publisher.publish(one.notebook, one.card, one.files)
    except (NotPublished, BadSnapshot, OSError) as error:
        log.warning("%s was not published again: %s", one.notebook.name, error)
        return False
    return True
