"""What a person reads when Docker's engine starts no container."""

from docker.errors import APIError

from hub.spawners.progress import SpawnError


def engine_failure(error: Exception) -> SpawnError:
    """Return why no container starts.

    Args:
        error: what Docker's library raised.
    """
    if isinstance(error, APIError):
        said = error.explanation or error
        sentence = f"Docker's engine refused to start your container: {said}. Tell an admin."
        return SpawnError(sentence, reason="refused", status_code=500)
    return SpawnError(
        "Docker's engine does not answer, so no container can start. Try again in a minute. If "
        "this lasts, tell an admin: the service `engine` of the platform may be down.",
        reason="engine",
        status_code=500,
    )
