"""The apps of a platform, in files that a restarted hub reads again: the one place that knows them.

apps/<author>/<slug>/app.json     what is said of it, its snapshots, who opened it
apps/<author>/<slug>/<n>.tar      snapshot n, as the author's server sent it
apps/<author>/<slug>/<n>.html     its kept outputs
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from mosshub_contract.apps import AppCard, card_from_json, is_slug
from mosshub_contract.files import write_atomically
from mosshub_contract.snapshots import BadSnapshot, unpack

from hub.settings import Settings
from hub.signin.names import safe_name

#: How many snapshots of an app are kept, and how many apps an author may have.
MAX_SNAPSHOTS = 3
MAX_APPS = 20
_MAX_VIEWERS = 500
_NOTED_AGAIN_S = 60.0  # an open page is opened again and again


@dataclass(frozen=True)
class Version:
    """A snapshot: its number, when it came (seconds since 1970), and the bytes of its archive."""

    number: int
    at: float
    size: int


@dataclass(frozen=True)
class App:
    """An app, as the hub knows it.

    Attributes:
        author: name of the user who published it.
        card: what the author says about it, in the snapshot that is shown.
        since: when the author published it first, in seconds since 1970.
        current: the number of the snapshot that is shown.
        versions: the snapshots that are kept, the oldest first.
        viewers: when each user opened it last, in seconds since 1970.
    """

    author: str
    card: AppCard
    since: float
    current: int
    versions: tuple[Version, ...]
    viewers: Mapping[str, float] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        return self.card.slug

    @property
    def last_opened(self) -> float | None:
        """When somebody opened it last, in seconds since 1970; None if nobody has."""
        return max(self.viewers.values(), default=None)


class TooManyApps(ValueError):
    """An author has as many apps as one may have."""


#: Name of the directory of apps, in the hub's state and in backups of it.
DIRECTORY = "apps"


def apps_directory(settings: Settings) -> Path:
    """Return where a platform's apps are."""
    return settings.data_dir / "hub" / DIRECTORY


