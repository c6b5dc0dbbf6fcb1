"""The raw figures of one part of the bench, and the file that keeps them."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
RAW = RESULTS / "raw"


@dataclass(frozen=True)
class Sample:
    """One figure.

    Attributes:
        measure: what was measured, a key of `catalogue.MEASURES`.
        subject: who was measured, a key of `catalogue.SUBJECTS`.
        turn: the round, from 1.
        value: the figure, in the measure's unit.
    """

    measure: str
    subject: str
    turn: int
    value: float


@dataclass
class Recording:
    """All figures of one part.

    Attributes:
        part: the part's name, such as `pages`.
        about: when, where and of which commit they are, as words for the report.
        samples: the figures, in the order in which they were taken.
    """

    part: str
    about: dict[str, str] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)

    def add(self, measure: str, subject: str, turn: int, value: float) -> None:
        """Take a figure, and print it."""
        self.samples.append(Sample(measure, subject, turn, round(value, 4)))
        print(f"  {turn}. {subject}: {measure} {value:,.3f}", flush=True)

    def values(self, measure: str, subject: str) -> list[float]:
        """Return the figures of a measure and a subject, in their order."""
        return [
            sample.value
            for sample in self.samples
            if (sample.measure, sample.subject) == (measure, subject)
        ]

    def write(self, directory: Path = RAW) -> Path:
        """Write the file of this part, a line for each figure, and return its path."""
        directory.mkdir(parents=True, exist_ok=True)
        rows = ",\n".join(
            json.dumps([sample.measure, sample.subject, sample.turn, sample.value])
            for sample in self.samples
        )
        head = json.dumps({"part": self.part, "about": self.about}, indent=1)
        path = directory / f"{self.part}.json"
        path.write_text(f'{head[:-2]},\n "samples": [\n{rows}\n]}}\n', "utf-8")
        return path


def read(path: Path) -> Recording:
    """Read the file of a part."""
    content = json.loads(path.read_text("utf-8"))
    samples = [Sample(*row) for row in content["samples"]]
    return Recording(content["part"], content["about"], samples)


def begin(part: str) -> Recording:
    """Return an empty recording that says where and when it is made."""
    commit = _output("git", "rev-parse", "--short=10", "HEAD")
    # Results of parts before this one do not count.
    changed = _output("git", "status", "--porcelain", "--", ".", ":!bench/results")
    return Recording(
        part,
        {
            "when": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            "commit": f"{commit}-dirty" if changed else commit or "unknown",
            "machine": f"{os.cpu_count()} cores, {_memory_gb():.0f} GB of memory,"
            f" Linux {platform.release().partition('-')[0]}, Python {platform.python_version()}",
            "load": f"{os.getloadavg()[0]:.1f}",
        },
    )


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def _output(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()
