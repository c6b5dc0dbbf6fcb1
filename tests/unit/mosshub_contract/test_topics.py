"""Names of topics, and the prefix that some of them have."""

import pytest
from mosshub_contract.topics import named_prefix


@pytest.mark.parametrize(
    ("names", "prefix"),
    [
        (["team.verdicts", "team.agents"], "team."),
        (["ada.*"], "ada."),
        (["group.lab.verdicts", "group.lab.*"], "group.lab."),
        (["team.verdicts", "team.own", "weather"], "team."),  # others are no topics of imageclass
        (["team.verdicts", "ada.verdicts"], ""),
        (["weather", "verdicts", "*"], ""),
        ([], ""),
    ],
)
def test_the_prefix_that_is_named_alone(names: list[str], prefix: str) -> None:
    assert named_prefix(names) == prefix
