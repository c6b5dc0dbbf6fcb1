"""Apps: what an author's server publishes, and what the hub and the app's own server know of it.

An author's server sends the hub a snapshot (`mosshub_contract.snapshots`) with its own token. The
app's server fetches it from there with another.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import asdict, dataclass
from typing import Any

#: Path of the hub's route for an author's server, below the hub's API; to unpublish, `/<slug>`
#: follows.
API_PATH = "/mosshub/apps"
#: Path of the hub's route where an app's server fetches its snapshot.
SNAPSHOT_PATH = "/mosshub/app-snapshot"
#: Header of that answer: the snapshot's number.
NUMBER_HEADER = "X-Mosshub-Snapshot"
#: Environment variable with an app's slug; it is empty in a user's editor.
VARIABLE = "MOSSHUB_APP"
#: Environment variable that names a user's socket for the command `mosshub`.
SOCKET_VARIABLE = "MOSSHUB_PUBLISH"
#: The name of an app's server begins with this.
SERVER_PREFIX = "app-"
#: Stands for all who are signed in, where an audience is named.
EVERYBODY = "everybody"
#: Begins the name of a group, where an audience is named.
GROUP = "group:"

MAX_SLUG_CHARS = 26  # JupyterHub allows 30 for a server's name
MAX_TITLE_CHARS = 80
MAX_AUDIENCE = 100
MAX_TOPICS = 50
MAX_PICTURE_CHARS = 60_000  # the page of apps has many
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,200}\*?")
_PICTURE = re.compile(r"data:image/(png|jpeg|webp|gif|svg\+xml)[;,][\x21-\x7e ]*")


@dataclass(frozen=True)
class AppCard:
    """What an author says about an app.

    Attributes:
        slug: the app's name in addresses.
        title: its name for people.
        notebook: name of the notebook's file among the snapshot's files.
        audience: who may open it: `everybody`, `group:<name>` or a user's name.
        topics: what it may read on the broker; a `*` at the end stands for any end.
        tells_viewer: whether the app's code learns the name of who opens it.
        is_following: whether each save of the notebook publishes it again.
        picture: a `data:` URL; empty for none.
    """

    slug: str
    title: str
    notebook: str
    audience: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    tells_viewer: bool = False
    is_following: bool = False
    picture: str = ""

    def to_json(self) -> str:
        """Return the card as the text of a file."""
        return json.dumps(asdict(self))


def slug_of(title: str) -> str:
    """Return a name for addresses, made from a title: letters, digits and single hyphens.

    Args:
        title: the app's name for people; one without any letter or digit becomes `app`.
    """
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return slug[:MAX_SLUG_CHARS].strip("-") or "app"


def is_slug(text: str) -> bool:
    """Return whether a text is the slug of an app."""
    fits = len(text) <= MAX_SLUG_CHARS
    return fits and re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", text) is not None


def server_name(slug: str) -> str:
    """Return the name of an app's server."""
    return f"{SERVER_PREFIX}{slug}"


def slug_of_server(name: str) -> str:
    """Return the slug of the app that a server runs; empty for a server that runs none."""
    slug = name.removeprefix(SERVER_PREFIX)
    return slug if slug != name and is_slug(slug) else ""


def parse_names(text: str) -> tuple[str, ...]:
    """Return the words of a text, which commas or line ends separate; each once, in their order."""
    words = (word.strip() for word in re.split(r"[,\n]", text))
    return tuple(dict.fromkeys(word for word in words if word))


def card_from_json(text: str | bytes) -> AppCard:
    """Return the card that a text describes.

    Raises:
        ValueError: it is no card; the message is a sentence for the author.
    """
    try:
        found = json.loads(text)
        card = AppCard(
            slug=_text(found["slug"]),
            title=" ".join(_text(found["title"]).split()),
            notebook=_text(found["notebook"]),
            audience=tuple(_text(name).strip() for name in found.get("audience", ())),
            topics=tuple(_text(name).strip() for name in found.get("topics", ())),
            tells_viewer=found.get("tells_viewer") is True,
            is_following=found.get("is_following") is True,
            picture=_text(found.get("picture", "")),
        )
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError):
        raise ValueError("This is not the description of an app.") from None
    if problem := _problem(card):
        raise ValueError(problem)
    return card


def _problem(card: AppCard) -> str:
    """Return what is wrong with a card, as a sentence; empty if nothing is."""
    if not is_slug(card.slug):
        return f"An app's address has at most {MAX_SLUG_CHARS} letters, digits and hyphens."
    if not 0 < len(card.title) <= MAX_TITLE_CHARS or not card.title.isprintable():
        return f"Give the app a title of at most {MAX_TITLE_CHARS} characters."
    if not card.audience:
        return "Say who may open the app: people, groups, or everybody."
    if len(card.audience) > MAX_AUDIENCE or len(card.topics) > MAX_TOPICS:
        return f"At most {MAX_AUDIENCE} people or groups and {MAX_TOPICS} topics can be named."
    for topic in card.topics:
        if not _TOPIC.fullmatch(topic):
            return f"{topic[:100]} is no name of a topic."
    picture = card.picture
    if len(picture) > MAX_PICTURE_CHARS or (picture and not _PICTURE.fullmatch(picture)):
        return "The app's picture is no small PNG, JPEG, WebP, GIF or SVG."
    return ""


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value
