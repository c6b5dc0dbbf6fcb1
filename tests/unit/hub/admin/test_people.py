"""How the table of people is sorted and searched."""

import pytest

from hub.admin.people import SORT_KEYS, Person, arrange


def person(name: str, state: str = "stopped", **more: object) -> Person:
    return Person(name, name, f"/user/{name}/", False, False, state, **more)  # type: ignore[arg-type]


PEOPLE = [
    person("cleo"),
    person("ada", "running", memory_bytes=300, idle_s=9.0, image="cpu"),
    person("bob", "running", memory_bytes=900, idle_s=1.0, image="gpu", apps=2),
    person("dora", "failed"),
]


def names(**how: object) -> list[str]:
    given = {"column": "name", "descending": False, "text": ""} | how
    return [found.name for found in arrange(PEOPLE, **given)]  # type: ignore[arg-type]


def test_what_is_not_known_is_last_in_either_direction() -> None:
    assert names(column="memory") == ["ada", "bob", "cleo", "dora"]
    assert names(column="memory", descending=True) == ["bob", "ada", "cleo", "dora"]


def test_running_editors_come_first_and_names_decide() -> None:
    assert names(column="state") == ["ada", "bob", "dora", "cleo"]


@pytest.mark.parametrize("column", SORT_KEYS)
def test_every_column_sorts(column: str) -> None:
    for descending in (True, False):
        assert sorted(names(column=column, descending=descending)) == names()


def test_a_search_looks_at_name_state_and_image() -> None:
    assert names(text=" DO ") == ["dora"]
    assert names(text="running") == ["ada", "bob"]
    assert names(text="gpu") == ["bob"]
    assert names(text="did not start") == ["dora"]
    assert names(text="nobody") == []


def test_a_share_of_the_memory() -> None:
    assert PEOPLE[0].memory_share() is None
    assert person("a", "running", memory_bytes=1, memory_limit=4).memory_share() == 0.25
    assert person("a", "running", memory_bytes=9, memory_limit=4).memory_share() == 1.0
