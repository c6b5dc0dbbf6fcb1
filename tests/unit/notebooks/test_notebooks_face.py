"""The notebooks outlive every move in the library: they know its public face only."""

import ast
import sys
from pathlib import Path

import imageclass
import pytest

ROOT = Path(__file__).parents[3]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))
#: What a notebook may import beside the standard library and the face of `imageclass`.
PACKAGES = {"PIL", "altair", "kafka", "marimo", "polars"}


def imports(node: ast.AST) -> list[ast.Import | ast.ImportFrom]:
    return [part for part in ast.walk(node) if isinstance(part, ast.Import | ast.ImportFrom)]


def setup_cell(tree: ast.Module) -> ast.With:
    """Return the block `with app.setup:` of a notebook."""
    for part in tree.body:
        if isinstance(part, ast.With) and "app.setup" in ast.unparse(part.items[0]):
            return part
    raise AssertionError("the notebook has no block `with app.setup:`")


def test_all_notebooks_are_there() -> None:
    assert len(NOTEBOOKS) == 7


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_imports_stand_in_the_setup_cell(notebook: Path) -> None:
    tree = ast.parse(notebook.read_text())
    elsewhere = [found for found in imports(tree) if found not in imports(setup_cell(tree))]
    assert [ast.unparse(found) for found in elsewhere] == ["import marimo"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_imports_only_the_public_face(notebook: Path) -> None:
    from_the_face = []
    for found in imports(ast.parse(notebook.read_text())):
        modules = [alias.name for alias in found.names]
        if isinstance(found, ast.ImportFrom):
            assert found.level == 0, ast.unparse(found)
            modules = [found.module or ""]
        if modules == ["imageclass"]:
            assert isinstance(found, ast.ImportFrom), "write `from imageclass import …`"
            from_the_face += [alias.name for alias in found.names]
            continue
        for module in modules:
            package = module.partition(".")[0]
            assert package in PACKAGES | sys.stdlib_module_names, ast.unparse(found)
    assert from_the_face
    assert set(from_the_face) <= set(imageclass.__all__)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_opens_with_what_one_will_see(notebook: Path) -> None:
    first_cell = next(
        part for part in ast.parse(notebook.read_text()).body if isinstance(part, ast.FunctionDef)
    )
    text = ast.unparse(first_cell)
    assert "you see" in text or "At the end you" in text
