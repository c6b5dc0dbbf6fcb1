"""What users choose from, and what a container gets of it."""

from types import SimpleNamespace
from typing import Any

import pytest
from traitlets import HasTraits

from hub.sizes import parse_sizes
from hub.spawners.sizes import SizeMixin, size_field, with_size

SIZES = parse_sizes("Small=2/4G, Large=4/8G@lab+ops, GPU=8/32G/gpu@lab")


class Base(HasTraits):
    """As much of DockerSpawner as a size needs."""

    mem_limit, cpu_limit = "1G", 1.0

    def get_state(self) -> dict[str, Any]:
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        pass

    def clear_state(self) -> None:
        pass


class Spawner(SizeMixin, Base):
    """A spawner of a user with these groups, whose start has these options."""

    def __init__(self, *groups: str, admin: bool = False, app: str = "", **options: Any) -> None:
        super().__init__(sizes=SIZES)
        orm_user = SimpleNamespace(groups=[SimpleNamespace(name=group) for group in groups])
        self.user = SimpleNamespace(orm_user=orm_user, admin=admin)
        self.app_slug, self.user_options = app, options


@pytest.mark.parametrize(
    ("spawner", "offered"),
    [
        (Spawner(), ["Small"]),
        (Spawner("ops", "others"), ["Small", "Large"]),
        (Spawner("lab"), ["Small", "Large", "GPU"]),
        (Spawner(admin=True), ["Small", "Large", "GPU"]),
        (Spawner("lab", app="peek"), []),
    ],
)
def test_a_user_gets_the_sizes_of_their_groups(spawner: Spawner, offered: list[str]) -> None:
    assert list(spawner.offered_sizes()) == offered


@pytest.mark.parametrize("size", ["Large", "GPU", "Huge", ["Small"], 3])
def test_a_size_that_is_not_offered_is_none(size: object) -> None:
    refused = Spawner(size=size)
    assert refused.size is None and not refused.wants_gpu


def test_a_container_has_the_limits_of_its_size_and_its_gpu() -> None:
    spawner = Spawner("lab", size="GPU")
    assert spawner.wants_gpu
    spawner.gpu = 1  # as the queue of starts gives it
    spawner.take_size()
    assert (spawner.mem_limit, spawner.cpu_limit) == ("32G", 8)
    host = with_size(lambda _: {"memswap_limit": "1G", "pids_limit": 64})(spawner)
    (request,) = host.pop("device_requests")
    assert host == {"memswap_limit": "32G", "pids_limit": 64}
    assert request["DeviceIDs"] == ["1"] and request["Capabilities"] == [["gpu"]]


def test_without_a_choice_a_container_has_the_first_size_and_no_gpu() -> None:
    spawner = Spawner("lab")
    spawner.take_size()
    assert (spawner.mem_limit, spawner.cpu_limit) == ("4G", 2)
    assert "device_requests" not in with_size(lambda _: {})(spawner)


def test_a_gpu_is_remembered_while_its_server_runs() -> None:
    running = Spawner("lab", size="GPU")
    running.gpu = 0
    after_a_restart = Spawner("lab", size="GPU")
    after_a_restart.load_state(running.get_state())
    assert after_a_restart.gpu == 0
    after_a_restart.clear_state()
    assert after_a_restart.gpu is None and after_a_restart.get_state() == {}


def test_the_form_offers_what_there_is_a_choice_of() -> None:
    assert size_field(Spawner().offered_sizes(), None) == ""
    form = size_field(Spawner("lab").offered_sizes(), "Large")
    assert '<option value="Large" selected>Large: 4 processors, 8 GB</option>' in form
    assert '<option value="GPU">GPU: 8 processors, 32 GB, 1 GPU</option>' in form
