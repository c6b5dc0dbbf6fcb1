"""Memory of an idle server, and a kernel's first use of the library beside TensorFlow's import."""

from __future__ import annotations

import time

import docker
from bench.hubs import BenchError, Hub, hubs
from bench.samples import Recording
from bench.subjects import SUBJECTS
from bench.visits import Visit, browser

IDLE_ROUNDS = 2  # memory differs by little
IDLE_S = 5.0  # after the page was left
_CLOCK = "import time; began = time.perf_counter()\n"
_PRINT = "\nprint(time.perf_counter() - began)"
FIRST_USES = {
    "plain": "import tensorflow",
    "mosshub": """\
import imageclass
import numpy as np
classifier = imageclass.CompiledClassifier(imageclass.MODELS["cnn"]((28, 28, 1), 10))
assert classifier(np.zeros((1, 28, 28, 1), np.uint8)).shape == (1, 10)""",
}


def measure(recording: Recording, rounds: int) -> None:
    """Measure `rounds` rounds of first uses, and a few of idle servers."""
    with hubs("plain", "mosshub") as running, browser() as chromium:
        for turn in range(1, min(rounds, IDLE_ROUNDS) + 1):
            for subject in SUBJECTS.values():
                hub = running[subject.hub]
                with Visit(chromium, hub, subject.key) as visit:
                    visit.sign_in()
                recording.add("idle", subject.key, turn, idle_memory(hub, subject.key))
                hub.stop(subject.key)
    for turn in range(1, rounds + 1):
        for key, program in FIRST_USES.items():
            recording.add("first_call", key, turn, first_use(program))


def idle_memory(hub: Hub, user: str) -> float:
    """Return what a server takes some seconds after its page was left, in MB.

    The control group counts the file cache too. The part that was not used lately does not count
    here, as in `docker stats`.
    """
    time.sleep(IDLE_S)
    memory = hub.container(user).stats(stream=False)["memory_stats"]
    inactive = memory["stats"].get("inactive_file", memory["stats"].get("total_inactive_file", 0))
    return (memory["usage"] - inactive) / 1e6


def first_use(program: str) -> float:
    """Return the seconds that a program takes in a new process of the user's image."""
    image = SUBJECTS["mosshub"].image
    output = docker.from_env().containers.run(
        image, ["python", "-c", _CLOCK + program + _PRINT], remove=True, stderr=False
    )
    try:
        return float(output.decode().split()[-1])
    except (IndexError, ValueError):
        raise BenchError(f"{program!r} printed {output!r} in {image}") from None
