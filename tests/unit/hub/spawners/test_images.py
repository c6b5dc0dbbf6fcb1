"""Whether the name of a container's image stands for a newer one by now."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from docker.errors import APIError
from requests import ConnectionError

from hub.spawners.images import has_newer_image

NAME = "mosshub/user:cpu"


class Server:
    """A server in a container, and the engine's answers about it."""

    def __init__(self, container: dict | None, image: dict | Exception) -> None:
        self.container, self.image = container, image

    async def get_object(self) -> dict | None:
        return self.container

    async def docker(self, method: str, name: str) -> Any:
        assert (method, name) == ("inspect_image", NAME)
        if isinstance(self.image, Exception):
            raise self.image
        return self.image


def container(image: str) -> dict:
    return {"Image": image, "Config": {"Image": NAME}}


@pytest.mark.parametrize(
    ("found", "image", "is_newer"),
    [
        (container("sha256:old"), {"Id": "sha256:new"}, True),
        (container("sha256:old"), {"Id": "sha256:old"}, False),
        (None, {"Id": "sha256:new"}, False),
        (container("sha256:old"), APIError("no such image"), False),
        (container("sha256:old"), ConnectionError(), False),
    ],
)
def test_a_newer_image(found: dict | None, image: Any, is_newer: bool) -> None:
    async def story() -> None:
        assert await has_newer_image(Server(found, image)) is is_newer

    asyncio.run(story())
