"""What the start page shows, and that nothing in it is anything but text."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest
from marimo_singleuser.home.originals import State, Template
from marimo_singleuser.home.workspace import CopyReport, copy_templates
from marimo_singleuser.start_page import pictures, prefetch
from marimo_singleuser.start_page.content import Content, gather, news
from marimo_singleuser.start_page.marimo_api import Running
from marimo_singleuser.start_page.page import render
from mosshub_contract.team_messages import TeamMessage

from tests.support.paths import ROOT
from tests.support.singleuser_settings import settings_in

NOTEBOOK = "import marimo\n\napp = marimo.App()\n"
HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.fixture
def home(tmp_path: Path) -> Any:
    """A home with our notebooks, and its settings."""
    settings = settings_in(tmp_path / "home", MOSSHUB_NOTEBOOKS=str(ROOT / "notebooks"))
    copy_templates(ROOT / "notebooks", settings.notebooks, tmp_path / "manifest.json")
    return SimpleNamespace(settings=settings, notebooks=settings.notebooks)


def shown(home: Any) -> Content:
    return gather(home.settings, home.notebooks, CopyReport(), now=0)


def html(home: Any, content: Content, **values: Any) -> str:
    """The page, as a browser gets it."""
    given: dict[str, Any] = {
        "viewer": "ada",
        "said": "",
        "headline": "",
        "notices": [],
        "messages": [],
        "running": [],
        "marimo_state": "ready",
        "marimo_status": "",
        "meters": [],
        "disk_warning": "",
        "newer_editor": False,
        "may_keep": False,
        "kept_until": "",
        "idle_hours": "2",
        "waiting": [],
        "changed": [],
        "team_parts": [],
        "team_use": "",
    }
    return render(home.settings, content, **{**given, **values}).decode()


def test_the_platforms_notebooks_are_cards_in_the_order_to_read_them(home: Any) -> None:
    cards = shown(home).cards
    assert len(cards) == 7
    assert [card.path for card in cards][:3] == ["image_class.py", "train.py", "stream.py"]
    assert cards[0].title == "Image classification over Kafka"
    assert all(card.sentence and card.state == "original" for card in cards)
    assert not (home.notebooks / ".pictures").exists(), "pictures are not copied to people"


def test_the_whole_page_is_small(home: Any) -> None:
    for number in range(20):
        (home.notebooks / f"my notebook with a rather long name {number}.py").write_text(NOTEBOOK)
    page = html(home, shown(home))
    script, style = prefetch.script(), (ROOT / STYLE).read_bytes()
    assert len(page) + len(script) + len(style) < 60_000
    # A picture of the largest allowed size on every card would still fit.
    cards = sum(len(card.picture) for card in shown(home).cards)
    largest = 7 * (pictures.MAX_BYTES * 4 / 3)
    assert len(page) - cards + largest + len(script) + len(style) < 90_000


STYLE = "singleuser/marimo_singleuser/start_page/static/home.css"


@pytest.mark.parametrize(
    "name", [f"{HOSTILE}.py", '"><script>.py', "a&b=c?#d.py", "javascript:x.py", "ü 猫.py"]
)
def test_a_hostile_name_is_only_text(home: Any, name: str) -> None:
    (home.notebooks / name.replace("/", "∕")).write_text(NOTEBOOK)
    content = shown(home)
    running = [Running(name, name, HOSTILE, "file=x")]
    page = html(
        home,
        content,
        running=running,
        notices=[HOSTILE, f"`{HOSTILE}`"],
        said=HOSTILE,
        marimo_state="failing",
        marimo_status=HOSTILE,
        viewer=HOSTILE,
    )
    assert "<img src=x" not in page and "<script>" not in page
    assert page.count("<script ") == 1 and page.count("<img ") == 7
    (recent,) = content.recent
    assert unquote(recent.query.removeprefix("file=")) == name
    assert not set(recent.query) & set("\"'<>&#?")


def test_a_name_that_is_no_text_still_opens(home: Any) -> None:
    (home.notebooks / os.fsdecode(b"caf\xe9\n.py")).write_text(NOTEBOOK)
    content = shown(home)
    assert content.recent[0].query == "file=caf%E9%0A.py"
    assert "caf\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}.py" in html(home, content)


def test_announcement_and_links_of_the_team(tmp_path: Path, home: Any) -> None:
    home.settings = settings_in(
        tmp_path / "home",
        MOSSHUB_ANNOUNCEMENT=f"Lunch at noon {HOSTILE}",
        MOSSHUB_TEAM_LINKS='Wiki "1"=https://wiki.example.org/?a=b"><x>, Chat=https://c.example',
    )
    told = TeamMessage("1", f"Restart at five {HOSTILE}", to_all=True, sent=0.0)
    page = html(home, shown(home), messages=[told])
    assert "Restart at five &lt;img" in page
    assert "Lunch at noon &lt;img" in page
    assert 'href="https://wiki.example.org/?a=b&quot;&gt;&lt;x&gt;"' in page
    assert page.count('rel="noopener noreferrer"') == 2
    assert "Start here" not in page, "this platform has no notebooks"


def test_another_user_is_told_whose_editor_it_is(home: Any) -> None:
    page = html(home, shown(home), viewer="grace")
    assert "You are in <b>ada</b>'s editor" in page and "Hello, ada" not in page
    assert "You are in" not in html(home, shown(home))


def test_edited_and_deleted_notebooks_have_a_way_back(home: Any) -> None:
    assert "Restore the original" not in html(home, shown(home))
    (home.notebooks / "train.py").write_text("# mine\n")
    (home.notebooks / "upload.py").unlink()
    (home.notebooks / "topics.py").unlink()
    (home.notebooks / "topics.py").mkdir()
    states = {card.path: card.state for card in shown(home).cards}
    assert {path: state for path, state in states.items() if state != "original"} == {
        "train.py": "edited",
        "upload.py": "missing",
        "topics.py": "edited",
    }
    assert html(home, shown(home)).count("Restore the original of") == 3


def test_what_is_new() -> None:
    copied = CopyReport(added=["a.py", "__marimo__/x.json"], updated=["b.py"])
    templates = [
        Template("a.py", State.ORIGINAL),
        Template("b.py", State.ORIGINAL),
        Template("c.py", State.EDITED, "c.new.py"),
        Template("d.py", State.EDITED),
    ]
    assert list(news(templates, copied)) == [
        "`a.py` is new.",
        "`b.py` was replaced by its new version.",
        "`c.py` has a new version. You edited yours, so the new one is `c.new.py`.",
    ]


def test_each_of_our_pictures_is_small_and_shown(home: Any) -> None:
    found = sorted((ROOT / "notebooks" / ".pictures").glob("*"))
    assert len(found) >= 3
    for file in found:
        assert file.stat().st_size <= pictures.MAX_BYTES, file
        url = pictures.picture(ROOT / "notebooks", file.stem)
        assert base64.b64decode(url.partition("base64,")[2]) == file.read_bytes()


def test_a_notebook_without_a_picture_has_a_drawing_of_its_own(tmp_path: Path) -> None:
    (tmp_path / ".pictures").mkdir()
    (tmp_path / ".pictures" / "large.png").write_bytes(bytes(pictures.MAX_BYTES + 1))
    urls = [pictures.picture(tmp_path, name) for name in ("large", "none", '"><script>')]
    assert len(set(urls)) == 3
    for url in urls:
        assert url.startswith("data:image/svg+xml,") and len(url) < 1500
        assert '"' not in url


def test_the_script_that_fetches_ahead_names_what_a_notebook_needs() -> None:
    assert b'"assets/' in prefetch.script()
    assert prefetch.script().index(b".woff2") < prefetch.script().index(b".png")
