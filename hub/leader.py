"""One hub at a time: in a cluster the hub runs only while a Lease says that its pod leads.

A node that is cut off is not gone. Its hub may run on while the cluster starts another one
elsewhere, and two would write to one database. So the first ends itself before the second begins.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading

from aiohttp import ClientError
from kubernetes_asyncio import client, config
from kubernetes_asyncio.client import ApiException
from kubernetes_asyncio.leaderelection.electionconfig import Config
from kubernetes_asyncio.leaderelection.leaderelection import LeaderElection
from kubernetes_asyncio.leaderelection.resourcelock.leaselock import LeaseLock

LEASE = "hub"
#: Seconds after its last sign of life in which the pod that leads keeps the Lease.
LEASE_S = 20
#: Seconds after its last sign of life in which it ends itself: before another one may begin.
LOST_S = 12
_RENEW_S = 2
_ANSWER_S = 3  # for one answer of the API server
_log = logging.getLogger("mosshub.leader")
# What the library lets through where the API server is away or answers what is no answer.
_AWAY = (ApiException, ClientError, OSError, TimeoutError, ValueError, LookupError, AssertionError)


class Leader(threading.Thread):
    """Holds the Lease in a thread of its own, which a busy hub does not delay.

    Args:
        namespace: where the Lease is.
        identity: the name of this pod; the same after a restart of its container.
    """

    def __init__(self, namespace: str, identity: str) -> None:
        super().__init__(name="leader", daemon=True)
        self._namespace, self._identity = namespace, identity
        self._leads = threading.Event()
        self._resigned = asyncio.Event()
        self._loop = asyncio.new_event_loop()

    def wait_to_lead(self) -> None:
        """Return once this pod leads. From then on the process ends when it does not any more."""
        self.start()
        if not self._leads.wait(_ANSWER_S):
            _log.warning("Another hub leads, or the API server is away: waiting")
            self._leads.wait()
        _log.info("%s leads", self._identity)

    def run(self) -> None:
        """Lead until that is lost, then end the process."""
        try:
            self._loop.run_until_complete(self._lead())
        except Exception as error:
            _log.error("%s cannot lead: %r", self._identity, error)
        if self._resigned.is_set():
            return
        _log.error("%s does not lead any more: this hub ends", self._identity)
        os._exit(1)

    def resign(self) -> None:
        """Let another one lead at once: this hub has ended its work."""
        self._loop.call_soon_threadsafe(self._resigned.set)
        self.join(2 * _ANSWER_S)

    async def _lead(self) -> None:
        await load_configuration()
        self._api = client.ApiClient()
        lock = LeaseLock(LEASE, self._namespace, self._identity, self._api)
        times = (LEASE_S, LOST_S, _RENEW_S)
        election = _Election(
            Config(lock, *times, onstarted_leading=_nothing, onstopped_leading=_nothing)
        )
        await election.acquire()
        self._leads.set()
        renewing = asyncio.ensure_future(election.renew_loop())
        resigning = asyncio.ensure_future(self._resigned.wait())
        await asyncio.wait([renewing, resigning], return_when=asyncio.FIRST_COMPLETED)
        if renewing.done():
            return renewing.result()
        renewing.cancel()
        try:
            leases = client.CoordinationV1Api(self._api)
            await leases.delete_namespaced_lease(LEASE, self._namespace, _request_timeout=_ANSWER_S)
        except _AWAY as error:
            _log.warning("The Lease stays for %d s: %r", LEASE_S, error)


class _ReplacedError(Exception):
    """Another pod leads already: this one was away for longer than the Lease lasts."""


class _Election(LeaderElection):
    """An election that an API server without an answer does not end."""

    _led = False

    async def try_acquire_or_renew(self) -> bool:
        """Return whether this pod leads now.

        Raises:
            _ReplacedError: it did, and another one does.
        """
        try:
            async with asyncio.timeout(_ANSWER_S):
                leads = await super().try_acquire_or_renew()
        except _AWAY as error:
            _log.warning("The API server: %r", error)
            return False
        holder = self.observed_record and self.observed_record.holder_identity
        if self._led and holder != self.election_config.lock.identity:
            raise _ReplacedError(holder)
        self._led = self._led or leads
        return leads


async def _nothing() -> None:
    pass


async def load_configuration() -> None:
    """Find the API server, and who this hub is there: in a pod, or beside the cluster."""
    try:
        config.load_incluster_config()
    except config.ConfigException:
        await config.load_kube_config()


def lead() -> Leader:
    """Return once this pod may run the hub of its namespace, which POD_NAMESPACE names."""
    leader = Leader(os.environ["POD_NAMESPACE"], socket.gethostname())
    leader.wait_to_lead()
    return leader
