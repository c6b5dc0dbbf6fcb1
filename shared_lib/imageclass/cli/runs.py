"""Runs that were sent: which picture is which request, and its label.

Those that `imageclass send` sent are remembered as files; their labels are nowhere else.
`MOSSHUB_RUNS` names another directory than `~/runs`. Those of notebooks are known by what their
judge announced.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from imageclass.cli.errors import CommandError
from imageclass.data.datasets import CLASS_NAMES
from imageclass.kafka.connection import Connection
from imageclass.runs import live
from imageclass.runs.classify import SubmittedRun
from imageclass.runs.export import write_whole

FORMAT = "imageclass run 1"


@dataclass(frozen=True)
class SentRun:
    """What was sent. `class_names`: of the data set, None if unknown; `labels`: index into them for
    each picture's name, None if the pictures have none; `agents`: who has answered, as far as was
    announced."""

    sent: SubmittedRun
    class_names: tuple[str, ...] | None = None
    labels: Mapping[str, int] | None = None
    agents: tuple[str, ...] = ()


class NoSuchRun(CommandError):
    """No run of that name is remembered; the text says which are."""


def directory() -> Path:
    """Where runs are remembered."""
    return Path(os.environ.get("MOSSHUB_RUNS") or "~/runs").expanduser()


def remember(run: SentRun) -> Path:
    """Write `<run id>.json`, and return its path. Raises `OSError`."""
    sent, labels = run.sent, run.labels or {}
    content = {
        "format": FORMAT,
        "run_id": sent.run_id,
        "dataset": sent.dataset,
        "class_names": run.class_names,
        "labelled": run.labels is not None,
        "starts": sent.starts,
        "pictures": [
            {
                "name": name,
                "request": request,
                "sent_ms": sent.sent_ms[request],
                "label": labels.get(name),
            }
            for name, request in sent.requests.items()
        ],
    }
    path = directory() / f"{sent.run_id}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    return path


def recall(name: str) -> SentRun:
    """The remembered run with this id, or the only one whose id begins so. Raises `NoSuchRun` if
    there is none, and `CommandError` if there are several."""
    files = sorted(directory().glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    by_id = {path.stem: path for path in files}
    path = by_id[_chosen(name, list(by_id), f"in {directory()}")]
    try:
        content = json.loads(path.read_bytes())
        if content["format"] != FORMAT:
            raise ValueError(f"its format is {content['format']!r}")
        pictures = content["pictures"]
        sent = SubmittedRun(
            content["run_id"],
            {one["name"]: one["request"] for one in pictures},
            dataset=content["dataset"],
            sent_ms={one["request"]: one["sent_ms"] for one in pictures},
            starts={int(partition): start for partition, start in content["starts"].items()},
        )
        classes, labels = content["class_names"], None
        if content["labelled"]:
            labels = {one["name"]: one["label"] for one in pictures}
        return SentRun(sent, None if classes is None else tuple(classes), labels)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CommandError(f"{path} is not a remembered run ({error}).") from error


def announced(connection: Connection, name: str) -> SentRun | None:
    """The run with this id, or the only one whose id begins so, by what its judge announced: of
    test images, whose labels that says. None if there is none. Raises `CommandError` if there are
    several, or its data set is unknown; and `NoBroker`."""
    verdicts = live.announced(connection, name) if name else []
    ids = list(dict.fromkeys(verdict.run for verdict in reversed(verdicts)))
    if not ids:
        return None
    run_id = _chosen(name, ids, f"on {connection.topics.verdicts}")
    verdicts = [verdict for verdict in verdicts if verdict.run == run_id]
    dataset = verdicts[0].dataset
    classes = CLASS_NAMES.get(dataset, ())
    if any(verdict.label >= len(classes) for verdict in verdicts):
        raise CommandError(
            f"Run {run_id} is of the data set {dataset!r}, whose classes are not known here:"
            f" {', '.join(CLASS_NAMES)} are."
        )
    names = {one.request: f"test image {one.index} ({one.request})" for one in verdicts}
    sent = SubmittedRun(
        run_id,
        {names[one.request]: one.request for one in verdicts},
        dataset=dataset,
        sent_ms={one.request: one.sent_ms for one in verdicts},
    )
    labels = {names[one.request]: one.label for one in verdicts}
    agents = {answer.agent for one in verdicts for answer in one.answers}
    return SentRun(sent, classes, labels, tuple(sorted(agents)))


def _chosen(name: str, ids: Sequence[str], where: str) -> str:
    """Of the runs `ids`, the newest first, that with this id, or the only one whose id begins so.
    Raises `NoSuchRun` if there is none, and `CommandError` if there are several."""
    found = [name] if name in ids else [one for one in ids if name and one.startswith(name)]
    if len(found) == 1:
        return found[0]
    there = ", ".join((found or ids)[:5]) or "none"
    if found:
        raise CommandError(f"Several runs begin with {name!r} {where}. The newest there: {there}.")
    raise NoSuchRun(f"There is no run {name!r} {where}. The newest there: {there}.")
