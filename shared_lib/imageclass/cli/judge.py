"""`imageclass judge`: what the agents predicted for a run, and how many predictions are correct."""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from imageclass.cli import output, report, runs, unlabelled_report
from imageclass.cli.connecting import connected
from imageclass.cli.errors import CommandError
from imageclass.cli.prediction_table import write_csv
from imageclass.data import datasets
from imageclass.kafka.connection import Connection, NoBroker
from imageclass.runs import classify, export
from imageclass.runs.join import Join
from imageclass.runs.judge import Judge
from imageclass.runs.run import Run, SentRequest


def run(arguments: argparse.Namespace) -> None:
    """Judge a run that was sent, or send test images of a data set as one and judge that."""
    if arguments.run is None:
        scored = _send_and_collect(arguments)
        if arguments.csv:
            export.write_csv(scored, arguments.csv)
        report.show(scored, report.dead_letter_rows(scored.dead_lettered), arguments.json)
        return
    sent_run, connection = _find(arguments)
    submitted = sent_run.submitted
    only = arguments.agents or sent_run.agents
    dead_lettered: dict[tuple[str, str], str] = {}
    with output.progress("Predictions") as show:
        records = list(
            classify.iter_predictions(
                *(connection, submitted, only),
                patience=arguments.patience,
                on_prediction=show,
                dead_lettered=dead_lettered,
            )
        )
    predictions = classify.prediction_table(submitted, records)
    answered = predictions["agent"]
    agents = only or sorted({*answered, *classify.agents_at_work(connection, submitted.dataset)})
    if not agents:
        raise CommandError(
            "No agent has answered that run, and no agent is at work for it. Start one: imageclass"
            " agent MODEL."
        )
    if arguments.csv:
        write_csv(arguments.csv, sent_run, agents, predictions)
    dead_letters = report.dead_letter_rows(dead_lettered)
    if sent_run.labels is None:
        unlabelled_report.show(sent_run, agents, predictions, dead_letters, arguments.json)
    else:
        scored = _join(sent_run, sent_run.labels, agents, records)
        report.show(scored, dead_letters, arguments.json)


def _find(arguments: argparse.Namespace) -> tuple[runs.SentRun, Connection]:
    """Find the run that is meant, saved here or announced, and connect to the broker."""
    try:
        saved = runs.load(arguments.run)
    except runs.NoSuchRun as error:
        try:
            connection = connected(arguments)
        except NoBroker as no_broker:
            raise CommandError(
                f"{error} Whether a notebook sent it is unknown: {no_broker}"
            ) from no_broker
        topic = connection.topics.verdicts
        with output.line() as show:
            show(f"Looking for it on {topic} …")
            announced = runs.find_announced(connection, arguments.run)
        if announced is None:
            raise CommandError(f"{error} Nor was one announced on {topic}.") from error
        return announced, connection
    return saved, connected(arguments)


def _send_and_collect(arguments: argparse.Namespace) -> Run:
    dataset = datasets.load(arguments.dataset)
    connection = connected(arguments)
    agents = arguments.agents or classify.agents_at_work(connection, dataset.name)
    if not agents:
        raise CommandError(
            f"No agent for {dataset.name} is at work. Start one: imageclass agent MODEL; or name"
            " those that will be: --agents."
        )
    with Judge(connection, agents) as judge:
        with output.progress("Sending") as show:
            sent = judge.publish(dataset, arguments.images, seed=arguments.seed, on_sent=show)
        with output.progress("Predictions") as show:
            return judge.collect(sent, patience=arguments.patience, on_prediction=show)


def _join(
    sent_run: runs.SentRun,
    labels: Mapping[str, int],
    agents: Sequence[str],
    records: Iterable[Any],
) -> Run:
    """Score the predictions; an image's index is its place in the order of sending."""
    submitted = sent_run.submitted
    sent = {
        request: SentRequest(index, labels[name], submitted.sent_ms[request])
        for index, (name, request) in enumerate(submitted.requests.items())
    }
    classes = sent_run.class_names or ()
    join = Join(Run(submitted.run_id, submitted.dataset, classes, tuple(agents), sent))
    join.add_predictions(records)
    return join.finish()
