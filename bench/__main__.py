"""`python -m bench [PART] [--rounds 7] [--cold]`: measure and write results/README.md."""

from __future__ import annotations

import argparse
import importlib
import sys
import time

from bench import report, samples, subjects

#: Module of each part, in the order in which they run.
PARTS = {
    "pages": "bench.pages",
    "memory": "bench.memory",
    "hub": "bench.hub_load",
    "start": "bench.starts",
    "streaming": "bench.streaming",
    "cluster": "bench.scale",
    "brokers": "bench.scale.brokers",
}
ASKED_FOR = {"cluster", "brokers"}  #: not part of `all`: a quarter of an hour, with a cluster
NEEDS_IMAGES = {"pages", "memory", "hub"}


def main() -> int:
    """Measure what the command line asks for; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "part", nargs="?", default="all", choices=("all", *PARTS, "images", "report")
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--cold", action="store_true", help="start: also install from nothing")
    parser.add_argument(
        "--people", type=int, help="cluster: how many there are (1000); brokers: who stream (200)"
    )
    parser.add_argument("--servers", type=int, default=300, help="cluster: how many run")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds: at least 1")
    everything = [part for part in PARTS if part not in ASKED_FOR]
    parts = everything if options.part == "all" else [options.part]
    if options.part == "images" or NEEDS_IMAGES.intersection(parts):
        subjects.build_images()
    for part in PARTS:
        if part in parts:
            measure(part, options)
    if options.part != "images":
        report.write()
        print(f"written: {samples.RESULTS / 'README.md'}")
    return 0


def measure(part: str, options: argparse.Namespace) -> None:
    """Measure one part and write its file."""
    print(f"== {part}, {options.rounds} rounds", flush=True)
    began = time.monotonic()
    recording = samples.begin(part)
    more = {
        "start": {"cold": options.cold},
        "cluster": {"people": options.people or 1000, "servers": options.servers},
        "brokers": {"people": options.people or 200},
    }.get(part, {})
    importlib.import_module(PARTS[part]).measure(recording, options.rounds, **more)
    path = recording.write()
    print(f"== {part}: {time.monotonic() - began:.0f} s, {path}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
