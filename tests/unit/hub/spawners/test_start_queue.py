"""Who starts when, and what the others are told; with a real hub in tests/local/platform."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from traitlets import Any
from traitlets.config import Config, Configurable

from hub.spawners import start_queue
from hub.spawners.progress import SpawnError
from hub.spawners.start_queue import StartQueue, gpu_message, position_message


class Hub:
    """As much of JupyterHub as a start needs: a user, a spawner and the task that starts it."""

    def __init__(
        self, places: int = 2, limit: int = 100, maintenance: str = "", gpus: int = 0
    ) -> None:
        self.queue = StartQueue(places, limit, maintenance, gpus)
        self.users: dict[str, SimpleNamespace] = {}
        self.started: list[str] = []

    def spawner(self, name: str, *, ready: bool = False, pending: str | None = None):
        user = SimpleNamespace(settings={"users": self.users}, spawners={})
        made = Spawner(name, user, ready=ready, pending=pending)
        user.spawners[""] = made
        self.users[name] = user
        return made

    def request(
        self, name: str, work: Callable[[], object] = lambda: None, *, gpu: bool = False
    ) -> "Spawner":
        spawner = self.spawner(name, pending="spawn")
        spawner.wants_gpu = gpu

        async def spawn() -> None:
            await self.queue.wait_for_turn(spawner)
            self.started.append(name)
            await spawner.done.wait()
            work()

        spawner._spawn_future = asyncio.ensure_future(spawn())
        return spawner


class Spawner:
    def __init__(self, name: str, user: object, *, ready: bool, pending: str | None) -> None:
        self.name, self.user, self.ready, self.pending = name, user, ready, pending
        self.stage = (0, "")
        self.wants_gpu, self.gpu = False, None
        self.done = asyncio.Event()
        self._spawn_future: asyncio.Future


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def story(coroutine: Callable[[], object]) -> None:
    asyncio.run(asyncio.wait_for(coroutine(), 30))  # type: ignore[arg-type]


def test_everybody_starts_in_the_order_they_came() -> None:
    async def run() -> None:
        hub = Hub(places=4)
        names = [f"p{n}" for n in range(60)]
        spawners = [hub.request(name) for name in names]
        await settle()
        assert hub.started == names[:4]
        assert [s.stage[1] for s in spawners[4:]] == [position_message(n) for n in range(56)]
        for count, spawner in enumerate(spawners, start=5):
            spawner.done.set()
            await settle()
            assert hub.started == names[:count]

    story(run)


def test_a_start_that_fails_gives_its_place_to_the_next() -> None:
    async def run() -> None:
        hub = Hub(places=1)

        def fail() -> None:
            raise RuntimeError("no space left")

        first, second = hub.request("first", fail), hub.request("second")
        await settle()
        assert hub.started == ["first"]
        first.done.set()
        await settle()
        assert isinstance(first._spawn_future.exception(), RuntimeError)
        assert hub.started == ["first", "second"]
        second.done.set()
        await settle()

    story(run)


def test_who_gives_up_leaves_the_queue() -> None:
    async def run() -> None:
        hub = Hub(places=1)
        first, second, third = (hub.request(name) for name in ("first", "second", "third"))
        await settle()
        assert third.stage[1] == position_message(1)
        second._spawn_future.cancel()
        await settle()
        assert second._spawn_future.cancelled()
        assert third.stage[1] == position_message(0)
        first.done.set()
        await settle()
        assert hub.started == ["first", "third"]

    story(run)


def test_a_place_and_a_goodbye_at_the_same_moment_lose_no_place() -> None:
    async def run() -> None:
        hub = Hub(places=1)
        first, second, third = (hub.request(name) for name in ("first", "second", "third"))
        await settle()
        first.done.set()
        second._spawn_future.cancel()
        await settle()
        assert hub.started == ["first", "third"]
        third.done.set()
        await settle()
        hub.request("fourth")
        await settle()
        assert hub.started[-1] == "fourth"

    story(run)


@pytest.mark.parametrize("state", [{"ready": True}, {"pending": "stop"}, {"pending": "check"}])
def test_no_more_than_the_limit_run_and_the_refusal_says_what_to_do(state: dict) -> None:
    async def run() -> None:
        hub = Hub(places=1, limit=3)
        hub.spawner("runs", **state)
        starts, _, late = (hub.request(name) for name in ("starts", "waits", "late"))
        await settle()
        with pytest.raises(SpawnError) as refused:
            late._spawn_future.result()
        assert refused.value.status_code == 429
        assert "All 3 editors" in refused.value.jupyterhub_message
        assert "Stop my editor" in refused.value.jupyterhub_message
        starts.done.set()
        await settle()
        assert hub.started == ["starts", "waits"]

    story(run)


def test_while_there_is_maintenance_nothing_starts_and_the_refusal_says_why() -> None:
    async def run() -> None:
        hub = Hub(maintenance="An upgrade until 18:00.")
        late = hub.request("late")
        await settle()
        with pytest.raises(SpawnError, match="Nothing starts at the moment: An upgrade until 18"):
            late._spawn_future.result()
        assert hub.started == []

    story(run)


def test_who_wants_a_gpu_waits_until_one_is_free_and_lets_others_go_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(start_queue, "_GPU_PAUSE_S", 0.0)

    async def run() -> None:
        hub = Hub(places=9, gpus=2)
        hub.spawner("runs", ready=True).gpu = 0
        first, second, third = (hub.request(name, gpu=True) for name in ("one", "two", "three"))
        hub.request("without")
        await settle()
        assert hub.started == ["one", "without"]
        assert first.gpu == 1
        assert [second.stage[1], third.stage[1]] == [gpu_message(0, 2), gpu_message(1, 2)]
        del hub.users["runs"]  # JupyterHub forgets the spawner of a server that ended
        while "two" not in hub.started:
            await asyncio.sleep(0)
        assert second.gpu == 0 and third.stage[1] == gpu_message(0, 2)
        third._spawn_future.cancel()  # else the queue looks on
        await settle()

    story(run)


def test_the_wait_for_a_gpu_is_a_sentence() -> None:
    assert gpu_message(0, 1).startswith("The GPU is in use. You are the next who gets one.")
    assert gpu_message(1, 2).startswith("All 2 GPUs are in use. 1 person waits for one before you")
    assert "3 people wait for one before you." in gpu_message(3, 2)


def test_all_spawners_share_one_queue() -> None:
    """traitlets copies a configured value for each spawner."""
    configured = Config()
    configured.Spawner.pre_spawn_hook = StartQueue(places=4, limit=10).wait_for_turn

    class Configured(Configurable):
        pre_spawn_hook = Any(config=True)

    Configured.__name__ = "Spawner"
    first, second = (Configured(config=configured).pre_spawn_hook.__self__ for _ in range(2))
    assert first is second


def test_the_position_is_a_sentence() -> None:
    assert position_message(0).startswith("You are next.")
    assert position_message(1).startswith("1 person is before you.")
    assert position_message(3).startswith("3 people are before you.")
