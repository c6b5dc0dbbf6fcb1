"""Sign-in with the identity provider that a team already has, through oauthenticator.

`PROVIDERS` is the table of what is known about each; `docs/sign-in.md` has it for people.
"""

from dataclasses import dataclass

from oauthenticator.auth0 import Auth0OAuthenticator
from oauthenticator.azuread import AzureAdOAuthenticator
from oauthenticator.generic import GenericOAuthenticator
from oauthenticator.github import GitHubOAuthenticator
from oauthenticator.gitlab import GitLabOAuthenticator
from oauthenticator.google import GoogleOAuthenticator
from oauthenticator.oauth2 import OAuthenticator
from tornado import web
from traitlets import Instance, Unicode

from hub.identities import Identities, NameTaken
from hub.names import refusal


@dataclass(frozen=True)
class Provider:
    """What an identity provider calls things.

    Attributes:
        base: oauthenticator's class for it.
        label: what the button says.
        subject: the claim that never changes and is never given to somebody else.
        name: the claim that people know themselves by.
        needs_url: whether OAUTH_URL must say where it is.
    """

    base: type[OAuthenticator]
    label: str
    subject: str
    name: str
    needs_url: bool = False


PROVIDERS = {
    "github": Provider(GitHubOAuthenticator, "GitHub", "id", "login"),
    "gitlab": Provider(GitLabOAuthenticator, "GitLab", "id", "username"),
    "google": Provider(GoogleOAuthenticator, "Google", "id", "email"),
    "azuread": Provider(AzureAdOAuthenticator, "Microsoft", "oid", "upn"),
    "auth0": Provider(Auth0OAuthenticator, "Auth0", "sub", "email", needs_url=True),
    "okta": Provider(GenericOAuthenticator, "Okta", "sub", "preferred_username", needs_url=True),
    "keycloak": Provider(
        GenericOAuthenticator, "Keycloak", "sub", "preferred_username", needs_url=True
    ),
    "oidc": Provider(GenericOAuthenticator, "OpenID", "sub", "preferred_username", needs_url=True),
}


class TeamAuthenticator(OAuthenticator):
    """What every provider's class gets: names that stay, refusals that say why.

    Mixed in before oauthenticator's class by `authenticator_class`.
    """

    provider_name = Unicode(config=True, help="Key in PROVIDERS.")
    identities = Instance(Identities, config=True, help="Who is who.")

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
        """Ask the provider again; who is not allowed any more must sign in again, and cannot."""
        refreshed = await super().refresh_user(user, handler, **kwargs)
        if not isinstance(refreshed, dict):
            return refreshed
        if refreshed["name"] != user.name:
            return False
        allowed = await self.check_allowed(user.name, refreshed)
        return refreshed if allowed else False

    def delete_user(self, user):
        """Set the name of a removed person free."""
        self.identities.forget(user.name)
        return super().delete_user(user)


def authenticator_class(provider: Provider) -> type[TeamAuthenticator]:
    """Return oauthenticator's class for `provider` with this platform's rules before it."""
    return type("SignIn", (TeamAuthenticator, provider.base), {})
