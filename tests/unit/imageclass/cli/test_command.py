"""The command without a broker: arguments, models, errors."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from imageclass.cli import main
from imageclass.cli.parser import parse


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
