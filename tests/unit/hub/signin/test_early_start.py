"""When the way to the provider starts a server, and when it does not."""

import asyncio
from types import SimpleNamespace
from unittest.mock import AsyncMock, Mock

import pytest
from oauthenticator.oauth2 import OAuthLoginHandler

from hub.signin import early_start, known_browsers
from hub.signin.oauth_handlers import LoginHandler


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """A request for the sign-in of a browser that ada used, and nothing but that."""
    monkeypatch.setattr(OAuthLoginHandler, "get", lambda self: None)
    monkeypatch.setattr(known_browsers, "known_user", lambda handler: SimpleNamespace(name="ada"))
    monkeypatch.setattr(early_start, "begin", Mock())
    return Mock(authenticator=SimpleNamespace(start_early=True), spec=["authenticator"])


@pytest.mark.parametrize("on", [True, False])
def test_it_can_be_switched_off(handler: Mock, monkeypatch: pytest.MonkeyPatch, on: bool) -> None:
    handler.authenticator.start_early = on
    # `super()` in the method needs an instance of the class.
    handler.__class__ = LoginHandler
    LoginHandler.get(handler)
    assert early_start.begin.call_count == int(on)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("site", "expected"),
    [("same-origin", True), ("same-site", False), ("cross-site", False), ("none", False)],
)
def test_only_a_page_of_the_hub_asks(site: str, expected: bool) -> None:
    assert early_start.is_click({"Sec-Fetch-Site": site}) == expected
    assert not early_start.is_click({})


@pytest.mark.parametrize(
    ("answer", "blocked", "form", "active", "starts"),
    [
        (True, False, "", False, True),
        ({"name": "ada"}, False, "", False, True),
        (False, False, "", False, False),  # the provider allows them no longer
        (True, True, "", False, False),
        (True, False, "<select>", False, False),  # they choose an image
        (True, False, "", True, False),  # it runs
    ],
)
def test_who_starts(
    answer: bool | dict, blocked: bool, form: str, active: bool, starts: bool
) -> None:
    user = SimpleNamespace(
        name="ada", spawners={"": SimpleNamespace(active=active, options_form=form)}
    )
    handler = Mock(
        authenticator=Mock(
            check_blocked_users=Mock(return_value=not blocked),
            refresh_user=AsyncMock(return_value=answer),
        ),
        auth_to_user=AsyncMock(),
        spawn_single_user=AsyncMock(),
    )
    asyncio.run(early_start._start(handler, user))  # type: ignore[arg-type]
    assert handler.spawn_single_user.call_count == int(starts)
    assert handler.auth_to_user.call_count == int(isinstance(answer, dict))


def test_a_start_that_fails_ends_in_the_log() -> None:
    user = SimpleNamespace(name="ada", spawners={"": Mock(active=False, options_form="")})
    failing = AsyncMock(side_effect=RuntimeError("no place"))
    handler = Mock(spawn_single_user=failing, auth_to_user=AsyncMock())
    handler.authenticator.refresh_user = AsyncMock(return_value=True)
    asyncio.run(early_start._start(handler, user))  # type: ignore[arg-type]
    assert "no place" in str(handler.log.warning.call_args)
