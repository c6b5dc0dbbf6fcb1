"""A notebook that an app follows is published again, however soon it changes, and no other is."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from marimo_singleuser.publishing import following
from marimo_singleuser.publishing.hub_apps import Published
from marimo_singleuser.publishing.publisher import Publisher
from mosshub_contract.apps import AppCard
from mosshub_contract.snapshots import Snapshot

from tests.support.singleuser_settings import settings_in

CARD = AppCard("peek", "Peek", "peek.py", audience=("linus",), is_following=True)


class FakeHub:
    """Takes snapshots as the hub does."""

    def __init__(self) -> None:
        self.taken: list[Snapshot] = []
        self.keeps: list[bool] = []
        self.is_following, self.audience = True, ["linus"]

    async def publish(self, snapshot: Snapshot, *, keeps_audience: bool) -> dict:
        self.taken.append(snapshot)
        self.keeps.append(keeps_audience)
        return {"slug": snapshot.card.slug}

    async def published(self) -> Published:
        app = {"slug": "peek", "is_following": self.is_following, "audience": self.audience}
        return Published([app] if self.taken else [], [], "", False, False)


def code(text: str) -> str:
    return f"import marimo\n\napp = marimo.App()\n# {text}\n"


def follow(home: Path, monkeypatch: pytest.MonkeyPatch, story) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(following, "_INTERVAL_S", 0.01)
    notebook = home / "notebooks" / "peek.py"
    notebook.parent.mkdir()
    notebook.write_text(code("one"))

    async def main() -> None:
        hub = FakeHub()
        publisher = Publisher(settings_in(home), hub)  # type: ignore[arg-type]
        task = asyncio.create_task(following.follow(publisher))
        await asyncio.wait_for(story(hub, publisher, notebook), 30)
        task.cancel()

    asyncio.run(main())


def test_a_change_right_after_is_not_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(hub: FakeHub, publisher: Publisher, notebook: Path) -> None:
        await publisher.publish(notebook, CARD, [])
        notebook.write_text(code("two"))
        while len(hub.taken) < 2:
            await asyncio.sleep(0.01)
        assert hub.taken[-1].files["peek.py"] == code("two").encode()
        await asyncio.sleep(0.1)  # ten looks at a file that did not change
        assert len(hub.taken) == 2

    follow(tmp_path, monkeypatch, story)


def test_what_was_unpublished_or_does_not_follow_stays_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(hub: FakeHub, publisher: Publisher, notebook: Path) -> None:
        await publisher.publish(notebook, CARD, [])
        hub.is_following = False
        notebook.write_text(code("two"))
        while publisher.followed():
            await asyncio.sleep(0.01)
        await publisher.publish(notebook, replace(CARD, is_following=False), [])
        assert publisher.followed() == {}
        assert len(hub.taken) == 2

    follow(tmp_path, monkeypatch, story)


def test_the_audience_is_that_of_the_page_of_apps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(hub: FakeHub, publisher: Publisher, notebook: Path) -> None:
        await publisher.publish(notebook, CARD, [])
        for audience, taken in ((["grace"], ("grace",)), ([], (publisher.owner,))):
            hub.audience = audience
            before = len(hub.taken)
            notebook.write_text(code(str(audience)))
            while len(hub.taken) == before:
                await asyncio.sleep(0.01)
            assert hub.taken[-1].card.audience == taken
        # What the author says counts; afterwards, what the hub has when the snapshot comes.
        assert hub.keeps == [False, True, True]

    follow(tmp_path, monkeypatch, story)


def test_a_save_that_can_be_no_app_leaves_the_app_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(hub: FakeHub, publisher: Publisher, notebook: Path) -> None:
        await publisher.publish(notebook, CARD, [])
        notebook.write_text("x = (")
        await asyncio.sleep(0.1)  # ten looks
        assert len(hub.taken) == 1
        notebook.write_text(code("two"))  # the next save is published at once
        while len(hub.taken) < 2:
            await asyncio.sleep(0.01)

    follow(tmp_path, monkeypatch, story)
