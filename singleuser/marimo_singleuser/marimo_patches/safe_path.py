"""A kernel starts, whatever the files beside its notebook are called.

WORKAROUND(marimo 0.25.2): no kernel starts beside a user's `json.py`, which it imports as its own.
Here a kernel does not look beside the notebook (PYTHONSAFEPATH) until it has started: then marimo
itself adds the notebook's directory for `import`. Programs that the kernel starts know nothing of
it: a line in the environment's `.pth` file takes the variable away (`home/packages`).
Test: test_files_named_like_modules_beside_a_notebook_stop_no_kernel
"""

from typing import Any

from marimo._session.managers import ipc

_construct = ipc.construct_kernel_env


def safe_kernel_env(*args: Any, **options: Any) -> dict[str, str]:
    """Return the environment variables of a kernel, with PYTHONSAFEPATH."""
    return {**_construct(*args, **options), "PYTHONSAFEPATH": "1"}


def install() -> None:
    """Make marimo start its kernels so, in this process."""
    ipc.construct_kernel_env = safe_kernel_env
