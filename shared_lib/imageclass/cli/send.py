"""`imageclass send`: a folder's pictures become requests of one run."""

import argparse
from typing import Any

from imageclass.cli import labels, output, runs
from imageclass.cli.connecting import connected
from imageclass.cli.errors import CommandError
from imageclass.cli.prediction_table import rows_of, show_answers
from imageclass.cli.report import letters
from imageclass.data import image_files
from imageclass.data.datasets import CLASS_NAMES
from imageclass.messages.headers import is_id
from imageclass.runs import classify


def run(arguments: argparse.Namespace) -> None:
    """Send them, remember the run, and print its id; with --wait the answers too."""
    folder, dataset = arguments.folder, arguments.dataset
    if dataset and not is_id(dataset):
        raise CommandError(f"A data set is named in letters, digits and ._@+:-, not {dataset!r}.")
    skipped: list[str] = []
    pictures = image_files.find_images(folder, on_skip=skipped.append)
    for text in skipped:
        output.say(text)
    if not pictures:
        raise CommandError(f"There is no PNG or JPEG file to send in {folder}.")
    classes, known = CLASS_NAMES.get(dataset), None
    if arguments.labels_from_folders:
        known, classes = labels.from_folders(pictures, dataset)

    connection = connected(arguments)
    with output.progress("Sending") as show:
        sent = classify.submit(
            connection, pictures, dataset=dataset, deadline=arguments.deadline, on_sent=show
        )
    for name, reason in sent.refused.items():
        skipped.append(f"{name} is left out: {reason}")
        output.say(skipped[-1])
    path = runs.remember(runs.SentRun(sent, classes, known))
    output.say(f"{len(sent.requests)} pictures were sent. `imageclass judge {sent.run_id[:8]}`"
               " shows what the agents say.")  # fmt: skip
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
        aside: dict[tuple[str, str], str] = {}
        with output.progress("Answers") as show:
            answers = classify.collect(
                connection, sent, timeout=arguments.patience, on_answer=show, set_aside=aside
            )
        for (name, agent), reason in aside.items():
            output.say(f"{agent} set {name} aside: {reason}")
        result["answers"] = rows_of(answers, classes)
        result["set_aside"] = letters(aside)
        if not arguments.json:
            show_answers(answers, classes)
    if arguments.json:
        output.document(result)
