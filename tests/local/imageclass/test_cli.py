"""The command line at the real broker: agent, send, judge, tail.

Each command runs as a process of its own once; what else it says is asked for in this process, as
a process takes two to three seconds of a core to import what it needs.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from embedded_kafka import EmbeddedBroker
from imageclass.cli import main
from imageclass.data import datasets
from imageclass.kafka.connection import Connection, connect
from imageclass.models.registry import ModelVersion, train_or_load
from imageclass.runs import replay
from imageclass.runs.judge import Judge
from imageclass.runs.outcomes import decide
from PIL import Image

from tests.support.kafka import members
from tests.support.records import write
from tests.support.waiting import TIMEOUT_FACTOR, wait_until

pytestmark = pytest.mark.slow

DIGITS = datasets.load("digits")
COMMAND = [sys.executable, "-m", "imageclass.cli"]
PICTURES = 60


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> ModelVersion:
    """A small network that reads most digits."""
    root = tmp_path_factory.mktemp("models")
    return train_or_load("cnn", "digits", epochs=4, batch_size=64, seed=1, root=root)


@pytest.fixture(scope="module")
def environment(
    broker: EmbeddedBroker, trained: ModelVersion, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    return {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        "MOSSHUB_TOPIC_PREFIX": "cli.",
        "MOSSHUB_MODELS": str(trained.path.parents[2]),
        "MOSSHUB_RUNS": str(tmp_path_factory.mktemp("runs")),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Digits as PNG files in folders named after them, and a file that is no picture."""
    root = tmp_path_factory.mktemp("pictures")
    for number in range(PICTURES):
        below = root / DIGITS.class_names[DIGITS.test_labels[number]]
        below.mkdir(exist_ok=True)
        Image.fromarray(DIGITS.test_images[number].squeeze()).save(below / f"{number}.png")
    (root / "notes.txt").write_text("no picture")
    return root


class RunningAgent:
    """`imageclass agent … --json`; `said` has its lines so far."""

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "agent", *arguments, "--json"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said: list[dict[str, Any]] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.said.append(json.loads(line))

    def runs(self) -> bool:
        assert self.process.poll() is None, self.process.stderr and self.process.stderr.read()
        return any(line["state"] == "running" for line in self.said)


@pytest.fixture(scope="module")
def agent(environment: dict[str, str]) -> Iterator[RunningAgent]:
    running = RunningAgent(environment, "cnn")
    try:
        wait_until(running.runs, 120, "the agent runs")
        yield running
    finally:
        running.process.kill()
        running.process.wait()


