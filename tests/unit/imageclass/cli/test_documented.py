"""docs/command-line.md and the other documents name commands and options that there are."""

from __future__ import annotations

import re
import shlex

import pytest
from imageclass.cli.parser import parse

from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "command-line.md").read_text()
#: By command, what it cannot do without.
NEEDED = {
    "models": [],
    "agent": ["cnn"],
    "send": ["clothes"],
    "judge": ["5afaa484"],
    "tail": ["requests"],
}


def examples() -> list[str]:
    """Return the commands in all documents, in code and after a prompt."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    text = "\n".join(page.read_text() for page in pages)
    quoted = re.findall(r"`imageclass ([^`\n]+)`", text)
    return sorted({*quoted, *re.findall(r"^\$ imageclass (.+)$", text, re.MULTILINE)})


def refuses(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        parse(arguments)
    said = capsys.readouterr()
    assert ended.value.code == 2, said.out
    return said.err


def test_its_table_has_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    choices = re.search(r"choose from (.+)\)", refuses(capsys, "no-such-command"))
    assert choices
    commands = re.findall(r"\w+", choices[1])
    assert set(re.findall(r"^\| `imageclass (\w+)", PAGE, re.MULTILINE)) == set(commands)
    assert set(NEEDED) == set(commands)


@pytest.mark.parametrize("example", examples())
def test_an_example_is_understood(example: str) -> None:
    if not example.endswith("--help"):
        assert parse(shlex.split(example)).command in NEEDED


def test_its_options_are_those_of_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    helps = ""
    for command in NEEDED:
        with pytest.raises(SystemExit):
            parse([command, "--help"])
        helps += capsys.readouterr().out
    known = set(re.findall(r"--[a-z][a-z-]+", helps))
    named = set(re.findall(r"--[a-z][a-z-]+", PAGE))
    assert {"--json", "--labels-from-folders"} <= named
    assert named <= known, f"there is no {named - known}"
