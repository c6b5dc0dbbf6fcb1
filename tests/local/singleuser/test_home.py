"""The user's home: packages and the platform's notebooks."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.support.singleuser import Person


def _wheel(folder: Path, name: str, version: str, code: str) -> Path:
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}/__init__.py", code)
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.mark.slow
def test_package_from_the_panel_survives_a_restart(ada: Person, tmp_path: Path) -> None:
    probe = _wheel(tmp_path, "mosshub_probe", "1.0", "print('probe is here')")
    notebook = ada.notebook()
    answer = notebook.post("api/packages/add", {"package": str(probe)})
    assert answer.json()["success"], answer.text
    assert "probe is here" in notebook.run("import mosshub_probe")
    panel = ada.session.get(
        ada.base + "api/packages/list", headers={"Marimo-Session-Id": notebook.id}, timeout=60
    ).json()
    names = {p["name"].replace("_", "-") for p in panel["packages"]}
    assert "mosshub-probe" in names and "marimo" in names
    assert list(ada.home.glob(".venv/lib/python*/site-packages/mosshub_probe"))

    # These would stop the start of marimo's server if it saw them.
    broken = _wheel(tmp_path, "starlette", "0.0.1", "raise ImportError('too old')")
    assert notebook.post("api/packages/add", {"package": str(broken)}).json()["success"]
    (ada.home / "tornado.py").write_text("raise ImportError('a file of the user')")
    notebook.close()

    ada.stop()
    ada.start()
    (ada.home / "tornado.py").unlink()
    notebook = ada.notebook()
    assert "probe is here" in notebook.run("import mosshub_probe")
    for name in ("mosshub_probe", "starlette"):
        assert notebook.post("api/packages/remove", {"package": name}).json()["success"]
    assert not list(ada.home.glob(".venv/lib/python*/site-packages/mosshub_probe"))
    assert "ModuleNotFoundError" in notebook.run(
        "import subprocess, sys\n"
        "done = subprocess.run([sys.executable, '-c', 'import mosshub_probe'],"
        " capture_output=True, text=True)\nprint(done.stderr)"
    )
    notebook.close()


def test_pip_in_the_terminal_is_the_users_own(ada: Person) -> None:
    notebook = ada.notebook()
    said = notebook.run(
        "import subprocess\n"
        "print(subprocess.run(['sh', '-c', 'command -v pip; command -v python; pip --version'],"
        " capture_output=True, text=True).stdout)"
    )
    assert f"{ada.home}/.venv/bin/pip" in said and f"{ada.home}/.venv/bin/python" in said
    notebook.close()


@pytest.mark.slow
def test_templates_reach_the_user_and_spare_their_edits(ada: Person) -> None:
    templates, own = ada.hub.notebooks, ada.home / "notebooks"
    first = (templates / "first.py").read_text()
    (templates / "second.py").write_text(first)
    ada.stop()
    ada.start()
    assert (own / "second.py").read_text() == first
    (own / "second.py").write_text(first + "# mine\n")
    (templates / "second.py").write_text(first + "# theirs\n")
    ada.stop()
    ada.start()
    assert (own / "second.py").read_text() == first + "# mine\n"
    assert (own / "second.new.py").read_text() == first + "# theirs\n"
    assert "second.new.py" in ada.hub.log()
    (templates / "second.py").unlink()
