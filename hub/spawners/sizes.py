"""What a chosen size gives a container: processors, memory, and one of the host's GPUs."""

from collections.abc import Callable
from html import escape
from typing import Any

from docker.types import DeviceRequest
from jupyterhub.spawner import Spawner
from traitlets import HasTraits, Tuple

from hub.sizes import Size

#: Names the choice among the options of a start.
OPTION = "size"
_Config = Callable[[Spawner], dict[str, Any]]


class SizeMixin(HasTraits):
    """Knows the size of a user's server, and the GPU that the queue of starts gave it.

    Mixed in before a spawner's class. `gpu` is part of the state that JupyterHub stores, so that a
    GPU is given to nobody else after the hub's restart.

    Attributes:
        gpu: number of the GPU that the server has; None for none.
    """

    sizes = Tuple(config=True, help="The sizes to choose from (`hub.sizes.Size`).")
    gpu: int | None = None
    user: Any
    user_options: dict[str, Any]

    def offered_sizes(self) -> dict[str, Size]:
        """Return the sizes that this user may take, by name. An app has limits of its own."""
        if self.app_slug or not self.sizes:  # type: ignore[attr-defined]
            return {}
        groups = [group.name for group in self.user.orm_user.groups]
        admin = self.user.admin
        return {s.name: s for s in self.sizes if s.is_for(groups, is_admin=admin)}

    @property
    def size(self) -> Size | None:
        """The chosen size or the default; None without sizes, and for one that is not offered."""
        offered = self.offered_sizes()
        chosen = self.user_options.get(OPTION, next(iter(offered), None))
        return offered.get(chosen) if isinstance(chosen, str) else None

    @property
    def wants_gpu(self) -> bool:
        """Whether the start must wait until a GPU is free."""
        return self.size is not None and self.size.has_gpu

    def take_size(self) -> None:
        """Set the container's limits."""
        if size := self.size:
            self.mem_limit, self.cpu_limit = size.memory, size.cpus

    def get_state(self) -> dict[str, Any]:
        """Return what the hub stores of this server."""
        state = super().get_state()  # type: ignore[misc]
        return state if self.gpu is None else state | {"gpu": self.gpu}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over what the hub stored of this server."""
        super().load_state(state)  # type: ignore[misc]
        self.gpu = state.get("gpu")

    def clear_state(self) -> None:
        """Forget what belonged to a server that ended."""
        super().clear_state()  # type: ignore[misc]
        self.gpu = None


def with_size(host_config: _Config) -> _Config:
    """Return the limits of a container as `host_config` gives them, with those of its size.

    Args:
        host_config: gives Docker's HostConfig, as DockerSpawner takes it.
    """

    def sized(spawner: Any) -> dict[str, Any]:
        host = host_config(spawner)
        if spawner.size:
            host = {**host, "memswap_limit": spawner.size.memory}  # no swap beside the memory
        if spawner.gpu is not None:
            gpu = DeviceRequest(device_ids=[str(spawner.gpu)], capabilities=[["gpu"]])
            host = {**host, "device_requests": [gpu]}
        return host

    return sized


def start_form(image: str, sizes: tuple[Size, ...]) -> str | Callable[[Any], str]:
    """Return the form of a start as DockerSpawner takes it; empty if nobody has a choice.

    Args:
        image: the HTML to choose an image; empty if there is no choice.
        sizes: all sizes.
    """
    if not sizes:
        return image
    return lambda spawner: (
        size_field(spawner.offered_sizes(), spawner.user_options.get(OPTION)) + image
    )


def size_field(sizes: dict[str, Size], chosen: str | None) -> str:
    """Return the HTML to choose a size, or nothing if there is no choice.

    Args:
        sizes: those that are offered.
        chosen: the name of the last choice.
    """
    if len(sizes) < 2:
        return ""
    options = [
        f'<option value="{escape(name)}"{" selected" if name == chosen else ""}>'
        f"{escape(size.label)}</option>"
        for name, size in sizes.items()
    ]
    return (
        '<label for="size">Size</label>'
        f'<select class="form-select" id="size" name="{OPTION}">{"".join(options)}</select>'
    )
