"""People's servers as Docker containers: each with its own volume, limits and no privileges."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import suppress
from html import escape

from docker.errors import DockerException
from dockerspawner import DockerSpawner
from jupyterhub.spawner import SpawnException
from requests import RequestException
from tornado import web

from hub.settings import Settings
from hub.signin.names import safe_name

HOME = "/home/mosshub"
# Everything a person may ask for at a start; the page offers nothing else.
OPTIONS = frozenset({"image"})
LAST_WORDS = 12  # lines of a failed container's log that the page shows
TRIES = 3  # restarts in a row after which a container is given up


def host_config(settings: Settings) -> dict:
    """Return what the engine holds every container to, as Docker's HostConfig."""
    return {
        "auto_remove": False,  # a container that failed is asked why, then removed by the hub
        # Back by itself after a crash, a restart of the engine or of the host.
        "restart_policy": {"Name": "unless-stopped"},
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


def form(names: Iterable[str]) -> str:
    """Return the page's form to choose an image; nothing where there is no choice."""
    options = [f"<option>{escape(name)}</option>" for name in names]
    if len(options) < 2:
        return ""
    return (
        '<label for="image">Image</label>'
        f'<select class="form-select" id="image" name="image">{"".join(options)}</select>'
    )


def form_options(form_data: dict[str, list]) -> dict:
    """Return all that a form holds, so that what nobody offered is refused and not overlooked."""
    data = {key: values for key, values in form_data.items() if key != "_xsrf"}
    return {key: values[0] if len(values) == 1 else values for key, values in data.items()}


# How servers ended that nobody stopped, by person and server's name, for the page that says so.
_ended: dict[tuple[str, str], str] = {}


class NotStarted(SpawnException):
    """Why a server was not started, in words for its person on every page that shows it."""

    def __init__(self, sentence: str, *, reason: str, html: str = "") -> None:
        super().__init__(sentence, reason=reason, message_html=html)
        # Without these, some of JupyterHub's pages show the exception's name and number as well.
        self.jupyterhub_message = sentence
        self.jupyterhub_html_message = html or escape(sentence)


class ContainerSpawner(DockerSpawner):
    """DockerSpawner that refuses what nobody offered, and tells how the start goes."""

    broker_note = ""  # what the page says of a broker that is away
    _stage = (0, "")
    _refused = ""
    _seen_ended = 0

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        remembered = self.user_options.get("image")
        if remembered is not None and remembered not in self._get_allowed_images():
            self._forget_options()  # not offered any more: the next start has the default

    async def start(self):
        """Start the container; a refusal or a failure is said in a sentence."""
        if unoffered := set(self.user_options) - OPTIONS:
            raise self._refusal(
                f"A start cannot be given {', '.join(sorted(unoffered))}: "
                "only an image from the list."
            )
        _ended.pop(self._key, None)
        self._stage = (15, "Preparing your container …")
        host, port = await super().start()
        self._stage = (60, "Starting your editor …")
        await self._until_it_listens(host, port)
        self._stage = (90, "Opening your editor …")
        return host, port

    async def get_ip_and_port(self) -> tuple[str, int]:
        """Return a name that stays the container's own: its address changes with a restart."""
        return self.container_id[:12], self.port

    async def get_url(self) -> str:
        """Return where it is, also of a server that was starting when the hub was ended."""
        host, port = await self.get_ip_and_port()
        return f"http://{host}:{port}{self.server.base_url}"

    async def _until_it_listens(self, host: str, port: int) -> None:
        """Wait for the editor, as long as the hub has time; say at once how a container failed."""
        while True:
            found = await self.get_object()
            if not found:
                raise NotStarted(
                    "Your container was removed while it started. Try again.", reason="removed"
                )
            # One that is up again may open yet, and of its end the engine says nothing any more.
            if _has_ended(found) or found["RestartCount"] > TRIES:
                said = f"Its container did not stay: {_how(found)}. It said last:"
                words = await self._last_words()
                raise NotStarted(
                    f"{said}\n{words}",
                    html=f"{escape(said)}<pre>{escape(words)}</pre>",
                    reason="ended",
                )
            with suppress(OSError):
                _, writer = await asyncio.open_connection(host, port)
                writer.close()
                return
            await asyncio.sleep(0.1)  # the engine's shortest pause before it starts one again

    async def _last_words(self) -> str:
        log = await self.docker("logs", self.container_id, tail=LAST_WORDS)
        return log.decode(errors="replace").strip() or "(nothing)"

    def _forget_options(self) -> None:
        # What was asked for is the default of the next start: this must not be.
        self.orm_spawner.user_options = {}
        self.db.commit()

    def _refusal(self, sentence: str) -> NotStarted:
        self._forget_options()
        self._refused = sentence
        return NotStarted(sentence, reason="unoffered")

    async def get_options_form(self) -> str:
        """Return the page's form. JupyterHub asks for it after a link's wishes were refused, and
        where there is no form it would start a server without them.
        """
        if refused := self._refused:
            self._refused = ""
            raise web.HTTPError(400, refused)
        return await super().get_options_form()

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
        noted = ""
        while True:
            if self.broker_note != noted:
                noted = self.broker_note
                yield {"message": noted}
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
        """Return None while it runs, else how it ended: for the hub's log and the person's page.

        It counts as running while nobody can say, because the engine is away, and while the
        engine is about to start it again.
        """
        try:
            found = await self.get_object()
        except (DockerException, RequestException) as error:
            self.log.warning("%s: the engine does not say how it is (%s)", self._log_name, error)
            return None
        if not found:
            return "it was removed"
        state = found["State"]
        if state["Restarting"] and found["RestartCount"] <= TRIES:
            return None
        if not _has_ended(found):
            self._seen_ended = 0
            return None
        how = _how(found)
        if not self._stop_pending:
            # A restart of the engine ends containers a moment before it starts them again.
            self._seen_ended += 1
            if not state["Restarting"] and self._seen_ended <= TRIES:
                return None
            _ended[self._key] = how
        return how


def _has_ended(found: dict) -> bool:
    """Return whether a container is down, or about to be started again."""
    return not found["State"]["Running"] or found["State"]["Restarting"]


def _how(found: dict) -> str:
    """Return how a container ended, from what the engine says of it."""
    state = found["State"]
    if not _has_ended(found):
        return "it ended by itself, again and again"
    if state.get("OOMKilled"):
        limit = found["HostConfig"]["Memory"] / 2**30
        return f"it used more than its {limit:.3g} GB of memory and was ended"
    return f"it ended by itself (exit code {state['ExitCode']})"


async def remove_what_ended(spawner: ContainerSpawner) -> None:
    """Remove a container that ended by itself; JupyterHub has only those removed that it stops."""
    if await spawner.get_object():
        await spawner.stop_object()  # the engine may be about to start it again
        await spawner.remove_object()


def configure(c, settings: Settings) -> None:
    """Set what a container is, on JupyterHub's configuration `c`."""
    c.JupyterHub.spawner_class = ContainerSpawner
    c.JupyterHub.template_vars = {"ended": lambda viewer: _ended}
    c.DockerSpawner.allowed_images = images(settings)
    c.DockerSpawner.options_form = form(images(settings))
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
