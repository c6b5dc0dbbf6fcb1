"""A notebook opens with its saved outputs, and runs when the user touches it."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import pytest

from tests.support.singleuser import Notebook, Person
from tests.support.waiting import wait_until

_CODE = """
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    from pathlib import Path

    return Path, mo


@app.cell
def _(mo):
    slider = mo.ui.slider(0, 100, value=10)
    slider
    return (slider,)


@app.cell
def _(Path, slider):
    with Path("runs.txt").open("a") as runs:
        runs.write(f"{slider.value}\\n")
    f"slid to {slider.value}"
    return


@app.cell
def _(mo):
    mo.image(b"no image, but bytes in the kernel's memory")
    return


@app.cell
def _(Path, mo):
    _there = Path("choices.txt").read_text().split()
    choice = mo.ui.dropdown(_there, value=_there[0])
    choice
    return (choice,)


@app.cell
def _(choice):
    f"chosen {choice.value}"
    return


@app.cell
def _(mo):
    button = mo.ui.button(value=0, on_click=lambda pressed: pressed + 1)
    button
    return (button,)


@app.cell
def _(button):
    f"pressed {button.value} times"
    return
"""


def _opened(person: Person) -> Notebook:
    """Open the notebook as its page does; the messages with its outputs wait in the socket."""
    notebook = person.notebook("kept.py")
    body = {"objectIds": [], "values": [], "autoRun": False}
    assert notebook.post("api/kernel/instantiate", body).ok
    return notebook


def _shown(notebook: Notebook, words: str) -> dict[str, Any]:
    """Wait for the cell with these words in its output and return it."""
    while True:
        cell = notebook.until("cell-op", 60)
        if words in str((cell.get("output") or {}).get("data")):
            return cell


def _move(notebook: Notebook, cell: dict[str, Any], value: Any) -> None:
    """Move the control in a cell's output as its page does."""
    control = re.search(r"object-id='([^']+)'", cell["output"]["data"])
    assert control
    body = {"objectIds": [control[1]], "values": [value]}
    assert notebook.post("api/kernel/set_ui_element_value", body).ok


@pytest.mark.slow
def test_a_notebook_opens_with_its_outputs_and_runs_when_it_is_touched(ada: Person) -> None:
    folder = ada.home / "notebooks"
    (folder / "kept.py").write_text(_CODE)
    (folder / "choices.txt").write_text("one two")
    saved, runs = folder / "__marimo__/session/kept.py.json", folder / "runs.txt"

    def close(notebook: Notebook, words: str) -> None:
        wait_until(lambda: saved.is_file() and words in saved.read_text(), 30, f"{words} saved")
        notebook.close()

    first = _opened(ada)
    _shown(first, "slid to 10")  # nothing is saved: it runs at once
    _shown(first, "./@file/")  # an image in the kernel's memory
    close(first, "chosen one")

    second = _opened(ada)
    slider = _shown(second, "marimo-slider")
    _shown(second, "slid to 10")
    _shown(second, ";base64,")
    assert runs.read_text() == "10\n"
    _move(second, slider, 11)
    choice = _shown(second, "marimo-dropdown")
    _move(second, choice, ["two"])
    _shown(second, "chosen two")
    assert runs.read_text() == "10\n11\n"
    close(second, "chosen two")

    # Controls have their saved values. A choice that is gone does not stop the rest.
    (folder / "choices.txt").write_text("three four")
    third = _opened(ada)
    slider = _shown(third, "data-initial-value='11'")
    choice = _shown(third, "data-initial-value='[&quot;two&quot;]'")
    _move(third, slider, 12)
    _shown(third, "slid to 12")
    _shown(third, "chosen three")
    close(third, "chosen three")

    # A button is pressed once, after all cells have run.
    pressed = _opened(ada)
    _move(pressed, _shown(pressed, "marimo-button"), 1)
    _shown(pressed, "slid to 12")
    _shown(pressed, "pressed 1 times")
    close(pressed, "pressed 1 times")

    # A cell that is run runs the others too, itself with the code from the page.
    fourth = _opened(ada)
    cell = _shown(fourth, "slid to 12")["cell_id"]
    code = _CODE.split("def _(Path, slider):\n")[1].split("    return")[0]
    edited = textwrap.dedent(code).strip().replace("slid to", "at")
    assert fourth.post("api/kernel/run", {"cellIds": [cell], "codes": [edited]}).ok
    _shown(fourth, "at 12")
    _shown(fourth, "chosen three")
    assert runs.read_text() == "10\n11\n12\n12\n12\n"

    # A control that its cell creates again has the value from the code, and that is saved.
    code = "slider = mo.ui.slider(0, 100, value=10)\nslider"
    assert fourth.post("api/kernel/run", {"cellIds": [slider["cell_id"]], "codes": [code]}).ok
    _shown(fourth, "at 10")
    close(fourth, "at 10")
    assert "data-initial-value='12'" not in saved.read_text()
