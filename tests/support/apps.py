"""An app that shows what its code can see, and people who publish and open it."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from html import unescape
from pathlib import Path
from typing import Any

import requests
from websockets.sync.client import ClientConnection, connect

from tests.support.members import TeamMember
from tests.support.people import Person
from tests.support.waiting import TIMEOUT_FACTOR, retry_until

NAME, SLUG = "peek.py", "peek"
BROWSER = "the viewer's browser"
#: Its output is all that it sees; AUTHOR is replaced by the name of who publishes it.
PEEK = """
import marimo

app = marimo.App(app_title="Peek")


@app.cell
def _():
    import json, os, pathlib
    import marimo as mo
    from kafka import KafkaConsumer, TopicPartition


    def connected():
        account = json.loads(pathlib.Path(os.environ["MOSSHUB_BROKER_ACCOUNT"]).read_text())
        return KafkaConsumer(
            bootstrap_servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"],
            security_protocol=account["security_protocol"],
            sasl_mechanism=account["sasl_mechanism"],
            sasl_plain_username=account["username"],
            sasl_plain_password=account["password"],
            auto_offset_reset="earliest",
        )


    def read(topic):
        try:
            consumer = connected()
            consumer.assign([TopicPartition(topic, 0)])
            found = consumer.poll(timeout_ms=10000)
            return [record.value.decode() for records in found.values() for record in records]
        except Exception as error:
            return type(error).__name__


    def listed():
        try:
            return sorted(connected().topics())
        except Exception as error:
            return type(error).__name__


    def reads(path):
        try:
            return pathlib.Path(path).read_bytes().decode(errors="replace")
        except OSError as error:
            return type(error).__name__


    request = mo.app_meta().request
    others = [f"/proc/{p}/environ" for p in os.listdir("/proc") if p.isdecimal()]
    seen = {
        "headers": dict(request.headers),
        "cookies": dict(request.cookies),
        "user": request.user,
        "environment": dict(os.environ),
        "processes": [reads(path) for path in others],
        "home": sorted(str(p) for p in pathlib.Path.home().rglob("*") if ".venv" not in p.parts),
        "data": reads("numbers.csv"),
        "topics": {topic: read(topic) for topic in ("AUTHOR.open", "AUTHOR.secret")},
        "every_topic": listed(),
    }
    mo.plain_text("PEEK" + json.dumps(seen) + "KEEP")
    return


if __name__ == "__main__":
    app.run()
"""
_SHOWN = "this is what the app shows"
_SMALL = f"""
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo

    mo.plain_text("{_SHOWN}")
    return
"""
#: Run in an author's editor with the notebook's code: writes it, and files beside it.
WRITE = """
import pathlib, sys
home = pathlib.Path.home() / "notebooks"
(home / "peek.py").write_text(sys.argv[1])
(home / "numbers.csv").write_text("1,2,3")
(home / "private.csv").write_text("not for others")
"""
#: Run with an author's account: makes the two topics, with a message in each.
TOPICS = """
import json, os, sys
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient
account = json.load(open(os.environ["MOSSHUB_BROKER_ACCOUNT"]))
settings = {
    "bootstrap_servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
    "security_protocol": account["security_protocol"],
    "sasl_mechanism": account["sasl_mechanism"],
    "sasl_plain_username": account["username"],
    "sasl_plain_password": account["password"],
}
admin = KafkaAdminClient(**settings)
for name in ("open", "secret"):
    topic = f"{sys.argv[1]}.{name}"
    if topic in admin.list_topics():
        admin.delete_topics([topic])
    admin.create_topics({topic: {"num_partitions": 1, "replication_factor": 1}})
    KafkaProducer(**settings).send(topic, f"a message in {name}".encode()).get(60)
