"""Asks the hub who is signed in."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from typing import Any

import aiohttp
from jupyterhub.services.auth import HubOAuth, _ExpiringDict
from tornado import web

# Seconds for which the hub's last word counts while it is away. Its restart or update takes a
# minute or two, and nobody signs out without it.
LAST_WORD_S = 600

# Seconds between two times at which all answers are forgotten, so that nobody makes the hub busy.
_FORGET_INTERVAL_S = 1.0

# Seconds for which a request waits for the hub: with a last word of it to go by, and without one.
_TIMEOUT_WITH_LAST_WORD_S = 5
_TIMEOUT_S = 30


class HubSignIn(HubOAuth):
    """JupyterHub's sign-in, which asks the hub again when a page or a WebSocket is opened.

    Its answers are valid for a while. A sign-out at the hub must count at once: the browser may
    have another user now. JupyterHub notices it by a cookie of the hub, which servers do not get
    where each user has an origin.

    While the hub is away its last word on a token counts, so that its restart stops nobody.
    """

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._last_words = _ExpiringDict(LAST_WORD_S)
        self._forgot_at = -_FORGET_INTERVAL_S
        self._forgets_later = False

    async def _check_hub_authorization(
        self, url: str, api_token: str, cache_key: str | None = None, use_cache: bool = True
    ) -> dict[str, Any] | None:
        has_last_word = cache_key in self._last_words
        last_word = self._last_words.get(cache_key)
        try:
            async with asyncio.timeout(_TIMEOUT_WITH_LAST_WORD_S if has_last_word else _TIMEOUT_S):
                model = await super()._check_hub_authorization(url, api_token, cache_key, use_cache)
        except TimeoutError:
            if not has_last_word:
                raise web.HTTPError(504, "The hub does not answer.") from None
        except web.HTTPError as error:
            if not _is_away(error) or not has_last_word:
                raise
        else:
            self._last_words[cache_key] = model
            return model
        self.cache[cache_key] = last_word  # the next requests do not wait for the hub
        return last_word

    def get_session_id(self, handler: web.RequestHandler) -> str:
        """Return no session: a cookie of that name may come from anywhere in the domain."""
        return ""

    async def known_user(self, handler: web.RequestHandler) -> dict[str, Any] | None:
        """Return the user of a request as the hub knows them by now; None after their sign-out.

        Args:
            handler: the handler of the request, which may have begun long ago.

        Raises:
            web.HTTPError: the hub does not answer.
        """
        token = self.get_token(handler)
        return await self.user_for_token(token, sync=False) if token else None

    async def ask_again(self, handler: web.RequestHandler) -> None:
        """Ask the hub about the request's token. A hub that is away changes nothing.

        Args:
            handler: the handler of a request that loads a page or opens a WebSocket.
        """
        token = self.get_token(handler)
        if not token:
            return
        digest = hashlib.sha256(token.encode("utf8", "replace")).hexdigest()
        known = [key for key in self.cache.values if key.endswith(digest)]
        if not known:
            return  # the hub is asked in any case
        with contextlib.suppress(web.HTTPError):
            model = await self.user_for_token(token, use_cache=False, sync=False)
            for key in known:
                self.cache[key] = model

    def forget_answers(self) -> None:
        """Ask the hub about each token at its next request, whoever wants that.

        The last words stay, for the time when the hub is away. Within a second of the last time
        this happens at the end of that second.
        """
        left_s = self._forgot_at + _FORGET_INTERVAL_S - time.monotonic()
        if left_s <= 0:
            self._forgot_at = time.monotonic()
            self.cache.clear()
        elif not self._forgets_later:
            self._forgets_later = True
            asyncio.get_running_loop().call_later(left_s, self._forget_later)

    def _forget_later(self) -> None:
        self._forgets_later = False
        self._forgot_at = time.monotonic()
        self.cache.clear()


def _is_away(error: web.HTTPError) -> bool:
    """Return whether the hub did not answer, or what stands before it says that it is away."""
    cause = error.__context__
    return error.status_code == 502 or isinstance(cause, (aiohttp.ClientError, OSError))
