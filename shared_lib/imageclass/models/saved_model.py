"""A trained model as files, written whole or not at all.

It is a directory of four files: `model.keras` (layers and weights, no optimizer), `version.json`
(settings, metrics, hashes), `history.json` and `validation.npz`. It is written beside its place and
then renamed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imageclass._keras import keras_and_tensorflow
from imageclass.models.metrics import Metrics
from imageclass.models.training import Epoch

if TYPE_CHECKING:
    import keras

_FILES = ("model.keras", "history.json", "validation.npz")


class VersionError(Exception):
    """A model version is missing or damaged; the text says where and what to do."""


@dataclass(frozen=True)
class ModelVersion:
    """A trained model on disk.

    Attributes:
        id: 12 hexadecimal digits, the hash of `settings`.
        name: name of the network.
        dataset: name of the data set.
        path: its directory.
        settings: all that decides what training gives.
        metrics: on all test images.
        history: one entry for each epoch.
        class_names: names of the classes.
        parameters: number of the model's parameters.
        seconds: what the training took.
        created: ISO 8601, UTC.
        hashes: SHA-256 of each file.
    """

    id: str
    name: str
    dataset: str
    path: Path
    settings: dict[str, Any] = field(repr=False)
    metrics: Metrics = field(repr=False)
    history: tuple[Epoch, ...] = field(repr=False)
    class_names: tuple[str, ...] = field(repr=False)
    parameters: int
    seconds: float
    created: str
    hashes: dict[str, str] = field(repr=False)

    def load(self) -> keras.Model:
        """Return the model with the weights that were saved.

        What the file says is data and never code: it may come from somebody else of the team.

        Raises:
            VersionError: its file is missing, has changed, or is of another kind.
            ValueError: it has a layer that would run code of its own.
        """
        keras, _ = keras_and_tensorflow()
        file = self._file("model.keras")
        if not zipfile.is_zipfile(file):  # Keras reads older kinds without its safe mode
            raise _damaged(self.path, "model.keras is not Keras' format of that name")
        return keras.models.load_model(file, compile=False, safe_mode=True)

    def validation(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return the model's predictions for the validation images.

        Returns:
            Probabilities, float32 (n, classes), and true labels, int64 (n,).

        Raises:
            VersionError: its file is missing or has changed.
        """
        with np.load(self._file("validation.npz"), allow_pickle=False) as arrays:
            return arrays["probabilities"], arrays["labels"]

    def _file(self, name: str) -> Path:
        path = self.path / name
        if not path.is_file():
            raise _damaged(self.path, f"{name} is missing")
        if _hash_of_file(path) != self.hashes[name]:
            raise _damaged(self.path, f"{name} is not what was saved")
        return path


def save(
    path: Path,
    about: dict[str, Any],
    model: keras.Model,
    history: list[Epoch],
    validation: dict[str, NDArray[Any]],
) -> None:
    """Write a model version.

    Args:
        path: its directory, which does not exist. If another process writes it meanwhile, that
            one stays: it is as good.
        about: the content of `version.json` but for the hashes.
        model: the trained model.
        history: one entry for each epoch.
        validation: `probabilities` and `labels` of the validation images.

    Raises:
        OSError: a file cannot be written; nothing is left then.
    """
    # A directory of this process's own, beside the place: a rename within one directory is atomic.
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    draft.mkdir()
    try:
        model.save(draft / "model.keras")
        (draft / "history.json").write_text(json.dumps([asdict(epoch) for epoch in history]))
        np.savez(draft / "validation.npz", **validation)  # type: ignore[arg-type]
        hashes = {file: _hash_of_file(draft / file) for file in _FILES}
        (draft / "version.json").write_text(json.dumps({**about, "hashes": hashes}, indent=1))
        try:
            draft.rename(path)
        except OSError:
            if not path.exists():
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def read(path: Path) -> ModelVersion:
    """Return the model version in a directory.

    Raises:
        VersionError: a file is missing or cannot be read.
    """
    for name in ("version.json", *_FILES):
        if not (path / name).is_file():  # also a pipe, which would be read for ever
            raise _damaged(path, f"{name} is missing")
    try:
        about = json.loads((path / "version.json").read_text())
        history = json.loads((path / "history.json").read_text())
        metrics = about["metrics"]
        metrics["confusion"] = tuple(map(tuple, metrics["confusion"]))
        metrics["precision"], metrics["recall"] = (
            tuple(metrics["precision"]), tuple(metrics["recall"]),
        )  # fmt: skip
        version = ModelVersion(
            id=about["id"],
            name=about["settings"]["model"],
            dataset=about["settings"]["dataset"],
            path=path,
            settings=about["settings"],
            metrics=Metrics(**metrics),
            history=tuple(Epoch(**epoch) for epoch in history),
            class_names=tuple(about["class_names"]),
            parameters=about["parameters"],
            seconds=about["seconds"],
            created=about["created"],
            hashes=about["hashes"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, f"version.json or history.json cannot be read ({error!r})") from error
    if version.id != path.name:
        raise _damaged(path, f"version.json is that of {version.id}")
    return version


def _damaged(path: Path, what: str) -> VersionError:
    return VersionError(
        f"The model version {path} is damaged: {what}. Delete that directory and train again with"
        " the same settings."
    )


def _hash_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