class AppStore:
    """Reads and writes the apps.

    Args:
        root: the directory; it is made with the first app.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def __deepcopy__(self, memo: dict) -> AppStore:
        """Return this store: traitlets copies what is configured."""
        return self

    def all(self) -> list[App]:
        """Return every app, in the order of authors and slugs."""
        found = (self._read(path) for path in sorted(self._root.glob("*/*/app.json")))
        return [app for app in found if app is not None]

    def of(self, author: str) -> list[App]:
        """Return the apps of one author."""
        found = sorted((self._root / safe_name(author)).glob("*/app.json"))
        return [app for path in found if (app := self._read(path)) is not None]

    def get(self, author: str, slug: str) -> App | None:
        """Return an app; None if there is none of this author and slug."""
        return self._read(self._place(author, slug) / "app.json") if is_slug(slug) else None

    def archive(self, app: App) -> bytes:
        """Return the snapshot that is shown, as an archive.

        Raises:
            OSError: it is gone.
        """
        return self._archive(app.author, app.slug, app.current).read_bytes()

    def kept(self, app: App) -> str:
        """Return the kept outputs of the snapshot that is shown (HTML); empty without any."""
        archive = self._archive(app.author, app.slug, app.current)
        try:
            return archive.with_suffix(".html").read_text("utf-8")
        except OSError:
            return ""

    def publish(self, author: str, data: bytes, *, keeps_audience: bool = False) -> App:
        """Keep a new snapshot and show it; the oldest are deleted.

        Args:
            author: who publishes it.
            data: the archive, which nobody has looked at yet.
            keeps_audience: whether those may open it who may now, whomever the archive names.

        Raises:
            BadSnapshot: it is no snapshot.
            TooManyApps: the author has too many others.
            OSError: it cannot be written.
        """
        snapshot, now = unpack(data), time.time()
        card = snapshot.card
        before = self.get(author, card.slug)
        if before is None and len(self.of(author)) >= MAX_APPS:
            raise TooManyApps(f"You have {MAX_APPS} apps already. Unpublish one first.")
        if before and keeps_audience:
            card = replace(card, audience=before.card.audience)
        number = 1 + max((v.number for v in before.versions), default=0) if before else 1
        archive = self._archive(author, card.slug, number)
        write_atomically(archive, data, mode=0o600)
        write_atomically(archive.with_suffix(".html"), snapshot.kept, mode=0o600)
        versions = (*(before.versions if before else ()), Version(number, now, len(data)))
        kept = versions[-MAX_SNAPSHOTS:]
        app = App(
            author=author,
            card=card,
            since=before.since if before else now,
            current=number,
            versions=kept,
            viewers=before.viewers if before else {},
        )
        self._write(app)
        for old in versions[:-MAX_SNAPSHOTS]:
            for suffix in (".tar", ".html"):
                path = self._archive(author, card.slug, old.number).with_suffix(suffix)
                path.unlink(missing_ok=True)
        return app

    def roll_back(self, app: App, number: int) -> App:
        """Show an earlier snapshot again, to those who may open the app now.

        Raises:
            BadSnapshot: it is not kept any more.
            OSError: it cannot be read or written.
        """
        if number not in {version.number for version in app.versions}:
            raise BadSnapshot("This snapshot is gone: the oldest are deleted.")
        card = unpack(self._archive(app.author, app.slug, number).read_bytes()).card
        # Who may open it, what it may read and whether it learns names was decided later.
        decided = {name: getattr(app.card, name) for name in ("audience", "topics", "tells_viewer")}
        card = replace(card, **decided)
        rolled = replace(app, current=number, card=card)
        self._write(rolled)
        return rolled

    def name_audience(self, app: App, audience: Iterable[str]) -> App:
        """Change who may open an app."""
        changed = replace(app, card=replace(app.card, audience=tuple(audience)))
        self._write(changed)
        return changed

    def note_viewer(self, app: App, viewer: str) -> None:
        """Remember that somebody opened an app. The author is no viewer."""
        now = time.time()
        if viewer == app.author or now - app.viewers.get(viewer, 0) < _NOTED_AGAIN_S:
            return
        viewers = sorted({**app.viewers, viewer: now}.items(), key=lambda item: item[1])
        self._write(replace(app, viewers=dict(viewers[-_MAX_VIEWERS:])))

    def remove(self, app: App) -> None:
        """Forget an app and delete its snapshots."""
        place = self._place(app.author, app.slug)
        (place / "app.json").unlink(missing_ok=True)  # first: without it the app is gone
        shutil.rmtree(place, ignore_errors=True)

    def forget_user(self, name: str) -> list[App]:
        """Take a removed user out of all audiences: the next of that name is somebody else.

        Returns:
            The apps that this user could open by name.
        """
        named = [app for app in self.all() if name in app.card.audience]
        for app in named:
            self.name_audience(app, [one for one in app.card.audience if one != name])
        return named

    def _place(self, author: str, slug: str) -> Path:
        return self._root / safe_name(author) / slug

    def _archive(self, author: str, slug: str, number: int) -> Path:
        return self._place(author, slug) / f"{number}.tar"

    def _write(self, app: App) -> None:
        path = self._place(app.author, app.slug) / "app.json"
        write_atomically(path, json.dumps(asdict(app), indent=1), mode=0o600)

    def _read(self, path: Path) -> App | None:
        """Return an app; None if its file is not there, or damaged."""
        try:
            return _app(json.loads(path.read_text()))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None


def _app(found: dict[str, Any]) -> App:
    # An audience may be empty here: nobody whom the author named is left.
    card = card_from_json(json.dumps({**found["card"], "audience": ["-"]}))
    return App(
        author=str(found["author"]),
        card=replace(card, audience=tuple(map(str, found["card"]["audience"]))),
        since=float(found["since"]),
        current=int(found["current"]),
        versions=tuple(Version(**version) for version in found["versions"]),
        viewers={str(name): float(at) for name, at in found["viewers"].items()},
    )
