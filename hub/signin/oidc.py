"""The endpoints of an OpenID provider, read from the provider's own discovery document.

Browsers and hub may reach a provider at two addresses. Each endpoint then gets the address of those
who call it: browsers sign in and out, the hub exchanges codes and asks who a user is.
"""

import json
import logging
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from mosshub_contract.files import write_atomically
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

log = logging.getLogger("mosshub")
#: What the hub needs of a discovery document.
REQUIRED = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint")
#: Endpoints that browsers open; the hub calls all others.
FOR_BROWSERS = ("authorization_endpoint", "end_session_endpoint")
#: Seconds that a provider which starts beside the hub may take.
DISCOVERY_TIMEOUT_S = 60


class ProviderError(Exception):
    """The provider did not tell its endpoints; the message says what to check."""


def discover(issuer: str, cache: Path, timeout_s: float = DISCOVERY_TIMEOUT_S) -> dict[str, str]:
    """Return the provider's discovery document.

    Args:
        issuer: the issuer's address for the hub.
        cache: file of the last answer, with which a hub restarts while the provider is away.
        timeout_s: seconds to try if there is no last answer.

    Raises:
        ProviderError: the provider does not answer, and there is no last answer.
    """
    address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    known = json.loads(cache.read_text()) if cache.exists() else {}
    last_answer = known.get("found") if known.get("issuer") == issuer else None
    try:
        for attempt in Retrying(
            stop=stop_after_delay(0 if last_answer else timeout_s),
            wait=wait_fixed(1),
            retry=retry_if_exception_type((OSError, ValueError)),
            reraise=True,
        ):
            with attempt:
                found = _fetch(address)
    except (OSError, ValueError) as error:
        if last_answer:
            log.warning("%s does not answer (%s): the hub uses its last answer", address, error)
            return last_answer
        raise ProviderError(f"OAUTH_URL: {address} does not answer ({error})") from None
    write_atomically(cache, json.dumps({"issuer": issuer, "found": found}))
    return found


def endpoints_for(found: dict, public: str, internal: str) -> dict:
    """Return the discovery document with each endpoint at the address of those who call it.

    Some providers name every endpoint by the address at which they are asked, others by a fixed
    one. The hub need not reach the public address for this.

    Args:
        found: the discovery document.
        public: the issuer's address for browsers.
        internal: the issuer's address for the hub; empty if it is the same.
    """
    if not internal:
        return found
    moved = {}
    for name, value in found.items():
        if name.endswith("_endpoint"):
            here, there = (public, internal) if name in FOR_BROWSERS else (internal, public)
            moved[name] = _move(value, there, here)
    return {**found, **moved}


def _move(url: str, old: str, new: str) -> str:
    """Return `url` below `new` if it is below `old`, or on its host; else as it is."""
    for before, after in ((old, new), (_origin(old), _origin(new))):
        before, after = before.rstrip("/"), after.rstrip("/")
        if url == before or url.startswith(f"{before}/"):
            return after + url.removeprefix(before)
    return url


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _fetch(address: str) -> dict:
    with urllib.request.urlopen(address, timeout=10) as reply:  # noqa: S310  checked by Settings
        found = json.load(reply)
    if missing := [name for name in REQUIRED if name not in found]:
        raise ValueError(f"its answer has no {', '.join(missing)}")
    return found
