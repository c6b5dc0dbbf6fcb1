"""The queue of starts: a few servers start at a time, the others wait for their turn."""

import asyncio

from jupyterhub.spawner import Spawner
from jupyterhub.user import User

from hub.spawners.progress import NOT_BEGUN, SpawnError

_FULL = (
    "All {limit} editors that may run at the same time are running. Yours can start as soon as "
    "somebody stops theirs. Ask a colleague who is done to press Stop my editor on their Home "
    "page, or ask an admin: the panel stops editors that nobody uses, and ACTIVE_SERVER_LIMIT sets "
    "how many there may be."
)
#: Seconds between two looks for a free GPU, while somebody waits for one.
_GPU_PAUSE_S = 1.0


def position_message(before: int) -> str:
    """Return what a person reads who waits for their turn.

    Args:
        before: the number of people who wait and are before this one.
    """
    if before == 0:
        return "You are next. Your editor starts by itself."
    people = "1 person is" if before == 1 else f"{before} people are"
    return f"{people} before you. Your editor starts by itself when it is your turn."


def gpu_message(before: int, gpus: int) -> str:
    """Return what a person reads who waits for a GPU.

    Args:
        before: the number of people who wait for one and are before this one.
        gpus: how many there are.
    """
    people = "1 person waits" if before == 1 else f"{before} people wait"
    queue = f"{people} for one before you." if before else "You are the next who gets one."
    taken = "The GPU is" if gpus == 1 else f"All {gpus} GPUs are"
    return f"{taken} in use. {queue} Your editor starts by itself. Without a GPU it starts at once."


class StartQueue:
    """Gives places to starts, first come, first served.

    JupyterHub's own limits refuse a start with status 429, and the person must try again. Here a
    start waits before the spawner's `start`, so that `Spawner.start_timeout` counts from its turn.
    A start leaves the queue when it ends, however it ends: JupyterHub cancels the start of a server
    that is stopped meanwhile, and `end_starts` that of a user who is removed.

    Args:
        places: servers that may start at the same time.
        limit: servers that may run, start or wait at the same time.
        maintenance: why nothing starts at the moment; empty if all may start.
        gpus: number of the host's GPUs. A start that wants one waits until one is free, and lets
            others go first.
    """

    def __init__(self, places: int, limit: int, maintenance: str = "", gpus: int = 0) -> None:
        self._places = places
        self._limit = limit
        self._maintenance = maintenance
        self._gpus = gpus
        self._timer: asyncio.TimerHandle | None = None
        self._starting: set[Spawner] = set()
        self._waiting: dict[Spawner, asyncio.Future[None]] = {}

    def __deepcopy__(self, memo: dict) -> "StartQueue":
        """Return this queue: traitlets gives each spawner a copy of what is configured."""
        return self

    async def wait_for_turn(self, spawner: Spawner) -> None:
        """Return when the server may start; JupyterHub's `Spawner.pre_spawn_hook`.

        Raises:
            SpawnError: as many servers are running as may run, or none may start.
        """
        spawner.stage = NOT_BEGUN
        if self._maintenance:
            sentence = f"Nothing starts at the moment: {self._maintenance}"
            raise SpawnError(sentence, reason="maintenance", status_code=429)
        if len(self._others(spawner)) >= self._limit:
            raise SpawnError(_FULL.format(limit=self._limit), reason="full", status_code=429)
        spawner._spawn_future.add_done_callback(lambda _: self._leave(spawner))
        turn = self._waiting[spawner] = asyncio.get_running_loop().create_future()
        self._admit()
        await turn

    def _others(self, spawner: Spawner) -> set[Spawner]:
        """Return the other servers that take a place of the limit."""
        running = {
            other
            for user in spawner.user.settings["users"].values()
            for other in user.spawners.values()
            if other.ready or other.pending in ("stop", "check")
        }
        return (running | self._starting | set(self._waiting)) - {spawner}

    def _leave(self, spawner: Spawner) -> None:
        self._starting.discard(spawner)
        self._waiting.pop(spawner, None)
        self._admit()

    def _admit(self) -> None:
        """Give free places to those who wait, and tell the others how many are before them."""
        for spawner, turn in list(self._waiting.items()):
            if len(self._starting) == self._places:
                break
            if not self._has_gpu(spawner):
                continue
            del self._waiting[spawner]
            if not turn.cancelled():
                self._starting.add(spawner)
                turn.set_result(None)
        for_gpu = [one for one in self._waiting if _wants_gpu(one) and one.gpu is None]
        for before, spawner in enumerate(for_gpu):
            spawner.stage = (0, gpu_message(before, self._gpus))
        for before, spawner in enumerate(one for one in self._waiting if one not in for_gpu):
            spawner.stage = (0, position_message(before))
        if for_gpu and not self._timer:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_GPU_PAUSE_S, self._look_again)

    def _look_again(self) -> None:
        """A GPU is free when its server has ended, whatever ended it."""
        self._timer = None
        self._admit()

    def _has_gpu(self, spawner: Spawner) -> bool:
        """Return whether the start has the GPU that it wants; give it one that is free."""
        if not _wants_gpu(spawner):
            return True
        users = spawner.user.settings["users"].values()
        taken = {getattr(other, "gpu", None) for user in users for other in user.spawners.values()}
        free = sorted(set(range(self._gpus)) - taken)
        if free and spawner.gpu is None:
            spawner.gpu = free[0]
        return spawner.gpu is not None


def _wants_gpu(spawner: Spawner) -> bool:
    return getattr(spawner, "wants_gpu", False)


async def end_starts(user: User) -> None:
    """End the starts of a user who is removed, also those that wait for their turn.

    JupyterHub removes no user whose server starts.
    """
    for name, spawner in list(user.spawners.items()):
        start = spawner._spawn_future
        if spawner.pending == "spawn" and start:
            start.cancel()
            await asyncio.wait([start])
            await user.stop(name)
