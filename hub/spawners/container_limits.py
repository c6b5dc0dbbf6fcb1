"""The limits of containers: those of users' editors, and those of apps."""

from typing import Any

from hub.settings import Settings


def host_config(settings: Settings) -> dict[str, Any]:
    """Return the limits of every editor's container, as Docker's HostConfig."""
    return {
        "auto_remove": False,  # the hub reads why a container failed, then removes it
        # The engine restarts it after a crash, and after a restart of the engine or the host.
        "restart_policy": {"Name": "unless-stopped"},
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "pids_limit": settings.process_limit,
        "memswap_limit": settings.memory_limit,  # no swap in addition to the memory
        "shm_size": "512m",  # for marimo's virtual files: Docker's 64 MB fill at once
        "log_config": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}},
    }


def app_traits(settings: Settings) -> dict[str, Any]:
    """Return what DockerSpawner has for an app's container, where an editor has something else."""
    return {
        "mem_limit": settings.app_memory_limit,
        "cpu_limit": settings.app_cpu_limit,
        "extra_host_config": host_config(settings) | {"memswap_limit": settings.app_memory_limit},
        # The app's home is a part of its container, and goes with it.
        "volumes": {},
    }
