"""The page of results says what the raw figures say, and whether a goal is met."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import samples
from bench.catalogue import MEASURES, SUBJECTS, TABLES
from bench.goals import GOALS, Goal
from bench.report import goal_row, percentile, render, summarize
from bench.samples import Recording, Sample

ABOUT = {"when": "2026-11-27", "commit": "abc", "machine": "2 cores", "load": "0.1"}


def recording(part: str, **figures: dict[str, list[float]]) -> Recording:
    """Return a recording of these figures, by measure and subject."""
    return Recording(
        part,
        ABOUT,
        [
            Sample(measure, subject, turn, value)
            for measure, subjects in figures.items()
            for subject, values in subjects.items()
            for turn, value in enumerate(values, 1)
        ],
    )


@pytest.fixture
def pages() -> Recording:
    return recording(
        "pages",
        stopped={"mosshub": [1.0, 3.0, 1.2], "extension": [6.0, 5.0, 7.5]},
        notebook={"mosshub": [2.0, 2.0], "proxy": [3.0, 3.0]},
    )


def test_the_page_has_medians_ranges_and_counts(pages: Recording) -> None:
    page = render({"pages": pages}, "pages.png")
    assert (
        "| | JupyterLab's server with marimo's extension | marimo behind the standalone proxy"
        " | Mosshub, server and hub |" in page
    )
    stopped = "| click on sign-in → the notebooks, server stopped | **6.00 s** (5.00 to 7.50) |"
    assert f"{stopped}  | **1.20 s** (1.00 to 3.00) |" in page
    assert "| opening a notebook → its first output |  | 3.00 s | 2.00 s |" in page
    assert "2026-11-27, commit abc, 2 cores, load 0.1; n = 2 or 3." in page
    assert "![" in page and "pages.png" in page
    assert "On a slow network" not in page, "nothing was measured there"
    assert "The hub under load" not in page


def test_a_goal_is_met_or_not(pages: Recording) -> None:
    page = render({"pages": pages})
    met = (
        "| 1.20 s | 6.00 s: JupyterLab's server with marimo's extension | 0.20 × | ≤ 0.25 × | met |"
    )
    assert f"| click on sign-in → the notebooks, server stopped {met}" in page
    missed = (
        "| 2.00 s | 3.00 s: marimo behind the standalone proxy | 0.67 × | ≤ 0.6 × | **not met** |"
    )
    assert f"| opening a notebook → its first output {missed}" in page
    assert page.count("met |") == 1
    assert "slow network" not in page.partition("## From")[0], "a goal without figures has no row"


@pytest.mark.parametrize(("share", "verdict"), [(0.89, "**not met**"), (0.9, "met")])
def test_some_ratios_must_be_large(share: float, verdict: str) -> None:
    goal = Goal("share", "28x28x1", 0.9, at_least=True)
    figures = recording("streaming", share={"28x28x1": [share]})
    row = goal_row(goal, {"streaming": figures})
    assert f"| {share:.2f}× |" in row and row.endswith(f"| ≥ 0.90× | {verdict} |")


def test_a_crowd_is_judged_by_its_last() -> None:
    figures = recording(
        "hub",
        crowd={"mosshub": [1.0] * 18 + [9.0] * 2, "extension": [10.0] * 20},
    )
    row = goal_row(Goal("crowd", "mosshub", 0.33, "extension", percentile=95), {"hub": figures})
    assert "| 9.0 s | 10.0 s: " in row and "**not met**" in row


def test_percentiles() -> None:
    assert percentile([4, 1, 3, 2], 50) == 2.5
    assert percentile(range(1, 101), 95) == 95
    assert percentile(range(1, 21), 95) == 19
    assert percentile([7], 95) == 7
    assert summarize([]) is None


def test_a_file_gives_back_what_was_written(tmp_path: Path, pages: Recording) -> None:
    path = pages.write(tmp_path)
    assert path == tmp_path / "pages.json"
    assert samples.read(path) == pages
    assert len(path.read_text().splitlines()) > len(pages.samples), "a line for each figure"


def test_everything_that_is_shown_is_described() -> None:
    shown = {name for table in TABLES for name in table.measures}
    assert shown == set(MEASURES)
    for goal in GOALS:
        assert goal.measure in MEASURES and goal.subject in SUBJECTS
        assert not goal.reference or goal.reference in SUBJECTS


def test_the_results_in_the_repository_are_of_the_raw_figures() -> None:
    recordings = {r.part: r for r in map(samples.read, sorted(samples.RAW.glob("*.json")))}
    assert recordings, "bench/results/raw has the figures of `make bench`"
    page = (samples.RESULTS / "README.md").read_text("utf-8")
    assert page == render(recordings, "pages.png" if "pages" in recordings else "")
