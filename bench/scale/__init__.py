"""The hub of a team of 1,000 people whose servers are pods of a cluster with simulated nodes.

    make bench PART=cluster
    python -m bench cluster --people 20 --servers 5

Real: the hub with our pages, KubeSpawner and SQLite, configurable-http-proxy, an OpenID provider,
etcd, API server, controllers and scheduler of Kubernetes, a volume claim for each person. Hub and
proxy are processes of this machine instead of pods, and there is no edge before them.

Simulated: the nodes (kwok plays the kubelets, and takes as long as a real start takes), and the
servers in the pods (editors.py: one program answers at all addresses of pods, and sends the hub
what a server with an open page sends). No broker: the hub manages no accounts.
"""

from bench.scale.measure import measure

__all__ = ["measure"]
