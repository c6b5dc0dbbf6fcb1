"""Browsers that know whose they are: a cookie of an earlier sign-in, which opens nothing.

The cookie says who signed in last with a browser, for 30 days, signed by the hub. It is no sign-in:
the one thing that it does is `early_start`. Signing out takes it away, and blocking or removing a
user makes all of theirs worthless.
"""

from hashlib import sha256
from hmac import compare_digest

from jupyterhub.handlers import BaseHandler
from jupyterhub.user import User

#: Over HTTPS `hub.origins.guard` makes it `__Host-…`: no other host can have written it.
COOKIE = "mosshub-known-browser"
MAX_AGE_DAYS = 30


def remember(handler: BaseHandler, user: User) -> None:
    """Let a browser remember who signed in.

    Args:
        handler: of the request that ends the sign-in.
        user: who signed in.
    """
    handler._set_cookie(
        COOKIE,
        _fingerprint(user) + b":" + user.name.encode(),
        encrypted=True,  # JupyterHub's word for signed
        httponly=True,
        path=handler.hub.base_url,
        expires_days=MAX_AGE_DAYS,
    )


def forget(handler: BaseHandler) -> None:
    """Let a browser forget it.

    Args:
        handler: of the request that ends a sign-in.
    """
    handler.clear_cookie(COOKIE, path=handler.hub.base_url)


def known_user(handler: BaseHandler) -> User | None:
    """Return whose browser this is; None if nobody is known, or no longer.

    Args:
        handler: of the request.
    """
    signed = handler.get_secure_cookie(COOKIE, max_age_days=MAX_AGE_DAYS) or b""
    fingerprint, _, name = signed.partition(b":")
    user = handler.find_user(name.decode(errors="replace")) if name else None
    if user is None or not compare_digest(fingerprint, _fingerprint(user)):
        return None
    return user


def _fingerprint(user: User) -> bytes:
    """Return what binds the cookie to this user: another of the same name has another."""
    return sha256(f"{COOKIE}:{user.cookie_id}".encode()).hexdigest()[:32].encode()