"""


def publish(author: Person, **fields: str) -> requests.Response:
    """Send the form of the page on which a user publishes."""
    return author.session.post(
        f"{author.base}_mosshub/publish",
        data={"notebook": NAME, "title": "Peek", "files": "numbers.csv", **fields},
        headers={"Origin": author.origin, "Sec-Fetch-Site": "same-origin", "Accept": "text/html"},
        timeout=120,
    )


def unpublish(author: Person, slug: str = SLUG) -> requests.Response:
    """Press the button on the page of apps."""
    return author.post_form(f"/hub/apps/{author.name}/{slug}/unpublish", {})


def app_url(author: Person, slug: str = SLUG) -> str:
    return f"{author.url}/hub/apps/{author.name}/{slug}"


def server_url(author: Person, slug: str = SLUG) -> str:
    return f"{author.base}app-{slug}/"


def open_app(viewer: Person, author: Person, slug: str = SLUG) -> requests.Response:
    """Open the app's address as a browser does, until the app is there; return its page."""

    def opened() -> requests.Response | None:
        page = viewer.session.get(app_url(author, slug), timeout=60)
        # What the edge says while a server comes up is tried again.
        assert page.status_code < 500 or page.status_code in (502, 503, 504), page.text[-3000:]
        return page if "mosshub-app" in page.text and "<marimo-" in page.text else None

    return viewer.wait(opened, 240, f"the app\n{author.context()}")


def socket(
    viewer: Person, author: Person, slug: str = SLUG, session_id: str = ""
) -> ClientConnection:
    """Open the WebSocket of the app's page."""
    session_id = session_id or f"s_{secrets.token_hex(3)}"
    base = server_url(author, slug)
    return connect(
        f"{base.replace('http', 'ws', 1)}ws?session_id={session_id}",
        ssl=viewer.tls(base),
        origin=author.origin,  # type: ignore[arg-type]
        additional_headers=viewer.cookies(base),
        user_agent_header=BROWSER,
        max_size=None,
        open_timeout=90,
    )


def seen_by_code(viewer: Person, author: Person) -> dict[str, Any]:
    """Return what the app's code wrote about what it sees."""
    deadline = time.monotonic() + 120 * TIMEOUT_FACTOR
    with socket(viewer, author) as connection:
        while (left := deadline - time.monotonic()) > 0:
            message = json.loads(connection.recv(timeout=left))
            output = (message.get("data") or {}).get("output") or {}
            text = unescape(str(output.get("data", "")))
            if "PEEK" in text:
                return json.loads(text[text.index("PEEK") + 4 : text.rindex("KEEP")])
            assert "error" not in str(output.get("channel")), text
    raise AssertionError("the app showed nothing")


def assert_snapshot_and_open_topic(seen: dict[str, Any], author: Person) -> None:
    """Check that an app's code sees all that its author gave it, and nothing else of theirs."""
    assert seen["data"] == "1,2,3"
    files = {Path(path).name for path in seen["home"]}
    assert {NAME, "numbers.csv"} <= files
    assert not {"private.csv", "image_class.py"} & files
    opened, closed = f"{author.name}.open", f"{author.name}.secret"
    assert seen["topics"][opened] == ["a message in open"]
    assert seen["topics"][closed] in ([], "TopicAuthorizationFailedError")
    assert seen["every_topic"] == [opened]


def assert_nothing_of_the_viewer(seen: dict[str, Any], viewer: Person) -> None:
    """Check that what an app's code sees does not tell who looks at it."""
    text = json.dumps({name: seen[name] for name in ("headers", "cookies", "user", "environment")})
    assert seen["cookies"] == {}
    assert viewer.name not in text
    assert BROWSER not in text
    assert "x-forwarded" not in text.lower()
    for cookie in viewer.session.cookies:
        assert len(cookie.value or "") < 8 or str(cookie.value) not in text, cookie.name


@contextmanager
def an_app_stays(author: TeamMember, viewer: TeamMember) -> Iterator[None]:
    """Publish a small app, and open it; assert that its viewer has it after what is within."""
    author.inside("python3", "-c", WRITE, _SMALL)
    page = publish(author, audience=viewer.name)
    assert page.status_code == 200, page.text
    try:
        open_app(viewer, author)
        yield
        retry_until(lambda: _shows_again(viewer, author), 180, "the app works as before")
    finally:
        unpublish(author)


def _shows_again(viewer: Person, author: Person) -> bool:
    """Return whether an app's page and its WebSocket show what it showed."""
    page = viewer.session.get(app_url(author), timeout=60)
    if not page.url.startswith(server_url(author)):
        return False
    with socket(viewer, author) as connection, suppress(TimeoutError):
        deadline = time.monotonic() + 20 * TIMEOUT_FACTOR
        while (left := deadline - time.monotonic()) > 0:
            if _SHOWN in str(connection.recv(timeout=left)):
                return True
    return False
