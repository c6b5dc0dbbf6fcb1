"""Trained models as files: the same settings are trained once and loaded ever after.

A version is a directory `<root>/<dataset>/<model>/<id>/` of four files: `model.keras` (layers and
weights, no optimizer), `version.json` (settings, metrics, hashes), `history.json` and
`validation.npz`. It appears whole or not at all: it is written beside its place and renamed.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import shutil
import time
import uuid
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imageclass._keras import keras_and_tensorflow
from imageclass.data import augmentation, datasets
from imageclass.models import architectures, training
from imageclass.models.classifier import CompiledClassifier
from imageclass.models.metrics import Metrics, measure
from imageclass.models.training import Epoch

if TYPE_CHECKING:
    import keras

#: Names the directory of all versions; `~/models` without it.
ROOT_VARIABLE = "MOSSHUB_MODELS"
_FILES = ("model.keras", "history.json", "validation.npz")


class VersionError(Exception):
    """A version is not there or is damaged; the text says where and what to do."""


@dataclass(frozen=True)
class ModelVersion:
    """A trained model on disk, at `path`.

    `id`: 12 hexadecimal digits, the hash of `settings` (all that decides what training gives);
    `metrics`: on all test images; `history`: one entry for each epoch; `created`: ISO 8601, UTC;
    `seconds`: what the training took; `parameters`: how many numbers the model has.
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
    hashes: dict[str, str] = field(repr=False)  # SHA-256 of each file

    def load(self) -> keras.Model:
        """The model with the weights that were saved; `VersionError` if its file has changed."""
        keras, _ = keras_and_tensorflow()
        return keras.models.load_model(self._file("model.keras"), compile=False)

    def validation(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """What the model says about the training images that were held back: probabilities,
        float32 (n, classes), and true labels, int64 (n,). Raises `VersionError` as `load` does."""
        with np.load(self._file("validation.npz")) as arrays:
            return arrays["probabilities"], arrays["labels"]

    def _file(self, name: str) -> Path:
        path = self.path / name
        if not path.is_file():
            raise _damaged(self.path, f"{name} is missing")
        if _hash_of_file(path) != self.hashes[name]:
            raise _damaged(self.path, f"{name} is not what was saved")
        return path


def train_or_load(
    name: str,
    dataset: str,
    *,
    epochs: int,
    batch_size: int,
    num_images: int | None = None,
    seed: int = 0,
    augment: bool = True,
    root: Path | str | None = None,
    on_batch: Callable[[int, int], object] | None = None,
    on_epoch: Callable[[Epoch], object] | None = None,
    **options: Any,
) -> ModelVersion:
    """The model `name` (of `models.MODELS`) trained on the data set `dataset`, saved under `root`
    (default: the environment's `MOSSHUB_MODELS`, else `~/models`).

    If a version with the same settings is there it is returned instead, and nothing is trained.
    `options` go to the model's builder (JSON values, e.g. `weights=None` for `mobilenet`); the rest
    is as for `training.train`. Raises `DatasetError`, `ModelError`, `ValueError` and, if a version
    of these settings is damaged, `VersionError`.
    """
    builder = architectures.builder(name)
    data = datasets.load(dataset)
    settings: dict[str, Any] = {
        "model": name,
        "dataset": dataset,
        "dataset_hash": data.fingerprint,
        "epochs": epochs,
        "batch_size": batch_size,
        "num_images": len(data.train_images) if num_images is None else num_images,
        "seed": seed,
        "augment": augment,
        "options": options,
        "code": code_version(builder),
    }
    version_id = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]
    path = _root(root) / dataset / name / version_id
    if path.exists():
        return _read(path)

    path.parent.mkdir(parents=True, exist_ok=True)  # what cannot be saved is not trained
    model = builder(data.image_shape, len(data.class_names), seed, **options)
    started = time.monotonic()
    history = training.train(
        model,
        data,
        epochs=epochs,
        batch_size=batch_size,
        num_images=num_images,
        seed=seed,
        augment=augment,
        on_batch=on_batch,
        on_epoch=on_epoch,
    )
    seconds = time.monotonic() - started
    classifier = CompiledClassifier(model)
    _, held_back = training.split(data, num_images, seed)
    about = {
        "id": version_id,
        "settings": settings,
        "class_names": data.class_names,
        "metrics": asdict(measure(classifier(data.test_images), data.test_labels)),
        "parameters": model.count_params(),
        "seconds": round(seconds, 1),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "packages": {package: installed(package) for package in ("imageclass", "keras", "numpy")},
    }
    validation: dict[str, NDArray[Any]] = {
        "probabilities": classifier(data.train_images[held_back]),
        "labels": data.train_labels[held_back],
    }
    _save(path, about, model, history, validation)
    return _read(path)


