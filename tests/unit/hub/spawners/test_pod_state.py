"""What a person reads of a pod that starts or ended; the real thing is in tests/cluster."""

from typing import Any

import pytest

from hub.spawners.pod_state import REMOVED, exit_reason, start_failure, start_stage


def pod(state: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A pod on a node whose container has this state."""
    container = {"name": "notebook", "state": state or {"running": {}}, "restartCount": 0}
    container |= {k: more.pop(k) for k in ("restartCount", "lastState") if k in more}
    status = {"phase": "Running", "containerStatuses": [container], **more.pop("status", {})}
    spec = {"nodeName": "a", "containers": [{"image": "mosshub/user:cpu"}]}
    return {"metadata": {"name": "moss-ada", **more}, "spec": spec, "status": status}


def ended(code: int, reason: str = "Error") -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason}}


def waits(reason: str, message: str = "") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


def disrupted(reason: str) -> dict[str, Any]:
    condition = {"type": "DisruptionTarget", "status": "True", "reason": reason}
    return pod(deletionTimestamp="now", status={"conditions": [condition]})


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (None, REMOVED),
        (pod(deletionTimestamp="2026-11-27T12:00:00Z"), REMOVED),
        (pod(ended(7), status={"phase": "Failed"}), "it ended by itself (exit code 7)"),
        (
            pod(waits("CrashLoopBackOff"), restartCount=3, lastState=ended(137, "OOMKilled")),
            "it used more memory than it may have and was ended",
        ),
        (disrupted("EvictionByEvictionAPI"), "its node is taken out of service"),
        (disrupted("DeletionByTaintManager"), "its node does not answer any more"),
        (disrupted("SomethingNew"), REMOVED),
    ],
)
def test_the_reason_of_an_end(found: dict | None, reason: str) -> None:
    assert exit_reason(found) == reason


@pytest.mark.parametrize(
    "found",
    [
        pod(),
        pod(ended(1), restartCount=1),  # the cluster is about to start it again
        pod(waits("CrashLoopBackOff"), restartCount=2, lastState=ended(1)),
        pod(waits("ContainerCreating"), status={"phase": "Pending"}),
    ],
)
def test_a_pod_that_runs_or_comes_back_has_not_ended(found: dict) -> None:
    assert exit_reason(found) == ""


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            pod(waits("ImagePullBackOff", "no such host")),
            "The image of your editor cannot be fetched: no such host. Tell an admin.",
        ),
        (
            pod(waits("CreateContainerConfigError", "no secret")),
            "The cluster cannot start your editor: no secret. Tell an admin.",
        ),
        (
            pod(waits("CrashLoopBackOff"), restartCount=1, lastState=ended(3)),
            "Your pod did not stay: it ended by itself (exit code 3).",
        ),
        (pod(waits("ErrImagePull")), ""),  # it is tried again
        (pod(waits("ContainerCreating")), ""),
        (pod(), ""),
    ],
)
def test_a_start_that_fails_is_explained(found: dict, said: str) -> None:
    assert start_failure(found) == said


def test_a_start_says_what_it_waits_for() -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    full = pod(waits("x"), status={"conditions": [condition], "containerStatuses": None})
    assert "No node of the cluster has room" in start_stage(full)[1]
    condition["message"] = "pod has unbound immediate PersistentVolumeClaims"
    assert "volume of your files" in start_stage(full)[1]
    steps = [None, full, pod(waits("ContainerCreating")), pod()]
    percent = [start_stage(found)[0] for found in steps]
    assert percent == sorted(percent) and percent[-1] < 90
