"""What `make run` tells a newcomer."""

from pathlib import Path

import pytest

from hub.launcher import announce
from hub.settings import Settings
from hub.signin.shared_password import Passwords


@pytest.mark.parametrize("subdomains", [True, False])
def test_the_address_is_the_one_that_browsers_must_use(
    subdomains: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """At localhost there are names below it; an IP address has none."""
    settings = Settings(port=8123, subdomains=subdomains, data_dir=tmp_path, domain=None)
    announce(settings, Passwords(people="for-people", admins="for-admins"))
    said = capsys.readouterr().out.split()
    assert said[:2] == ["Open", "http://localhost:8123"]
    assert "for-people" in said and "for-admins" in said
