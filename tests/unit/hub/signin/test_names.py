"""People's names become directories and topic prefixes that can never meet."""

import re

import pytest
from jupyterhub.auth import Authenticator

from hub.signin.names import MAX_LENGTH, safe_name, topic_prefix, username_error

NAMES = [
    "ada",
    "a.b",
    "a-b",
    "a_b",
    "a b",
    "a@b.org",
    "ünal",
    "team",
    "group",
    "-74eam",
    "a-2eb",
    "1",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_prefix_is_legal_in_kafka_and_in_a_path(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9-]+\.", topic_prefix(name))


def test_no_two_names_share_a_directory_or_a_prefix() -> None:
    assert len({safe_name(name) for name in NAMES}) == len(NAMES)


def test_no_prefix_lies_inside_another_ones() -> None:
    prefixes = [topic_prefix(name) for name in NAMES]
    inside = [(a, b) for a in prefixes for b in prefixes if a != b and a.startswith(b)]
    assert inside == []


@pytest.mark.parametrize("shared", ["team.", "group."])
def test_no_person_can_be_named_into_what_is_shared(shared: str) -> None:
    assert not any(topic_prefix(name).startswith(shared) for name in NAMES)


@pytest.mark.parametrize(
    "name",
    [
        *("../../etc", "a/b", "a\\b", "a\nb", "a\x00", "", "  ", "é" * MAX_LENGTH),
        *("app", "app.ada"),  # accounts of apps have these names
        # JupyterHub refuses these without a reason: `/user/../` is no address of a user.
        *(".", "..", "%2e%2E", " ada", "ada ", "ada\u3000", "ada\n"),
    ],
)
def test_a_name_that_cannot_be_is_refused_with_a_reason(name: str) -> None:
    reason = username_error(name)
    assert reason and reason.endswith(".")


def test_jupyterhub_refuses_no_name_that_is_allowed_here() -> None:
    rules = Authenticator()
    names = [f"{a}{b}" for a in ("", "a") for b in map(chr, range(1, 0x3100)) if b.lower() == b]
    refused = [name for name in names if not rules.validate_username(name)]
    assert [name for name in refused if username_error(name) is None] == []


@pytest.mark.parametrize("name", ["ada", "Ada Lovelace", "ada+test@example.org", "ünal"])
def test_names_that_people_have_are_accepted(name: str) -> None:
    assert username_error(name) is None
