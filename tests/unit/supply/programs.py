"""Stand-ins of the programs that `supply` runs: they note what they are asked, and answer."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

PROGRAM = """#!{python} -IS
import json, pathlib, sys
given, place = sys.argv[1:], pathlib.Path(__file__)
named = [pathlib.Path(one.removeprefix("sbom:")) for one in given]
read = [path.read_text() for path in named if path.is_file()]
with place.with_suffix(".calls").open("a") as calls:
    print(json.dumps([given, str(pathlib.Path.cwd()), read]), file=calls)
for word, out, err, status in json.loads(place.with_suffix(".answers").read_text()):
    if word in given:
        sys.stderr.write(err)
        sys.stdout.write(out)
        sys.exit(status)
sys.exit(f"{{place.name}}: nobody expects {{given}}")
"""


class Call(NamedTuple):
    """What a program was asked: its arguments, in which folder, and the files that they name."""

    arguments: list[str]
    folder: str
    read: list[str]


class Program:
    """A program on PATH that answers as the real one does."""

    def __init__(self, folder: Path, name: str) -> None:
        self._place = folder / name
        self._answers: list[list[Any]] = []
        self._place.write_text(PROGRAM.format(python=sys.executable))
        self._place.chmod(0o755)

    def answers(self, word: str, out: object = "", err: str = "", status: int = 0) -> None:
        """Set what it prints, a text or JSON, if one of its arguments is `word`."""
        text = out if isinstance(out, str) else json.dumps(out)
        self._answers.insert(0, [word, text, err, status])
        self._place.with_suffix(".answers").write_text(json.dumps(self._answers))

    @property
    def calls(self) -> list[Call]:
        """What it was asked so far."""
        noted = self._place.with_suffix(".calls")
        lines = noted.read_text().splitlines() if noted.exists() else []
        return [Call(*json.loads(line)) for line in lines]
