"""What an account may do, in plain words."""

from hub.accounts.acls import service_account, user_account
from hub.accounts.report import limits, permissions


def test_a_users_rights() -> None:
    assert permissions(user_account("secret", "ada", groups=["lab"]).acls) == [
        "do everything with topics, consumer groups and transactions whose names begin with ada.",
        "do everything with topics, consumer groups and transactions whose names begin with "
        "group.lab.",
        "see the names of topics and groups on the whole broker, and their sizes",
        "read and write topics whose names begin with team.",
        "join consumer groups whose names begin with team.",
    ]


def test_a_services_rights() -> None:
    assert permissions(service_account("secret", "agents").acls) == [
        "do everything with topics, consumer groups and transactions whose names begin with team."
    ]


def test_nothing_is_allowed_without_acls() -> None:
    assert permissions([]) == []


def test_limits() -> None:
    assert limits({"producer_byte_rate": 25 * 2**20, "controller_mutation_rate": 10}) == [
        "send 25 MB a second",
        "create or delete 10 partitions a second",
    ]
