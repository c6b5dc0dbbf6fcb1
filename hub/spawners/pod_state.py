"""What the cluster's description of a pod says: how far its start is, and how it ended."""

from __future__ import annotations

from typing import Any

#: Restarts of a container after which its pod counts as ended.
MAX_RESTARTS = 3
_NO_IMAGE = {"ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"}
_NO_CONTAINER = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
#: Why a pod ended that nobody asked to end, by the reason of its condition DisruptionTarget.
_DISRUPTIONS = {
    "EvictionByEvictionAPI": "its node is taken out of service",
    "DeletionByTaintManager": "its node does not answer any more",
    "DeletionByPodGC": "its node is gone",
    "PreemptionByScheduler": "its place was needed for something more urgent",
    "TerminationByKubelet": "its node was short of room, or was shut down",
}
REMOVED = "it was removed from the cluster"


def exit_reason(pod: dict[str, Any] | None) -> str:
    """Return how a pod ended, as the end of a sentence that begins with its name.

    Args:
        pod: the pod as the API server describes it; None if there is none.

    Returns:
        Empty while it runs, starts, or is about to be started again.
    """
    if pod is None:
        return REMOVED
    status = pod["status"]
    disruption = _condition(pod, "DisruptionTarget")
    if disruption.get("status") == "True":
        return _DISRUPTIONS.get(disruption.get("reason", ""), REMOVED)
    if pod["metadata"].get("deletionTimestamp"):
        return REMOVED
    container = container_status(pod)
    if status.get("phase") in ("Failed", "Succeeded"):
        ended = container.get("state", {}).get("terminated")
        return _ended(ended) if ended else status.get("message") or REMOVED
    waits = container.get("state", {}).get("waiting", {}).get("reason")
    if waits == "CrashLoopBackOff" and container.get("restartCount", 0) >= MAX_RESTARTS:
        return _ended(container.get("lastState", {}).get("terminated") or {})
    return ""


def start_failure(pod: dict[str, Any]) -> str:
    """Return why a pod that starts will not run, as a sentence; empty while it may."""
    if reason := exit_reason(pod):
        return f"Your pod did not stay: {reason}."
    waiting = container_status(pod).get("state", {}).get("waiting", {})
    reason, said = waiting.get("reason"), waiting.get("message", "")
    if reason in _NO_IMAGE:
        return f"The image of your editor cannot be fetched: {said or reason}. Tell an admin."
    if reason in _NO_CONTAINER:
        return f"The cluster cannot start your editor: {said or reason}. Tell an admin."
    if reason == "CrashLoopBackOff":
        ended = container_status(pod).get("lastState", {}).get("terminated") or {}
        return f"Your pod did not stay: {_ended(ended)}."
    return ""


def start_stage(pod: dict[str, Any] | None) -> tuple[int, str]:
    """Return the percentage of a start that is done, and what happens now."""
    if pod is None:
        return 15, "Preparing your pod …"
    scheduled = _condition(pod, "PodScheduled")
    if "PersistentVolumeClaim" in scheduled.get("message", ""):
        return 20, "Waiting for the volume of your files …"
    if scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable":
        return 20, (
            "No node of the cluster has room for your editor now. It starts as soon as there is "
            "some: when somebody stops theirs, or the cluster gets another node."
        )
    if not pod["spec"].get("nodeName"):
        return 20, "Looking for a node …"
    if container_status(pod).get("state", {}).get("running"):
        return 60, "Starting your editor …"
    return 40, "Fetching image and files to the node …"


def container_status(pod: dict[str, Any]) -> dict[str, Any]:
    """Return the status of the container with the editor; empty while there is none."""
    found = pod["status"].get("containerStatuses") or []
    return next((status for status in found if status["name"] == "notebook"), {})


def _condition(pod: dict[str, Any], kind: str) -> dict[str, Any]:
    conditions = pod["status"].get("conditions") or []
    return next((condition for condition in conditions if condition["type"] == kind), {})


def _ended(terminated: dict[str, Any]) -> str:
    if terminated.get("reason") == "OOMKilled":
        return "it used more memory than it may have and was ended"
    return f"it ended by itself (exit code {terminated.get('exitCode', 'unknown')})"
