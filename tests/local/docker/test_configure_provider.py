"""`make configure` asks a real provider whether it takes the callback address."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.configure import Dialogue
from tests.support.oidc_provider import OidcProvider

REFUSED = "The provider refuses the callback address"
TAKEN = "the provider does not refuse the callback address"


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[OidcProvider]:
    provider = OidcProvider("http://localhost:8000", tmp_path / "provider.log")
    yield provider
    provider.stop()


def test_a_callback_address_that_the_provider_does_not_know(
    provider: OidcProvider, tmp_path: Path
) -> None:
    def said(client: str, port: str) -> str:
        rest = ["oidc", provider.issuer, client, "ada", "", "", "", "", "no", "n"]
        return Dialogue(tmp_path).configure("", *rest, PORT=port).stdout

    right = said("mosshub", "8000")
    assert TAKEN in right and REFUSED not in right
    wrong = said("mosshub", "8001")
    assert f"! {REFUSED} http://localhost:8001/hub/oauth_callback." in wrong
    assert TAKEN not in wrong
    other = said("nobody", "8000")
    assert REFUSED not in other and TAKEN not in other
    assert not list(tmp_path.glob("settings*"))
