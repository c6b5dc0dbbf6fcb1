"""Runs that were sent: the request of each image, and its label.

`imageclass send` saves its runs as files: their labels are nowhere else. `MOSSHUB_RUNS` names
another directory than `~/runs`. The runs of notebooks are found by what their judge announced.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mosshub_contract.files import write_atomically

from imageclass.cli.errors import CommandError
from imageclass.data.datasets import CLASS_NAMES
from imageclass.kafka.connection import Connection
from imageclass.runs import live
from imageclass.runs.classify import SubmittedRun

FORMAT = "imageclass run 1"


@dataclass(frozen=True)
class SentRun:
    """A run that was sent, and what is known about its images.

    Attributes:
        submitted: the requests.
        class_names: of the data set, None if unknown.
        labels: by image name, the index of its class; None if the images have no labels.
        agents: who has answered, as far as it was announced.
    """

    submitted: SubmittedRun
    class_names: tuple[str, ...] | None = None
    labels: Mapping[str, int] | None = None
    agents: tuple[str, ...] = ()


class NoSuchRun(CommandError):
    """There is no run with that id; the text says which there are."""


def directory() -> Path:
    """Return where runs are saved."""
    return Path(os.environ.get("MOSSHUB_RUNS") or "~/runs").expanduser()


def save(run: SentRun) -> Path:
    """Write `<run id>.json`, and return its path. Raises `OSError`."""
    submitted, labels = run.submitted, run.labels or {}
    content = {
        "format": FORMAT,
        "run_id": submitted.run_id,
        "dataset": submitted.dataset,
        "class_names": run.class_names,
        "labelled": run.labels is not None,
        "starts": submitted.starts,
        "pictures": [
            {
                "name": name,
                "request": request,
                "sent_ms": submitted.sent_ms[request],
                "label": labels.get(name),
            }
            for name, request in submitted.requests.items()
        ],
    }
    path = directory() / f"{submitted.run_id}.json"
    write_atomically(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    return path


def load(name: str) -> SentRun:
    """Read the saved run with an id.

    Args:
        name: the id, or its beginning if only one run's id begins so.

    Raises:
        NoSuchRun: there is none.
        CommandError: there are several, or the file is not that of a run.
    """
    files = sorted(directory().glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    by_id = {path.stem: path for path in files}
    path = by_id[_choose(name, list(by_id), f"in {directory()}")]
    try:
        content = json.loads(path.read_bytes())
        if content["format"] != FORMAT:
            raise ValueError(f"its format is {content['format']!r}")
        images = content["pictures"]
        submitted = SubmittedRun(
            content["run_id"],
            {one["name"]: one["request"] for one in images},
            dataset=content["dataset"],
            sent_ms={one["request"]: one["sent_ms"] for one in images},
            starts={int(partition): start for partition, start in content["starts"].items()},
        )
        classes, labels = content["class_names"], None
        if content["labelled"]:
            labels = {one["name"]: one["label"] for one in images}
        return SentRun(submitted, None if classes is None else tuple(classes), labels)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CommandError(f"{path} is not a saved run ({error}).") from error


def find_announced(connection: Connection, name: str) -> SentRun | None:
    """Find a run of test images by what its judge announced; the labels are in the verdicts.

    Args:
        connection: the broker.
        name: the run's id, or its beginning if only one run's id begins so.

    Returns:
        The run, None if there is none.

    Raises:
        CommandError: there are several, or its data set is unknown.
        NoBroker: the broker does not answer.
    """
    verdicts = live.read_announced(connection, name) if name else []
    ids = list(dict.fromkeys(verdict.run for verdict in reversed(verdicts)))
    if not ids:
        return None
    run_id = _choose(name, ids, f"on {connection.topics.verdicts}")
    verdicts = [verdict for verdict in verdicts if verdict.run == run_id]
    dataset = verdicts[0].dataset
    classes = CLASS_NAMES.get(dataset, ())
    if any(verdict.label >= len(classes) for verdict in verdicts):
        raise CommandError(
            f"Run {run_id} is of the data set {dataset!r}, whose classes are not known here:"
            f" {', '.join(CLASS_NAMES)} are."
        )
    names = {one.request: f"test image {one.index} ({one.request})" for one in verdicts}
    submitted = SubmittedRun(
        run_id,
        {names[one.request]: one.request for one in verdicts},
        dataset=dataset,
        sent_ms={one.request: one.sent_ms for one in verdicts},
    )
    labels = {names[one.request]: one.label for one in verdicts}
    agents = {answer.agent for one in verdicts for answer in one.answers}
    return SentRun(submitted, classes, labels, tuple(sorted(agents)))


def _choose(name: str, ids: Sequence[str], where: str) -> str:
    """Return the id that is meant by `name`.

    Args:
        name: the id, or its beginning if only one begins so.
        ids: the runs' ids, the newest first.
        where: where they are, for the error.

    Raises:
        NoSuchRun: none is meant.
        CommandError: several are.
    """
    found = [name] if name in ids else [one for one in ids if name and one.startswith(name)]
    if len(found) == 1:
        return found[0]
    there = ", ".join((found or ids)[:5]) or "none"
    if found:
        raise CommandError(f"Several runs begin with {name!r} {where}. The newest there: {there}.")
    raise NoSuchRun(f"There is no run {name!r} {where}. The newest there: {there}.")
