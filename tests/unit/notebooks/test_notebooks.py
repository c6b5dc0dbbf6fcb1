"""What a person opens: the notebook is well formed, pinned and readable."""

import ast
import hashlib
import importlib.util
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.paths import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))


def header(notebook: Path) -> dict:
    lines = notebook.read_text().split("# /// script\n")[1].split("# ///\n")[0].splitlines()
    return tomllib.loads("\n".join(line.removeprefix("#").removeprefix(" ") for line in lines))


@pytest.fixture(scope="module")
def locked() -> dict[str, str | None]:
    """The version of each package in the lock file."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    return {package["name"]: package.get("version") for package in lock["package"]}


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict]]:
    """What `marimo check --strict` says of each notebook: one process looks at all.

    It looks at one with a fault as well, so that silence of the others means something.
    """
    faulty = tmp_path_factory.mktemp("check") / "faulty.py"
    cell = "@app.cell\ndef _():\n    x = 1\n    return (x,)\n\n\n"
    faulty.write_text(f"import marimo\n\napp = marimo.App()\n\n\n{cell}{cell}")
    files = [str(path) for path in (*NOTEBOOKS, faulty)]
    done = subprocess.run(
        [sys.executable, "-m", "marimo", "check", "--strict", "--format=json", *files],
        capture_output=True,
        text=True,
        timeout=240,
    )
    said = json.loads(done.stdout)
    assert said["summary"]["total_files"] == len(files), done.stderr
    found: dict[str, list[dict]] = {}
    for issue in said["issues"]:
        found.setdefault(str(Path(issue["filename"]).resolve()), []).append(issue)
    assert found.pop(str(faulty)), "the fault is not found"
    return found


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
class TestEveryNotebook:
    def test_passes_marimos_own_check(
        self, notebook: Path, complaints: dict[str, list[dict]]
    ) -> None:
        assert complaints.get(str(notebook), []) == []

    def test_pins_what_the_lock_file_holds(
        self, notebook: Path, locked: dict[str, str | None]
    ) -> None:
        pins = header(notebook)["dependencies"]
        assert pins
        for pin in pins:
            name, _, version = pin.partition("==")
            assert version == locked[name.partition("[")[0]], pin

    def test_imports_as_a_module_with_short_cells(self, notebook: Path) -> None:
        spec = importlib.util.spec_from_file_location(notebook.stem, notebook)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)  # runs the setup cell only
        from marimo._ast.app import InternalApp

        setup, *cells = [data.code for data in InternalApp(module.app).cell_manager.cell_data()]
        assert setup.startswith("import "), "the imports stand in the setup cell"
        assert len(cells) > 5
        assert len(setup.splitlines()) <= 30, "the formatter gives each imported name a line"
        too_long = [code for code in cells if len(code.splitlines()) > 25]
        assert not too_long
        assert cells[0].startswith("mo.md(")
        assert "\n# " in cells[0].replace("    # ", "# "), "the first cell is the title"


EXPORTS = ROOT / "docs" / "notebooks"
EXPORTED = json.loads((EXPORTS / "manifest.json").read_text())


@pytest.mark.parametrize("name", EXPORTED)
class TestEveryExport:
    def test_is_of_the_notebook_as_it_is(self, name: str) -> None:
        now = hashlib.sha256((ROOT / "notebooks" / f"{name}.py").read_bytes()).hexdigest()
        assert EXPORTED[name] == now, f"{name}.ipynb is stale: make notebooks"

    def test_has_outputs_and_no_error(self, name: str) -> None:
        cells = json.loads((EXPORTS / f"{name}.ipynb").read_text())["cells"]
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        assert outputs
        assert not [output for output in outputs if output["output_type"] == "error"]
        assert "Traceback" not in json.dumps(outputs)


def test_every_notebook_for_everybody_is_exported() -> None:
    # What my_topics.py shows is an account's, and nothing without one.
    assert set(EXPORTED) == {path.stem for path in NOTEBOOKS} - {"my_topics"}


def test_topics_shows_what_others_wrote_as_text_and_not_as_markdown() -> None:
    """Markdown takes HTML along, and a message is anybody's who may write to the topic."""
    source = (ROOT / "notebooks" / "topics.py").read_text("utf-8")
    tree = ast.parse(source)
    given = [
        call.args[0]
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func) in ("mo.md", "mo.Html")
    ]
    assert given and all(isinstance(text, ast.Constant) for text in given)
