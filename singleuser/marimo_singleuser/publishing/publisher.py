"""Publishes notebooks, and remembers which of them an app follows."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mosshub_contract.apps import AppCard, card_from_json
from mosshub_contract.files import write_atomically
from mosshub_contract.snapshots import BadSnapshot

from ..frame.small_files import read_end
from ..settings import Settings
from ..team.places import shown_name, team_part
from .collect import collect
from .hub_apps import HubApps

log = logging.getLogger("marimo_singleuser")

_MAX_BYTES = 1024**2


@dataclass(frozen=True)
class Followed:
    """A notebook that an app follows.

    Attributes:
        notebook: its path.
        files: paths of the other files of its snapshots, below the notebook's directory.
        card: what the author says about the app.
        written: when the notebook was written that was published last, in seconds since 1970.
    """

    notebook: Path
    files: tuple[str, ...]
    card: AppCard
    written: float


class Publisher:
    """Publishes the notebooks of one user.

    Args:
        settings: what the hub told this server.
        hub: takes the snapshots.
    """

    def __init__(self, settings: Settings, hub: HubApps) -> None:
        self.hub = hub
        self._settings = settings
        self.owner = settings.user
        self._file = settings.state / "followed.json"

    def notebook_at(self, name: str) -> Path:
        """Return the path of a notebook in the user's home.

        Args:
            name: its path, whole or below the user's notebooks.

        Raises:
            BadSnapshot: it is elsewhere. What others may change must not run as an app on the
                address of this user, so that a notebook of the team is elsewhere, too.
        """
        path = (self._settings.notebooks / name).resolve()
        if team_part(self._settings, str(path)):
            shown = shown_name(self._settings, str(path))[:200]
            raise BadSnapshot(f"{shown} is the team's. Copy it to your notebooks to publish it.")
        if not path.is_relative_to(self._settings.home.resolve()) or not path.is_file():
            raise BadSnapshot(f"There is no notebook {name[:200]}.")
        return path

    async def publish(
        self,
        notebook: Path,
        card: AppCard,
        files: Sequence[str],
        *,
        keeps_audience: bool = False,
    ) -> dict[str, Any]:
        """Publish a notebook as it is now; return the app as the hub describes it.

        Args:
            notebook: its path.
            card: what the author says about the app.
            files: paths of the other files of the snapshot, below the notebook's directory.
            keeps_audience: whether those may open the app who may now, whomever `card` names.

        Raises:
            BadSnapshot: it cannot be published so.
            NotPublished: the hub refuses it, or does not answer.
        """
        card = replace(card, notebook=notebook.name)
        try:
            card_from_json(card.to_json())
        except ValueError as error:
            raise BadSnapshot(str(error)) from None
        written = (await asyncio.to_thread(notebook.stat)).st_mtime  # before it is read
        snapshot = await asyncio.to_thread(collect, self._settings, notebook, card, files)
        app = await self.hub.publish(snapshot, keeps_audience=keeps_audience)
        followed = {slug: one for slug, one in self.followed().items() if slug != card.slug}
        if card.is_following:
            followed[card.slug] = Followed(notebook, tuple(files), card, written)
        self._remember(followed)
        log.warning("the app %s of %s is published", card.slug, notebook.name)
        return app

    def followed(self) -> dict[str, Followed]:
        """Return the notebooks that apps follow, by the apps' slugs."""
        try:
            found = json.loads(read_end(self._file, _MAX_BYTES))
            return {
                slug: Followed(
                    Path(one["notebook"]),
                    tuple(one["files"]),
                    card_from_json(json.dumps(one["card"])),
                    float(one["written"]),
                )
                for slug, one in found.items()
            }
        except (ValueError, KeyError, TypeError, AttributeError):
            return {}

    def forget(self, slug: str) -> None:
        """Follow no notebook for an app any more."""
        self._remember({name: one for name, one in self.followed().items() if name != slug})

    def _remember(self, followed: dict[str, Followed]) -> None:
        if followed == self.followed():
            return
        said = {
            slug: {**asdict(one), "notebook": str(one.notebook)} for slug, one in followed.items()
        }
        write_atomically(self._file, json.dumps(said, indent=1))
