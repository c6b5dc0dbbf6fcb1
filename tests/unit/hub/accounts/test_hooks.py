"""When a sign-in revokes accounts."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from jupyterhub.auth import Authenticator

from hub.accounts.hooks import with_accounts


class _Noting:
    """A reconciler that only notes what it is asked for."""

    def __init__(self) -> None:
        self.revoked: list[str] = []

    def watch(self) -> None:
        pass

    async def revoke(self, name: str) -> None:
        self.revoked.append(name)


@pytest.mark.parametrize(
    ("refreshed", "strict", "removed"),
    [(False, True, ["ada"]), (False, False, []), (True, True, [])],
)
def test_whom_the_provider_does_not_let_in_any_more_has_no_account(refreshed, strict, removed):
    """Not so who only has to sign in again, as far as the sign-in can tell (not strict)."""

    class SignIn(Authenticator):
        async def refresh_user(self, user, handler=None, **kwargs):
            self.auth_refresh_strict = strict
            return refreshed

    reconciler = _Noting()

    async def story() -> None:
        sign_in = with_accounts(SignIn, reconciler)()  # type: ignore[arg-type]
        sign_in.get_handlers(None)
        user = SimpleNamespace(name="ada")
        assert await sign_in.refresh_user(user) is refreshed
        await asyncio.sleep(0)
        assert reconciler.revoked == removed
        await sign_in.delete_user(SimpleNamespace(name="bob"))
        assert reconciler.revoked == [*removed, "bob"]

    asyncio.run(story())
