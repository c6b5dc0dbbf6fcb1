"""The command line without a broker: arguments, labels from folders, remembered runs, models."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from imageclass.cli import labels, main, runs
from imageclass.cli.errors import CommandError
from imageclass.cli.parser import parse
from imageclass.runs.classify import SubmittedRun


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["sing"],
        ["send"],
        ["judge"],
        ["judge", "a1", "--dataset", "digits"],
        ["judge", "--dataset", "digits", "--images", "0"],
        ["judge", "a1", "--agents", " ,"],
        ["send", "here", "--wait", "--patience", "0"],
        ["send", "here", "--deadline", "nan"],
        ["agent", "cnn", "--batch-size", "1.5"],
        ["agent", "cnn", "--max-wait", "11"],
        ["tail", "requests", "--last", "-1"],
    ],
)
def test_wrong_usage_is_exit_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "imageclass" in said.err.splitlines()[-1]
    assert "error: " in said.err


def test_arguments_are_understood() -> None:
    judge = parse(["judge", "--dataset", "digits", "--agents", "cnn, resnet", "--json"])
    assert (judge.agents, judge.images, judge.json) == (["cnn", "resnet"], 500, True)
    tail = parse(["tail", "requests", "--no-follow", "--prefix", "ada.", "--last", "0"])
    assert (tail.follow, tail.prefix, tail.last) == (False, "ada.", 0)
    assert parse(["tail", "requests"]).follow
    agent = parse(["agent", "cnn", "--max-wait", "0", "--batch-size", "64"])
    assert (agent.max_wait, agent.batch_size) == (0, 64)


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; from imageclass.cli import main\n"
        "try: main(['--help'])\n"
        "finally: print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0
    assert {"send", "agent", "judge", "tail", "models"} <= set(done.stdout.split())
    loaded = set(done.stderr.split())
    assert "imageclass.cli.parser" in loaded
    assert loaded.isdisjoint({"tensorflow", "keras", "polars", "numpy", "kafka", "rich"})


@pytest.mark.parametrize("command", ["send", "judge", "tail", "models"])
def test_only_agents_need_tensorflow(command: str) -> None:
    program = f"import sys, imageclass.cli.{command}; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


def test_labels_of_a_known_data_set_follow_its_classes() -> None:
    names = ["ankle boot/1.png", "t-shirt_TOP/deep/2.png", "Bag/3.png"]
    found, classes = labels.from_folders(names, "fashion-mnist")
    assert found == dict(zip(names, (9, 0, 8), strict=True))
    assert classes[9] == "Ankle boot"
    with pytest.raises(CommandError, match=r"hat, sock is no class of fashion-mnist.*Trouser"):
        labels.from_folders(["sock/1.png", "hat/1.png", "bag/1.png"], "fashion-mnist")


def test_labels_of_any_other_are_the_folders_by_name() -> None:
    found, classes = labels.from_folders(["dog/1.png", "cat/1.png", "dog/2.png"], "")
    assert classes == ("cat", "dog")
    assert found == {"dog/1.png": 1, "cat/1.png": 0, "dog/2.png": 1}
    with pytest.raises(CommandError, match=r"lost\.png is in no folder named after a class"):
        labels.from_folders(["dog/1.png", "lost.png"], "")


@pytest.fixture
def runs_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOSSHUB_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def sent_run(run_id: str) -> runs.SentRun:
    sent = SubmittedRun(
        run_id,
        {"cat/ä.png": "r-0", "dog/1.png": "r-1"},
        dataset="pets",
        sent_ms={"r-0": 1.5, "r-1": 2.5},
        starts={0: 7, 3: 0},
    )
    return runs.SentRun(sent, ("cat", "dog"), {"cat/ä.png": 0, "dog/1.png": 1})


def test_a_run_is_saved_as_it_was(runs_directory: Path) -> None:
    run = sent_run("abc123")
    assert runs.save(run) == runs_directory / "abc123.json"
    assert runs.load("abc123") == runs.load("ab") == run
    plain = runs.SentRun(SubmittedRun("b", {"1.png": "r-0"}, sent_ms={"r-0": 1.0}))
    runs.save(plain)
    assert runs.load("b") == plain  # no labels are not labels of nothing


def test_a_run_that_is_not_there_is_named(runs_directory: Path) -> None:
    with pytest.raises(CommandError, match=r"no run 'abc' in .*runs\. The newest there: none\."):
        runs.load("abc")
    for run_id in ("abc1", "abc2", "abc"):
        runs.save(sent_run(run_id))
    assert runs.load("abc").submitted.run_id == "abc"  # the whole id comes first
    with pytest.raises(CommandError, match="Several runs begin with 'ab'"):
        runs.load("ab")
    with pytest.raises(CommandError, match=r"no run '\.\./abc'"):
        runs.load("../abc")
    (runs_directory / "abc1.json").write_text('{"format": "other"}')
    with pytest.raises(CommandError, match=r"abc1\.json is not a saved run .*'other'"):
        runs.load("abc1")


def test_no_models_are_an_empty_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MOSSHUB_MODELS", str(tmp_path))
    assert main(["models", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["models"]) == 0
    assert capsys.readouterr().out == ""


def test_errors_are_a_sentence_and_exit_code_1(
    runs_directory: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    monkeypatch.setenv("MOSSHUB_MODELS", str(tmp_path / "models"))
    (tmp_path / "empty").mkdir()
    (tmp_path / "net.keras").write_text("no model")
    for arguments, expected in (
        (["send", str(tmp_path / "nowhere")], "no file or folder"),
        (["send", str(tmp_path / "empty")], "no PNG or JPEG file"),
        (["send", str(tmp_path), "--dataset", "my pets"], "letters, digits"),
        (["judge", "abc"], "There is no run 'abc'"),
        (["judge", "--dataset", "pets"], "no data set 'pets'"),
        (["agent", "vgg"], "No version 'vgg'"),
        (["agent", str(tmp_path / "none.keras")], "no file"),
        (["agent", str(tmp_path / "net.keras"), "--name", "my net"], "--name"),
        (["tail", "requests"], "No broker is set"),
    ):
        assert main([*arguments, "--json"]) == 1, arguments
        said = capsys.readouterr()
        assert said.out == ""
        assert expected in said.err
        assert said.err.startswith("imageclass: ")
        assert said.err.count("\n") == 1
