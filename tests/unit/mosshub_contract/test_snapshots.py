"""Snapshots of apps: what is in one comes back, and nothing that could harm is taken."""

from __future__ import annotations

import io
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from mosshub_contract import snapshots
from mosshub_contract.apps import AppCard, card_from_json, slug_of, slug_of_server
from mosshub_contract.snapshots import (
    BadSnapshot,
    Snapshot,
    is_safe_name,
    pack,
    unpack,
    write_files,
)

CARD = AppCard("peek", "Peek", "peek.py", audience=("linus", "group:lab"), topics=("ada.x*",))
SNAPSHOT = Snapshot(CARD, {"peek.py": b"code", "data/a.csv": b"1,2"}, "<p>kept</p>", "humanize==4")


def archive(change: Callable[[tarfile.TarFile], None]) -> bytes:
    """Return a good archive with something more in it."""
    out = io.BytesIO(pack(SNAPSHOT))
    with tarfile.open(fileobj=out, mode="a") as tar:
        change(tar)
    return out.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, **more: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    for key, value in more.items():
        setattr(info, key, value)
    return info


def test_what_is_packed_comes_back(tmp_path: Path) -> None:
    found = unpack(pack(SNAPSHOT))
    assert found == SNAPSHOT
    write_files(found, tmp_path)
    assert (tmp_path / "data" / "a.csv").read_bytes() == b"1,2"
    assert (tmp_path / "peek.py").read_bytes() == b"code"


def test_files_are_written_read_only_and_replaced(tmp_path: Path) -> None:
    write_files(SNAPSHOT, tmp_path)
    paths = [tmp_path / name for name in SNAPSHOT.files]
    assert [stat.S_IMODE(path.stat().st_mode) for path in paths] == [0o444, 0o444]
    assert tmp_path.joinpath("data").stat().st_mode & stat.S_IWUSR  # marimo writes beside them
    write_files(Snapshot(CARD, {"peek.py": b"newer", "data/a.csv": b"3"}), tmp_path)
    assert [path.read_bytes() for path in paths] == [b"newer", b"3"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in paths] == [0o444, 0o444]
    assert sorted(one.name for one in tmp_path.rglob("*")) == ["a.csv", "data", "peek.py"]


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../up", "files/../../up", "files//etc/passwd", "files/a/../b", "elsewhere"],
)
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(BadSnapshot, match="no name for a file"):
        unpack(archive(lambda tar: tar.addfile(entry(name), io.BytesIO())))


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
)
def test_nothing_but_plain_files_is_taken(kind: bytes) -> None:
    with pytest.raises(BadSnapshot, match="no plain file"):
        unpack(archive(lambda tar: tar.addfile(entry("files/x", kind, linkname="/etc/passwd"))))


def test_too_much_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "MAX_BYTES", 100)
    assert unpack(pack(SNAPSHOT))
    with pytest.raises(BadSnapshot, match="takes at most"):
        pack(Snapshot(CARD, {"peek.py": bytes(101)}))
    monkeypatch.setattr(snapshots, "MAX_FILES", 3)
    with pytest.raises(BadSnapshot, match="takes at most"):
        pack(Snapshot(CARD, {"peek.py": b"", **{f"{n}.csv": b"" for n in range(9)}}))
    # A header may lie about the size: the archive then ends too early.
    cut = pack(SNAPSHOT)[:700]
    with pytest.raises(BadSnapshot):
        unpack(cut)


def test_no_archive_at_all() -> None:
    for data in (b"", b"PK\x03\x04", b"\0" * 2048):
        with pytest.raises(BadSnapshot):
            unpack(data)
    with pytest.raises(BadSnapshot, match="not among the files"):
        pack(Snapshot(CARD, {"other.py": b""}))


@pytest.mark.parametrize("name", ["a.csv", "data/b.csv", "ünï.csv"])
def test_safe_names(name: str) -> None:
    assert is_safe_name(name)


@pytest.mark.parametrize("name", ["", "/a", "..", "a/../b", "./a", "a//b", "a\\b", "a\nb", "a/"])
def test_unsafe_names(name: str) -> None:
    assert not is_safe_name(name)


def test_slugs() -> None:
    assert slug_of("Léa's  Dashboard (2)!") == "lea-s-dashboard-2"
    assert slug_of("…") == "app"
    assert len(slug_of("x" * 99)) == 26
    assert slug_of_server("app-peek") == "peek"
    for other in ("", "peek", "app-", "app-A", "app--x", "app-x--y"):
        assert slug_of_server(other) == ""


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("slug", "a/b", "letters, digits and hyphens"),
        ("title", "", "Give the app a title"),
        ("title", "x" * 81, "Give the app a title"),
        ("audience", (), "Say who may open"),
        ("topics", ("a b",), "no name of a topic"),
        ("picture", "javascript:alert(1)", "no small PNG"),
    ],
)
def test_a_card_that_cannot_be_is_refused(field: str, value: object, said: str) -> None:
    card = AppCard(**{**CARD.__dict__, field: value})
    with pytest.raises(ValueError, match=said):
        card_from_json(card.to_json())
    assert card_from_json(CARD.to_json()) == CARD
