"""Sign-in on every request and every WebSocket, before a byte of the body is read."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from jupyter_server_proxy.handlers import SuperviseAndProxyHandler
from jupyter_server_proxy.standalone.proxy import make_standalone_proxy
from jupyterhub.services.auth import UserNotAllowed
from mosshub_contract.page_loads import fills_the_window
from tornado import httputil, web

from .. import activity
from .error_pages import ShortCircuit
from .headers import query_without_token
from .origin import origin_error, same_origin
from .paths import below, is_closed
from .services import Services
from .streamed_body import ANY_SIZE, SMALL_BODY_BYTES, StreamedBody

_StandaloneProxy: Any = make_standalone_proxy(SuperviseAndProxyHandler, {})[0]

_MAX_REASON_CHARS = 120


class SignInRequired(StreamedBody, _StandaloneProxy):
    """Lets in the users who may use this server, and refuses everybody else."""

    def initialize(self, services: Services) -> None:
        """Take the parts of the program that this handler uses; tornado calls this."""
        super().initialize({})
        self.services = services
        self.server_settings = services.settings
        self._refusal: Exception | None = None
        self._admitted = False

    async def prepare(self) -> None:
        """Admit the request or refuse it.

        A refusal is kept in `_refusal` until the body has been read and dropped: the hub's proxy
        can then use the connection again, and does not lose the answer because its next bytes are
        refused. Only a large body of somebody who is not let in is answered at once.
        """
        try:
            await self._check_sign_in()
        except (web.HTTPError, ShortCircuit) as e:
            if self._content_length > SMALL_BODY_BYTES:
                raise
            self._wait_for_body(SMALL_BODY_BYTES)
            self._refusal = e
            return
        try:
            await self._prepare_request()
        except (web.HTTPError, ShortCircuit) as e:
            self._wait_for_body(ANY_SIZE)
            self._refusal = e
        else:
            self._wait_for_body()
            self._admitted = True

    async def _prepare_request(self) -> None:
        """Do what must happen before the body of an admitted request is read.

        Raises:
            web.HTTPError: the request is refused.
            ShortCircuit: the request gets another answer than marimo's.
        """

    async def _check_sign_in(self) -> None:
        """Let a request pass that this server's users sent.

        Raises:
            web.HTTPError: the request is refused.
            ShortCircuit: a browser must sign in first.
        """
        request = self.request
        error = origin_error(request.method or "", request.headers, websocket=self._is_websocket)
        if error:
            reason = f"Refused: {error}"[:_MAX_REASON_CHARS].replace("\n", " ")
            raise web.HTTPError(403, reason=reason)
        if self._is_page_load or self._is_websocket:
            await self.hub_auth.ask_again(self)
        model = await self._signed_in_user()
        if model is None:
            if self._is_websocket or not self._is_page_load:
                raise web.HTTPError(403, reason="Not signed in: open this server from the hub")
            raise ShortCircuit(lambda: self.redirect(self.get_login_url()))
        self._hub_auth_user_cache: Any = None
        self._hub_auth_user_cache = self._admitted_user(model)
        if is_closed(self._path):
            raise web.HTTPError(404, reason="Not found: this part of marimo is closed here")
        request.query = query_without_token(request.query)
        # Somebody opens a page. The one that waits for marimo loads itself again and again.
        opens = fills_the_window(request.headers) and self.services.marimo.ready
        if opens or activity.is_user_action(request.method or "", self._path):
            self.services.activity.touch()

    def _check_admitted(self) -> None:
        """Refuse what `prepare` did not let in.

        Raises:
            web.HTTPError: the request is refused.
            ShortCircuit: a browser must sign in first.
        """
        if self._refusal is not None:
            raise self._refusal
        if not self._admitted:
            raise web.HTTPError(403)

    async def _is_still_admitted(self) -> bool:
        """Return whether the user of an open WebSocket is signed in and may use this server.

        A hub that is away changes nothing.
        """
        try:
            model = await self.hub_auth.known_user(self)
        except web.HTTPError:
            return True
        try:
            return model is not None and bool(self._admitted_user(model))
        except web.HTTPError:
            return False

    def _admitted_user(self, model: dict[str, Any]) -> dict[str, Any]:
        """Return the user who is signed in, if they may use this server.

        Raises:
            web.HTTPError: they may not.
        """
        owner = self.server_settings.user
        # Scripts of an app read what this server answers, and learn no viewer's name.
        who = "" if self.server_settings.app else f", and you are signed in as {model['name']}"
        # The host of the request and not the setting alone: a server may outlive a change of it.
        shares_origin = self.request.host_name != self.server_settings.own_host
        if shares_origin and model["name"] != owner:
            raise web.HTTPError(
                403,
                reason=f"Only {owner} may open this server{who}. All pages of this platform share "
                f"one origin, so a page of {owner} could act as you, even as an admin "
                "(SUBDOMAINS=no)",
            )
        try:
            return self.check_hub_user(model)
        except UserNotAllowed:
            raise web.HTTPError(
                403,
                reason=f"This server belongs to {owner}{who}. Ask {owner} to share it, or open "
                "your own server",
            ) from None

    async def _signed_in_user(self) -> dict[str, Any] | None:
        """Return whom the hub knows by the request's cookie or token.

        Raises:
            web.HTTPError: the hub does not tell. JupyterHub's library calls that an error of this
                server.
        """
        try:
            return await self.hub_auth.get_user(self, sync=False)
        except web.HTTPError as error:
            if error.status_code < 500:
                raise
            reason = "The hub does not say who you are at the moment. Try again in a minute"
            raise web.HTTPError(503, error.log_message, reason=reason) from None

    def _request_for_marimo(self) -> httputil.HTTPServerRequest:
        """Return the request as marimo gets it, before the hub's credentials are taken off."""
        return self.request

    def check_origin(self, origin: str | None = None) -> bool:
        """Return whether a WebSocket's origin is this server; `prepare` has checked it before."""
        return origin is not None and same_origin(origin, self.request.headers)

    @property
    def _path(self) -> str:
        """The path below the base URL as marimo reads it: decoded, without its first slash."""
        return unquote(below(self.server_settings.base_url, self.request.path) or "")

    @property
    def _content_length(self) -> int:
        """The value of Content-Length; 0 for a wrong one, which tornado refuses later."""
        value = self.request.headers.get("Content-Length", "0")
        return int(value) if value.isascii() and value.isdigit() else 0
