"""Calls of Docker's engine, which one thread makes for all users, one after another."""

import asyncio
import time
from typing import Any, ClassVar

from docker.errors import APIError, DockerException
from dockerspawner import DockerSpawner
from requests import RequestException


class EngineCallsMixin(DockerSpawner):
    """Lets the calls that wait share the failure of the one before them.

    An engine that is away may let each call wait for seconds, for a name or for an answer, and the
    hub looks after each server every few seconds. So a start would wait for minutes to be refused.
    """

    _last_failure: ClassVar[tuple[float, Exception | None]] = (0.0, None)  # when, and how

    def docker(self, method: str, *args: Any, **kwargs: Any) -> asyncio.Future:
        """Call a method of Docker's client in the thread that all spawners share.

        Args:
            method: its name; its arguments follow.

        Raises:
            DockerException: the engine refuses, or its client cannot be made.
            RequestException: the engine does not answer.
        """
        asked = time.monotonic()
        return asyncio.wrap_future(self.executor.submit(self._call, asked, method, *args, **kwargs))

    def _call(self, asked: float, method: str, *args: Any, **kwargs: Any) -> Any:
        failed, error = EngineCallsMixin._last_failure
        if error is not None and asked < failed:
            raise error
        try:
            return self._docker(method, *args, **kwargs)
        except APIError:
            raise  # it is an answer
        except (DockerException, RequestException) as error:
            EngineCallsMixin._last_failure = (time.monotonic(), error)
            raise