def _save(
    path: Path,
    about: dict[str, Any],
    model: keras.Model,
    history: list[Epoch],
    validation: dict[str, NDArray[Any]],
) -> None:
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
            # Another process has trained the same meanwhile; its version is as good.
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def list_versions(root: Path | str | None = None) -> list[ModelVersion]:
    """Every version under `root`, the oldest first. A damaged one is left out with a warning."""
    found = []
    for path in _directories(root):
        try:
            found.append(_read(path))
        except VersionError as error:
            warnings.warn(str(error), stacklevel=2)
    return sorted(found, key=lambda version: (version.created, version.id))


def find_version(
    name_or_id: str, dataset: str | None = None, root: Path | str | None = None
) -> ModelVersion:
    """The version with this id, or the newest of the model with this name, of `dataset` if given.

    Raises `VersionError` if there is none, saying what there is and what to do.
    """
    for path in _directories(root):
        if path.name == name_or_id and dataset in (None, path.parent.parent.name):
            return _read(path)
    versions = list_versions(root)
    for version in reversed(versions):
        if version.name == name_or_id and dataset in (None, version.dataset):
            return version
    known = ", ".join(f"{v.name} {v.id} ({v.dataset})" for v in versions) or "none"
    raise VersionError(
        f"No version {name_or_id!r}{f' for {dataset}' if dataset else ''} is in {_root(root)}."
        f" There are: {known}. Train one with imageclass.versions.train_version, or name another"
        f" directory in {ROOT_VARIABLE}."
    )


def code_version(builder: Callable[..., keras.Model]) -> str:
    """12 hexadecimal digits that change with the code that decides what training gives: the
    model's, the training loop's and the augmentation's. Others' code may change as it likes."""
    parts: tuple[Callable[..., Any], ...] = (
        builder,
        architectures._Parts,
        training.train,
        training.split,
        augmentation.augmented,
    )
    source = "".join(inspect.getsource(part) for part in parts)
    return hashlib.sha256(source.encode()).hexdigest()[:12]


def _root(root: Path | str | None) -> Path:
    return Path(root or os.environ.get(ROOT_VARIABLE) or "~/models").expanduser()


def _directories(root: Path | str | None) -> list[Path]:
    """Where versions are; what a process is just writing, or left behind, has a dot before it."""
    found = _root(root).glob("*/*/*")
    return [path for path in found if path.is_dir() and not path.name.startswith(".")]


def _read(path: Path) -> ModelVersion:
    try:
        about = json.loads((path / "version.json").read_text())
        history = json.loads((path / "history.json").read_text())
        metrics = about["metrics"]
        metrics["confusion"] = tuple(map(tuple, metrics["confusion"]))
        metrics["precision"], metrics["recall"] = (
            tuple(metrics["precision"]), tuple(metrics["recall"]),
        )  # fmt: skip
        missing = [name for name in _FILES if not (path / name).is_file()]
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
    except FileNotFoundError as error:
        raise _damaged(path, f"{Path(error.filename).name} is missing") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, f"version.json or history.json cannot be read ({error!r})") from error
    if missing:
        raise _damaged(path, f"{missing[0]} is missing")
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
