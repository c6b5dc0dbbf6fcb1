"""Messages of admins, as hub and servers write them to each other."""

import pytest
from mosshub_contract.team_messages import TeamMessage, from_json, to_json


def test_messages_travel_whole() -> None:
    messages = [TeamMessage("1", "Ümlaut <b> \n two", True, 1.5), TeamMessage("2", "", False, 2)]
    assert from_json(to_json(messages)) == messages


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"messages": [{}]}', '{"messages": 3}'])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        from_json(text)
