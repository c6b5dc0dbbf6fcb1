"""Makes `results/README.md` of the raw figures."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bench.catalogue import MEASURES, SUBJECTS, TABLES, Measure, Table
from bench.goals import GOALS, Goal
from bench.samples import RAW, RESULTS, Recording, read

PICTURE = "pages.png"
_HEAD = """\
# Results of `make bench`

Made by `make bench`; do not edit. A cell has the median, then the range, of all rounds. Everybody
is measured in turn within a round. The raw figures are in [`raw/`](raw).
"""
_HOW = """\
## How to reproduce

`make bench` measures everything on one machine and writes this page; `make bench PART=pages` (or
`memory`, `hub`, `start`, `streaming`) one part, `ROUNDS=2` for a quick look. It needs Linux, root
and Docker, as `make test` does, builds the images of the rivals (`bench/rivals`) and ours, and
takes 22 to 25 minutes. `make bench PART=start COLD=1` also installs the platform from nothing.
`PART=cluster` and `PART=brokers` run only when they are asked for: they make a cluster, as
`make test-cluster` does, and take a quarter of an hour; the first builds kwok with Go once. A busy
machine makes all figures worse: *load* is what other programs took when a part began.

[not-met.md](not-met.md) says why goals are not met. [first-notebook.md](first-notebook.md),
[gpu.md](gpu.md) and [broker.md](broker.md) have figures that this does not measure.
"""


@dataclass(frozen=True)
class Summary:
    """What the figures of one cell come to.

    Attributes:
        median: their middle.
        low: the least.
        high: the largest.
        count: how many there are.
    """

    median: float
    low: float
    high: float
    count: int


def summarize(values: Iterable[float]) -> Summary | None:
    """Return what figures come to; None if there are none."""
    ordered = sorted(values)
    if not ordered:
        return None
    return Summary(statistics.median(ordered), ordered[0], ordered[-1], len(ordered))


def percentile(values: Iterable[float], percent: int) -> float:
    """Return the figure that `percent` of all do not exceed.

    The median is the middle of an even number of figures, as in the tables.
    """
    ordered = sorted(values)
    if percent == 50:
        return statistics.median(ordered)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def render(recordings: Mapping[str, Recording], picture: str = "") -> str:
    """Return the page.

    Args:
        recordings: the figures, by part.
        picture: file name of the picture; empty for none.
    """
    parts = [_HEAD, goals_table(recordings)]
    if picture:
        parts.append(f"![medians and rounds of each]({picture})\n")
    parts += [
        section(table, recordings[table.part]) for table in TABLES if table.part in recordings
    ]
    parts.append(_HOW)
    return "\n".join(part for part in parts if part)


def number(value: float, measure: Measure) -> str:
    """Return a figure with its unit."""
    return f"{value:,.{measure.digits}f}{'' if measure.unit == '×' else ' '}{measure.unit}".strip()


def cell(values: list[float], measure: Measure) -> str:
    """Return a cell: median and range; one figure alone as it is."""
    summary = summarize(values)
    if summary is None:
        return ""
    if summary.low == summary.high:
        return number(summary.median, measure)
    low, high = (f"{value:,.{measure.digits}f}" for value in (summary.low, summary.high))
    return f"**{number(summary.median, measure)}** ({low} to {high})"


def section(table: Table, recording: Recording) -> str:
    """Return a heading, a table and its note; nothing if there is no figure."""
    found = {s.subject for s in recording.samples if s.measure in table.measures}
    subjects = [subject for subject in SUBJECTS if subject in found]
    if not subjects:
        return ""
    counts = sorted(
        {len(v) for m in table.measures for s in subjects if (v := recording.values(m, s))}
    )
    about = recording.about
    lines = [
        f"## {table.title}\n",
        f"{table.note}\n",
        f"{about['when']}, commit {about['commit']}, {about['machine']}, load {about['load']};"
        f" n = {' or '.join(map(str, counts))}.\n",
        f"| | {' | '.join(SUBJECTS[subject] for subject in subjects)} |",
        f"|---|{'---|' * len(subjects)}",
    ]
    for name in table.measures:
        cells = [cell(recording.values(name, subject), MEASURES[name]) for subject in subjects]
        if any(cells):
            lines.append(f"| {MEASURES[name].title} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def goals_table(recordings: Mapping[str, Recording]) -> str:
    """Return the table of the goals that have figures."""
    rows = [row for goal in GOALS if (row := goal_row(goal, recordings))]
    if not rows:
        return ""
    head = "| goal | Mosshub | compared with | ratio | asked | |\n|---|---|---|---|---|---|"
    return f"## The goals\n\n{head}\n" + "\n".join(rows) + "\n"


def goal_row(goal: Goal, recordings: Mapping[str, Recording]) -> str:
    """Return a goal's row; nothing if its figures are missing."""
    ours = _figure(goal.measure, goal.subject, goal.percentile, recordings)
    measure = MEASURES[goal.measure]
    other, compared = 1.0, ""
    if goal.reference:
        other_measure = goal.reference_measure or goal.measure
        theirs = _figure(other_measure, goal.reference, goal.percentile, recordings)
        if not theirs:
            return ""
        other = theirs
        name = MEASURES[other_measure].title if goal.reference_measure else SUBJECTS[goal.reference]
        compared = f"{number(theirs, MEASURES[other_measure])}: {name}"
    if ours is None:
        return ""
    ratio = ours / other
    met = ratio >= goal.limit if goal.at_least else ratio <= goal.limit
    sign = "≥" if goal.at_least else "≤"
    asked = (
        f"{sign} {goal.limit:.3g} ×" if goal.reference else f"{sign} {number(goal.limit, measure)}"
    )
    title = measure.title + (f", {goal.percentile} % within" if goal.percentile != 50 else "")
    if goal.subject != "mosshub":
        title += f", {SUBJECTS[goal.subject]}"
    shown = f"{ratio:.2f} ×" if goal.reference else ""
    verdict = "met" if met else "**not met**"
    return f"| {title} | {number(ours, measure)} | {compared} | {shown} | {asked} | {verdict} |"


def _figure(
    measure: str, subject: str, percent: int, recordings: Mapping[str, Recording]
) -> float | None:
    values = [v for recording in recordings.values() for v in recording.values(measure, subject)]
    return percentile(values, percent) if values else None


def write() -> None:
    """Write the page and its picture of the raw figures that are there."""
    from bench.chart import draw

    recordings = {r.part: r for r in (read(path) for path in sorted(RAW.glob("*.json")))}
    drawn = "pages" in recordings
    if drawn:
        draw(recordings["pages"], RESULTS / PICTURE)
    (RESULTS / "README.md").write_text(render(recordings, PICTURE if drawn else ""), "utf-8")
