"""The endpoints of an OpenID provider, read from the provider's own discovery document."""

import json
import logging
import urllib.request
from pathlib import Path

from mosshub_contract.files import write_atomically
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

log = logging.getLogger("mosshub")
#: What the hub needs of a discovery document.
REQUIRED = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint")
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


def _fetch(address: str) -> dict:
    with urllib.request.urlopen(address, timeout=10) as reply:  # noqa: S310  checked by Settings
        found = json.load(reply)
    if missing := [name for name in REQUIRED if name not in found]:
        raise ValueError(f"its answer has no {', '.join(missing)}")
    return found
