"""From the click on sign-in to the notebooks, and to a notebook's first output."""

from __future__ import annotations

from playwright.sync_api import Browser

from bench.hubs import Hub, hubs
from bench.samples import Recording
from bench.subjects import SUBJECTS, Subject
from bench.visits import Visit, browser

#: No goal compares these: they say what a hub, and our pages, add.
ROUNDS_OF_OTHERS = {"marimo": 1, "server": 1}
#: Rounds on the slow network, of those whom a goal compares. A visit takes marimo 80 s, and rounds
#: agree to a hundredth: the network decides.
SLOW_ROUNDS = {"extension": 1, "mosshub": 2}


def measure(recording: Recording, rounds: int) -> None:
    """Measure `rounds` rounds."""
    with hubs("plain", "mosshub") as running, browser() as chromium:
        for subject in SUBJECTS.values():
            _first_visit(chromium, running[subject.hub], subject)
        for turn in range(1, rounds + 1):
            for subject in SUBJECTS.values():
                hub = running[subject.hub]
                if turn > ROUNDS_OF_OTHERS.get(subject.key, rounds):
                    continue
                _visit(recording, chromium, hub, subject, turn)
                if turn <= SLOW_ROUNDS.get(subject.key, 0):
                    _slow_visit(recording, chromium, hub, subject, turn)
                hub.stop(subject.key)


def _first_visit(chromium: Browser, hub: Hub, subject: Subject) -> None:
    """Make the volume and its files, which a returning user has."""
    with Visit(chromium, hub, subject.key) as visit:
        visit.sign_in()
    hub.stop(subject.key)


def _visit(recording: Recording, chromium: Browser, hub: Hub, subject: Subject, turn: int) -> None:
    with Visit(chromium, hub, subject.key) as visit:
        recording.add("stopped", subject.key, turn, visit.sign_in())
    with Visit(chromium, hub, subject.key) as visit:
        recording.add("running", subject.key, turn, visit.sign_in())
        recording.add("requests", subject.key, turn, visit.traffic.requests)
        recording.add("megabytes", subject.key, turn, visit.traffic.received / 1e6)
        recording.add("notebook", subject.key, turn, visit.open_notebook())
    forget_outputs(hub, subject)


def _slow_visit(
    recording: Recording, chromium: Browser, hub: Hub, subject: Subject, turn: int
) -> None:
    # A server of its own: the notebook's kernel must not run yet.
    hub.stop(subject.key)
    hub.start(subject.key)
    with Visit(chromium, hub, subject.key, slow=True) as visit:
        recording.add("slow_home", subject.key, turn, visit.sign_in())
        recording.add("slow_notebook", subject.key, turn, visit.open_notebook())
    forget_outputs(hub, subject)


def forget_outputs(hub: Hub, subject: Subject) -> None:
    """Remove what marimo keeps of a run, so that the next one is a first one."""
    command = f"find {subject.home}/notebooks -name __marimo__ -exec rm -rf {{}} +"
    hub.container(subject.key).exec_run(["sh", "-c", command])
