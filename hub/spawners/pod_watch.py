"""What the hub knows of pods without asking: those that are there, and why others went."""

from typing import Any

from kubespawner.spawner import PodReflector
from traitlets import validate

from hub.spawners.pod_state import REMOVED, exit_reason

_MAX_GONE = 1000


class _Pods(dict):
    """Pods by namespace and name. Why one went is in its last state, which is kept."""

    def __init__(self, pods: dict[str, Any], gone: dict[str, str]) -> None:
        super().__init__(pods)
        self._gone = gone

    def pop(self, name: str, *default: Any) -> Any:
        """Forget a pod, except why it went."""
        pod = super().pop(name, *default)
        if pod:
            self._gone[name] = exit_reason(pod)
            while len(self._gone) > _MAX_GONE:
                del self._gone[next(iter(self._gone))]
        return pod


class RememberingReflector(PodReflector):
    """Watches pods. A pod may be gone before anybody looks why.

    Attributes:
        gone: why pods went, by namespace and name.
    """

    def __init__(self, **kwargs: Any) -> None:
        self.gone: dict[str, str] = {}
        super().__init__(**kwargs)

    @validate("resources")
    def _remember(self, proposal: Any) -> _Pods:
        return _Pods(proposal["value"], self.gone)


class PodWatchMixin:
    """Knows the pod of a server at any time. Mixed in before KubeSpawner."""

    pod_reflector: RememberingReflector | None
    namespace: str
    pod_name: str

    async def _start_watching_pods(self, replace: bool = False) -> None:
        await self._start_reflector(  # type: ignore[attr-defined]
            kind="pods",
            reflector_class=RememberingReflector,
            labels={"component": self.component_label},  # type: ignore[attr-defined]
            omit_namespace=self.enable_user_namespaces,  # type: ignore[attr-defined]
            replace=replace,
        )

    async def _watch_pods(self) -> None:
        """Have the hub know all pods at any time.

        WORKAROUND(jupyterhub-kubespawner 7.1.0): a watch that failed for a minute ends for good.
        Test: test_a_watch_that_gave_up_begins_again
        """
        watch = self.pod_reflector and self.pod_reflector.watch_task
        await self._start_watching_pods(replace=bool(watch and watch.done()))

    @property
    def _pod_key(self) -> str:
        return f"{self.namespace}/{self.pod_name}"

    def _pod(self) -> dict[str, Any] | None:
        return self.pod_reflector.pods.get(self._pod_key) if self.pod_reflector else None

    def _exit_reason(self) -> str:
        """Return how the pod ended, also where it is gone already; empty while it runs."""
        pod = self._pod()
        if pod is None and self.pod_reflector:
            return self.pod_reflector.gone.get(self._pod_key) or REMOVED
        return exit_reason(pod)
