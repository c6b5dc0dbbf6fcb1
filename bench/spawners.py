"""Mosshub's spawner on a machine whose hub is in no container."""

from __future__ import annotations

from dockerspawner import DockerSpawner

from hub.spawners.docker import ContainerSpawner


class MosshubSpawner(ContainerSpawner):
    """The spawner of a team's hub; that hub finds containers by name, in a network of Docker's."""

    async def get_ip_and_port(self) -> tuple[str, int]:
        """Return the container's IP address: names of containers are none outside."""
        return await DockerSpawner.get_ip_and_port(self)
