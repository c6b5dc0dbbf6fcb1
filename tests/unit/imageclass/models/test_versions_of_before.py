"""Models saved by imageclass 0.1.0 still load, and are trained again only with a sentence why."""

from __future__ import annotations

import hashlib
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from imageclass._keras import keras_and_tensorflow
from imageclass.models import registry, training
from imageclass.models.code_version import code_version, without_prose

OLD_ID = "e337df297ef8"
OLD_VERSION = """
{"id": "e337df297ef8",
 "settings": {"model": "cnn", "dataset": "digits", "dataset_hash": "e4d5e79c9801", "epochs": 1,
  "batch_size": 64, "num_images": 400, "seed": 1, "augment": true, "options": {},
  "code": "2229b5f5bd3e"},
 "class_names": ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
 "metrics": {"images": 450, "accuracy": 0.1, "loss": 1.9581229891852672,
  "confusion": [[45, 0], [0, 45]], "precision": [0.1935483870967742, 0.0], "recall": [0.5, 0.0]},
 "parameters": 650, "seconds": 14.4, "created": "2026-11-26T12:18:45+00:00",
 "packages": {"imageclass": "0.1.0", "keras": "3.15.1", "numpy": "2.4.6"}}
"""
OLD_HISTORY = """[{"epoch": 1, "loss": 2.2454426288604736, "accuracy": 0.2750000059604645,
 "val_loss": 2.004204273223877, "val_accuracy": 0.30000001192092896}]"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A version as imageclass 0.1.0 wrote it, with the smallest of models in it."""
    keras, _ = keras_and_tensorflow()
    place = tmp_path / "digits" / "cnn" / OLD_ID
    place.mkdir(parents=True)
    pixels = keras.Input((8, 8, 1), dtype="uint8")
    flat = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(pixels))
    model = keras.Model(pixels, keras.layers.Dense(10, activation="softmax")(flat))
    model.save(place / "model.keras")
    (place / "history.json").write_text(OLD_HISTORY)
    np.savez(
        place / "validation.npz",
        probabilities=np.full((40, 10), 0.1, np.float32),
        labels=np.zeros(40, np.int64),
    )
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in place.iterdir()}
    about = {**json.loads(OLD_VERSION), "hashes": hashes}
    (place / "version.json").write_text(json.dumps(about, indent=1))
    return place


def test_a_version_of_before_is_found_and_loaded(old: Path, tmp_path: Path) -> None:
    (listed,) = registry.list_versions(tmp_path)
    version = registry.find_version("cnn", "digits", tmp_path)
    assert listed == version == registry.find_version(OLD_ID, root=tmp_path)
    assert (version.path, version.metrics.images, version.history[0].epoch) == (old, 450, 1)
    assert version.settings["code"] == "2229b5f5bd3e"
    probabilities, labels = version.validation()
    assert (probabilities.shape, labels.shape) == ((40, 10), (40,))
    images = np.zeros((3, 8, 8, 1), np.uint8)
    assert np.asarray(version.load()(images)).shape == (3, 10)


class Trained(Exception):
    """Ends a test where the training would begin."""


def test_what_other_code_trained_is_trained_again_and_that_is_said(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(*_: object, **__: object) -> None:
        raise Trained

    monkeypatch.setattr(training, "train", train)
    numbers = {"epochs": 1, "batch_size": 64, "num_images": 400}
    said = rf"cnn is trained again: the version {OLD_ID} .* code .* has changed since.*stays"
    with pytest.warns(UserWarning, match=said), pytest.raises(Trained):
        registry.train_or_load("cnn", "digits", seed=1, root=tmp_path, **numbers)
    assert old.exists()
    with warnings.catch_warnings(), pytest.raises(Trained):
        warnings.simplefilter("error")  # other settings say nothing of the old version
        registry.train_or_load("cnn", "digits", seed=2, root=tmp_path, **numbers)


def test_the_codes_hash_does_not_hang_on_sentences() -> None:
    before = (
        "class Net:\n"
        '    """A net.\n\n    It is small.\n    """\n\n'
        "    def build(self, x):  # of layers\n"
        '        """Build it."""\n'
        "        # The first one.\n"
        "        return x + '# no comment'\n"
    )
    after = "class Net:\n    def build(self, x):\n        return x + '# no comment'\n"
    assert without_prose(before) == without_prose(after) == after

    def scaled(x: float) -> float:
        """Double it."""
        return 2 * x  # doubled

    written = scaled

    def scaled(x: float) -> float:
        return 2 * x

    assert code_version(written) == code_version(scaled)

    def scaled(x: float) -> float:
        return 3 * x

    assert code_version(written) != code_version(scaled)
