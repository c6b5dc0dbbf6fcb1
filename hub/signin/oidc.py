"""Where an OpenID provider has its endpoints, asked from the provider itself."""

import json
import logging
import urllib.request
from pathlib import Path

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

log = logging.getLogger("mosshub")
NEEDED = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint")
PATIENCE = 60  # seconds; a provider that starts beside the hub needs some


class ProviderError(Exception):
    """The provider did not say where its endpoints are; the message says what to check."""


def _ask(address: str) -> dict:
    with urllib.request.urlopen(address, timeout=10) as reply:  # noqa: S310  checked by Settings
        found = json.load(reply)
    if missing := [name for name in NEEDED if name not in found]:
        raise ValueError(f"its answer has no {', '.join(missing)}")
    return found


def discover(issuer: str, cache: Path, patience: float = PATIENCE) -> dict[str, str]:
    """Return the provider's discovery document.

    Args:
        issuer: the issuer's address, as the hub reaches it.
        cache: file of the last answer, so that a hub can restart while the provider is away.
        patience: seconds to try when there is no last answer.

    Raises:
        ProviderError: no answer, and none from before.
    """
    address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    known = json.loads(cache.read_text()) if cache.exists() else {}
    before = known.get("found") if known.get("issuer") == issuer else None
    try:
        for attempt in Retrying(
            stop=stop_after_delay(0 if before else patience),
            wait=wait_fixed(1),
            retry=retry_if_exception_type((OSError, ValueError)),
            reraise=True,
        ):
            with attempt:
                found = _ask(address)
    except (OSError, ValueError) as error:
        if before:
            log.warning("%s does not answer (%s): going on with its last answer", address, error)
            return before
        raise ProviderError(f"OAUTH_URL: {address} does not answer ({error})") from None
    cache.write_text(json.dumps({"issuer": issuer, "found": found}))
    return found
