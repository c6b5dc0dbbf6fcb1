"""Why a notebook cannot be an app, in words."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest
from marimo_singleuser.publishing.problems import code_problem, missing_packages, missing_words

from tests.support.paths import NOTEBOOKS

CELLS = """
import marimo

app = marimo.App()

with app.setup:
    import no_such_setup.part


@app.cell
def _():
    import json, no_such_cell
    from no_such_from import x
    from . import beside
    import helper

    try:
        import no_such_choice
    except ImportError:
        no_such_choice = None

    def later():
        import no_such_later

    return
"""


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import marimo\napp = marimo.App()\n", ""),
        ("import marimo\napp = marimo.App(\n", "line 2 has an error"),
        ("print(1)", "no marimo notebook"),
        ("import marimo\napp = marimo.App()\napp._unparsable_cell('x =')\n", "One of its cells"),
        ("\0", "no Python"),
    ],
)
def test_code_that_marimo_cannot_run(code: str, words: str) -> None:
    problem = code_problem(code)
    assert words in problem if words else problem == ""


def test_the_platforms_notebooks_can_be_apps() -> None:
    for notebook in NOTEBOOKS.glob("*.py"):
        assert code_problem(notebook.read_text()) == "", notebook


def test_modules_that_every_run_imports_and_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "helper.py").touch()
    found = asyncio.run(missing_packages(CELLS, tmp_path, Path(sys.executable), os.environ))
    assert found == ["no_such_cell", "no_such_from", "no_such_setup"]
    assert missing_words(found).endswith(
        "not installed: no_such_cell, no_such_from, no_such_setup."
    )
    assert missing_words([]) == ""
