"""Users' servers as pods of a cluster: each with its own volume, limits and no privileges."""

import asyncio
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientError
from jupyterhub.spawner import Spawner
from jupyterhub.utils import exponential_backoff
from kubernetes_asyncio.client import ApiException
from kubespawner import KubeSpawner
from kubespawner.objects import make_pvc
from traitlets import Any as AnyTrait
from traitlets import Dict

from hub.settings import Settings
from hub.signin.names import safe_name
from hub.spawners import pod_state
from hub.spawners.cluster_errors import cluster_failure
from hub.spawners.images import allowed_images, image_form, parse_form
from hub.spawners.listening import PAUSE_S, listens
from hub.spawners.pod_limits import app_traits, gibibytes, set_limits
from hub.spawners.pod_usage import measure_pods
from hub.spawners.pod_watch import PodWatchMixin
from hub.spawners.progress import LOG_TAIL_LINES, SpawnError, ended_start
from hub.spawners.sizes import start_form
from hub.spawners.team_server import TeamServerMixin
from hub.team_folder.claims import Mount, shared_mounts
from hub.team_folder.mounts import HOME

_AWAY = (ApiException, ClientError, OSError, TimeoutError)
_LOOK_S = 0.1  # between two looks at what is known of a pod that starts


class PodSpawner(TeamServerMixin, PodWatchMixin, KubeSpawner):
    """Starts a server in a pod, and says why one ended."""

    settings = AnyTrait(config=True, help="The platform's settings.")
    images = Dict(config=True, help="The images to choose from, by the names that the form shows.")
    measure = staticmethod(measure_pods)

    def offered_images(self) -> dict[str, str]:
        """Return the images that this user may take, by the names that the form shows."""
        return self.images

    @property
    def chosen_image(self) -> str:
        """The image of the next start."""
        default: str = self.settings.user_images[0]
        return self.images.get(str(self.user_options.get("image")), default)

    async def start(self) -> str:
        """Start the pod and wait until the editor in it listens.

        Returns:
            The server's address.

        Raises:
            SpawnError: an option is refused, the cluster does not help, or the pod did not stay.
        """
        self.begin_start()
        self.image = self.chosen_image
        self.stage = pod_state.start_stage(None)
        try:
            await self._watch_pods()
            await self._ensure_claims()
            before = self._pod()
            address = await self._until_running(super().start(), before)
            await self._until_listening(address)
        except _AWAY as error:
            self.log.error("%s: the cluster's API server: %s", self._log_name, error)
            raise cluster_failure(error) from error
        self.stage = (90, "Opening your editor …")
        return address

    async def _until_running(self, start: asyncio.Future, before: dict | None) -> str:
        """Return the address of the pod that starts, as soon as it runs.

        KubeSpawner looks at it in pauses that grow to five seconds, and waits for a pod that fails.
        """
        stale = before["metadata"]["uid"] if before else None
        try:
            while True:
                if start.done():
                    return await start
                pod = self._pod()
                if pod and pod["metadata"]["uid"] != stale:
                    self.stage = pod_state.start_stage(pod)
                    if failure := pod_state.start_failure(pod):
                        raise await self._failure(failure)
                    if self.is_pod_running(pod):
                        return self._get_pod_url(pod)
                await asyncio.sleep(_LOOK_S)
        finally:
            start.cancel()

    async def _until_listening(self, address: str) -> None:
        host, port = urlsplit(address).hostname or "", urlsplit(address).port or self.port
        while not await listens(host, port):
            pod = self._pod()
            if failure := pod_state.start_failure(pod) if pod else "Your pod was removed.":
                raise await self._failure(failure)
            await asyncio.sleep(PAUSE_S)

    async def _failure(self, sentence: str) -> SpawnError:
        tail = await self.log_tail(LOG_TAIL_LINES)
        return ended_start(sentence, tail) if tail else SpawnError(sentence, reason="ended")

    async def get_url(self) -> str:
        """Return the server's address, also of one that was starting when the hub ended."""
        pod = self._pod()
        if pod and self.is_pod_running(pod):
            return f"{self._get_pod_url(pod)}{self.server.base_url}"
        return self.server.url

    async def poll(self) -> str | None:
        """Return None while the server runs, else how it ended.

        It also counts as running while the API server does not answer, and while the cluster is
        about to restart it on its node.
        """
        try:
            await self._watch_pods()
        except _AWAY as error:
            self.log.warning("%s: the API server does not answer (%s)", self._log_name, error)
            return None
        if reason := self._exit_reason():
            if not self._stop_pending:
                self.exit_reason = reason
            return reason
        before = self.server.url if self.server else ""
        await super().poll()  # the pod has another address after its node's restart
        if self.server and before not in ("", self.server.url):
            await self.user.settings["proxy"].add_user(self.user, self.name)
        return None

    async def log_tail(self, lines: int) -> str:
        """Return the last lines of the pod's log; empty if there is none."""
        read = self.api.read_namespaced_pod_log
        try:
            return await read(self.pod_name, self.namespace, container="notebook", tail_lines=lines)
        except _AWAY:
            return ""

    async def has_newer_image(self) -> bool:
        """Return whether the next start takes another image than the pod has."""
        pod = self._pod()
        return pod is not None and pod["spec"]["containers"][0]["image"] != self.chosen_image

    def delete_forever(self) -> None:
        """Log which volume of a removed user is kept, and how to delete it."""
        if not self.app_slug:
            self.log.warning(
                "The volume claim %s is kept. The next user with the name %s gets its files. "
                "To delete it: kubectl delete pvc %s",
                *(self.pvc_name, self.user.name, self.pvc_name),
            )

    # -- what the pod is like

    async def get_pod_manifest(self) -> Any:
        """Return the pod of this start: its volumes and its limits are the user's own."""
        mounts = shared_mounts(self, self.settings)
        if not self.app_slug:
            mounts.insert(0, Mount("home", self.pvc_name, HOME, writable=True))
        set_limits(self, mounts, self.settings)
        return await super().get_pod_manifest()

    async def _ensure_claims(self) -> None:
        """Make the claims of the team's folder that do not exist yet."""
        for mount in shared_mounts(self, self.settings):
            if mount.is_team:
                await self._make_claim(mount.claim)

    async def _make_claim(self, name: str) -> None:
        claim = make_pvc(
            name=name,
            storage_class=self.settings.team_storage_class,
            access_modes=["ReadWriteMany"],
            selector=None,
            storage=gibibytes(self.settings.team_size),
            labels=self.common_labels,
        )
        await exponential_backoff(
            partial(self._make_create_pvc_request, claim, self.k8s_api_request_timeout),
            f"The claim {name} cannot be made",
            timeout=self.k8s_api_request_retry_timeout,
        )

    # -- what KubeSpawner does otherwise

    def _expand_user_properties(self, template: str, slug_scheme: str | None = None) -> str:
        """Put the user's name into a template, also as `{safe_name}`, which files have here."""
        template = template.replace("{safe_name}", safe_name(self.user.name))
        return super()._expand_user_properties(template, slug_scheme)

    def _expand_env(self, env: dict[str, Any]) -> dict[str, Any]:
        """Leave braces in variables as they are: an announcement may have some."""
        return {}


