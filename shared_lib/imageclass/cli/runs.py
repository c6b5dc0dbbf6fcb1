"""Runs that were sent, remembered as files: which picture is which request, and its label.

The labels of a run are nowhere else. `MOSSHUB_RUNS` names another directory than `~/runs`.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from imageclass.asking import Sent
from imageclass.cli.errors import CommandError
from imageclass.exports import write_whole

FORMAT = "imageclass run 1"


@dataclass(frozen=True)
class Run:
    """What was sent. `class_names`: of the data set, None if unknown; `labels`: index into them for
    each picture's name, None if the pictures have none."""

    sent: Sent
    class_names: tuple[str, ...] | None = None
    labels: Mapping[str, int] | None = None


def directory() -> Path:
    """Where runs are remembered."""
    return Path(os.environ.get("MOSSHUB_RUNS") or "~/runs").expanduser()


def remember(run: Run) -> Path:
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


def recall(name: str) -> Run:
    """The run with this id, or the only one whose id begins so. Raises `CommandError`."""
    known = sorted(directory().glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    found = [path for path in known if path.stem == name]
    found = found or [path for path in known if name and path.stem.startswith(name)]
    if len(found) != 1:
        what = "Several runs begin with" if found else "There is no run"
        there = ", ".join(path.stem for path in (found or known)[:5]) or "none"
        raise CommandError(f"{what} {name!r} in {directory()}. The newest there: {there}.")
    try:
        content = json.loads(found[0].read_bytes())
        if content["format"] != FORMAT:
            raise ValueError(f"its format is {content['format']!r}")
        pictures = content["pictures"]
        sent = Sent(
            content["run_id"],
            {one["name"]: one["request"] for one in pictures},
            dataset=content["dataset"],
            sent_ms={one["request"]: one["sent_ms"] for one in pictures},
            starts={int(partition): start for partition, start in content["starts"].items()},
        )
        classes, labels = content["class_names"], None
        if content["labelled"]:
            labels = {one["name"]: one["label"] for one in pictures}
        return Run(sent, None if classes is None else tuple(classes), labels)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CommandError(f"{found[0]} is not a remembered run ({error}).") from error
