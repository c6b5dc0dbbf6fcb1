"""Each user has a host name of their own: legal, and never another user's."""

import re
from collections.abc import Iterator

import pytest
from jupyterhub import orm
from jupyterhub.utils import subdomain_hook_idna
from sqlalchemy.orm import Session

from hub.origins import hosts
from hub.origins.hosts import (
    CHECK_LABEL,
    GRAFANA_LABEL,
    host_error,
    host_label,
    is_known_label,
    user_host,
)

NAMES = [
    "ada", "a.b", "a-b", "a_b", "a b", "a@b.org", "ünal", "BÜCHER", "bücher", "xn--bcher-kva", "1",
    "-a", "a-", "u-ada--1234567", CHECK_LABEL, "日本", "😀", "x" * 64, "x" * 120, "o'brien", "ß",
    "ss", "alı", "ſam", "sam", "\u212aim", "kim", "İpek", "a%2fb", "ada.localhost", "www", "hub",
]  # fmt: skip
#: Two names whose hashes, of which the label has 28 bits, are the same.
SAME_HASH = ("ada.lovelace1160", "ada.lovelace16050")


@pytest.fixture
def db() -> Iterator[Session]:
    """A hub's database with no user."""
    with orm.new_session_factory("sqlite:///:memory:")() as session:
        yield session


def added(db: Session, *names: str) -> None:
    for name in names:
        db.add(orm.User(name=name))
        db.commit()


@pytest.mark.parametrize("name", NAMES)
def test_a_host_is_a_legal_name(name: str) -> None:
    host = user_host(name, "moss.example.org", "user")
    label, _, domain = host.partition(".")
    assert domain == "moss.example.org"
    assert label == host_label(name)
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", label)
    assert label != CHECK_LABEL


def test_no_two_of_these_names_share_a_host() -> None:
    assert len({host_label(name) for name in NAMES}) == len(NAMES)


def test_jupyterhub_alone_would_give_a_name_that_is_none() -> None:
    """Then the work-around in `user_host` is still needed."""
    assert not subdomain_hook_idna("alı", "d", "user").isascii()


def test_capitals_make_no_other_host() -> None:
    assert user_host("Ada", "d", "user") == user_host("ada", "d", "user")


def test_a_service_has_no_users_host() -> None:
    assert user_host("ada", "d", "service") not in {user_host(n, "d", "user") for n in NAMES}


def test_a_name_whose_host_belongs_to_another_is_refused(db: Session) -> None:
    first, second = SAME_HASH
    assert host_error(first, db) is None
    assert host_error(second, db) is None
    added(db, "ada", first)
    reason = host_error(second, db)
    assert reason and second in reason and reason.endswith("ask an admin.")
    assert host_error(first, db) is None, "its owner comes in"
    assert host_error("ada.lovelace", db) is None, "and so does the nearest other name"


def test_the_first_of_two_users_keeps_the_host(db: Session) -> None:
    """A database of before may have both."""
    added(db, *SAME_HASH)
    assert host_error(SAME_HASH[0], db) is None
    assert host_error(SAME_HASH[1], db)


def test_two_names_that_differ_by_case_do_not_share_a_host(db: Session) -> None:
    added(db, "Ada")
    assert host_error("ada", db)


def test_any_two_names_of_one_label_are_kept_apart(
    db: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "host_label", lambda name: "u-same--1234567")
    added(db, "ada")
    assert host_error("ada", db) is None
    assert host_error("bob", db)


@pytest.mark.parametrize("name", NAMES)
def test_the_hosts_of_users_are_known_and_no_others(db: Session, name: str) -> None:
    assert not is_known_label(host_label(name), db)
    added(db, name)
    assert is_known_label(host_label(name), db)
    assert is_known_label(CHECK_LABEL, db)
    for made_up in ("nobody", "%", "_da", "", f"{host_label(name)}x", "u-x--0000000", "xn--a"):
        assert not is_known_label(made_up, db), made_up


def test_grafana_has_a_host_only_where_it_is_a_service(db: Session) -> None:
    host = user_host("grafana", "moss.example.org", "service")
    assert host == f"{GRAFANA_LABEL}.moss.example.org"
    assert not is_known_label(GRAFANA_LABEL, db)
    db.add(orm.Service(name="other"))
    db.commit()
    assert not is_known_label(GRAFANA_LABEL, db)
    db.add(orm.Service(name="grafana"))
    db.commit()
    assert is_known_label(GRAFANA_LABEL, db)
