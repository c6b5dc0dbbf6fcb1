"""Sign-in with the identity provider that a team already has, through oauthenticator.

`PROVIDERS` is the table of what is known about each; `docs/sign-in.md` has it for people.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from jupyterhub.apihandlers.users import ActivityAPIHandler
from oauthenticator.auth0 import Auth0OAuthenticator
from oauthenticator.azuread import AzureAdOAuthenticator
from oauthenticator.generic import GenericOAuthenticator
from oauthenticator.github import GitHubOAuthenticator
from oauthenticator.gitlab import GitLabOAuthenticator
from oauthenticator.google import GoogleOAuthenticator
from oauthenticator.oauth2 import OAuthenticator
from tornado import web
from traitlets import Instance, Set, Unicode

from hub.settings import Settings
from hub.signin.identities import Identities, NameTaken
from hub.signin.names import refusal
from hub.signin.oidc import discover


@dataclass(frozen=True)
class Provider:
    """What an identity provider calls things.

    Attributes:
        base: oauthenticator's class for it.
        label: what the button says.
        subject: the claim that never changes and is never given to somebody else.
        name: the claim that people know themselves by.
    """

    base: type[OAuthenticator]
    label: str
    subject: str
    name: str


PROVIDERS = {
    "github": Provider(GitHubOAuthenticator, "GitHub", "id", "login"),
    "gitlab": Provider(GitLabOAuthenticator, "GitLab", "id", "username"),
    "google": Provider(GoogleOAuthenticator, "Google", "id", "email"),
    "azuread": Provider(AzureAdOAuthenticator, "Microsoft", "oid", "upn"),
    "auth0": Provider(Auth0OAuthenticator, "Auth0", "sub", "email"),
    "okta": Provider(GenericOAuthenticator, "Okta", "sub", "preferred_username"),
    "keycloak": Provider(GenericOAuthenticator, "Keycloak", "sub", "preferred_username"),
    "oidc": Provider(GenericOAuthenticator, "OpenID", "sub", "preferred_username"),
}


class TeamAuthenticator(OAuthenticator):
    """What every provider's class gets: names that stay, refusals that say why.

    Mixed in before oauthenticator's class by `authenticator_class`.
    """

    provider_name = Unicode(config=True, help="Key in PROVIDERS.")
    identities = Instance(Identities, config=True, help="Who is who.")
    _ending = Set(help="Tasks that end servers, kept until they are done.")

    @property
    def provider(self) -> Provider:
        return PROVIDERS[self.provider_name]

    def _subject(self, user_info: dict) -> str:
        value = user_info.get(self.provider.subject)
        if value in (None, ""):
            raise web.HTTPError(
                403,
                f"{self.provider.label} did not say who you are: its answer has no "
                f"{self.provider.subject!r}. Please tell an admin.",
            )
        return f"{self.provider_name}:{value}"

    def user_info_to_username(self, user_info: dict) -> str:
        """Return the person's name here; 403 with the reason where there can be none."""
        verified = user_info.get("email_verified", user_info.get("verified_email"))
        if verified in (False, "false"):
            raise web.HTTPError(
                403,
                f"Your e-mail address is not verified at {self.provider.label}. "
                "Verify it there, then sign in again.",
            )
        subject = self._subject(user_info)
        wanted = self.normalize_username(super().user_info_to_username(user_info))
        if reason := refusal(wanted):
            raise web.HTTPError(403, reason)
        try:
            return self.identities.name_for(subject, wanted)
        except NameTaken as taken:
            raise web.HTTPError(403, str(taken)) from None

    async def run_post_auth_hook(self, handler, authentication):
        """Bind the name to the person: only now is it known that they are allowed in."""
        user_info = authentication["auth_state"][self.user_auth_state_key]
        self.identities.bind(self._subject(user_info), authentication["name"])
        return await super().run_post_auth_hook(handler, authentication)

    async def refresh_user(self, user, handler=None, **kwargs):
        """Ask the provider again.

        Who is not allowed any more is out, and so are their servers. Whom the provider does not
        answer for any more signs in again before their server lets them go on.
        """
        if handler is not None and not hasattr(handler, "_token_authenticated"):
            # jupyterhub 6.1.1 asks for it on pages that take no token, where it has not set it.
            handler._token_authenticated = False
        refreshed = await super().refresh_user(user, handler, **kwargs)
        # Read by the hub as soon as this returns False: are requests of their server refused too?
        self.auth_refresh_strict = True
        if refreshed is False:
            # Not what a server says of itself, and not because an hour is over where the provider
            # gives no way to ask again.
            state = await user.get_auth_state() or {}
            token = state.get("token_response") or {}
            ran_out = "expires_in" in token and not state.get("refresh_token")
            self.auth_refresh_strict = not (ran_out or isinstance(handler, ActivityAPIHandler))
        if not isinstance(refreshed, dict):
            return refreshed
        if (
            refreshed["name"] == user.name
            and self.check_blocked_users(user.name, refreshed)
            and await self.check_allowed(user.name, refreshed)
        ):
            return refreshed
        self.log.warning("%s is not allowed in any more", user.name)
        if handler is not None:
            # Not awaited: one of those servers may be who asks.
            task = asyncio.create_task(self._end_servers(user, handler))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
        return False

    async def _end_servers(self, user, handler) -> None:
        for name, spawner in list(user.spawners.items()):
            if spawner.ready:
                await handler.stop_single_user(user, name)

    def delete_user(self, user):
        """Set the name of a removed person free."""
        self.identities.forget(user.name)
        return super().delete_user(user)


