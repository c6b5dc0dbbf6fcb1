"""The page that `make models` writes."""

import re
from pathlib import Path

import numpy as np
import pytest
from imageclass.cli import model_report
from imageclass.data.datasets import Dataset
from imageclass.models.metrics import measure
from imageclass.models.registry import ModelVersion

from tests.support.paths import ROOT

LABELS = np.tile(np.arange(2), 10)
IMAGES = np.zeros((20, 4, 4, 1), np.uint8)
DATA = Dataset("two", IMAGES, LABELS, IMAGES, LABELS, ("left", "right"))


def answers(wrong: list[int], sure: float) -> np.ndarray:
    """Right for all of `LABELS` but those, and as `sure` of each."""
    given = LABELS.copy()
    given[wrong] ^= 1
    return np.where(np.eye(2)[given] > 0, sure, 1 - sure).astype(np.float32)


def version(name: str, probabilities: np.ndarray) -> ModelVersion:
    settings = {"epochs": 3, "batch_size": 64}
    return ModelVersion(
        "0" * 12, name, "two", Path(), settings, measure(probabilities, LABELS), (),
        DATA.class_names, 1234, 90.0, "2026-01-02T03:04:05+00:00", {},
    )  # fmt: skip


def written(*given: np.ndarray) -> str:
    return model_report.page(
        [version("cnn", given[0]), version("resnet", given[1])], list(given), DATA
    )


@pytest.mark.slow
def test_the_page_has_the_figures_of_both_and_of_the_vote() -> None:
    # The agent that is right is surer, except for image 9, which the vote loses.
    one, other = answers([0, 1, 2, 3, 4, 5, 6, 7], 0.6), answers([8, 9], 0.7)
    one[[8, 9]] = [[0.99, 0.01], [0.4, 0.6]]
    text = written(one, other)
    assert "| cnn | 60.00% |" in text
    assert "| resnet | 90.00% |" in text
    assert "| **soft vote** | **95.00%** |" in text
    assert "1,234 | 3 | 64 | 1.5 min" in text
    assert "| soft vote, cnn | 8 | 1 | 0.039 |" in text
    assert "| soft vote, resnet | 1 | 0 | 1 |" in text
    assert "does not beat: resnet." in text
    assert "| soft vote, recall | 100.0% | 90.0% |" in text


@pytest.mark.slow
def test_a_vote_that_is_better_than_both_is_said_to_be() -> None:
    one, other = answers([*range(6)], 0.6), answers([*range(10, 16)], 0.6)
    for sure, unsure in ((one, other), (other, one)):
        wrong = unsure.argmax(axis=1) != LABELS
        sure[wrong] = np.where(sure[wrong] > 0.5, 0.9, 0.1)
    text = written(one, other)
    assert "| soft vote, cnn | 6 | 0 | 0.031 |" in text
    assert "The vote beats each of them" in text


@pytest.mark.parametrize("name", model_report.SETTINGS)
def test_the_page_in_the_repository_holds_what_was_asked(name: str) -> None:
    page = (ROOT / "docs/models.md").read_text()
    rows = re.findall(r"^\| \**([a-z ]+)\** \| \**([\d.]+)%", page, re.MULTILINE)
    accuracy = {model: float(share) for model, share in rows}
    assert accuracy[name] >= {"cnn": 91.0, "resnet": 92.0}[name]
    assert accuracy["soft vote"] >= max(accuracy["cnn"], accuracy["resnet"])
