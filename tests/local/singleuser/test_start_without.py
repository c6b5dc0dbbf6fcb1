"""A user who broke their own packages or settings starts once without them, and loses nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosedError

from tests.local.singleuser.test_broken_homes import notice_text, works, write
from tests.support.singleuser import Hub, Person

SITE = ".venv/lib/python3.11/site-packages"
#: Packages with which no kernel starts, and a setting that a page shows.
BROKEN = {
    f"{SITE}/sitecustomize.py": "import sys; sys.exit(3)",
    f"{SITE}/marimo/__init__.py": "__version__ = '0.1.0'",
    ".config/marimo/marimo.toml": '[display]\ntheme = "dark"\n',
    "pyproject.toml": '[tool.marimo.display]\ncell_output = "above"\n',
}


@pytest.fixture
def noor(hub: Hub) -> Iterator[Person]:
    person = Person(hub, "noor")
    yield person
    for notebook in list(person.notebooks):
        notebook.socket.close()
    person.stop()
    person.home.rename(hub.dir / f"home-{len(list(hub.dir.iterdir()))}")


def start_without(person: Person, what: str) -> None:
    person.hub.api("POST", f"users/{person.name}/server", json={"without": what})
    person.start()


@pytest.mark.slow
def test_a_start_leaves_out_packages_and_settings_once(noor: Person) -> None:
    noor.start()
    noor.stop()
    write(noor.home, BROKEN)
    noor.start()
    with pytest.raises(ConnectionClosedError):  # marimo says that the kernel does not start
        noor.notebook().run("1")
    assert '"theme": "dark"' in noor.get("?files=all").text
    assert f"{noor.hub.url}/hub/mosshub/start-without/noor" in noor.get("").text
    noor.stop()
    written = (noor.home / ".config/marimo/marimo.toml").read_text()  # with the platform's keys

    start_without(noor, "packages,settings")
    works(noor)
    page = noor.get("?files=all").text
    assert '"theme": "light"' in page and '"cell_output": "below"' in page
    said = notice_text(noor)
    assert "This start leaves out your packages" in said
    assert "This start leaves out your settings" in said
    kept = {place: (noor.home / place).read_text() for place in BROKEN}
    assert kept == {**BROKEN, ".config/marimo/marimo.toml": written}
    noor.stop()

    start_without(noor, "packages")  # the settings are the user's again
    works(noor)
    assert '"theme": "dark"' in noor.get("?files=all").text
    noor.stop()

    noor.start()  # the choice held for one start
    assert "leaves out" not in notice_text(noor)
    with pytest.raises(ConnectionClosedError):
        noor.notebook().run("1")


@pytest.mark.slow
def test_files_named_like_modules_beside_a_notebook_stop_no_kernel(noor: Person) -> None:
    own = ("json", "random", "marimo", "socket")
    write(noor.home, {f"notebooks/{name}.py": "raise SystemExit" for name in own})
    write(
        noor.home, {"notebooks/helper.py": "ANSWER = 42", "notebooks/program.py": "import helper"}
    )
    noor.start()
    notebook = noor.notebook()
    assert notebook.run("import helper; print(helper.ANSWER)").strip() == "42"
    # A program that the notebook starts finds the files beside it as ever.
    code = (
        "import subprocess, sys; print(subprocess.run([sys.executable, 'program.py']).returncode)"
    )
    assert notebook.run(code).strip() == "0"
