"""`imageclass send`: send the image files of a folder as one run."""

import argparse
from pathlib import Path
from typing import Any

from imageclass.cli import labels, output, runs
from imageclass.cli.connecting import connected
from imageclass.cli.errors import CommandError
from imageclass.cli.output import counted
from imageclass.cli.prediction_table import prediction_rows, print_predictions
from imageclass.cli.report import dead_letter_rows
from imageclass.data import image_files
from imageclass.data.datasets import CLASS_NAMES
from imageclass.kafka.connection import Connection
from imageclass.kafka.live_agents import list_agents
from imageclass.messages.headers import is_id
from imageclass.models.registry import list_versions
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
    at_work = classify.agents_at_work(connection, dataset)
    if dataset and not at_work:
        _check_dataset(connection, dataset)
    with output.progress("Sending") as show:
        sent = classify.submit(
            connection, images, dataset=dataset, deadline=arguments.deadline, on_sent=show
        )
    for name, reason in sent.refused.items():
        skipped.append(f"{name} is left out: {reason}")
        output.say(skipped[-1])
    path = _remember(runs.SentRun(sent, class_names, image_labels))
    were = "was" if len(sent.requests) == 1 else "were"
    output.say(f"{counted(len(sent.requests), 'image')} {were} sent. `imageclass judge"
               f" {sent.run_id[:8]}` shows the predictions.")  # fmt: skip
    if not at_work:
        output.say(f"{_nobody(dataset)} They are answered when one is started: imageclass agent"
                   " MODEL.")  # fmt: skip
    result: dict[str, Any] = {
        "run": sent.run_id,
        "dataset": dataset,
        "requests": sent.requests,
        "skipped": skipped,
        "remembered": str(path),
    }
    if not arguments.json:
        output.result(sent.run_id)
    if arguments.wait:
        result |= _wait(arguments, connection, sent, class_names, len(at_work))
    if arguments.json:
        output.document(result)


def _remember(run: runs.SentRun) -> Path:
    """Save a run that was sent, and return the file.

    Raises:
        CommandError: it cannot be saved; the text has its id.
    """
    try:
        return runs.save(run)
    except OSError as error:
        labels = "" if run.labels is None else ", and its labels are lost"
        raise CommandError(
            f"Run {run.submitted.run_id} was sent, but {runs.directory()} cannot be written"
            f" ({error.strerror}): `imageclass judge` will not find it{labels}."
        ) from error


def _nobody(dataset: str) -> str:
    return f"No agent for {dataset} is at work." if dataset else "No agent is at work."


def _check_dataset(connection: Connection, dataset: str) -> None:
    """Check that a data set is known here, to a trained version, or to an agent of the last week.

    Raises:
        CommandError: nobody knows it; the text names those that are known.
    """
    agents = set(list_agents(connection)["dataset"].drop_nulls())
    known = sorted({*CLASS_NAMES, *(one.dataset for one in list_versions()), *agents} - {""})
    if dataset not in known:
        raise CommandError(
            f"{_nobody(dataset)} Nor is a data set of that name known: {', '.join(known)} are."
            " Start its agent first (imageclass agent MODEL --dataset NAME), or leave --dataset"
            " out: then all agents answer."
        )


def _wait(
    arguments: argparse.Namespace,
    connection: Connection,
    sent: SubmittedRun,
    class_names: tuple[str, ...] | None,
    at_work: int,
) -> dict[str, Any]:
    """Collect the predictions, print them for people, and return them for JSON."""
    dead_lettered: dict[tuple[str, str], str] = {}
    with output.progress("Predictions") as show:
        show(0, len(sent.requests) * max(1, at_work))
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
