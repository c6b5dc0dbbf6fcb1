"""The notebooks as people run them: as scripts, in the editor, in Jupyter."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from embedded_kafka import EmbeddedBroker
from imageclass.kafka import inspect
from imageclass.kafka.connection import connect
from imageclass.models.registry import train_or_load

from tests.support.kafka import members
from tests.support.kernels import Kernel, MarimoServer
from tests.support.paths import NOTEBOOKS, ROOT
from tests.support.waiting import TIMEOUT_FACTOR

pytestmark = pytest.mark.slow

#: What each prints when it has run through with nobody at its buttons.
SAYS = {
    "image_class": ["Trained. Of all 450 test images", "0 predictions missing", "beat", "p = "],
    "train": ["of all 450 test images right"],
    "stream": ["At work: ", "first: 100 answered", "second: 100 answered"],
    "upload": ["5 images sent, 5 predictions received."],
    "live_dashboard": ["verdicts: ", "agents at work: "],
    "topics": ["topics, "],
}
NEEDS_BROKER = [name for name in SAYS if name != "train"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small versions that the notebooks find, so that those that need some do not train."""
    root = tmp_path_factory.mktemp("models")
    for name in ("cnn", "resnet"):
        train_or_load(name, "digits", epochs=3, batch_size=32, num_images=1000, seed=1, root=root)
    return root


@pytest.fixture
def environment(broker: EmbeddedBroker, models: Path, request: pytest.FixtureRequest) -> dict:
    """What a notebook's process gets: the broker, and topics of the test's own."""
    return {
        "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        "MOSSHUB_TOPIC_PREFIX": f"n{abs(hash(request.node.name)) % 10**8}.",
        "MOSSHUB_MODELS": str(models),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


def start(name: str, environment: dict, folder: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, str(NOTEBOOKS / f"{name}.py")],
        env={**os.environ, **environment},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("name", SAYS)
def test_as_a_script(name: str, environment: dict, tmp_path: Path, broker: EmbeddedBroker) -> None:
    if name == "live_dashboard":
        judge_something(broker, environment["MOSSHUB_TOPIC_PREFIX"])
    script = start(name, environment, tmp_path)
    said, trouble = script.communicate(timeout=180 * TIMEOUT_FACTOR)
    assert script.returncode == 0, trouble
    for words in SAYS[name]:
        assert words in said, said + trouble
    assert "Traceback" not in trouble


def test_as_scripts_without_a_broker_they_say_so(environment: dict, tmp_path: Path) -> None:
    nobody = {**environment, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9"}
    scripts = {name: start(name, nobody, tmp_path) for name in NEEDS_BROKER}
    for name, script in scripts.items():
        said, trouble = script.communicate(timeout=180 * TIMEOUT_FACTOR)
        assert "The broker at 127.0.0.1:9 does not answer." in said, (name, said, trouble)
        assert "Traceback" not in trouble, name


@pytest.fixture
def kernel(
    request: pytest.FixtureRequest, environment: dict, broker: EmbeddedBroker, tmp_path: Path
) -> Iterator[Kernel]:
    """A kernel of the notebook that the test is parametrised with, all its cells run once."""
    notebook = Path(shutil.copy(NOTEBOOKS / f"{request.param}.py", tmp_path))
    headless = {**environment, "IMAGECLASS_HEADLESS": "1"}
    if request.param == "live_dashboard":
        judge_something(broker, environment["MOSSHUB_TOPIC_PREFIX"])
    with MarimoServer(notebook, "edit", headless) as server, Kernel(server) as opened:
        opened.run(list(opened.cells), 180)
        yield opened


@pytest.mark.parametrize("name", [*SAYS, "my_topics"])
def test_before_the_first_press_no_cell_shows_a_box_that_says_stopped(
    name: str, environment: dict, tmp_path: Path
) -> None:
    notebook = Path(shutil.copy(NOTEBOOKS / f"{name}.py", tmp_path))
    nothing_saved = {**environment, "MOSSHUB_MODELS": str(tmp_path / "models")}
    with MarimoServer(notebook, "edit", nothing_saved) as server, Kernel(server) as opened:
        opened.run(list(opened.cells), 120)
        assert not opened.errors
        assert not opened.stopped
        assert len(opened.outputs) > 5


#: The agents that each notebook starts. The other notebooks start none.
AGENTS = {
    "image_class": ["cnn", "resnet"],
    "stream": ["first", "second", "third"],
    "upload": ["cnn"],
    "live_dashboard": [],
}


@pytest.mark.parametrize("kernel", AGENTS, indirect=True)
def test_cells_run_again_and_again_leave_one_member_each(
    kernel: Kernel, environment: dict, broker: EmbeddedBroker
) -> None:
    expected = AGENTS[kernel.server.notebook.stem]
    for _ in range(5):
        kernel.run(list(kernel.cells), 120)
    assert not kernel.errors
    connection = connect(broker.bootstrap_servers, environment["MOSSHUB_TOPIC_PREFIX"])
    assert {name: members(connection, name) for name in expected} == dict.fromkeys(expected, 1)
    for row in inspect.list_lags(connection).iter_rows(named=True):
        assert row["members"] <= 1, row


def judge_something(broker: EmbeddedBroker, prefix: str, images: int = 40) -> str:
    """Send a run to an agent of ours and announce the verdicts; returns the run's id."""
    from imageclass.agents import registry
    from imageclass.data import datasets
    from imageclass.runs import outcomes
    from imageclass.runs.judge import Judge

    from tests.support.agents import Linear

    connection = connect(broker.bootstrap_servers, prefix)
    registry.start_agent(connection, "linear", Linear()).wait_until_running()
    with Judge(connection, ["linear"]) as judge:
        verdicts = judge.publish(datasets.load("digits"), images, seed=1)
        verdicts = judge.collect(verdicts)
        judge.announce(verdicts, outcomes.decide(verdicts, "soft vote"), "soft vote")
    registry.stop_agent(connection, "linear")
    return verdicts.run_id


def test_image_class_runs_in_jupyter_by_itself(models: Path, tmp_path: Path) -> None:
    """The exported notebook, in a Jupyter kernel, with no broker set: it starts its own."""
    import nbformat
    from nbclient import NotebookClient

    exported = nbformat.read(ROOT / "docs/notebooks/image_class.ipynb", as_version=4)
    hidden = ("KAFKA_BOOTSTRAP_SERVERS", "MOSSHUB_TOPIC_PREFIX")
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    client = NotebookClient(
        exported, timeout=int(240 * TIMEOUT_FACTOR), resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute(env={**kept, "MOSSHUB_MODELS": str(models), "TF_CPP_MIN_LOG_LEVEL": "3"})
    outputs = [out for cell in exported.cells for out in cell.get("outputs", [])]
    said = "".join(out.text for out in outputs if out.output_type == "stream")
    for words in SAYS["image_class"]:
        assert words in said, said
    assert any("vega" in str(out.get("data", "")) for out in outputs), "charts are shown"
