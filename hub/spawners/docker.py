"""Users' servers as Docker containers: each with its own volume, limits and no privileges."""

import asyncio
from typing import Any

from docker.errors import DockerException
from jupyterhub.spawner import Spawner
from requests import RequestException

from hub.settings import Settings
from hub.signin.names import safe_name
from hub.spawners import container_state
from hub.spawners.container_limits import app_traits, host_config
from hub.spawners.engine_calls import EngineCallsMixin
from hub.spawners.engine_errors import engine_failure
from hub.spawners.images import allowed_images, has_newer_image, image_form, parse_form
from hub.spawners.listening import PAUSE_S, listens
from hub.spawners.progress import LOG_TAIL_LINES, SpawnError, ended_start
from hub.spawners.sizes import start_form, with_size
from hub.spawners.team_server import TeamServerMixin
from hub.spawners.usage import measure_containers
from hub.team_folder.mounts import HOME, with_team_folder

_TOLERATED_POLLS = 3  # in a row may find a container down before it counts as ended
#: Questions whether an editor listens, for each look at its container: the engine serves all users.
_QUESTIONS_PER_LOOK = 4


class ContainerSpawner(TeamServerMixin, EngineCallsMixin):
    """Starts a server in a container, and says why one ended."""

    measure = staticmethod(measure_containers)
    _polls_ended = 0

    async def start(self):
        """Start the container and wait until the editor in it listens.

        Returns:
            Host and port of the server.

        Raises:
            SpawnError: an option is not allowed, the engine does not help, or the container did not
                stay.
        """
        self.begin_start()
        self.stage = (15, "Preparing your container …")
        try:
            host, port = await super().start()
            self.stage = (60, "Starting your editor …")
            await self._wait_until_listening(host, port)
        except (DockerException, RequestException) as error:
            self.log.error("%s: Docker's engine: %s", self._log_name, error)
            raise engine_failure(error) from error
        self.stage = (90, "Opening your editor …")
        return host, port

    async def get_ip_and_port(self) -> tuple[str, int]:
        """Return the container's id as its host name: the address changes with a restart."""
        return self.container_id[:12], self.port

    async def get_url(self) -> str:
        """Return the server's address, also of one that was starting when the hub ended."""
        host, port = await self.get_ip_and_port()
        return f"http://{host}:{port}{self.server.base_url}"

    async def _wait_until_listening(self, host: str, port: int) -> None:
        """Wait until the editor listens, for as long as the hub allows a start to take.

        Raises:
            SpawnError: the container failed meanwhile.
        """
        while True:
            container = await self.get_object()
            if not container:
                raise SpawnError(
                    "Your container was removed while it started. Try again.", reason="removed"
                )
            if container_state.has_failed(container):
                raise await self._failure(container)
            for _ in range(_QUESTIONS_PER_LOOK):
                if await listens(host, port):
                    return
                await asyncio.sleep(PAUSE_S)

    async def _failure(self, container: dict[str, Any]) -> SpawnError:
        reason = container_state.exit_reason(container)
        tail = await self.log_tail(LOG_TAIL_LINES)
        return ended_start(f"Your container did not stay: {reason}.", tail)

    async def log_tail(self, lines: int) -> str:
        """Return the last lines of the container's log; empty if there is no container."""
        if not await self.get_object():
            return ""
        log = await self.docker("logs", self.container_id, tail=lines)
        return log.decode(errors="replace")

    async def has_newer_image(self) -> bool:
        """Return whether the name of this container's image stands for another image by now."""
        return await has_newer_image(self)

    # -- images

    def offered_images(self) -> dict[str, str]:
        """Return the images that this user may take, by the names that the form shows."""
        return self._get_allowed_images()

    async def check_allowed(self, image):
        """Return the image behind a name of the list, as DockerSpawner asks for it.

        Raises:
            SpawnError: the name is not in the list.
        """
        return self.allowed_image(image)

    # -- how a server ended

    async def poll(self) -> str | None:
        """Return None while the server runs, else how it ended.

        It also counts as running while the engine does not answer, and while the engine is about
        to restart it.
        """
        try:
            container = await self.get_object()
        except (DockerException, RequestException) as error:
            self.log.warning("%s: Docker's engine does not answer (%s)", self._log_name, error)
            return None
        if not container:
            return "it was removed"
        if container_state.is_restarting(container):
            return None
        if not container_state.has_ended(container):
            self._polls_ended = 0
            return None
        reason = container_state.exit_reason(container)
        if not self._stop_pending:
            # A restart of the engine ends containers a moment before it starts them again.
            self._polls_ended += 1
            if not container["State"]["Restarting"] and self._polls_ended <= _TOLERATED_POLLS:
                return None
            self.exit_reason = reason
        return reason

    def delete_forever(self):
        """Log which volume of a removed user is kept, and how to delete it."""
        if self.app_slug:
            return
        for volume in self.volume_binds:
            self.log.warning(
                "The volume %s is kept. The next user with the name %s gets its files. "
                "To delete it: make purge-user NAME=%s",
                *(volume, self.user.name, self.user.name),
            )


async def remove_ended_container(spawner: Spawner) -> None:
    """Remove a container that ended by itself. JupyterHub removes only those that it stops."""
    if await spawner.get_object():
        await spawner.stop_object()  # the engine may be about to restart it
        await spawner.remove_object()


def configure(c: Any, settings: Settings) -> None:
    """Set how containers are started, on JupyterHub's configuration `c`."""
    images = allowed_images(settings)
    c.JupyterHub.spawner_class = ContainerSpawner
    c.DockerSpawner.allowed_images = images
    c.DockerSpawner.options_form = start_form(image_form(images), settings.sizes)
    c.DockerSpawner.options_from_form = parse_form
    c.DockerSpawner.image = settings.user_images[0]
    c.DockerSpawner.pull_policy = "never"  # `make up` fetches it before anybody signs in
    c.DockerSpawner.post_stop_hook = remove_ended_container
    c.DockerSpawner.poll_interval = 5  # seconds: the hub notices an end before the user reloads
    c.DockerSpawner.remove = True  # every start gets a new container with the current settings
    c.DockerSpawner.escape = safe_name
    c.DockerSpawner.name_template = f"{settings.instance}_{{username}}--{{servername}}"
    c.DockerSpawner.volumes = {f"{settings.instance}_home_{{username}}": HOME}
    c.DockerSpawner.network_name = f"{settings.instance}-users"
    c.DockerSpawner.use_internal_ip = True
    host = with_team_folder(host_config(settings), settings)
    c.DockerSpawner.extra_host_config = with_size(host) if settings.sizes else host
    c.ContainerSpawner.sizes = settings.sizes
    c.DockerSpawner.mem_limit = settings.memory_limit
    c.DockerSpawner.cpu_limit = settings.cpu_limit
    c.ContainerSpawner.app_traits = app_traits(settings)
