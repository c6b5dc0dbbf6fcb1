"""The cells of a notebook, and what differs between two versions."""

import pytest
from marimo_singleuser.history.cells import Change, cells_of, compare, summary

FIRST = '''import marimo

app = marimo.App()

with app.setup:
    import numpy as np


@app.cell
def _():
    x = 1
    y = 2
    return x, y


@app.cell(hide_code=True)
def shown(x):
    """A text
      with its own indent."""
    print(x)
    return


@app.function
def double(n):
    return 2 * n


if __name__ == "__main__":
    app.run()
'''


def test_cells_are_the_code_that_the_editor_shows() -> None:
    assert cells_of(FIRST) == [
        "import numpy as np",
        "x = 1\ny = 2",
        '"""A text\n  with its own indent."""\nprint(x)',
        "def double(n):\n    return 2 * n",
    ]


def test_what_differs_is_told_cell_by_cell() -> None:
    second = FIRST.replace("    y = 2\n", "    y = 3\n").replace(
        "@app.function\ndef double(n):\n    return 2 * n\n\n\n", ""
    )
    second = second.replace("if __name__", "@app.cell\ndef _():\n    'new'\n\n\nif __name__")
    changes = compare(FIRST, second)
    assert changes == [
        Change("changed", "x = 1\ny = 2", "x = 1\ny = 3"),
        Change("changed", "def double(n):\n    return 2 * n", "'new'"),
    ]
    assert [(line.mark, line.text) for line in changes[0].lines] == [
        (" ", "x = 1"),
        ("-", "y = 2"),
        ("+", "y = 3"),
    ]
    assert summary(changes) == "2 cells changed"
    assert summary(compare(FIRST, FIRST)) == "the same cells"
    assert summary(compare("", FIRST)) == "1 cell changed, 3 new"


@pytest.mark.parametrize("text", ["", "x = (", "x = 1\n", "\0", "(" * 100_000])
def test_a_file_that_is_no_notebook_is_one_cell(text: str) -> None:
    assert cells_of(text) == [text.strip()]


def test_a_cell_that_is_no_python_is_a_cell() -> None:
    text = FIRST.replace(
        "if __name__",
        'app._unparsable_cell(\n    r"""\n    x = (\n    """,\n    name="_",\n)\n\nif __name__',
    )
    assert cells_of(text) == [*cells_of(FIRST), "x = ("]
