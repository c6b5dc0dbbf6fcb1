"""The first app of a platform: the dashboard of the team's verdicts, an example from the start.

It is an app of the first admin, who may change and unpublish it as any other. A platform publishes
it once, and again when a new version brings another notebook, if the app is still there and nobody
published something else at its address.
"""

import hashlib
import json
import logging
from dataclasses import replace
from pathlib import Path

from jupyterhub import orm
from mosshub_contract.apps import EVERYBODY, AppCard
from mosshub_contract.files import write_atomically
from mosshub_contract.snapshots import Snapshot, pack
from mosshub_contract.topics import AGENTS, TEAM_PREFIX, VERDICTS
from sqlalchemy.orm import Session

from hub.apps.store import App, AppStore
from hub.settings import ROOT

log = logging.getLogger("mosshub")

CARD = AppCard(
    slug="team-dashboard",
    title="Team dashboard",
    notebook="team_dashboard.py",  # the admin may also publish their own live_dashboard.py
    audience=(EVERYBODY,),
    topics=(f"{TEAM_PREFIX}{VERDICTS}", f"{TEAM_PREFIX}{AGENTS}"),
)


class Example:
    """Publishes the example, and remembers that.

    Args:
        store: the apps.
        memory: the file that says what was published.
        notebook: the notebook.
    """

    def __init__(
        self,
        store: AppStore,
        memory: Path,
        notebook: Path = ROOT / "notebooks" / "live_dashboard.py",
    ) -> None:
        self._store, self._memory, self._notebook = store, memory, notebook
        self._is_done = False

    def publish(self, db: Session) -> App | None:
        """Publish it for the first admin, unless this version of it was published before.

        Args:
            db: the hub's database.

        Returns:
            The app, if it was published now.

        Raises:
            OSError: the notebook cannot be read, or the app cannot be written.
            TooManyApps: the first admin has too many others.
        """
        if self._is_done:
            return None
        first = db.query(orm.User).filter(orm.User.admin.is_(True)).order_by(orm.User.name).first()
        if first is None:
            return None
        self._is_done = True
        code = self._notebook.read_bytes()
        digest = hashlib.sha256(code).hexdigest()
        before = self._remembered()
        if before and before["digest"] == digest:
            return None
        shown = None
        if not before:
            shown = self._show(first.name, CARD, code)
        elif app := self._present(before):
            kept = {name: getattr(app.card, name) for name in ("title", "audience", "topics")}
            shown = self._show(app.author, replace(CARD, **kept), code)
        author = before["author"] if before else first.name
        number = shown.current if shown else 0
        write_atomically(
            self._memory, json.dumps({"author": author, "number": number, "digest": digest})
        )
        return shown

    def _show(self, author: str, card: AppCard, code: bytes) -> App:
        app = self._store.publish(author, pack(Snapshot(card, {card.notebook: code})))
        log.warning("the example %s is published, as an app of %s", card.slug, author)
        return app

    def _present(self, before: dict) -> App | None:
        """Return the app that was published; None if it is gone, or another one there."""
        app = self._store.get(before["author"], CARD.slug)
        is_ours = app is not None and app.current == before["number"] and app.card.audience
        return app if is_ours else None

    def _remembered(self) -> dict:
        """Return author, number and digest of what was published; empty if nothing was."""
        try:
            found = json.loads(self._memory.read_text())
            return {name: found[name] for name in ("author", "number", "digest")}
        except (OSError, ValueError, KeyError, TypeError):
            return {}
