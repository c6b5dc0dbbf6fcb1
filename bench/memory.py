"""Memory of an idle server, and the first use of the library beside TensorFlow's import."""

from __future__ import annotations

import re
import textwrap
import time

from playwright.sync_api import Browser

import docker
from bench.hubs import BenchError, Hub, hubs
from bench.pages import forget_outputs
from bench.samples import Recording
from bench.subjects import SUBJECTS
from bench.visits import Visit, browser

IDLE_ROUNDS = 1  # two of them agreed to a thousandth
IDLE_S = 15.0  # after the last page was left
READING_S = 15.0  # between a server's start and the first notebook that is opened
_CLOCK = "import time; began = time.perf_counter()\n"
_PRINT = "\nprint(time.perf_counter() - began)"
FIRST_USE = """\
import imageclass
import numpy as np
classifier = imageclass.CompiledClassifier(imageclass.MODELS["cnn"]((28, 28, 1), 10))
assert classifier(np.zeros((1, 28, 28, 1), np.uint8)).shape == (1, 10)"""
PROGRAMS = {"plain": "import tensorflow", "process": FIRST_USE}
_NOTEBOOK = f"""\
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
{textwrap.indent(_CLOCK + FIRST_USE, "    ")}
    mo.md(f"# It took {{time.perf_counter() - began}} s")
    return
"""


def measure(recording: Recording, rounds: int) -> None:
    """Measure `rounds` rounds of first uses, and a few of idle servers."""
    with hubs("plain", "mosshub") as running, browser() as chromium:
        for turn in range(1, min(rounds, IDLE_ROUNDS) + 1):
            for subject in SUBJECTS.values():
                with Visit(chromium, running[subject.hub], subject.key) as visit:
                    visit.sign_in()
            time.sleep(IDLE_S)
            for subject in SUBJECTS.values():
                hub = running[subject.hub]
                recording.add("idle", subject.key, turn, idle_memory(hub, subject.key))
                hub.stop(subject.key)
        for turn in range(1, rounds + 1):
            recording.add("first_call", "mosshub", turn, first_use(chromium, running["mosshub"]))
            for key, program in PROGRAMS.items():
                recording.add("first_call", key, turn, run(program))


def idle_memory(hub: Hub, user: str) -> float:
    """Return what a server takes now, in MB.

    The control group counts the file cache too. The part that was not used lately does not count
    here, as in `docker stats`.
    """
    memory = hub.container(user).stats(stream=False)["memory_stats"]
    inactive = memory["stats"].get("inactive_file", memory["stats"].get("total_inactive_file", 0))
    return (memory["usage"] - inactive) / 1e6


def first_use(chromium: Browser, hub: Hub) -> float:
    """Return the seconds that a notebook's cell takes, a while after the server has started."""
    subject = SUBJECTS["mosshub"]
    with Visit(chromium, hub, subject.key) as visit:
        visit.sign_in()
        write = ["python", "-c", "import sys; open(sys.argv[1], 'w').write(sys.argv[2])"]
        path = f"{subject.home}/notebooks/first_use.py"
        hub.container(subject.key).exec_run([*write, path, _NOTEBOOK], user="1000")
        forget_outputs(hub, subject)  # it would show those of the round before, and run nothing
        visit.page.wait_for_timeout(1000 * READING_S)
        visit.open_notebook("first_use.py", re.compile("It took"))
        said = visit.page.get_by_role("heading", name=re.compile("It took")).first.inner_text()
    hub.stop(subject.key)
    return float(said.split()[2])


def run(program: str) -> float:
    """Return the seconds that a program takes in a new process of the user's image."""
    image = SUBJECTS["mosshub"].image
    output = docker.from_env().containers.run(
        image, ["python", "-c", _CLOCK + program + _PRINT], remove=True, stderr=False
    )
    try:
        return float(output.decode().split()[-1])
    except (IndexError, ValueError):
        raise BenchError(f"{program!r} printed {output!r} in {image}") from None
