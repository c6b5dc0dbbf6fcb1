"""The apps of a platform in files, and who may open them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from mosshub_contract.apps import AppCard
from mosshub_contract.snapshots import BadSnapshot, Snapshot, pack

from hub.apps import store as module
from hub.apps.audience import audience_words, may_open, readable_topics, unknown_names
from hub.apps.parts import Parts
from hub.apps.store import App, AppStore, TooManyApps

CARD = AppCard("peek", "Peek", "peek.py", audience=("linus", "group:lab"), topics=("team.x",))


def archive(card: AppCard = CARD, text: str = "code") -> bytes:
    return pack(Snapshot(card, {card.notebook: text.encode()}, f"<p>{text}</p>"))


@pytest.fixture
def store(tmp_path: Path) -> AppStore:
    return AppStore(tmp_path / "apps")


def test_an_app_outlives_a_restart(store: AppStore, tmp_path: Path) -> None:
    app = store.publish("Ada L.", archive())
    again = AppStore(tmp_path / "apps")
    assert again.all() == [app] == again.of("Ada L.")
    assert again.get("Ada L.", "peek") == app
    assert again.get("ada", "peek") is None
    assert again.archive(app) == archive()
    assert again.kept(app) == "<p>code</p>"
    again.note_viewer(app, "linus")
    again.note_viewer(app, "Ada L.")
    assert set(again.get("Ada L.", "peek").viewers) == {"linus"}  # type: ignore[union-attr]


@pytest.mark.parametrize("slug", ["../ada", "", ".", "a/b", "peek/../peek"])
def test_a_slug_leads_nowhere_else(store: AppStore, slug: str) -> None:
    store.publish("ada", archive())
    assert store.get("ada", slug) is None


def test_the_newest_snapshots_are_kept_and_an_earlier_one_comes_back(store: AppStore) -> None:
    for n in range(5):
        app = store.publish("ada", archive(text=f"version {n}"))
    assert [v.number for v in app.versions] == [3, 4, 5]
    assert app.current == 5
    narrow = store.name_audience(app, ["linus"])
    rolled = store.roll_back(narrow, 4)
    assert store.kept(rolled) == "<p>version 3</p>"
    assert rolled.card.audience == ("linus",)  # who may open it is not rolled back
    with pytest.raises(BadSnapshot, match="gone"):
        store.roll_back(rolled, 1)
    # The next one has a number of its own.
    assert store.publish("ada", archive()).current == 6
    root = store._root / "ada" / "peek"
    assert {path.name for path in root.glob("*.tar")} == {"4.tar", "5.tar", "6.tar"}


def test_what_was_decided_later_counts(store: AppStore) -> None:
    store.publish("ada", archive(replace(CARD, tells_viewer=True)))
    app = store.publish("ada", archive(replace(CARD, tells_viewer=False)))
    assert not store.roll_back(app, 1).card.tells_viewer, "nobody was asked for their name"
    store.name_audience(app, ["linus"])
    wide = archive(replace(CARD, audience=("everybody",)))
    again = store.publish("ada", wide, keeps_audience=True)
    assert again.card.audience == ("linus",), "it was narrowed while the snapshot came"
    assert store.publish("ada", wide).card.audience == ("everybody",)


def test_removed_it_is_gone_and_its_files_too(store: AppStore) -> None:
    app = store.publish("ada", archive())
    store.remove(app)
    assert store.all() == []
    assert list(store._root.rglob("*.tar")) == []


def test_a_removed_user_is_in_no_audience(store: AppStore) -> None:
    app = store.publish("ada", archive(replace(CARD, audience=("linus",))))
    assert may_open(app, "linus", ())
    assert [one.slug for one in store.forget_user("linus")] == ["peek"]
    left = store.get("ada", "peek")
    assert left is not None
    assert left.card.audience == ()
    assert not may_open(left, "linus", ())


def test_a_damaged_file_and_too_many_apps(store: AppStore, monkeypatch: pytest.MonkeyPatch) -> None:
    app = store.publish("ada", archive())
    (store._root / "ada" / "peek" / "app.json").write_text("{")
    assert store.all() == []
    monkeypatch.setattr(module, "MAX_APPS", 1)
    store.publish("ada", archive())
    store.publish("ada", archive())  # the same again is no other
    with pytest.raises(TooManyApps):
        store.publish("ada", archive(replace(CARD, slug="second")))
    assert app.slug == "peek"


def app(*audience: str) -> App:
    return App("ada", replace(CARD, audience=audience), 0, 1, ())


def test_who_may_open_an_app() -> None:
    assert may_open(app("linus"), "linus", ())
    assert not may_open(app("linus"), "grace", {"lab"})
    assert may_open(app("group:lab"), "grace", {"lab"})
    assert not may_open(app("group:lab"), "lab", {"other"})
    # A user whose name looks like a group's word is not let in by it.
    assert not may_open(app("group:lab"), "grace", {"group:lab"})
    assert may_open(app("everybody"), "mallory", ())
    assert may_open(app(), "ada", ())
    assert not may_open(app(), "linus", ())
    assert may_open(app(), "root", (), is_admin=True)
    assert audience_words(("linus", "group:lab")) == "linus, the group lab"
    assert audience_words(("everybody",)) == "everybody who is signed in"


def test_names_that_nobody_has_are_found() -> None:
    audience = ["everybody", "linus", "group:lab", "group:nobody", "mallory"]
    assert unknown_names(audience, {"linus"}, {"lab"}) == ["group:nobody", "mallory"]


def test_an_app_reads_what_its_author_may_read() -> None:
    card = replace(CARD, topics=("ada.x", "ada.*", "team.*", "linus.x", "group.lab.x", "t*", "*"))
    assert readable_topics(card, "ada", ()) == {
        "ada.x": ("ada.x", False),
        "ada.*": ("ada.", True),
        "team.*": ("team.", True),
    }
    assert "group.lab.x" in readable_topics(card, "ada", ["lab"])


def test_where_all_share_one_origin_an_author_opens_their_own_apps_alone() -> None:
    def parts(subdomains: bool) -> Parts:
        return Parts(SimpleNamespace(subdomains=subdomains), *([None] * 4))  # type: ignore[arg-type]

    def user(name: str, admin: bool = False) -> SimpleNamespace:
        return SimpleNamespace(name=name, admin=admin, groups=[SimpleNamespace(name="lab")])

    for viewer in (user("linus"), user("root", admin=True)):
        assert parts(True).may_open(app("group:lab"), viewer)  # type: ignore[arg-type]
        assert not parts(False).may_open(app("group:lab"), viewer)  # type: ignore[arg-type]
    assert parts(False).may_open(app(), user("ada"))  # type: ignore[arg-type]
