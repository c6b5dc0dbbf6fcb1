"""Trained models by their settings: the same settings are trained once and loaded ever after.

A version is a directory `<root>/<dataset>/<model>/<id>/`; `saved_model` says what is in it.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import warnings
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from mosshub_contract import disk_limit
from numpy.typing import NDArray

from imageclass.data import datasets
from imageclass.models import architectures, saved_model, training
from imageclass.models.classifier import CompiledClassifier
from imageclass.models.code_version import code_version
from imageclass.models.metrics import measure
from imageclass.models.saved_model import ModelVersion, VersionError
from imageclass.models.team_models import share_version, team_directories

__all__ = [
    "ROOT_VARIABLE",
    "ModelVersion",
    "VersionError",
    "find_version",
    "list_team_versions",
    "list_versions",
    "share_version",
    "train_or_load",
]

#: Environment variable that names the directory of all versions; `~/models` without it.
ROOT_VARIABLE = "MOSSHUB_MODELS"

_TRAINING_SETTINGS = ("epochs", "batch_size", "num_images", "seed", "augment")


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
    on_batch: training.OnBatch | None = None,
    on_epoch: training.OnEpoch | None = None,
    **options: Any,
) -> ModelVersion:
    """Return the version with these settings; train and save it if it is not there yet.

    If there is one that differs only in the code that trained it, a warning says why it is trained
    again; the other one stays.

    Args:
        name: name of the network, one of `MODELS`.
        dataset: name of the data set.
        epochs, batch_size, num_images, seed, augment, on_batch, on_epoch: as for `training.train`.
        root: directory of all versions; by default that of `MOSSHUB_MODELS`, else `~/models`.
        options: arguments of the network's builder, such as `weights=None` for `mobilenet`. JSON
            values.

    Raises:
        DatasetError: the data set is unknown or not available.
        ModelError: the network is unknown or not available.
        OSError: the version cannot be saved, or the user's files take as much disk as they may.
        ValueError: a number makes no sense.
        VersionError: the version is damaged.
    """
    builder = architectures.builder(name)
    data = datasets.load(dataset)
    settings = {
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
    path = _root(root) / dataset / name / _id_of(settings)
    if not path.exists():
        _warn_of_other_code(settings, root)
        disk_limit.check(f"{name} is not trained, because it could not be saved")
        path.parent.mkdir(parents=True, exist_ok=True)  # what cannot be saved is not trained
        _train_and_save(path, settings, data, on_batch, on_epoch)
    return saved_model.read(path)


def _train_and_save(
    path: Path,
    settings: dict[str, Any],
    data: datasets.Dataset,
    on_batch: training.OnBatch | None,
    on_epoch: training.OnEpoch | None,
) -> None:
    builder = architectures.builder(settings["model"])
    shape, classes = data.image_shape, len(data.class_names)
    model = builder(shape, classes, settings["seed"], **settings["options"])
    numbers = {name: settings[name] for name in _TRAINING_SETTINGS}
    started = time.monotonic()
    history = training.train(model, data, on_batch=on_batch, on_epoch=on_epoch, **numbers)
    seconds = time.monotonic() - started
    classifier = CompiledClassifier(model)
    _, held_back = training.split(data, settings["num_images"], settings["seed"])
    about = {
        "id": path.name,
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
    saved_model.save(path, about, model, history, validation)


def _id_of(settings: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]


def _warn_of_other_code(settings: dict[str, Any], root: Path | str | None) -> None:
    for path in sorted((_root(root) / settings["dataset"] / settings["model"]).glob("[!.]*")):
        try:
            before = saved_model.read(path).settings
        except VersionError:
            continue
        if {**before, "code": settings["code"]} == settings:
            warnings.warn(
                f"{settings['model']} is trained again: the version {path.name} in {path.parent}"
                " has the same settings, but imageclass' code for the network, its training or its"
                " augmentation has changed since. That version stays and can still be loaded.",
                stacklevel=3,
            )
            return


def list_versions(root: Path | str | None = None) -> list[ModelVersion]:
    """Return every version, the oldest first. A damaged one is left out with a warning.

    Args:
        root: directory of all versions; by default that of `MOSSHUB_MODELS`, else `~/models`.
    """
    return _read_all(_directories(root))


def list_team_versions() -> list[ModelVersion]:
    """Return every version in `~/team`, the oldest first. `share_version` puts one there.

    A damaged one is left out with a warning.
    """
    return _read_all(team_directories())


def _read_all(paths: list[Path]) -> list[ModelVersion]:
    found = []
    for path in paths:
        try:
            found.append(saved_model.read(path))
        except VersionError as error:
            warnings.warn(str(error), stacklevel=3)
    return sorted(found, key=lambda version: (version.created, version.id))


def find_version(
    name_or_id: str, dataset: str | None = None, root: Path | str | None = None
) -> ModelVersion:
    """Return the version with this id, or the newest one of the network with this name.

    Your own come first. Only if none fits, and no `root` is named, the team's are searched.

    Args:
        name_or_id: a version's id, or a network's name.
        dataset: name of the data set that it must have learned from; None for any.
        root: directory of all versions; by default that of `MOSSHUB_MODELS`, else `~/models`.

    Raises:
        VersionError: there is none, and the text says which there are; or it is damaged.
    """
    versions = []
    for paths in (_directories(root), [] if root else team_directories()):
        for path in paths:
            if path.name == name_or_id and dataset in (None, path.parent.parent.name):
                return saved_model.read(path)
        for version in reversed(found := _read_all(paths)):
            if version.name == name_or_id and dataset in (None, version.dataset):
                return version
        versions += found
    known = ", ".join(f"{v.name} {v.id} ({v.dataset})" for v in versions) or "none"
    raise VersionError(
        f"No version {name_or_id!r}{f' for {dataset}' if dataset else ''} is in {_root(root)}."
        f" There are: {known}. Train one with imageclass.train_or_load, or name another directory"
        f" in {ROOT_VARIABLE}."
    )


def _root(root: Path | str | None) -> Path:
    return Path(root or os.environ.get(ROOT_VARIABLE) or "~/models").expanduser()


def _directories(root: Path | str | None) -> list[Path]:
    """Return the versions' directories; what a process is just writing begins with a dot."""
    found = _root(root).glob("*/*/*")
    return [path for path in found if path.is_dir() and not path.name.startswith(".")]
