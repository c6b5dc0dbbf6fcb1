"""The way to the identity provider, back, and out."""

from jupyterhub.user import User
from mosshub_contract.redaction import hide
from oauthenticator.oauth2 import OAuthCallbackHandler, OAuthLoginHandler, OAuthLogoutHandler

from hub.signin import early_start, known_browsers


class LoginHandler(OAuthLoginHandler):
    """Sends a browser to the provider; where it knows its user, their server starts meanwhile."""

    def get(self) -> None:
        """Send the browser there."""
        super().get()
        if self.authenticator.start_early and (user := known_browsers.known_user(self)):
            early_start.begin(self, user)


class CallbackHandler(OAuthCallbackHandler):
    """Ends the sign-in, where the provider sends users back to."""

    async def get(self) -> None:
        """Sign the user in. A provider that repeats code or state in an error is not quoted."""
        hide(*self.get_arguments("code"), *self.get_arguments("state"))
        await super().get()

    async def login_user(self, data: dict | None = None) -> User | None:
        """Sign the user in, and let their browser remember it."""
        user = await super().login_user(data)
        if user and self.authenticator.start_early:
            known_browsers.remember(self, user)
        return user


class LogoutHandler(OAuthLogoutHandler):
    """Ends the sign-in; the browser forgets whose it was."""

    async def handle_logout(self) -> None:
        """Forget what cookies say."""
        known_browsers.forget(self)
        await super().handle_logout()
