"""Title and first sentence of a notebook, whatever its file holds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from marimo_singleuser.start_page.describe import Description, describe, describe_source

from tests.support.paths import ROOT

NOTEBOOK = '''
import marimo

app = marimo.App(app_title="The app")


@app.cell
def _():
    mo.md("""
    # Two *networks* in `Kafka`

    You **see** [a chart](https://example.org/a.b) that answers
    one question. And more.
    """)
'''


def test_the_first_heading_and_the_first_sentence_are_taken() -> None:
    found = describe_source(NOTEBOOK, "two")
    assert found == Description(
        "Two networks in Kafka", "You see a chart that answers one question."
    )


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (NOTEBOOK.replace("# Two", "Two"), Description("The app")),
        (NOTEBOOK.replace("mo.md", "print").replace("app_title", "width"), Description("name")),
        ('mo.md("# Only a heading")', Description("Only a heading")),
        ('mo.md("# Title\\n\\n| a | table |")', Description("Title")),
        ('mo.md(f"# {title}")', Description("name")),
        ("def broken(:", Description("name")),
        ("\0", Description("name")),
        ("(" * 5000, Description("name")),
        ("", Description("name")),
    ],
)
def test_what_a_notebook_does_not_say_is_left_out(source: str, expected: Description) -> None:
    assert describe_source(source, "name") == expected


def test_names_with_underscores_stay_whole() -> None:
    assert describe_source('mo.md("# The file my_data_set.py")', "x").title == (
        "The file my_data_set.py"
    )


def test_a_long_sentence_is_cut() -> None:
    found = describe_source(f'mo.md("# Title\\n\\n{"word " * 100}.")', "x")
    assert len(found.sentence) < 200 and found.sentence.endswith("word …")


def test_a_file_that_cannot_be_read_has_its_name(tmp_path: Path) -> None:
    (tmp_path / "bytes.py").write_bytes(b"\xff\xfe")
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "large.py").write_text("#" * 300_000)
    os.mkfifo(tmp_path / "pipe.py")  # reading it would never end
    for name in ("bytes", "folder", "large", "pipe", "missing"):
        assert describe(tmp_path / f"{name}.py") == Description(name)


def test_an_edited_notebook_is_read_again(tmp_path: Path) -> None:
    notebook = tmp_path / "n.py"
    notebook.write_text('mo.md("# Before")')
    assert describe(notebook).title == "Before"
    notebook.write_text('mo.md("# And after")')
    assert describe(notebook).title == "And after"


@pytest.mark.parametrize("notebook", sorted((ROOT / "notebooks").glob("*.py")), ids=str)
def test_each_of_our_notebooks_introduces_itself(notebook: Path) -> None:
    found = describe(notebook)
    assert found.title != notebook.stem
    assert found.sentence.endswith((".", "?", "!"))
