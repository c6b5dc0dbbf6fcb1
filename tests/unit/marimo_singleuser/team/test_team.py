"""The team's folder in a user's server: links, paths, and what the start page says."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from marimo_singleuser.history.handlers import bring_back
from marimo_singleuser.history.store import History, Version
from marimo_singleuser.home.marimo_config import merge_config
from marimo_singleuser.settings import Settings
from marimo_singleuser.team import links, saves
from marimo_singleuser.team.listing import TeamDisk, describe_use, list_parts, measure_parts
from marimo_singleuser.team.places import below_team, leads_outside, may_be_written, shown_name
from mosshub_contract.team_folder import DIRECTORY_VARIABLE, Known, Part, parts_to_json
from tornado import web

from tests.support.singleuser_settings import settings_in

NOTEBOOK = "import marimo\n\napp = marimo.App()\n"
PARTS = parts_to_json([Part("everybody", "everybody", True), Part("lab", "The Lab", False)])


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    team = tmp_path / "team"
    for part in ("everybody", "lab"):
        (team / part).mkdir(parents=True)
    home = tmp_path / "home"
    (home / "notebooks").mkdir(parents=True)
    return settings_in(home, MOSSHUB_TEAM=str(team), MOSSHUB_TEAM_PARTS=PARTS)


def test_the_home_gets_a_link_and_what_the_user_has_stays(settings: Settings) -> None:
    links.link(settings)
    place = settings.home / "team"
    assert place.resolve() == settings.team_directory
    place.unlink()
    place.mkdir()
    links.link(settings)
    assert place.is_dir()
    assert not place.is_symlink()
    place.rmdir()
    place.symlink_to("/nowhere/of/an/earlier/platform")
    links.link(settings)
    assert place.resolve() == settings.team_directory
    data = settings.home.parent / "data"
    links.link(replace(settings, shared_data=data))
    assert not (settings.home / "data").is_symlink(), "there is no such directory"
    data.mkdir()
    links.link(replace(settings, shared_data=data))
    assert (settings.home / "data").resolve() == data


def test_marimos_list_of_files_shows_it_once_and_keeps_the_users_own(tmp_path: Path) -> None:
    own = '[[file_browser.folders]]\npath = "/mine"\n'
    folders = {"team": tmp_path / "team", "data": Path("/srv/data")}
    once = merge_config(own, None, tmp_path, folders)
    assert merge_config(once, None, tmp_path, folders) == once
    assert [once.count(f'"{path}"') for path in ("/mine", folders["team"], "/srv/data")] == [1] * 3
    assert "file_browser" not in merge_config("", None, tmp_path)


@pytest.mark.parametrize(
    ("path", "below"),
    [
        ("/t/lab/x.py", "lab/x.py"),
        ("/t/lab/../lab/x.py", "lab/x.py"),
        ("/t/../etc/passwd", None),
        ("/t", None),
        ("/tt/lab/x.py", None),
        ("/home/ada/x.py", None),
    ],
)
def test_which_paths_are_the_teams(path: str, below: str | None) -> None:
    assert below_team("/t", path) == below


def test_a_link_leads_no_write_out_of_a_part(settings: Settings, monkeypatch) -> None:
    team = settings.team_directory
    assert team is not None
    mine = settings.notebooks / "mine.py"
    mine.write_text(NOTEBOOK)
    plain = team / "everybody" / "plain.py"
    plain.write_text(NOTEBOOK)
    assert not leads_outside(team, plain)
    assert not leads_outside(team, team / "everybody" / "new.py")
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(team))
    assert may_be_written(plain)
    (team / "everybody" / "link.py").symlink_to(mine)
    (team / "everybody" / "below").symlink_to(settings.notebooks)
    (team / "everybody" / "other.py").symlink_to(team / "lab" / "x.py")
    for name in ("link.py", "below/mine.py", "other.py"):
        assert leads_outside(team, team / "everybody" / name), name
        assert not may_be_written(team / "everybody" / name), name
    (team / "everybody" / "__marimo__").symlink_to(settings.notebooks)
    assert leads_outside(team, plain), "its outputs would go there"
    assert may_be_written(mine), "the user's own"


def test_the_page_says_who_saved_what_and_where_it_is_open(settings: Settings) -> None:
    team = settings.team_directory
    assert team is not None
    now = 1_700_000_000.0
    for name in ("a.py", "b.py"):
        (team / "lab" / name).write_text(NOTEBOOK)
        os.utime(team / "lab" / name, (now - 600, now - 600))
    (team / "lab" / "link.py").symlink_to(team / "lab" / "a.py")
    known = Known(
        {"lab/a.py": ("linus", now - 601), "lab/b.py": ("linus", now - 900)},
        {"lab/a.py": ("grace", "linus")},
    )
    everybody, lab = list_parts(settings, known, now)
    assert (everybody.title, everybody.writable, everybody.notebooks) == ("everybody", True, [])
    assert (lab.title, lab.writable) == ("The Lab", False)
    about = {one.path: (one.when, one.opened) for one in lab.notebooks}
    assert about == {
        "lab/a.py": ("saved by linus, 10 minutes ago", "grace and linus"),
        # Something else wrote it after linus did.
        "lab/b.py": ("written 10 minutes ago", ""),
    }
    assert lab.notebooks[0].query.startswith(f"file={team}/lab/")


def test_what_is_saved_is_read_again_and_nonsense_is_not(tmp_path: Path) -> None:
    file = tmp_path / "saves"
    assert saves.read(file) == {}
    for path, at in (("lab/x.py", 1.0), ("lab/y.py", 2.0), ("lab/x.py", 3.0)):
        saves.write(file, path, at)
    with file.open("a") as lines:
        lines.write('{}\n[1]\nnonsense\n["lab/z.py", "soon"]\n')
    assert list(saves.read(file).items()) == [("lab/y.py", 2.0), ("lab/x.py", 3.0)]


def test_the_room_is_measured_and_told(settings: Settings) -> None:
    assert describe_use(None) == "", "there is no limit"
    (settings.team_directory / "lab" / "large").write_bytes(bytes(2_000_000))  # type: ignore[operator]
    limited = replace(settings, team_limit=4_000_000)
    use = measure_parts(limited)
    assert 2_000_000 <= use.used < 2_100_000
    assert "full" not in describe_use(use)
    assert "almost full" in describe_use(replace(use, limit=2_200_000))
    assert "It is full: until somebody deletes" in describe_use(replace(use, limit=2_000_000))
    hurried = measure_parts(limited, max_s=0)
    assert "It takes at least" in describe_use(hurried)


def test_a_full_folder_is_told_to_marimo_until_there_is_room(
    settings: Settings, tmp_path: Path
) -> None:
    large = settings.team_directory / "lab" / "large"  # type: ignore[operator]
    large.write_bytes(bytes(2_000_000))
    full_file = tmp_path / "team-full"
    disk = TeamDisk(replace(settings, team_limit=1_000_000), full_file)
    assert disk.is_full()
    assert full_file.exists()
    large.unlink()
    assert not disk.is_full()
    assert not full_file.exists()
    assert not TeamDisk(settings, full_file).is_full(), "without a limit nothing is full"


def test_a_version_is_brought_back_where_the_user_writes_and_nowhere_else(
    settings: Settings,
) -> None:
    team, history = settings.team_directory, History(settings.home / "history.sqlite")
    assert team is not None

    def back(path: Path) -> None:
        bring_back(settings, history, Version(1, str(path), 0.0), NOTEBOOK)

    ours = team / "everybody" / "ours.py"
    ours.write_text("# by linus\n")
    back(ours)
    assert ours.read_text() == NOTEBOOK
    (kept,) = history.versions(str(ours))
    assert history.read(kept.id) == (kept, "# by linus\n")  # what linus wrote is not lost
    assert shown_name(settings, str(ours)) == "~/team/everybody/ours.py"
    mine = settings.notebooks / "mine.py"
    mine.write_text("# mine\n")
    (team / "everybody" / "below").symlink_to(settings.notebooks)
    (team / "everybody" / "link.py").symlink_to(mine)
    for place, status in (
        (team / "lab" / "x.py", 403),  # only members write there
        (team / "everybody" / "below" / "mine.py", 409),
        (team / "everybody" / "link.py", 409),
        (team / "other" / "x.py", 404),
        (team / "everybody" / ".." / ".." / "x.py", 404),
        (settings.home / "x.py", 404),
    ):
        with pytest.raises(web.HTTPError) as refused:
            back(place)
        assert refused.value.status_code == status, place
    assert mine.read_text() == "# mine\n"
