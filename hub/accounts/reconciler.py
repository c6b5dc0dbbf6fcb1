"""Keeps the broker's accounts as the hub's people are, without ever holding anybody up."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from hub.accounts import acls as rights
from hub.accounts.acls import Account
from hub.accounts.kafka_admin import Broker, BrokerAway
from hub.accounts.revoked import ShutOut
from hub.signin.names import safe_name

log = logging.getLogger("mosshub")

PATIENCE = (
    3.0  # seconds that a start waits for the broker; it goes on without an account after them
)
LOOK_AGAIN = 2.0  # seconds between two looks at a broker that is away …
LOOK = 15.0  # … and at one that answers


@dataclass(frozen=True)
class Person:
    """What of a person makes their account.

    Attributes:
        name: as in the hub.
        since: when they came in for the first time, as text that stays the same.
        groups: the hub's groups they are in.
        active: whether a server of theirs runs or starts: they need their account now.
    """

    name: str
    since: str
    groups: frozenset[str] = frozenset()
    active: bool = False


@dataclass(frozen=True)
class Difference:
    """What hub and broker do not agree on, by the accounts' names."""

    missing: tuple[str, ...]
    wrong: tuple[str, ...]
    orphans: tuple[str, ...]
    settings: tuple[str, ...]

    def __bool__(self) -> bool:
        return any((self.missing, self.wrong, self.orphans, self.settings))


class Keeper:
    """Makes accounts complete and takes them away; knows whether the broker is there.

    What it has made complete once it does not ask for again, until the broker was away. The broker
    is asked from one thread, so that the hub's event loop waits for nothing.

    Args:
        broker: where the accounts are.
        secret: what passwords are derived from.
        people: returns everybody whom the hub knows. Called on the event loop.
        shut_out: whose account was taken away for good.
        groups: names of the hub's groups that have a prefix of their own.
        services: names of agents that run as a service.
        quotas: Kafka's quotas for each user, by their keys.
    """

    def __init__(
        self,
        broker: Broker,
        secret: str,
        people: Callable[[], list[Person]],
        shut_out: ShutOut,
        groups: Iterable[str] = (),
        services: Iterable[str] = (),
        quotas: Mapping[str, float] | None = None,
    ) -> None:
        self.away = ""  # why the broker cannot be used; empty when it can
        self._broker, self._secret, self._people = broker, secret, people
        self._groups, self._services = frozenset(groups), tuple(services)
        self._quotas = dict(quotas or {})
        self._complete: dict[str, Account] = {}
        self._shut_out = shut_out
        self._reconciled = False
        self._thread = ThreadPoolExecutor(1, "broker-accounts")
        self._watching: asyncio.Task | None = None

    def account(self, person: Person) -> Account:
        """Return the account of a person as it should be."""
        shared = self._groups & person.groups
        return rights.person(self._secret, person.name, person.since, shared)

    async def ensure(self, person: Person) -> bool:
        """Make the person's account complete; say whether it is.

        False if the broker is away; the account is then completed when it is back.
        """
        account = self.account(person)
        self._shut_out.discard(account.name)
        if self._complete.get(account.name) == account:
            return True
        if self.away:
            return False
        try:
            await asyncio.wait_for(self._run(self._put, account), PATIENCE)
        except (BrokerAway, TimeoutError) as error:
            self._lost(error)
            return False
        return True

    async def remove(self, username: str) -> None:
        """Take the account away: live connections may do nothing from here on, and end soon."""
        name = safe_name(username)
        if name in self._shut_out.names():
            return
        self._shut_out.add(name)
        self._complete.pop(name, None)
        try:
            await asyncio.wait_for(self._run(self._broker.remove, [name]), PATIENCE)
            log.warning("The broker account of %s is gone", username)
        except (BrokerAway, TimeoutError) as error:
            self._lost(error)

    def watch(self) -> None:
        """Begin to look after the broker; needs a running event loop."""
        self._watching = self._watching or asyncio.ensure_future(self._watch())

    async def _watch(self) -> None:
        while True:
            try:
                if self._reconciled:
                    await self._run(self._broker.ping)
                else:
                    await self.reconcile()
                if self.away:
                    log.warning("The broker answers again")
                    self.away = ""
            except BrokerAway as error:
                self._lost(error)
            except Exception:
                log.exception("The broker's accounts were not looked at")
            await asyncio.sleep(LOOK_AGAIN if self.away else LOOK)

    def _lost(self, error: BaseException) -> None:
        if not self.away:
            log.warning("The broker is away (%s); accounts wait until it is back", error)
        self.away = str(error) or "it does not answer"
        self._complete.clear()  # it may come back without what it knew
        self._reconciled = False

    async def _run(self, call: Callable, *arguments: object) -> object:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments)

    # -- hub and broker compared

    async def reconcile(self, *, repair: bool = True) -> Difference:
        """Compare hub and broker, and `repair`: passwords, rights, orphans, topics, quotas.

        Who has an account keeps it, who has a server needs one, and an account of nobody goes.
        """
        people = [(person, self.account(person)) for person in self._people()]
        found = await self._run(self._reconcile, people, self._shut_out.names(), repair)
        self._reconciled = self._reconciled or repair
        return found  # type: ignore[return-value]

    def _reconcile(
        self, people: list[tuple[Person, Account]], shut_out: frozenset[str], repair: bool
    ) -> Difference:
        broker = self._broker
        there, held = broker.names(), broker.rights()
        services = [rights.service(self._secret, label) for label in self._services]
        wanted = [a for p, a in people if p.active or a.name in there or held.get(a.name)]
        wanted = [a for a in wanted if a.name not in shut_out] + services
        names = {account.name for account in wanted}
        orphans = {
            name
            for name in there | {n for n in held if held[n]}
            if name not in names and (rights.is_persons(name) or name.startswith(rights.SERVICE))
        }
        settings = ["quotas"] if self._quotas and broker.quotas() != self._quotas else []
        difference = Difference(
            missing=tuple(sorted(names - there)),
            wrong=tuple(sorted(a.name for a in wanted if held.get(a.name, set()) != a.rights)),
            orphans=tuple(sorted(orphans)),
            settings=tuple(settings),
        )
        if repair:
            if self._quotas:
                broker.set_quotas(self._quotas)
            broker.make_topics(rights.TEAM_TOPICS)
            broker.put(wanted, held)
            broker.remove(orphans)
            self._complete.update({account.name: account for account in wanted})
        return difference

    def _put(self, account: Account) -> None:
        began = time.monotonic()
        self._broker.put([account], self._broker.rights(account.name))
        self._complete[account.name] = account
        took = 1000 * (time.monotonic() - began)
        log.info("The broker account of %s is complete (%.0f ms)", account.name, took)