def call(
    environment: dict[str, str], *arguments: object, code: int = 0
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    return done


def call_here(
    environment: dict[str, str], *arguments: object, code: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run a command as `call` does, but in this process."""
    out, error = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        for name, value in environment.items():
            patch.setenv(name, value)
        with redirect_stdout(out), redirect_stderr(error):
            ended = main([str(argument) for argument in arguments])
    assert ended == code, error.getvalue()
    return subprocess.CompletedProcess(arguments, ended, out.getvalue(), error.getvalue())


def test_a_folder_is_sent_and_judged(
    environment: dict[str, str], agent: RunningAgent, folder: Path, tmp_path: Path
) -> None:
    labelled = ("--labels-from-folders", "--dataset", "digits")
    done = call(environment, "send", folder, *labelled)
    run = done.stdout.strip()
    assert "notes.txt is left out" in done.stderr
    remembered = json.loads((Path(environment["MOSSHUB_RUNS"]) / f"{run}.json").read_text())
    assert {one["label"] for one in remembered["pictures"]} == set(range(10))

    table = tmp_path / "answers.csv"
    judged = call(environment, "judge", run[:10], "--json", "--csv", table)
    result = json.loads(judged.stdout)
    (cnn,) = result["agents"]
    assert (result["run"], result["requests"], result["missing"]) == (run, PICTURES, 0)
    assert (cnn["name"], cnn["answered"], cnn["duplicates"]) == ("cnn", PICTURES, 0)
    assert cnn["accuracy"] > 0.8
    assert cnn["low"] < cnn["accuracy"] < cnn["high"]
    assert judged.stderr == ""

    rows = list(csv.DictReader(table.open()))
    assert len(rows) == PICTURES
    assert all(row["label_name"] == row["name"].split("/")[0] for row in rows)
    right = sum(row["label"] == row["predicted"] for row in rows)
    assert right == cnn["correct"]

    shown = call(environment, "judge", run).stdout
    assert f"{PICTURES} images, 0 predictions missing" in shown
    assert f"{cnn['accuracy']:.1%}" in shown


def test_without_labels_the_answers_are_shown(
    environment: dict[str, str], agent: RunningAgent, folder: Path
) -> None:
    sent = json.loads(call_here(environment, "send", folder / "3", "--wait", "--json").stdout)
    names = {path.name for path in (folder / "3").iterdir()}
    assert {row["name"] for row in sent["answers"]} == set(sent["requests"]) == names
    result = json.loads(call_here(environment, "judge", sent["run"], "--json").stdout)
    assert not result["labelled"]
    assert result["missing"] == 0
    assert result["answers"] == sent["answers"]
    assert "accuracy" not in result["agents"][0]


def test_what_the_agent_sets_aside_is_named_with_the_reason(
    environment: dict[str, str], agent: RunningAgent, tmp_path: Path
) -> None:
    Image.effect_noise((64, 64), 80).save(tmp_path / "torn.jpeg")
    torn = tmp_path / "torn.jpeg"
    torn.write_bytes(torn.read_bytes()[:1500])  # seen only by who unfolds it
    done = call_here(environment, "send", tmp_path, "--wait", "--patience", 500, "--json")
    sent = json.loads(done.stdout)
    assert sent["answers"] == []
    assert "cnn wrote a dead letter for torn.jpeg: undecodable jpeg image" in done.stderr
    result = json.loads(
        call_here(environment, "judge", sent["run"], "--patience", 500, "--json").stdout
    )
    (dead_letter,) = result["dead_letters"]
    assert [dead_letter] == sent["dead_letters"]
    assert (dead_letter["image"], dead_letter["agent"]) == ("torn.jpeg", "cnn")
    assert result["missing"] == 1


def test_test_images_are_sent_and_judged_at_once(
    environment: dict[str, str], agent: RunningAgent
) -> None:
    arguments = ("--dataset", "digits", "--images", 50, "--agents", "cnn,nobody")
    result = json.loads(
        call_here(environment, "judge", *arguments, "--patience", 2, "--json").stdout
    )
    missing = {row["name"]: row["missing"] for row in result["agents"]}
    assert missing == {"cnn": 0, "nobody": 50}
    assert result["missing"] == 50


def test_a_notebooks_run_is_judged_by_what_was_announced(
    environment: dict[str, str], agent: RunningAgent, broker: EmbeddedBroker, tmp_path: Path
) -> None:
    with Judge(connect(broker.bootstrap_servers, "cli."), ["cnn"]) as judge:
        run = judge.collect(judge.publish(DIGITS, 80, seed=3))
        decided = decide(run, "highest confidence")
        judge.announce(run, decided, "highest confidence")
        for name, agent_then in (("notebook-1", "cnn"), ("notebook-2", "gone")):
            frame = run.predictions.with_columns(agent=pl.lit(agent_then))
            judge.announce(
                replace(run, run_id=name, predictions=frame), decided, "highest confidence"
            )
        pets = replace(run, run_id="foreign", dataset="pets")
        judge.announce(pets, decided, "highest confidence")
    table = tmp_path / "answers.csv"
    done = call_here(environment, "judge", run.run_id[:12], "--json", "--csv", table)
    result = json.loads(done.stdout)
    (cnn,) = result["agents"]
    assert (result["run"], result["requests"], result["missing"]) == (run.run_id, 80, 0)
    assert (cnn["name"], cnn["answered"]) == ("cnn", 80)
    assert cnn["correct"] == run.predictions["correct"].sum()
    index = {f"test image {one.index} ({request})" for request, one in run.sent.items()}
    assert {row["name"] for row in csv.DictReader(table.open())} == index

    for name, expected in (
        ("notebook-", "Several runs begin with 'notebook-' on cli.verdicts."),
        ("nowhere", "Nor was one announced on cli.verdicts."),
        ("", "Nor was one announced on cli.verdicts."),
        ("foreign", "data set 'pets', whose classes are not known here"),
    ):
        failed = call_here(environment, "judge", name, code=1)
        assert failed.stdout == ""
        assert expected in failed.stderr
    assert "notebook-1" in call_here(environment, "judge", "notebook-1", "--patience", 1).stdout
    # It asks about the agents that answered then, not about those at work now.
    done = call_here(environment, "judge", "notebook-2", "--patience", 1, "--json")
    assert [row["name"] for row in json.loads(done.stdout)["agents"]] == ["gone"]


def test_topics_are_looked_into(
    environment: dict[str, str], agent: RunningAgent, folder: Path
) -> None:
    call_here(environment, "send", folder / "4", "--wait")
    said = call_here(
        environment, "tail", "predictions", "--no-follow", "--last", 5, "--json"
    ).stdout
    lines = [json.loads(line) for line in said.splitlines()]
    assert len(lines) == 5
    assert {line["topic"] for line in lines} == {"cli.predictions"}
    assert {line["headers"]["agent"] for line in lines} == {"cnn"}
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)

    following = subprocess.Popen(
        [*COMMAND, "tail", "cli.predictions", "--last", "1"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert following.stdout
        assert "cnn on " in following.stdout.readline()
        call_here(environment, "send", folder / "5", "--wait")
        assert "cnn on " in following.stdout.readline()  # one that came later
        following.send_signal(signal.SIGINT)
        _, error = following.communicate(timeout=20 * TIMEOUT_FACTOR)
        assert (following.returncode, error) == (130, "")
    finally:
        following.kill()


def test_agents_of_one_model_share_the_work_and_leave_in_peace(
    environment: dict[str, str], broker: EmbeddedBroker, trained: ModelVersion
) -> None:
    connection: Connection = connect(broker.bootstrap_servers, "cli.")
    file = str(trained.path / "model.keras")
    pair = [RunningAgent(environment, file, "--name", "twin") for _ in range(2)]
    try:
        for one in pair:
            wait_until(one.runs, 120, "both run")
        wait_until(lambda: members(connection, "twin") == 2, 60, "both are in the group")
        for one, ending, code, left in zip(
            pair, (signal.SIGTERM, signal.SIGINT), (0, 130), (1, 0), strict=True
        ):
            started = time.monotonic()
            one.process.send_signal(ending)
            assert one.process.wait(30 * TIMEOUT_FACTOR) == code
            # One that had not left would be counted for another 10 s, its session's time.
            assert members(connection, "twin") == left or time.monotonic() - started > 9
            wait_until(lambda one=one: one.said[-1]["state"] == "stopped", 10, "its last line")
    finally:
        for one in pair:
            one.process.kill()


def test_what_is_wrong_is_said_in_a_sentence(
    environment: dict[str, str], folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty.keras").touch()
    for arguments, expected in (
        (("tail", "nothing"), "There is no topic 'nothing'"),
        (("judge", "--dataset", "digits", "--prefix", "alone."), "No agent for digits is at work"),
        (("agent", tmp_path / "empty.keras"), "no model of images"),
        (("send", folder, "--broker", "127.0.0.1:1"), "127.0.0.1:1 does not answer"),
    ):
        done = call_here(environment, *arguments, code=1)
        assert done.stdout == ""
        assert expected in done.stderr
        assert "Traceback" not in done.stderr


def test_one_image_with_a_name_of_any_bytes_is_sent_and_remembered(
    environment: dict[str, str], agent: RunningAgent, folder: Path, tmp_path: Path
) -> None:
    (image,) = list((folder / "3").iterdir())[:1]
    (tmp_path / "linked").symlink_to(tmp_path)
    (tmp_path / os.fsdecode(b"caf\xe9.png")).write_bytes(image.read_bytes())
    done = call(environment, "send", tmp_path, "--wait")
    assert "1 image was sent." in done.stderr
    assert "linked is left out: it links to a folder that is searched already" in done.stderr
    assert r"caf\xe9.png" in done.stdout
    judged = call(environment, "judge", done.stdout.split()[0])
    assert "1 image, 0 predictions missing" in judged.stdout
    assert r"caf\xe9.png" in judged.stdout


def test_a_run_that_cannot_be_saved_is_named(
    environment: dict[str, str], agent: RunningAgent, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with_file = {**environment, "MOSSHUB_RUNS": str(tmp_path / "file" / "runs")}
    done = call_here(with_file, "send", folder / "3", code=1)
    assert re.search(r"Run [0-9a-f]{32} was sent, but .*/runs cannot be written", done.stderr)
    assert "Traceback" not in done.stderr


def test_nobody_at_work_is_said_and_an_unknown_data_set_refused(
    environment: dict[str, str], folder: Path
) -> None:
    alone = ("--prefix", "nobody.")
    done = call_here(environment, "send", folder / "3", *alone, "--dataset", "nosuch", code=1)
    assert "No agent for nosuch is at work. Nor is a data set of that name known: " in done.stderr
    assert "cifar10, digits, fashion-mnist are" in done.stderr
    done = call_here(environment, "send", folder / "3", *alone, "--wait", "--patience", 1)
    assert "No agent is at work. They are answered when one is started" in done.stderr


def test_messages_of_others_do_not_reach_the_terminal(
    environment: dict[str, str], broker: EmbeddedBroker
) -> None:
    nasty = "\x1b[2J\x07\x9b31m\u202e"
    connection = connect(broker.bootstrap_servers, "nasty.")
    headers = [("dead-letter.reason", nasty.encode()), ("run", nasty.encode())]
    with connection.producer() as producer:
        producer.send(connection.topics.verdicts, nasty.encode()).get(30)
        producer.send(connection.topics.dead_letters, b"x", nasty.encode(), headers=headers).get(30)
    for topic in ("verdicts", "dead-letters"):
        for option in ((), ("--json",)):
            done = call(
                environment,
                "tail",
                topic,
                "--prefix",
                "nasty.",
                "--no-follow",
                "--last",
                5,
                *option,
            )
            assert "[2J" in done.stdout and "31m" in done.stdout
            assert done.stdout.replace("\n", "").isprintable()
    assert replay.read(connection)[0].reason.isprintable()


def test_skipped_records_are_said_in_a_sentence(
    environment: dict[str, str], broker: EmbeddedBroker
) -> None:
    connection = connect(broker.bootstrap_servers, "skip.")
    write(broker.bootstrap_servers, connection.topics.verdicts, [bytes(20_000_000)], codec="gzip")
    done = call(environment, "tail", "verdicts", "--prefix", "skip.", "--no-follow")
    assert done.stdout == ""
    assert done.stderr.startswith("1 record of skip.verdicts, partition 0, offset 0, was skipped: ")
