"""Keeps the broker's accounts equal to the hub's users, and holds nobody up meanwhile."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mosshub_contract.topics import TEAM_PREFIX, topic_settings

from hub.accounts.acls import (
    APP_PREFIX,
    SERVICE_PREFIX,
    Account,
    account_name,
    is_user_account,
    service_account,
    user_account,
)
from hub.accounts.drift import Drift, HubUser
from hub.accounts.kafka_admin import BrokerUnavailable, KafkaAdmin
from hub.accounts.revoked import RevokedAccounts
from hub.signin.names import safe_name

log = logging.getLogger("mosshub")

#: Seconds that a start waits for the broker before it goes on without an account.
BROKER_TIMEOUT_S = 3.0
#: Seconds between two checks of a broker that does not answer …
RETRY_INTERVAL_S = 2.0
#: … and of one that does.
CHECK_INTERVAL_S = 15.0
_OURS = (SERVICE_PREFIX, APP_PREFIX)


class AccountReconciler:
    """Creates, corrects and revokes accounts, and knows whether the broker answers.

    It remembers which accounts are complete, and asks the broker again only after it was away. One
    thread talks to the broker, so that the hub's event loop waits for nothing.

    Args:
        kafka: the broker's admin.
        secret: the broker secret, from which passwords are derived.
        users: returns every user of the hub; called on the event loop.
        revoked: the accounts that were taken away.
        groups: names of the hub's groups that have a prefix of their own.
        services: names of agents that run as a service.
        quotas: the quotas of every user, by Kafka's keys.
        apps: returns the accounts of the apps of these users.

    Attributes:
        broker_error: why the broker cannot be used; empty if it can.
    """

    def __init__(
        self,
        kafka: KafkaAdmin,
        secret: str,
        users: Callable[[], list[HubUser]],
        revoked: RevokedAccounts,
        groups: Iterable[str] = (),
        services: Iterable[str] = (),
        quotas: Mapping[str, float] | None = None,
        apps: Callable[[list[HubUser]], list[Account]] = lambda users: [],
    ) -> None:
        self.broker_error = ""
        self._kafka, self._secret, self._users = kafka, secret, users
        self._groups, self._services = frozenset(groups), tuple(services)
        self._quotas, self._apps = dict(quotas or {}), apps
        self._complete: dict[str, Account] = {}
        self._revoked = revoked
        self._reconciled = False
        self._thread = ThreadPoolExecutor(1, "broker-accounts")
        self._watching: asyncio.Task | None = None

    def account(self, user: HubUser) -> Account:
        """Return the account of a user as it should be."""
        shared = self._groups & user.groups
        return user_account(self._secret, user.name, user.since, shared)

    async def ensure(self, user: HubUser) -> bool:
        """Complete the user's account.

        Returns:
            Whether the account is complete. If the broker is away, it is completed later.
        """
        account = self.account(user)
        self._revoked.discard(account.name)
        return await self.ensure_account(account)

    async def ensure_account(self, account: Account) -> bool:
        """Complete an account as `ensure` does, also one that is no user's."""
        if self._complete.get(account.name) == account:
            return True
        if self.broker_error:
            return False
        try:
            async with asyncio.timeout(BROKER_TIMEOUT_S):
                await self._run(self._upsert, account)
        except (BrokerUnavailable, TimeoutError) as error:
            self._broker_lost(error)
            return False
        return True

    async def revoke(self, username: str) -> None:
        """Take the account of a user away.

        Live connections can do nothing from now on, and end soon.
        """
        name = safe_name(username)
        if name in self._revoked.names():
            return
        self._revoked.add(name)
        await self.delete_account(name)

    def app_account(self, user: HubUser, slug: str) -> Account | None:
        """Return the account of a user's app as it should be; None if there is no such app."""
        name = account_name(user.name, slug)
        return next((account for account in self._apps([user]) if account.name == name), None)

    async def delete_account(self, name: str) -> None:
        """Delete an account, at the latest when the broker is back."""
        self._complete.pop(name, None)
        try:
            async with asyncio.timeout(BROKER_TIMEOUT_S):
                await self._run(self._kafka.delete_accounts, [name])
            log.warning("The broker account %s was deleted", name)
        except (BrokerUnavailable, TimeoutError) as error:
            self._broker_lost(error)

    async def ask(self, question: Callable[[KafkaAdmin], Any]) -> Any:
        """Ask the broker something, and wait BROKER_TIMEOUT_S at most.

        Raises:
            BrokerUnavailable: it does not answer.
        """
        if self.broker_error:
            raise BrokerUnavailable(self.broker_error)
        try:
            async with asyncio.timeout(BROKER_TIMEOUT_S):
                return await self._run(question, self._kafka)
        except TimeoutError as error:
            raise BrokerUnavailable("it does not answer in time") from error

    def watch(self) -> None:
        """Begin to check the broker regularly; this needs a running event loop."""
        self._watching = self._watching or asyncio.ensure_future(self._watch())

    async def _watch(self) -> None:
        while True:
            try:
                if self._reconciled:
                    await self._run(self._kafka.ping)
                else:
                    await self.reconcile()
                if self.broker_error:
                    log.warning("The broker answers again")
                    self.broker_error = ""
            except BrokerUnavailable as error:
                self._broker_lost(error)
            except Exception:
                log.exception("The broker's accounts could not be checked")
            await asyncio.sleep(RETRY_INTERVAL_S if self.broker_error else CHECK_INTERVAL_S)

    def _broker_lost(self, error: BaseException) -> None:
        if not self.broker_error:
            log.warning("The broker is away (%s); accounts wait until it is back", error)
        self.broker_error = str(error) or "it does not answer"
        self._complete.clear()  # the broker may have lost its accounts
        self._reconciled = False

    async def _run(self, call: Callable, *arguments: object) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments)

    # -- hub and broker compared

    async def reconcile(self, *, repair: bool = True) -> Drift:
        """Compare hub and broker: passwords, ACLs, orphaned accounts, quotas.

        Users keep the account that they have. Users with a server need one. Accounts that belong
        to nobody are deleted.

        Args:
            repair: whether to remove the differences and create the team's topics.

        Returns:
            The differences before the repair.
        """
        known = self._users()
        users = [(user, self.account(user)) for user in known]
        apps, revoked = self._apps(known), self._revoked.names()
        drift = await self._run(self._reconcile, users, apps, revoked, repair)
        self._reconciled = self._reconciled or repair
        return drift

    def _reconcile(
        self,
        users: list[tuple[HubUser, Account]],
        apps: list[Account],
        revoked: frozenset[str],
        repair: bool,
    ) -> Drift:
        kafka = self._kafka
        existing, held = kafka.account_names(), kafka.acls()
        services = [service_account(self._secret, label) for label in self._services]
        wanted = [a for u, a in users if u.active or a.name in existing or held.get(a.name)]
        wanted = [a for a in wanted if a.name not in revoked] + services + apps
        names = {account.name for account in wanted}
        orphaned = {
            name
            for name in existing | {n for n in held if held[n]}
            if name not in names and (is_user_account(name) or name.startswith(_OURS))
        }
        settings = ["quotas"] if self._quotas and kafka.quotas() != self._quotas else []
        drift = Drift(
            missing=tuple(sorted(names - existing)),
            incorrect=tuple(sorted(a.name for a in wanted if held.get(a.name, set()) != a.acls)),
            orphaned=tuple(sorted(orphaned)),
            settings=tuple(settings),
        )
        if repair:
            if self._quotas:
                kafka.set_quotas(self._quotas)
            kafka.create_topics(topic_settings(TEAM_PREFIX))
            kafka.upsert_accounts(wanted, held)
            kafka.delete_accounts(orphaned)
            self._complete.update({account.name: account for account in wanted})
        return drift

    def _upsert(self, account: Account) -> None:
        began = time.monotonic()
        self._kafka.upsert_accounts([account], self._kafka.acls(account.name))
        self._complete[account.name] = account
        took_ms = 1000 * (time.monotonic() - began)
        log.info("The broker account of %s is complete (%.0f ms)", account.name, took_ms)
