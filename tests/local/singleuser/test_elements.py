"""Elements of marimo after a restart, with a kernel: whole, or their notebook runs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import textwrap
from typing import Any

import pytest

from tests.support.marimo_elements import STATELESS, UI, Returns
from tests.support.paths import ROOT
from tests.support.singleuser import Notebook, Person
from tests.support.waiting import wait_until

_NOTEBOOK = """
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    from pathlib import Path

    return Path, mo


@app.cell
def _(mo):
{cell}
    return


@app.cell
def _(Path):
    with Path("{name}.txt").open("a") as runs:
        runs.write("run ")
    return
"""
_TABLE = "mo.ui.table([{'row': f'row {number}'} for number in range(30)], page_size=10)"
WITH_CODE = {name: element for name, element in {**UI, **STATELESS}.items() if element.cell}


class Opened:
    """A notebook with one element, open in ada's editor."""

    def __init__(self, ada: Person, name: str, cell: str) -> None:
        self.folder, self.name = ada.home / "notebooks", name
        source = self.folder / f"{name}.py"
        if not source.exists():
            code = textwrap.indent(cell.strip(), "    ")
            source.write_text(_NOTEBOOK.format(cell=code, name=name))
        self.notebook: Notebook = ada.notebook(source.name)
        body = {"objectIds": [], "values": [], "autoRun": False}
        assert self.notebook.post("api/kernel/instantiate", body).ok

    @property
    def runs(self) -> int:
        """How often the notebook ran."""
        runs = self.folder / f"{self.name}.txt"
        return len(runs.read_text().split()) if runs.exists() else 0

    def shown(self, words: str) -> str:
        """Wait for an output with these words; return it."""
        while True:
            output = str((self.notebook.until("cell-op", 60).get("output") or {}).get("data"))
            if words in output:
                return output

    def ask(self, output: str, function: str, **args: Any) -> dict[str, Any]:
        """Call a function of the element as its page does; return the kernel's answer."""
        control = re.search(r"object-id='([^']+)'", output)
        assert control
        body = {
            "functionCallId": f"{function}{json.dumps(args)}",
            "namespace": control[1],
            "functionName": function,
            "args": args,
        }
        assert self.notebook.post("api/kernel/function_call", body).ok
        return self.notebook.until("function-call-result", 60)

    def touch(self, output: str) -> None:
        """Set the element's value as its page does."""
        control = re.search(r"object-id='([^']+)'", output)
        assert control
        body = {"objectIds": [control[1]], "values": [{}]}
        assert self.notebook.post("api/kernel/set_ui_element_value", body).ok

    def close(self, saved: str) -> None:
        """Close the notebook and end its kernel when its outputs are saved, with these words."""
        file = self.folder / f"__marimo__/session/{self.name}.py.json"
        wait_until(lambda: file.is_file() and saved in file.read_text(), 30, f"{saved} saved")
        self.notebook.close()


@pytest.mark.slow
def test_a_saved_table_is_whole_and_wakes_the_notebook_at_the_next_page(ada: Person) -> None:
    first = Opened(ada, "table", _TABLE)
    table = first.shown("marimo-table")
    rows = first.ask(table, "search", page_number=0, page_size=10)
    assert "row 9" in str(rows["return_value"])
    first.close("mosshub-answers")

    again = Opened(ada, "table", _TABLE)
    table = again.shown("marimo-table")
    assert (
        again.ask(table, "search", page_number=0, page_size=10)["return_value"]
        == (rows["return_value"])
    )
    assert again.runs == 1
    following = again.ask(table, "search", page_number=1, page_size=10)
    assert "row 19" in str(following["return_value"])
    assert again.runs == 2


@pytest.mark.slow
def test_a_page_is_told_that_cells_with_saved_outputs_have_run(ada: Person) -> None:
    """Else it sends nothing for their elements, and a press does nothing."""
    first = Opened(ada, "told", "mo.download(lambda: b'made', filename='made.txt')")
    first.shown("marimo-download")
    first.close("marimo-download")
    again = Opened(ada, "told", "")
    times = again.notebook.ready["last_execution_time"]
    assert len(times) == 3
    assert None not in times.values()


@pytest.fixture(scope="module")
def _packages(_ada: Person) -> None:
    """Install what the elements need, as a user does."""
    wanted = sorted({package for element in WITH_CODE.values() for package in element.packages})
    uv = shutil.which("uv") or str(ROOT / ".uv/bin/uv")
    python = str(_ada.home / ".venv/bin/python")
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *wanted], check=True)


@pytest.mark.slow
@pytest.mark.usefixtures("_packages")
@pytest.mark.parametrize("name", WITH_CODE)
def test_an_element_is_there_after_a_restart(ada: Person, name: str) -> None:
    element = WITH_CODE[name]
    first = Opened(ada, f"with_{name}", element.cell)
    first.shown("<marimo-")
    wait_until(lambda: first.runs == 1, 60, "the notebook's run")
    runs_at_once = element.returns is Returns.RUNS
    first.close("appears when the notebook has run" if runs_at_once else "<marimo-")

    again = Opened(ada, f"with_{name}", element.cell)
    if runs_at_once:
        again.shown("appears when the notebook has run")
        again.shown("<marimo-")
    else:
        output = again.shown("<marimo-")
        assert "./@file/" not in output
        assert again.runs == 1
        if element.returns is Returns.ASKS:
            again.ask(output, "load")
        else:
            again.touch(output)
    wait_until(lambda: again.runs == 2, 60, "the notebook's second run")
