"""What a broker of three leaves behind when it is killed, ended or started again."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cluster.platform import ClusterPlatform, PodPerson
from tests.support.waiting import TIMEOUT_FACTOR

pytestmark = pytest.mark.timeout(900)

#: Runs of 500 requests, a hundred in a second, that are answered and judged until ~/enough is
#: there. Prints in the end: sent, not answered, answers, different ones, and second answers.
RUNS = """\
import json as _json, pathlib as _pathlib, time as _time
import numpy as _np
import imageclass as _imageclass
from imageclass.agents import registry as _registry
from imageclass.data.datasets import load as _load
from imageclass.runs.judge import Judge as _Judge

class _Linear:
    image_shape = (8, 8, 1)
    def __call__(self, images):
        scores = _np.exp(images.reshape(len(images), -1)[:, :10].astype("float32") / 255)
        return scores / scores.sum(axis=1, keepdims=True)

def _pause(done, total):
    _time.sleep(0.01)

def _run(connection):
    with _Judge(connection, ["linear"]) as judge:
        run = judge.collect(judge.publish(_load("digits"), 500, on_sent=_pause))
    ids = run.predictions["request_id"]
    return _np.array([500, run.missing, len(ids), ids.n_unique(), sum(run.duplicates.values())])

def _runs():
    connection, enough = _imageclass.connect(), _pathlib.Path.home() / "enough"
    agent = _registry.start_agent(connection, "linear", _Linear(), dataset="digits")
    agent.wait_until_running()
    counts = _run(connection)
    while not enough.exists():
        counts += _run(connection)
    enough.unlink()
    _registry.stop_agent(connection, "linear")
    print(_json.dumps(counts.tolist()))

_runs()
"""


@contextmanager
def each_is_judged_once(person: PodPerson) -> Iterator[None]:
    """Have requests sent, answered and judged meanwhile: each has a verdict, and only one."""
    notebook, printed = person.notebook("my_topics.py"), []
    thread = threading.Thread(target=lambda: printed.append(notebook.run(RUNS, 600)))
    thread.start()
    try:
        time.sleep(10)  # the first are on their way
        yield
    finally:
        person.inside("bash", "-c", "touch ~/enough")
        thread.join(700 * TIMEOUT_FACTOR)
    sent, missing, answers, different, again = json.loads(printed[0].splitlines()[-1])
    # An agent that seemed dead to its group, on a machine with too much to do, answers again.
    print(f"\n  {sent} requests, {again} answered a second time, which counts for nothing")
    assert (missing, answers, different) == (0, sent, sent)


@pytest.mark.parametrize("grace", [0, 60], ids=["killed", "ended in order"])
def test_a_broker_of_three_loses_nothing_and_doubles_nothing(
    platform: ClusterPlatform, ada: PodPerson, grace: int
) -> None:
    with each_is_judged_once(ada):
        force = ["--force"] if not grace else []
        platform.kubectl(
            "delete", "pod", "kafka-0", f"--grace-period={grace}", "--wait=false", *force
        )
        time.sleep(5)
        platform.wait_for_brokers()


def test_all_brokers_start_again_one_by_one_while_messages_flow(
    platform: ClusterPlatform, ada: PodPerson
) -> None:
    with each_is_judged_once(ada):
        platform.kubectl("rollout", "restart", "statefulset/kafka")
        platform.wait_for_brokers()
