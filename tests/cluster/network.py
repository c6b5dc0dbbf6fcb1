"""The addresses of a cluster."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Network:
    """The addresses of a cluster, all of them in 10.NUMBER.0.0/16."""

    number: int

    @property
    def control(self) -> str:
        """Return the address of the API server and its machine, the nodes' way out."""
        return f"10.{self.number}.0.1"

    @property
    def host(self) -> str:
        """Return this machine's address for the cluster."""
        return f"10.{self.number}.0.254"

    @property
    def pods(self) -> str:
        return f"10.{self.number}.64.0/18"

    @property
    def services(self) -> str:
        return f"10.{self.number}.128.0/17"

    @property
    def api_service(self) -> str:
        return f"10.{self.number}.128.1"

    @property
    def dns(self) -> str:
        return f"10.{self.number}.128.10"

    #: Where clouds tell each of their machines who it is, with keys.
    METADATA = "169.254.169.254"
    #: Of a range for documentation (RFC 5737): a place in the internet, where there is none.
    OUTSIDE = "203.0.113.80"

    def node(self, number: int) -> str:
        return f"10.{self.number}.0.{10 + number}"

    def pods_of(self, number: int) -> str:
        """Return the range of the pods of a node."""
        return f"10.{self.number}.{64 + number}.0/24"