def _groups(key: str) -> Callable[[dict], set[str]]:
    """Return how to find a person's groups under `key`; who is in none may have no such claim."""
    return lambda auth_state: set(auth_state[key].get("groups") or [])


def _teams(auth_state: dict) -> set[str]:
    """Return a GitHub person's teams as `organisation:team`, and their organisations."""
    teams = auth_state.get("teams") or []
    return {f"{t['organization']['login']}:{t['slug']}" for t in teams} | {
        t["organization"]["login"] for t in teams
    }


def authenticator_class(settings: Settings) -> type[TeamAuthenticator]:
    """Return oauthenticator's class for the team's provider, with this platform's rules first."""
    return type("SignIn", (TeamAuthenticator, PROVIDERS[settings.oauth_provider].base), {})


def configure(c, settings: Settings) -> None:
    """Set the sign-in of a team, on JupyterHub's configuration `c`."""
    name = settings.oauth_provider
    provider = PROVIDERS[name]
    state = settings.data_dir / "hub"
    c.SignIn.provider_name = name
    c.SignIn.identities = Identities(state / "identities.sqlite")
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
    c.SignIn.allow_existing_users = False  # having been let in once is no right to come back
    # Ask the provider again every few minutes and before each start: who left, is out.
    c.SignIn.enable_auth_state = True
    c.SignIn.auth_refresh_age = settings.auth_refresh_age
    c.SignIn.refresh_pre_spawn = True

    groups = set(settings.allowed_groups)
    if name == "google":
        c.SignIn.hosted_domain = sorted(groups)
        c.SignIn.allow_all = bool(groups)  # everybody of those domains
    elif name == "gitlab":
        if settings.oauth_url:
            c.SignIn.gitlab_url = settings.oauth_url  # the team's own
        c.SignIn.allowed_gitlab_groups = groups
        c.SignIn.scope = ["read_api"] if groups else ["read_user"]
    else:  # the provider's groups become the hub's
        c.SignIn.manage_groups = True
        c.SignIn.allowed_groups = groups
        c.SignIn.admin_groups = set(settings.admin_groups)
    if name == "github":
        if settings.oauth_url:
            c.SignIn.github_url = settings.oauth_url  # GitHub Enterprise
        c.SignIn.scope = ["read:org"]
        c.SignIn.populate_teams_in_auth_state = True
        c.SignIn.auth_state_groups_key = _teams
        c.SignIn.allowed_organizations = groups
    elif name == "azuread":
        c.SignIn.tenant_id = settings.oauth_tenant
        c.SignIn.auth_state_groups_key = _groups("user")
    elif name == "auth0":
        c.SignIn.auth0_domain = settings.oauth_url.partition("://")[2].rstrip("/")
        c.SignIn.scope = ["openid", "profile", "email"]
        c.SignIn.auth_state_groups_key = _groups("auth0_user")
    elif provider.base is GenericOAuthenticator:
        found = discover(settings.oauth_internal_url or settings.oauth_url, state / "oidc.json")
        c.SignIn.authorize_url = found["authorization_endpoint"]
        c.SignIn.token_url = found["token_endpoint"]
        c.SignIn.userdata_url = found["userinfo_endpoint"]
        c.SignIn.scope = ["openid", "profile", "email"]
        c.SignIn.auth_state_groups_key = _groups("oauth_user")
        if leave := found.get("end_session_endpoint"):
            back = quote(f"{settings.public_url}/hub/login", safe="")
            c.SignIn.logout_redirect_url = (
                f"{leave}?client_id={settings.oauth_client_id}&post_logout_redirect_uri={back}"
            )
