"""The identity providers. Each class knows what its provider calls things and configures itself.

docs/sign-in.md has the same table for admins. To add a provider: a class here, its name in
`hub.settings`, what it needs in `hub.setting_checks`, a row in docs/sign-in.md and in the tests.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from oauthenticator.auth0 import Auth0OAuthenticator
from oauthenticator.azuread import AzureAdOAuthenticator
from oauthenticator.generic import GenericOAuthenticator
from oauthenticator.github import GitHubOAuthenticator
from oauthenticator.gitlab import GitLabOAuthenticator
from oauthenticator.google import GoogleOAuthenticator
from oauthenticator.oauth2 import OAuthenticator

from hub.settings import Settings
from hub.signin.oidc import discover, endpoints_for


@dataclass(frozen=True)
class Provider:
    """An identity provider.

    Attributes:
        base: oauthenticator's class for it.
        label: its name on the sign-in button.
        subject: the claim that never changes and that nobody else gets later.
        name: the claim by which users know themselves.
        groups: the claim with a user's groups, if there is one.
    """

    base: type[OAuthenticator]
    label: str
    subject: str
    name: str
    groups: str = ""

    def configure(self, c: Any, settings: Settings) -> None:
        """Set what this provider needs beside the settings of all providers.

        Args:
            c: the authenticator's section of JupyterHub's configuration.
            settings: the platform's settings.
        """
        raise NotImplementedError


def _use_groups(c: Any, settings: Settings) -> None:
    """Make the provider's groups the hub's groups, and let in the allowed ones."""
    c.manage_groups = True
    c.allowed_groups = set(settings.allowed_groups)
    c.admin_groups = set(settings.admin_groups)


def _groups_claim(key: str) -> Callable[[dict], set[str]]:
    """Return a function that finds the groups of a user in the answer under `key`.

    A user without groups may have no such claim.
    """
    return lambda auth_state: set(auth_state[key].get("groups") or [])


class GitHub(Provider):
    """GitHub or GitHub Enterprise; a group is an organisation or a team."""

    def configure(self, c: Any, settings: Settings) -> None:
        _use_groups(c, settings)
        if settings.oauth_url:
            c.github_url = settings.oauth_url  # GitHub Enterprise
        c.scope = ["read:org"]
        c.populate_teams_in_auth_state = True
        c.auth_state_groups_key = _github_groups
        c.allowed_organizations = set(settings.allowed_groups)


def _github_groups(auth_state: dict) -> set[str]:
    """Return a user's teams as `organisation:team`, and their organisations."""
    teams = auth_state.get("teams") or []
    return {f"{t['organization']['login']}:{t['slug']}" for t in teams} | {
        t["organization"]["login"] for t in teams
    }


class GitLab(Provider):
    """gitlab.com or the team's own GitLab. It is asked about allowed groups only."""

    def configure(self, c: Any, settings: Settings) -> None:
        if settings.oauth_url:
            c.gitlab_url = settings.oauth_url  # the team's own
        c.allowed_gitlab_groups = set(settings.allowed_groups)
        c.scope = ["read_api"] if settings.allowed_groups else ["read_user"]


class Google(Provider):
    """Google; a group is a Workspace domain."""

    def configure(self, c: Any, settings: Settings) -> None:
        c.hosted_domain = sorted(settings.allowed_groups)
        c.allow_all = bool(settings.allowed_groups)  # everybody of those domains


class AzureAd(Provider):
    """Microsoft Entra; a group is its object id."""

    def configure(self, c: Any, settings: Settings) -> None:
        _use_groups(c, settings)
        c.tenant_id = settings.oauth_tenant
        c.auth_state_groups_key = _groups_claim("user")


class Auth0(Provider):
    """Auth0; a group is a word in the claim `groups`."""

    def configure(self, c: Any, settings: Settings) -> None:
        _use_groups(c, settings)
        c.auth0_domain = settings.oauth_url.partition("://")[2].rstrip("/")
        c.scope = ["openid", "profile", "email"]
        c.auth_state_groups_key = _groups_claim("auth0_user")


class OpenIdConnect(Provider):
    """Any provider with a discovery document; a group is a word in the claim `groups`."""

    def configure(self, c: Any, settings: Settings) -> None:
        _use_groups(c, settings)
        cache = settings.data_dir / "hub" / "oidc.json"
        found = discover(settings.oauth_internal_url or settings.oauth_url, cache)
        found = endpoints_for(found, settings.oauth_url, settings.oauth_internal_url)
        c.authorize_url = found["authorization_endpoint"]
        c.token_url = found["token_endpoint"]
        c.userdata_url = found["userinfo_endpoint"]
        c.scope = ["openid", "profile", "email"]
        c.auth_state_groups_key = _groups_claim("oauth_user")
        if sign_out := found.get("end_session_endpoint"):
            back = quote(f"{settings.public_url}/hub/login", safe="")
            c.logout_redirect_url = (
                f"{sign_out}?client_id={settings.oauth_client_id}&post_logout_redirect_uri={back}"
            )


def _openid(label: str) -> OpenIdConnect:
    return OpenIdConnect(GenericOAuthenticator, label, "sub", "preferred_username", "groups")


#: The providers by the values of OAUTH_PROVIDER.
PROVIDERS: dict[str, Provider] = {
    "github": GitHub(GitHubOAuthenticator, "GitHub", "id", "login"),
    "gitlab": GitLab(GitLabOAuthenticator, "GitLab", "id", "username"),
    "google": Google(GoogleOAuthenticator, "Google", "id", "email"),
    "azuread": AzureAd(AzureAdOAuthenticator, "Microsoft", "oid", "upn", "groups"),
    "auth0": Auth0(Auth0OAuthenticator, "Auth0", "sub", "email", "groups"),
    "okta": _openid("Okta"),
    "keycloak": _openid("Keycloak"),
    "oidc": _openid("OpenID"),
}
