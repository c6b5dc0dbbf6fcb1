"""People's servers as Docker containers: each with its own volume, limits and no privileges."""

import asyncio
from collections.abc import AsyncGenerator

from dockerspawner import DockerSpawner
from jupyterhub.spawner import SpawnException

from hub.names import safe_name
from hub.settings import Settings

HOME = "/home/mosshub"
# Everything a person may ask for at a start; the page offers nothing else.
OPTIONS = frozenset({"image"})
LAST_WORDS = 12  # lines of a failed container's log that the page shows


def host_config(settings: Settings) -> dict:
    """Return what the engine holds every container to, as Docker's HostConfig."""
    return {
        "auto_remove": False,  # a container that failed is asked why, then removed by the hub
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "pids_limit": settings.process_limit,
        "memswap_limit": settings.memory_limit,  # no swap beside the memory
        "shm_size": "512m",  # marimo's virtual files; Docker's 64 MB fill at once
        "log_config": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}},
    }


def images(settings: Settings) -> dict[str, str]:
    """Return the images a person may choose from, under the names they are shown."""
    return {image.rpartition(":")[2] or image: image for image in settings.user_images}


def form_options(form_data: dict[str, list]) -> dict:
    """Return all that a form holds, so that what nobody offered is refused and not overlooked."""
    data = {key: values for key, values in form_data.items() if key != "_xsrf"}
    return {key: values[0] if len(values) == 1 else values for key, values in data.items()}


# How servers ended that nobody stopped, by person and server's name, for the page that says so.
_ended: dict[tuple[str, str], str] = {}


class ContainerSpawner(DockerSpawner):
    """DockerSpawner that refuses what nobody offered, and tells how the start goes."""

    _stage = (0, "")

    async def start(self):
        """Start the container; a refusal or a failure is said in a sentence."""
        if unoffered := set(self.user_options) - OPTIONS:
            raise self._refusal(
                f"A start cannot be given {', '.join(sorted(unoffered))}: "
                "only an image from the list."
            )
        _ended.pop(self._key, None)
        self._stage = (15, "Preparing your container …")
        address = await super().start()
        self._stage = (60, "Starting your editor …")
        return address

    def _refusal(self, sentence: str) -> SpawnException:
        # What was asked for is the default of the next start: this must not be.
        self.orm_spawner.user_options = {}
        self.db.commit()
        return SpawnException(sentence, reason="unoffered")

    async def check_allowed(self, image):
        """Return the image behind a name of the list; refuse any other in a sentence."""
        offered = self._get_allowed_images()
        if isinstance(image, str) and image in offered:
            return offered[image]
        raise self._refusal(f"There is no image {image!r} here, only: {', '.join(offered)}.")

    @property
    def _key(self) -> tuple[str, str]:
        return self.user.name, self.name

    async def progress(self) -> AsyncGenerator[dict, None]:
        """Yield the stages of the start for the page that waits."""
        shown = None
        while True:
            if self._stage != shown:
                shown = self._stage
                yield {"progress": shown[0], "message": shown[1] or "Waiting for a place …"}
            await asyncio.sleep(0.2)

    def delete_forever(self):
        """Say what stays of a person who was removed, and how it goes."""
        for volume in self.volume_binds:
            self.log.warning(
                "The volume %s is kept, and whoever comes in as %s next has it. "
                "To delete it: make purge-user NAME=%s",
                *(volume, self.user.name, self.user.name),
            )

    async def poll(self):
        """Return None while it runs, else how it ended: for the hub's log and the person's page."""
        status = await super().poll()
        if status is None or not (found := await self.get_object()):
            return status
        state = found["State"]
        how = f"it ended by itself (exit code {state['ExitCode']})"
        if state.get("OOMKilled"):
            how = f"it used more than its {self.mem_limit / 2**30:.3g} GB of memory and was ended"
        if not self._stop_pending:
            _ended[self._key] = how
        return how


async def remove_what_ended(spawner: ContainerSpawner) -> None:
    """Remove a container that ended by itself; JupyterHub has only those removed that it stops."""
    if await spawner.get_object():
        await spawner.remove_object()


def configure(c, settings: Settings) -> None:
    """Set what a container is, on JupyterHub's configuration `c`."""
    c.JupyterHub.spawner_class = ContainerSpawner
    c.JupyterHub.template_vars = {"ended": lambda viewer: _ended}
    c.DockerSpawner.allowed_images = images(settings)
    c.DockerSpawner.options_from_form = form_options
    c.DockerSpawner.image = settings.user_images[0]
    c.DockerSpawner.pull_policy = "never"  # `make up` has it here before anybody signs in
    c.DockerSpawner.post_stop_hook = remove_what_ended
    c.DockerSpawner.poll_interval = 5  # a server that ended is known before its page is asked again
    c.DockerSpawner.remove = True  # a new start, a new container: no old settings stay
    c.DockerSpawner.escape = safe_name
    c.DockerSpawner.name_template = f"{settings.instance}_{{username}}--{{servername}}"
    c.DockerSpawner.volumes = {f"{settings.instance}_home_{{username}}": HOME}
    c.DockerSpawner.network_name = f"{settings.instance}-users"
    c.DockerSpawner.use_internal_ip = True
    c.DockerSpawner.extra_host_config = host_config(settings)
    c.DockerSpawner.mem_limit = settings.memory_limit
    c.DockerSpawner.cpu_limit = settings.cpu_limit
