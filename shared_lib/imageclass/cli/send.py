"""`imageclass send`: send the image files of a folder as one run."""

import argparse
from typing import Any

from imageclass.cli import labels, output, runs
from imageclass.cli.connecting import connected
from imageclass.cli.errors import CommandError
from imageclass.cli.prediction_table import prediction_rows, print_predictions
from imageclass.cli.report import dead_letter_rows
from imageclass.data import image_files
from imageclass.data.datasets import CLASS_NAMES
from imageclass.kafka.connection import Connection
from imageclass.messages.headers import is_id
from imageclass.runs import classify
from imageclass.runs.classify import SubmittedRun


def run(arguments: argparse.Namespace) -> None:
    """Send the images, save the run, and print its id; with --wait the predictions too."""
    folder, dataset = arguments.folder, arguments.dataset
    if dataset and not is_id(dataset):
        raise CommandError(f"A data set has a name of letters, digits and ._@+:-, not {dataset!r}.")
    skipped: list[str] = []
    images = image_files.find_images(folder, on_skip=skipped.append)
    for text in skipped:
        output.say(text)
    if not images:
        raise CommandError(f"There is no PNG or JPEG file to send in {folder}.")
    class_names, image_labels = CLASS_NAMES.get(dataset), None
    if arguments.labels_from_folders:
        image_labels, class_names = labels.from_folders(images, dataset)

    connection = connected(arguments)
    with output.progress("Sending") as show:
        sent = classify.submit(
            connection, images, dataset=dataset, deadline=arguments.deadline, on_sent=show
        )
    for name, reason in sent.refused.items():
        skipped.append(f"{name} is left out: {reason}")
        output.say(skipped[-1])
    path = runs.save(runs.SentRun(sent, class_names, image_labels))
    output.say(f"{len(sent.requests)} images were sent. `imageclass judge {sent.run_id[:8]}`"
               " shows the predictions.")  # fmt: skip
    result: dict[str, Any] = {
        "run": sent.run_id,
        "dataset": dataset,
        "requests": sent.requests,
        "skipped": skipped,
        "remembered": str(path),
    }
    if not arguments.json:
        print(sent.run_id, flush=True)
    if arguments.wait:
        result |= _wait(arguments, connection, sent, class_names)
    if arguments.json:
        output.document(result)


def _wait(
    arguments: argparse.Namespace,
    connection: Connection,
    sent: SubmittedRun,
    class_names: tuple[str, ...] | None,
) -> dict[str, Any]:
    """Collect the predictions, print them for people, and return them for JSON."""
    dead_lettered: dict[tuple[str, str], str] = {}
    with output.progress("Predictions") as show:
        predictions = classify.collect(
            *(connection, sent),
            patience=arguments.patience,
            on_prediction=show,
            dead_lettered=dead_lettered,
        )
    for (name, agent), reason in dead_lettered.items():
        output.say(f"{agent} wrote a dead letter for {name}: {reason}")
    if not arguments.json:
        print_predictions(predictions, class_names)
    return {
        "answers": prediction_rows(predictions, class_names),
        "dead_letters": dead_letter_rows(dead_lettered),
    }
