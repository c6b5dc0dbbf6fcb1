"""Sign-in with the identity provider that a team already has, through oauthenticator."""

import asyncio
from typing import Any

from jupyterhub.apihandlers.users import ActivityAPIHandler
from jupyterhub.utils import maybe_future
from oauthenticator.oauth2 import OAuthenticator
from tornado import web
from tornado.httpclient import HTTPClientError
from traitlets import Bool, Instance, List, Set, Unicode

from hub.settings import Settings
from hub.signin.identities import Identities, NameTaken
from hub.signin.names import username_error
from hub.signin.oauth_handlers import CallbackHandler, LoginHandler, LogoutHandler
from hub.signin.providers import PROVIDERS, Provider
from hub.signin.taken_hosts import taken_host_error
from hub.spawners.start_queue import end_starts


class TeamAuthenticator(OAuthenticator):
    """What every provider's class gets: names that stay, refusals that say why.

    `authenticator_class` mixes it in before oauthenticator's class.
    """

    login_handler = LoginHandler
    callback_handler = CallbackHandler
    logout_handler = LogoutHandler
    start_early = Bool(
        config=True, help="Whether a server starts while its user is at the provider."
    )
    provider_name = Unicode(config=True, help="Key of the provider in PROVIDERS.")
    extra_scopes = List(Unicode(), config=True, help="Scopes beside those of the provider's class.")
    identities = Instance(Identities, config=True, help="The names of known users.")
    _ending = Set(help="Tasks that stop servers; a reference keeps each until it is done.")

    _without_groups = Set(help="Names of users about whom the log says that groups are missing.")

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        usual = list(self.scope)  # type: ignore[has-type]
        self.scope = [*usual, *(scope for scope in self.extra_scopes if scope not in usual)]

    @property
    def provider(self) -> Provider:
        return PROVIDERS[self.provider_name]

    def user_info_to_username(self, user_info: dict) -> str:
        """Return the user's name here.

        Args:
            user_info: the provider's claims about the user.

        Raises:
            HTTPError: 403 with the reason, if the user cannot have a name here.
        """
        verified = user_info.get("email_verified", user_info.get("verified_email"))
        if verified in (False, "false"):
            raise web.HTTPError(
                403,
                f"Your e-mail address is not verified at {self.provider.label}. "
                "Verify it there, then sign in again.",
            )
        subject = self._subject(user_info)
        if not callable(self.username_claim):
            self._required_claim(user_info, self.username_claim)
        wanted = self.normalize_username(super().user_info_to_username(user_info))
        if reason := username_error(wanted):
            raise web.HTTPError(403, reason)
        try:
            name = self.identities.name_for(subject, wanted)
        except NameTaken as taken:
            raise web.HTTPError(403, str(taken)) from None
        if reason := taken_host_error(name):
            raise web.HTTPError(403, reason)
        return name

    def _subject(self, user_info: dict) -> str:
        return f"{self.provider_name}:{self._required_claim(user_info, self.provider.subject)}"

    def _required_claim(self, user_info: dict, claim: str) -> Any:
        """Return the value of a claim without which nobody can sign in.

        Raises:
            HTTPError: 403, if the provider's answer has no such claim; the log says what it has.
        """
        value = user_info.get(claim)
        if value in (None, ""):
            self.log.warning(
                "%s: its answer about a user has no claim %r, only: %s",
                *(self.provider.label, claim, ", ".join(sorted(user_info))),
            )
            raise web.HTTPError(
                403,
                f"{self.provider.label} did not say who you are: its answer has no {claim!r}. "
                "Please tell an admin.",
            )
        return value

    async def get_user_groups(self, auth_state: dict) -> set[str]:
        """Return the provider's groups of a user; the log says once if it does not tell them."""
        claim, user_info = self.provider.groups, auth_state[self.user_auth_state_key]
        name = str(user_info.get(self.provider.name))
        if claim and claim not in user_info and name not in self._without_groups:
            self._without_groups.add(name)
            if self.allowed_groups or self.admin_groups:
                self.log.warning(
                    "%s: its answer about %s has no claim %r, so ALLOWED_GROUPS and ADMIN_GROUPS "
                    "do not let them in. It has: %s. If the provider tells groups for a scope of "
                    "its own, set OAUTH_SCOPE, for example OAUTH_SCOPE=groups",
                    *(self.provider.label, name, claim, ", ".join(sorted(user_info))),
                )
        return set(await maybe_future(super().get_user_groups(auth_state)))

    async def run_post_auth_hook(self, handler, authentication):
        """Bind the name to the user, who is known to be allowed only now."""
        user_info = authentication["auth_state"][self.user_auth_state_key]
        self.identities.bind(self._subject(user_info), authentication["name"])
        return await super().run_post_auth_hook(handler, authentication)

    async def refresh_user(self, user, handler=None, **kwargs):
        """Ask the provider again whether the user is allowed.

        Users who are no longer allowed are signed out and their servers stopped. Users whom the
        provider no longer knows must sign in again; until then their server refuses them. A
        provider that is away changes nothing.
        """
        if handler is not None and not hasattr(handler, "_token_authenticated"):
            # WORKAROUND(jupyterhub 6.1.1): it reads this attribute on pages that take no token,
            # where nothing has set it.
            # Test: test_a_person_removed_at_the_provider_is_signed_out
            handler._token_authenticated = False
        try:
            refreshed = await super().refresh_user(user, handler, **kwargs)
        except (OSError, HTTPClientError) as error:  # a refusal raises nothing
            self.log.warning(
                "%s does not answer, so nobody's right to be here was checked: %s",
                *(self.provider.label, error),
            )
            refreshed = True
        # The hub reads this as soon as False is returned: does the user's server refuse them too?
        self.auth_refresh_strict = refreshed is not False or await self._is_refused(user, handler)
        if not isinstance(refreshed, dict):
            return refreshed
        if (
            refreshed["name"] == user.name
            and self.check_blocked_users(user.name, refreshed)
            and await self.check_allowed(user.name, refreshed)
        ):
            return refreshed
        self.log.warning("%s is no longer allowed to sign in", user.name)
        if handler is not None:
            # Not awaited: the request may come from one of those servers.
            task = asyncio.create_task(self._stop_servers(user, handler))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
        return False

    async def _is_refused(self, user, handler) -> bool:
        """Return whether a failed refresh means that the provider refuses the user.

        It does not where the provider gives no way to ask again and its answer has expired, nor
        for what a server reports about itself.
        """
        state = await user.get_auth_state() or {}
        token = state.get("token_response") or {}
        has_expired = "expires_in" in token and not state.get("refresh_token")
        return not (has_expired or isinstance(handler, ActivityAPIHandler))

    async def _stop_servers(self, user, handler) -> None:
        for name, spawner in list(user.spawners.items()):
            if spawner.ready:
                await handler.stop_single_user(user, name)

    async def delete_user(self, user):
        """End the starts of a removed user, and set the name free."""
        await end_starts(user)
        self.identities.forget(user.name)
        await maybe_future(super().delete_user(user))


