"""Accounts on the broker of a restored platform, when the broker is slow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from backup import accounts
from backup.errors import BackupError
from backup.settings import BackupSettings
from hub.accounts.kafka_admin import BrokerUnavailable


def restore(monkeypatch: pytest.MonkeyPatch, directory: Path, failures: int) -> list[int]:
    """Restore where the broker does not answer so many times; return one item for each attempt."""
    attempts: list[int] = []

    class Reconciler:
        def __init__(self, *_: Any, **__: Any) -> None: ...

        async def reconcile(self) -> None:
            attempts.append(1)
            if len(attempts) <= failures:
                raise BrokerUnavailable("RequestTimedOutError")

    monkeypatch.setattr(accounts, "AccountReconciler", Reconciler)
    monkeypatch.setattr(accounts, "_PAUSE_S", 0.01)
    accounts.restore(BackupSettings(), "0" * 64, [], [], directory)
    return attempts


def test_a_broker_that_is_slow_at_first_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert len(restore(monkeypatch, tmp_path, failures=2)) == 3


def test_one_that_is_away_ends_it_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(accounts, "BROKER_TIMEOUT_S", 0.1)
    with pytest.raises(BackupError, match="Run make up"):
        restore(monkeypatch, tmp_path, failures=1000)
