"""`imageclass judge`: what the agents said to a run, and how right they were."""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from imageclass.cli import output, report, runs
from imageclass.cli.connecting import connected
from imageclass.cli.errors import CommandError
from imageclass.cli.prediction_table import write_csv
from imageclass.data import datasets
from imageclass.data.datasets import Dataset
from imageclass.kafka.connection import Connection, NoBroker
from imageclass.runs import classify
from imageclass.runs.join import Join
from imageclass.runs.judge import Judge
from imageclass.runs.run import Run, SentRequest


def run(arguments: argparse.Namespace) -> None:
    """Judge a run that was sent, or send test images of a data set as one and judge that."""
    if arguments.run is None:
        verdicts = _published(arguments)
        if arguments.csv:
            verdicts.to_csv(arguments.csv)
        report.judged(verdicts, report.letters(verdicts.set_aside), arguments.json)
        return
    run, connection = _found(arguments)
    only = arguments.agents or run.agents
    aside: dict[tuple[str, str], str] = {}
    with output.progress("Answers") as show:
        found = classify.iter_predictions(
            *(connection, run.sent, only),
            patience=arguments.patience,
            on_answer=show,
            set_aside=aside,
        )
        records = list(found)
    answers = classify.table(run.sent, records)
    agents = only or sorted({*answers["agent"], *classify.at_work(connection, run.sent.dataset)})
    if not agents:
        raise CommandError(
            "Nobody has answered that run, and no agent is at work for it. Start one: imageclass"
            " agent MODEL."
        )
    if arguments.csv:
        write_csv(arguments.csv, run, agents, answers)
    letters = report.letters(aside)
    if run.labels is None:
        report.unjudged(run, agents, answers, letters, arguments.json)
    else:
        report.judged(_joined(run, run.labels, agents, records), letters, arguments.json)


def _found(arguments: argparse.Namespace) -> tuple[runs.SentRun, Connection]:
    """The run that is meant, remembered here or announced, and the broker's connection."""
    try:
        run = runs.recall(arguments.run)
    except runs.NoSuchRun as error:
        try:
            connection = connected(arguments)
        except NoBroker as away:
            raise CommandError(f"{error} Whether a notebook sent it is not known: {away}") from away
        topic = connection.topics.verdicts
        with output.line() as show:
            show(f"Looking for it on {topic} …")
            announced = runs.announced(connection, arguments.run)
        if announced is None:
            raise CommandError(f"{error} Nor was one announced on {topic}.") from error
        return announced, connection
    return run, connected(arguments)


def _published(arguments: argparse.Namespace) -> Run:
    dataset = datasets.load(arguments.dataset)
    connection = connected(arguments)
    agents = arguments.agents or classify.at_work(connection, dataset.name)
    if not agents:
        raise CommandError(
            f"No agent for {dataset.name} is at work. Start one: imageclass agent MODEL; or name"
            " those that will be: --agents."
        )
    with Judge(connection, agents) as judge:
        with output.progress("Sending") as show:
            verdicts = judge.publish(dataset, arguments.images, seed=arguments.seed, on_sent=show)
        with output.progress("Answers") as show:
            return judge.collect(verdicts, patience=arguments.patience, on_reply=show)


def _joined(
    run: runs.SentRun, labels: Mapping[str, int], agents: Sequence[str], records: Iterable[Any]
) -> Run:
    """A picture's index is its place in the order of sending."""
    sent = run.sent
    asked = {
        request: SentRequest(index, labels[name], sent.sent_ms[request])
        for index, (name, request) in enumerate(sent.requests.items())
    }
    # Of the data set only its name and classes count here.
    images, none = np.zeros((0, 1, 1, 1), np.uint8), np.zeros(0, np.int64)
    dataset = Dataset(sent.dataset, images, none, images, none, run.class_names or ())
    join = Join(Run(sent.run_id, dataset, tuple(agents), asked))
    join.take(records)
    return join.finish()
