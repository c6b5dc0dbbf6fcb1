"""Every error is a sentence, and no page shows what JupyterHub says to developers."""

import itertools
from typing import Any

import pytest
from tornado import web

from hub.pages.errors import error_words, failure_words
from hub.spawners.progress import SpawnError


def words(status_code: int, **given: Any) -> Any:
    return error_words(status_code, **{"is_signed_in": True} | given)


def test_every_status_has_a_title_and_a_sentence() -> None:
    for code, signed_in in itertools.product(range(400, 512), (True, False)):
        found = words(code, is_signed_in=signed_in)
        assert found.title
        assert found.sentence.endswith(".")
        assert "None" not in found.title + found.sentence


@pytest.mark.parametrize(
    "raw",
    [
        "Action is not authorized with current scopes; requires any of [admin:users]",
        "Missing or invalid credentials.",
    ],
)
def test_raw_words_are_not_shown(raw: str) -> None:
    found = words(403, message=raw, status_message=raw, exception=web.HTTPError(403, raw))
    assert found.sentence == "You have no right to do this."


def test_a_sentence_of_ours_is_shown() -> None:
    ours = "The name ada cannot be used here."
    error = web.HTTPError(403, ours)
    assert words(403, message=ours, status_message=ours, exception=error).sentence == ours


def test_an_error_within_the_hub_is_not_shown() -> None:
    found = words(500, message="KeyError: 'x'", exception=KeyError("x"))
    assert "its log says why" in found.sentence


def test_a_start_that_failed_leads_to_the_next() -> None:
    error = SpawnError("All 2 editors are running.", reason="full", status_code=429)
    found = words(429, message="All 2 editors are running.", exception=error)
    assert (found.title, found.is_start) == ("Your editor cannot start now", True)
    assert found.sentence == "All 2 editors are running."


def test_a_page_that_was_open_too_long() -> None:
    assert words(403, message="'_xsrf' argument missing from POST").title == "This page is too old"


@pytest.mark.parametrize("code", [502, 503, 504])
def test_a_server_that_is_away_may_come_back(code: int) -> None:
    assert words(code, is_signed_in=False).is_away


def test_why_a_start_failed() -> None:
    assert failure_words(SpawnError("It was removed.", reason="removed")) == "It was removed."
    assert failure_words(TimeoutError()) == "It did not answer in time."
    late = RuntimeError("x")
    late.reason = "timeout"  # type: ignore[attr-defined]
    assert failure_words(late) == "It did not answer in time."
    assert "the hub's log says what" in failure_words(KeyError("secret"))
