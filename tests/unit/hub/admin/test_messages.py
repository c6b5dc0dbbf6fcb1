"""What admins tell users, also after a restart of the hub."""

from pathlib import Path

from mosshub_contract.team_messages import MAX_CHARS

from hub.admin.messages import MessageStore


def texts(store: MessageStore, name: str) -> list[str]:
    return [message.text for message in store.for_user(name)]


def test_everybody_and_one(tmp_path: Path) -> None:
    store = MessageStore(tmp_path / "hub" / "messages.json")
    assert texts(store, "ada") == []
    store.send(" Maintenance at noon ")
    store.send("Your run is still going", "ada")
    assert texts(store, "ada") == ["Maintenance at noon", "Your run is still going"]
    assert texts(store, "bob") == ["Maintenance at noon"]
    again = MessageStore(tmp_path / "hub" / "messages.json")
    assert again.for_user("ada") == store.for_user("ada")
    again.send("")
    again.send(" ", "ada")
    assert texts(MessageStore(tmp_path / "hub" / "messages.json"), "ada") == []


def test_a_message_replaces_the_one_before_and_is_another(tmp_path: Path) -> None:
    store = MessageStore(tmp_path / "messages.json")
    store.send("one")
    (first,) = store.for_user("ada")
    store.send("one")
    (second,) = store.for_user("ada")
    assert first.id != second.id
    assert first.to_all


def test_a_long_one_is_cut(tmp_path: Path) -> None:
    store = MessageStore(tmp_path / "messages.json")
    store.send("x" * 5000, "ada")
    assert len(texts(store, "ada")[0]) == MAX_CHARS
    assert not store.for_user("ada")[0].to_all
