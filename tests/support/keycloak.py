"""The demo's Keycloak: its sign-in form as a browser fills it in, and its admin's API."""

from __future__ import annotations

import re
from urllib.parse import quote

import requests

from tests.support.stack import Stack


def sign_in(
    stack: Stack, name: str, password: str, next: str = ""
) -> tuple[requests.Session, requests.Response]:
    """Sign in as a browser does; return the session and the hub's answer."""
    session = stack.session()
    back = submit_form(stack, session, name, password, next)
    if back.is_redirect:
        back = session.get(back.headers["Location"], allow_redirects=False, timeout=60)
    return session, back


def submit_form(
    stack: Stack, session: requests.Session, name: str, password: str, next: str = ""
) -> requests.Response:
    """Fill in Keycloak's form; return its answer, which sends whom it knows back to the hub."""
    way = f"?next={quote(next, safe='')}" if next else ""
    form = session.get(f"{stack.url}/hub/oauth_login{way}", timeout=60)
    assert form.url.startswith(f"{stack.url}/auth/realms/mosshub/"), form.url
    if not stack.https:
        # Browsers count localhost as secure and send Keycloak's Secure cookies back to it.
        for cookie in session.cookies:
            cookie.secure = False
    action = re.search(r'action="([^"]+)"', form.text)
    assert action, form.text
    return session.post(
        action[1].replace("&amp;", "&"),
        data={"username": name, "password": password},
        allow_redirects=False,
        timeout=60,
    )


class KeycloakAdmin:
    """Keycloak's admin, through Keycloak's API."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.session = stack, stack.session()

    def token(self) -> str:
        """Return a token that is valid for a minute."""
        form = {"grant_type": "password", "client_id": "admin-cli", "username": "admin"}
        answer = self.session.post(
            f"{self.stack.url}/auth/realms/master/protocol/openid-connect/token",
            {**form, "password": self.stack.secret("admin")},
            timeout=30,
        )
        answer.raise_for_status()
        return answer.json()["access_token"]

    def request(self, method: str, path: str, body: object = None) -> requests.Response:
        """Call the API of the demo's realm; an answer of 400 or more is an error."""
        answer = self.session.request(
            method,
            f"{self.stack.url}/auth/admin/realms/mosshub/{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.token()}"},
            timeout=30,
        )
        answer.raise_for_status()
        return answer

    def add_to_team(self, name: str, password: str) -> None:
        """Create a user who may sign in to the platform."""
        secret = {"type": "password", "value": password, "temporary": False}
        email = f"{quote(name)}@example.org"  # Keycloak takes each address once
        person = {"firstName": "A", "lastName": "Person", "email": email}
        self.request(
            "POST",
            "users",
            {
                **person,
                "username": name,
                "enabled": True,
                "emailVerified": True,
                "groups": ["/team"],
                "credentials": [secret],
            },
        )

    def remove(self, name: str) -> None:
        """Delete a user."""
        self.request("DELETE", f"users/{self.user_id(name)}")

    def user_id(self, name: str) -> str:
        """Return the id of the user with this name."""
        found = self.request("GET", f"users?username={quote(name)}&exact=true").json()
        return found[0]["id"]

    def group_id(self, name: str) -> str:
        """Return the id of the group with this name."""
        groups = self.request("GET", "groups").json()
        return next(group["id"] for group in groups if group["name"] == name)
