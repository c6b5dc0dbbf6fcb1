"""Every provider of docs/sign-in.md, as far as it goes without the provider itself; the whole way,
with Keycloak, is in tests/docker/test_team.py.
"""

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import get_args

import pytest
from tornado import web
from traitlets.config import Config

from hub.setting_checks import check_team
from hub.settings import Settings
from hub.signin.oauth import TeamAuthenticator, authenticator_class, configure
from hub.signin.providers import PROVIDERS

TEAM = {
    "servers": "containers",
    "oauth_client_id": "id",
    "oauth_client_secret": "very-secret",
    "kafka_bootstrap_servers": "kafka:9092",
    "proxy_token": "very-secret",
    "cookie_secret": "0" * 64,
    "crypt_key": "1" * 64,
    "domain": "moss.example.org",
    "allowed_users": "ada",
}
# provider: more settings, where the browser is sent, what the provider says of a person, their name
KNOWN: dict[str, tuple[dict, str, dict, str]] = {
    "github": ({}, "https://github.com/login/oauth/authorize", {"id": 7, "login": "Ada"}, "ada"),
    "gitlab": (
        {"OAUTH_URL": "https://gitlab.example.org"},
        "https://gitlab.example.org/oauth/authorize",
        {"id": 7, "username": "ada"},
        "ada",
    ),
    "google": (
        {},
        "https://accounts.google.com/o/oauth2/v2/auth",
        {"id": "7", "email": "Ada@example.org", "verified_email": True, "domain": "example.org"},
        "ada@example.org",
    ),
    "azuread": (
        {"OAUTH_TENANT": "ten-ant"},
        "https://login.microsoftonline.com/ten-ant/oauth2/authorize",
        {"oid": "7", "upn": "ada@example.org"},
        "ada@example.org",
    ),
    "auth0": (
        {"OAUTH_URL": "https://moss.auth0.com"},
        "https://moss.auth0.com/authorize",
        {"sub": "auth0|7", "email": "ada@example.org", "email_verified": True},
        "ada@example.org",
    ),
    **{
        name: (
            {"OAUTH_URL": "DISCOVERED"},
            "https://id.example.org/authorize",
            {"sub": "7", "preferred_username": "ada", "email_verified": True},
            "ada",
        )
        for name in ("okta", "keycloak", "oidc")
    },
}
ENDPOINTS = {
    f"{name}_endpoint": f"https://id.example.org/{path}"
    for name, path in {
        "authorization": "authorize",
        "token": "token",
        "userinfo": "userinfo",
        "end_session": "leave",
    }.items()
}


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """Address of a server that says where an OpenID provider's endpoints are."""

    class Discovery(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/.well-known/openid-configuration" else 404)
            self.end_headers()
            self.wfile.write(json.dumps(ENDPOINTS).encode())

        def log_message(self, *words: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Discovery) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def sign_in(issuer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def make(provider: str, **changes: str) -> TeamAuthenticator:
        for name, value in KNOWN[provider][0].items():
            monkeypatch.setenv(name, value.replace("DISCOVERED", issuer))
        settings = Settings(**{**TEAM, "oauth_provider": provider, "data_dir": tmp_path, **changes})
        check_team(settings)
        (tmp_path / "hub").mkdir(exist_ok=True)
        config = Config()
        configure(config, settings)
        return authenticator_class(settings)(config=config)

    return make


def allowed(authenticator: TeamAuthenticator, name: str, info: dict, groups: set[str]) -> bool:
    """Whether somebody comes in whom the provider calls so."""
    key = authenticator.user_auth_state_key
    found = {
        "name": name,
        "admin": None,
        "groups": sorted(groups),
        "auth_state": {
            key: {**info, "groups": sorted(groups)},
            "token_response": {"access_token": ""},
        },
    }
    if not authenticator.check_blocked_users(name, found):
        return False
    # A thread of its own: Playwright's loop may be this one's.
    with ThreadPoolExecutor(1) as pool:
        answer = authenticator.check_allowed(name, found)
        return bool(pool.submit(asyncio.run, answer).result())


def test_all_of_them_are_here() -> None:
    assert set(KNOWN) == set(PROVIDERS)
    named = set(get_args(Settings.model_fields["oauth_provider"].annotation))
    assert named == {*PROVIDERS, ""}


@pytest.mark.parametrize("provider", KNOWN)
def test_the_browser_is_sent_to_the_provider_and_back_here(sign_in, provider) -> None:
    authenticator = sign_in(provider)
    assert authenticator.authorize_url == KNOWN[provider][1]
    assert authenticator.token_url.startswith("https://")
    assert authenticator.oauth_callback_url == "https://moss.example.org/hub/oauth_callback"


@pytest.mark.parametrize("provider", KNOWN)
def test_scopes_are_asked_for_in_addition(sign_in, provider) -> None:
    usual = sign_in(provider).scope
    more = sign_in(provider, oauth_scope="groups, offline_access openid").scope
    assert more[: len(usual)] == usual
    assert {*usual, "groups", "offline_access", "openid"} == set(more)
    assert len(more) == len(set(more))


@pytest.mark.parametrize("provider", KNOWN)
def test_a_name_that_is_missing_is_no_error_of_the_hub(sign_in, provider) -> None:
    info = {**KNOWN[provider][2], PROVIDERS[provider].name: None}
    with pytest.raises(web.HTTPError, match="did not say who you are") as refused:
        sign_in(provider).user_info_to_username(info)
    assert refused.value.status_code == 403


@pytest.mark.parametrize("provider", KNOWN)
def test_a_name_belongs_to_the_providers_id(sign_in, provider) -> None:
    authenticator = sign_in(provider)
    info, name = KNOWN[provider][2:]
    assert authenticator.user_info_to_username(info) == name
    authenticator.identities.bind(authenticator._subject(info), name)
    other = {**info, PROVIDERS[provider].subject: "8"}
    with pytest.raises(web.HTTPError, match="belongs to somebody else"):
        authenticator.user_info_to_username(other)
    renamed = {**info, PROVIDERS[provider].name: "grace@example.org"}
    assert authenticator.user_info_to_username(renamed) == name
    with pytest.raises(web.HTTPError, match="did not say who you are"):
        authenticator.user_info_to_username({**info, PROVIDERS[provider].subject: None})


@pytest.mark.parametrize("provider", KNOWN)
def test_a_name_whose_host_belongs_to_another_is_refused(sign_in, provider, monkeypatch) -> None:
    """Which names these are: tests/unit/hub/origins/test_hosts.py."""
    asked: list[str] = []

    def taken(name: str) -> str:
        asked.append(name)
        return f"The name {name} cannot be used here."

    monkeypatch.setattr("hub.signin.oauth.taken_host_error", taken)
    info, name = KNOWN[provider][2:]
    with pytest.raises(web.HTTPError, match="cannot be used here") as refused:
        sign_in(provider).user_info_to_username(info)
    assert refused.value.status_code == 403
    assert asked == [name]


@pytest.mark.parametrize("provider", KNOWN)
@pytest.mark.parametrize("claim", ["email_verified", "verified_email"])
def test_an_unverified_address_is_refused(sign_in, provider, claim) -> None:
    info = {**KNOWN[provider][2], "email_verified": None, "verified_email": None, claim: False}
    info = {key: value for key, value in info.items() if value is not None}
    with pytest.raises(web.HTTPError, match="is not verified"):
        sign_in(provider).user_info_to_username(info)


@pytest.mark.parametrize("provider", KNOWN)
def test_who_is_on_no_list_stays_outside(sign_in, provider) -> None:
    info, name = KNOWN[provider][2:]
    authenticator = sign_in(provider, allowed_users=name)
    assert allowed(authenticator, name, info, set())
    assert not allowed(authenticator, "mallory", info, set())


@pytest.mark.parametrize("provider", sorted(set(KNOWN) - {"google", "gitlab", "github"}))
def test_groups_of_the_provider_let_people_in(sign_in, provider) -> None:
    """Google, GitLab and GitHub are asked for memberships with calls of their own."""
    info, name = KNOWN[provider][2:]
    authenticator = sign_in(provider, allowed_users="", allowed_groups="team,others")
    assert allowed(authenticator, name, info, {"team"})
    assert not allowed(authenticator, name, info, {"strangers"})


def test_google_lets_in_one_domain_and_no_other(sign_in) -> None:
    info = KNOWN["google"][2]
    authenticator = sign_in("google", allowed_users="", allowed_groups="example.org")
    assert authenticator.hosted_domain == ["example.org"]
    assert authenticator.user_info_to_username(info) == "ada"
    assert allowed(authenticator, "ada", {**info, "hd": "example.org"}, set())
    for domain in ({}, {"hd": "evil.example"}):  # an address says nothing of the domain's admins
        assert not allowed(authenticator, "ada", {**info, **domain}, set())


@pytest.mark.parametrize("provider", ["google", "gitlab"])
def test_admin_groups_are_refused_where_the_provider_has_none(sign_in, provider) -> None:
    with pytest.raises(ValueError, match="name the admins in ADMIN_USERS"):
        sign_in(provider, admin_groups="admins")
