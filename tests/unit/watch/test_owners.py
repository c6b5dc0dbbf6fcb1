"""Whose a topic is, and that nobody's names make metrics without end."""

import pytest

from watch.owners import MAX_GROUPS, OTHER, bounded_lags, kind_of, owner_of


@pytest.mark.parametrize(
    ("topic", "owner", "kind"),
    [
        ("ada.requests", "ada", "requests"),
        ("ada.dead-letters", "ada", "dead-letters"),
        ("ada.my.own", "ada", OTHER),
        ("team.agents", "team", "agents"),
        ("group.vision.requests", "group.vision", "requests"),
        ("group.vision", OTHER, OTHER),
        ("requests", OTHER, OTHER),
        (".requests", OTHER, OTHER),
    ],
)
def test_a_topics_name_tells_whose_it_is(topic: str, owner: str, kind: str) -> None:
    assert (owner_of(topic), kind_of(topic)) == (owner, kind)


def test_a_name_is_cut_and_has_no_control_characters() -> None:
    assert owner_of("a" * 500 + ".requests") == "a" * 120
    assert owner_of("a\x1b.requests") == "a\\x1b"


def test_of_many_groups_those_with_the_largest_lag_have_a_name() -> None:
    lags = {f"ada.g{number:03}": number for number in range(100)} | {"bob.g": 1}
    found = bounded_lags(lags)
    assert len(found) == MAX_GROUPS + 2
    assert found["ada", "ada.g099"] == 99
    assert found["ada", OTHER] == sum(range(80))
    assert found["bob", "bob.g"] == 1
    assert sum(found.values()) == sum(lags.values())
