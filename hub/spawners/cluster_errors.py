"""What a person reads when the cluster starts no pod."""

import json
from contextlib import suppress

from kubernetes_asyncio.client import ApiException

from hub.spawners.progress import SpawnError


def cluster_failure(error: Exception) -> SpawnError:
    """Return why no pod starts.

    Args:
        error: what the client of the API server raised.
    """
    if isinstance(error, ApiException) and error.status:
        sentence = f"The cluster refused to start your pod: {_said(error)}. Tell an admin."
        return SpawnError(sentence, reason="refused", status_code=500)
    return SpawnError(
        "The cluster does not answer, so no pod can start. Try again in a minute. If this lasts, "
        "tell an admin.",
        reason="engine",
        status_code=500,
    )


def _said(error: ApiException) -> str:
    """Return the API server's own sentence, which is in the JSON that it answers."""
    with suppress(ValueError, TypeError, KeyError):
        return json.loads(error.body or "")["message"]
    return str(error.reason)
