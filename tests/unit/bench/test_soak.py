"""The page of the soak, and what a service is measured to take."""

import os
from argparse import Namespace

from bench.soak import Log, render, usage

ABOUT = {"when": "today", "commit": "abc", "machine": "2 cores"}


def test_the_page_has_the_first_quarter_beside_the_last() -> None:
    log = Log(sessions=7, failures=["ada: TimeoutError: no"])
    log.figures["hub: descriptors"] = [(at, 100 + at) for at in range(0, 101)]
    log.figures["users' containers"] = [(0, 0), (100, 3)]
    page = render(log, ABOUT, Namespace(hours=0.5, people=3, pause=60))
    assert "3 people for 0.5 hours, a thing each 60 s: 7 sessions, 1 failed" in page
    assert "| hub: descriptors | 112 | 188 | 1.67 |" in page
    assert "| users' containers | 0 | 3 | – |" in page
    assert "- ada: TimeoutError: no" in page


def test_a_descriptor_more_is_seen() -> None:
    memory, before = usage(os.getpid())
    assert memory > 1e6
    reading, writing = os.pipe()
    try:
        assert usage(os.getpid())[1] == before + 2
    finally:
        os.close(reading)
        os.close(writing)
