"""A team's hub with light servers, whose users sign in with the second OpenID provider."""

import uuid
from pathlib import Path

from tests.support.light_hub import LightHub
from tests.support.oidc_provider import CLIENT_SECRET, OidcProvider

TEAM = {
    "SERVERS": "containers",
    "OAUTH_PROVIDER": "oidc",
    "OAUTH_CLIENT_ID": "mosshub",
    "OAUTH_CLIENT_SECRET": CLIENT_SECRET,
    "ALLOWED_GROUPS": "team",
    "ADMIN_GROUPS": "admins",
    "PROXY_TOKEN": uuid.uuid4().hex * 2,
    "COOKIE_SECRET": uuid.uuid4().hex * 2,
    "CRYPT_KEY": uuid.uuid4().hex * 2,
}


class Team:
    """A team's hub and its provider."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self.hub = LightHub(directory / "data", **TEAM, **settings)
        self.provider = OidcProvider(self.hub.url, directory / "provider.log")
        self.hub.environment |= {
            "OAUTH_URL": self.provider.issuer,
            "OAUTH_INTERNAL_URL": self.provider.internal_url,
        }

    def stop(self) -> None:
        self.provider.stop()
        if self.hub.process:
            self.hub.stop()