async def remove_ended_pod(spawner: Spawner) -> None:
    """Remove a pod that ended by itself. JupyterHub removes only those that it stops."""
    if spawner._pod():
        await spawner.stop(now=True)


def configure(c: Any, settings: Settings) -> None:
    """Set how pods are started, on JupyterHub's configuration `c`."""
    images = allowed_images(settings)
    c.JupyterHub.spawner_class = PodSpawner
    c.PodSpawner.settings = settings
    c.PodSpawner.images = images
    c.PodSpawner.sizes = settings.sizes
    c.PodSpawner.app_traits = app_traits(settings)
    c.PodSpawner.options_form = start_form(image_form(images), settings.sizes)
    c.PodSpawner.options_from_form = parse_form
    c.PodSpawner.post_stop_hook = remove_ended_pod
    c.PodSpawner.poll_interval = 5  # seconds: the hub notices an end before the user reloads
    c.PodSpawner.delete_stopped_pods = False  # `poll` decides when a pod has ended
    # After 3 s KubeSpawner gives up. Its next try finds the pod of this one and removes it.
    c.PodSpawner.k8s_api_request_timeout = 20
    c.PodSpawner.k8s_api_request_retry_timeout = 60
    c.PodSpawner.start_timeout = 900  # a cluster may have to get another node first
    c.PodSpawner.pod_name_template = f"{settings.instance}-{{safe_name}}--{{servername}}"
    c.PodSpawner.pvc_name_template = f"{settings.instance}-home-{{safe_name}}"
    c.PodSpawner.common_labels = {"app.kubernetes.io/part-of": settings.instance}
    c.PodSpawner.storage_pvc_ensure = True
    c.PodSpawner.remember_pvc_name = False  # a claim that an admin has deleted is made again
    c.PodSpawner.storage_capacity = gibibytes(settings.home_size)
    c.PodSpawner.storage_class = settings.home_storage_class or None  # "": no class at all
    c.PodSpawner.delete_pvc = False  # an admin deletes files
    c.PodSpawner.mem_limit = settings.memory_limit
    c.PodSpawner.cpu_limit = settings.cpu_limit
    c.PodSpawner.priority_class_name = settings.priority_class
    c.PodSpawner.image_pull_secrets = sorted(settings.image_pull_secrets)
    c.PodSpawner.events_enabled = False  # what a start waits for is in the pod's own state
