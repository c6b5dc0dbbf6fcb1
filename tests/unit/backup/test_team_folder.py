"""The team's folder in a backup: found when it is made, and by its paths when it is restored."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from backup import places, restore


def test_its_volumes_are_found_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "VOLUMES", tmp_path)
    for name in ("moss_team", "moss_team_lab", "moss_teams", "moss_home_team", "other_team"):
        (tmp_path / name / "_data").mkdir(parents=True)
    found = [path.parent.name for path in places.team_volumes("moss")]
    assert found == ["moss_team", "moss_team_lab"]
    assert places.team_volumes("nobody") == []


def test_a_restore_knows_them_by_the_paths_of_the_snapshot(monkeypatch) -> None:
    names = ("moss_team", "moss_team_lab", "moss_home_team", "moss_caddy-data")
    paths = ["/srv/backup/staging", *(f"/srv/volumes/{name}/_data" for name in names)]
    repository = SimpleNamespace(snapshots=lambda which: [{"paths": paths}])
    manifest = SimpleNamespace(instance="moss")
    monkeypatch.setattr(restore, "find", lambda repository, which: ("1a2b", manifest))
    assert restore.team(repository, "latest") == ["team", "team_lab"]  # type: ignore[arg-type]