def authenticator_class(settings: Settings) -> type[TeamAuthenticator]:
    """Return oauthenticator's class for the team's provider, with this platform's rules first."""
    return type("SignIn", (TeamAuthenticator, PROVIDERS[settings.oauth_provider].base), {})


def configure(c: Any, settings: Settings) -> None:
    """Set the sign-in of a team, on JupyterHub's configuration `c`."""
    provider = PROVIDERS[settings.oauth_provider]
    c.SignIn.provider_name = settings.oauth_provider
    c.SignIn.extra_scopes = list(settings.oauth_scope)
    c.SignIn.identities = Identities(settings.data_dir / "hub" / "identities.sqlite")
    c.SignIn.login_service = provider.label
    c.SignIn.username_claim = provider.name
    c.SignIn.custom_403_message = (
        f"{provider.label} knows you, but you are not among the people who may come in here. "
        "If you should be, ask an admin of this platform."
    )
    c.SignIn.client_id = settings.oauth_client_id
    c.SignIn.client_secret = settings.oauth_client_secret.get_secret_value()
    c.SignIn.oauth_callback_url = f"{settings.public_url}/hub/oauth_callback"
    c.SignIn.allowed_users = set(settings.allowed_users)
    c.SignIn.allow_existing_users = False  # users who were let in once have no right to come back
    # The hub asks the provider again every few minutes and before each start of a server.
    c.SignIn.enable_auth_state = True
    c.SignIn.auth_refresh_age = settings.auth_refresh_age
    c.SignIn.refresh_pre_spawn = True
    c.SignIn.start_early = settings.start_early
    provider.configure(c.SignIn, settings)
