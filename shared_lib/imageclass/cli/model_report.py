"""`make models`: train the networks on Fashion-MNIST with fixed seeds, and write the figures.

    python -m imageclass.cli.model_report [--write docs/models.md]

A network with the same settings and code that is saved already is not trained again.
"""

import argparse
import os
import platform
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imageclass._keras import keras_and_tensorflow
from imageclass.data import datasets
from imageclass.evaluation.statistics import mcnemar
from imageclass.models.classifier import CompiledClassifier
from imageclass.models.metrics import Metrics, measure
from imageclass.models.registry import ROOT_VARIABLE, ModelVersion, train_or_load
from imageclass.models.training import Epoch

DATASET = "fashion-mnist"
SEED = 1
#: Epochs and batch size of each network: what two CPU cores do in a quarter of an hour.
SETTINGS = {"cnn": (6, 256), "resnet": (6, 128)}

_PAGE = """\
# How good the models are

Written by `make models`: each network is trained on {dataset} with fixed seeds and measured on all
{images:,} test images, which training never sees. A tenth of the training images are the validation
set: for the learning curves, and to weight and calibrate the networks. The soft vote is the mean of
both networks' probabilities. The numbers of parameters are those for these images; for CIFAR-10
they are 432,490 (cnn) and 1,263,242 (resnet).

| | accuracy | mean cross-entropy | parameters | epochs | batch | training |
|---|---|---|---|---|---|---|
{rows}

Seed {seed}; augmentation (shift by up to two pixels, flip left to right) in training only; trained
{when} on {machine}. Time is wall-clock time, with whatever else the machine did.
The same machine gives the same weights again; another may round differently.

## Is the vote better than each network?

McNemar's exact test on the images that only one of the two classifies correctly (two-sided;
McNemar 1947).

| compared | only the vote is correct | only the other is correct | p |
|---|---|---|---|
{tests}

{verdict}

## Class by class

Precision: of the images predicted as the class, the share that are of it. Recall: of the class's
images, the share predicted as it.

| | {names} |
|---|{rule}|
{classes}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the networks and measure them.")
    parser.add_argument("--write", type=Path, help="the page to write, e.g. docs/models.md")
    arguments = parser.parse_args()
    try:
        data = datasets.load(DATASET)
    except datasets.DatasetError as error:
        sys.exit(str(error))
    versions = [train(name) for name in SETTINGS]
    predictions = [CompiledClassifier(version.load())(data.test_images) for version in versions]
    text = page(versions, predictions, data)
    print(text)
    if arguments.write:
        arguments.write.write_text(text)
    root = versions[0].path.parents[2]
    print(f"The trained networks are in {root}; {ROOT_VARIABLE} names another place.")


def train(name: str) -> ModelVersion:
    """Train the network `name` with this page's settings, or load it if it was trained before."""
    epochs, batch_size = SETTINGS[name]

    def say(epoch: Epoch) -> None:
        print(f"{name}: epoch {epoch.epoch} of {epochs}, {epoch.val_accuracy:.2%} of the"
              " validation images are correct", flush=True)  # fmt: skip

    return train_or_load(
        name, DATASET, epochs=epochs, batch_size=batch_size, seed=SEED, on_epoch=say
    )


def page(
    versions: list[ModelVersion], predictions: list[NDArray[np.float32]], data: datasets.Dataset
) -> str:
    """Write the page in Markdown.

    Args:
        versions: the networks.
        predictions: for each, its probabilities for all test images, shape (n, classes).
        data: the data set.
    """
    labels = data.test_labels
    mean = np.stack(predictions).mean(axis=0)
    vote = measure(mean, labels)
    measured = [measure(probabilities, labels) for probabilities in predictions]
    rows = [
        f"| {v.name} | {m.accuracy:.2%} | {m.loss:.3f} | {v.parameters:,} |"
        f" {v.settings['epochs']} | {v.settings['batch_size']} | {v.seconds / 60:.1f} min |"
        for v, m in zip(versions, measured, strict=True)
    ]
    rows.append(f"| **soft vote** | **{vote.accuracy:.2%}** | {vote.loss:.3f} | | | | |")

    tests, not_beaten = [], []
    for version, probabilities in zip(versions, predictions, strict=True):
        test = mcnemar(mean.argmax(axis=1) == labels, probabilities.argmax(axis=1) == labels)
        counts = f"{test.only_first} | {test.only_second} | {test.p:.2g}"
        tests.append(f"| soft vote, {version.name} | {counts} |")
        if test.p >= 0.05 or test.only_first <= test.only_second:
            not_beaten.append(version.name)
    verdict = (
        f"Beyond what chance explains (p < 0.05) the vote does not beat: {', '.join(not_beaten)}."
        if not_beaten
        else "The vote beats each of them, and chance explains neither difference (p < 0.05)."
    )
    everyone: list[tuple[str, Metrics]] = [
        *((v.name, m) for v, m in zip(versions, measured, strict=True)),
        ("soft vote", vote),
    ]
    classes = [
        f"| {name}, {what} | " + " | ".join(f"{share:.1%}" for share in shares) + " |"
        for name, m in everyone
        for what, shares in (("precision", m.precision), ("recall", m.recall))
    ]
    return _PAGE.format(
        dataset=data.name,
        images=len(labels),
        rows="\n".join(rows),
        seed=SEED,
        when=max(version.created for version in versions)[:10],
        machine=f"{os.cpu_count()} CPU cores ({platform.machine()}), TensorFlow"
        f" {keras_and_tensorflow()[1].__version__}",
        tests="\n".join(tests),
        verdict=verdict,
        names=" | ".join(data.class_names),
        rule="|".join("---" for _ in data.class_names),
        classes="\n".join(classes),
    )


if __name__ == "__main__":
    main()
