"""The page asks the kernel for elements in saved outputs, too.

WORKAROUND(marimo 0.25.2): marimo's page sends nothing for an element whose cell has no run time.
It says "has not been run yet", or nothing. A cell with a saved output has no run time before its
notebook runs. Here the page is told one, so that what the user presses reaches `deferred_run`.
Test: test_a_page_is_told_that_cells_with_saved_outputs_have_run
"""

from typing import Any

from marimo._server.api.endpoints.ws import session_handler

_build_kernel_ready = session_handler.build_kernel_ready


def kernel_ready_with_run_times(*, last_execution_time: dict[Any, float], **options: Any) -> Any:
    """Return marimo's first message to a page, with a run time of each cell that shows something.

    Args:
        last_execution_time: known run times in milliseconds, by cell id.
        **options: passed on to marimo.
    """
    shown = dict.fromkeys(options["session"].session_view.cell_notifications, 0.0)
    times = {**shown, **last_execution_time}
    return _build_kernel_ready(last_execution_time=times, **options)


def install() -> None:
    """Make marimo tell its page these run times, in this process."""
    session_handler.build_kernel_ready = kernel_ready_with_run_times  # type: ignore[assignment]
