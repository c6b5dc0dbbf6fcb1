"""Compiled classifiers."""

from typing import Any

import numpy as np
import pytest
from imageclass.data.datasets import load
from imageclass.models import architectures, classifier

DIGITS = load("digits")


@pytest.fixture(scope="module")
def model() -> Any:
    return architectures.build_cnn((8, 8, 1), 10, seed=1)


@pytest.fixture(scope="module")
def compiled(model: Any) -> classifier.CompiledClassifier:
    return classifier.CompiledClassifier(model, batch_size=64)


@pytest.mark.parametrize("count", [0, 1, 2, 16, 17, 64, 65, 200])
def test_padding_and_slicing_change_no_answer(
    model: Any, compiled: classifier.CompiledClassifier, count: int
) -> None:
    images = DIGITS.test_images[:count]
    answers = compiled(images)
    assert answers.shape == (count, 10)
    if count:
        np.testing.assert_allclose(answers, np.asarray(model(images)), atol=1e-5)
