"""Rules that concern several settings at once."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from pydantic import SecretStr

from hub.setting_errors import describe

if TYPE_CHECKING:
    from hub.settings import Settings

# What some providers need beside a client id and secret. `hub.signin.providers` configures them.
_PROVIDER_NEEDS = {
    "auth0": "oauth_url",
    "okta": "oauth_url",
    "keycloak": "oauth_url",
    "oidc": "oauth_url",
    "azuread": "oauth_tenant",
}
_PROVIDERS_WITHOUT_GROUPS = ("google", "gitlab")


def check_subdomains(settings: Settings) -> None:
    """Check that there can be names below the platform's.

    Raises:
        ValueError: SUBDOMAINS is yes, and DOMAIN is an IP address.
    """
    if not settings.subdomains or settings.domain is None:
        return
    try:
        ip_address(settings.domain)
    except ValueError:
        return
    raise ValueError(
        f"DOMAIN={settings.domain}: an IP address has no names below it, so users cannot have "
        "origins of their own; set DOMAIN to a DNS name, or SUBDOMAINS=no"
    )


def check_team(settings: Settings) -> None:
    """Check that a team's platform has a provider, its secrets and somebody who may sign in.

    A laptop needs none of them.

    Raises:
        ValueError: a setting is missing, or contradicts another.
    """
    if settings.servers == "processes":
        return
    fields = type(settings).model_fields
    if missing := [name for name in _needed(settings) if not _plain(getattr(settings, name))]:
        lines = [f"{name.upper()} is not set: {describe(fields, name)}" for name in missing]
        raise ValueError("; ".join(lines))
    if settings.admin_groups and settings.oauth_provider in _PROVIDERS_WITHOUT_GROUPS:
        raise ValueError(
            f"ADMIN_GROUPS: {settings.oauth_provider} does not tell the hub its users' groups; "
            "name the admins in ADMIN_USERS"
        )
    lists = ("allowed_users", "allowed_groups", "admin_users", "admin_groups")
    if not any(getattr(settings, name) for name in lists):
        raise ValueError(
            "nobody could sign in: set ALLOWED_USERS, ALLOWED_GROUPS, ADMIN_USERS or ADMIN_GROUPS"
        )


def _needed(settings: Settings) -> list[str]:
    needed = ["oauth_provider", "oauth_client_id", "oauth_client_secret"]
    needed += ["proxy_token", "cookie_secret", "crypt_key", "kafka_bootstrap_servers"]
    if settings.kafka_admin_server:
        needed.append("broker_secret")
    if settings.oauth_provider in _PROVIDER_NEEDS:
        needed.append(_PROVIDER_NEEDS[settings.oauth_provider])
    return needed


def _plain(value: object) -> object:
    return value.get_secret_value() if isinstance(value, SecretStr) else value
