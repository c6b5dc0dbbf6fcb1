"""Help for notebooks: run without a person, connect to the broker, show what waits or fails."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from kafka.errors import KafkaError

from imageclass.kafka.connection import Connection, NoBroker, connect

if TYPE_CHECKING:
    import polars as pl
    from embedded_kafka import EmbeddedBroker

#: Set to anything, a notebook runs from top to bottom with small numbers, as for an export.
HEADLESS_VARIABLE = "IMAGECLASS_HEADLESS"

_HEADLESS_TIMEOUT_S = 10.0
_INTERACTIVE_TIMEOUT_S = 120.0

_own_broker: EmbeddedBroker | None = None
_own_broker_lock = threading.Lock()


def is_headless(mode: str | None) -> bool:
    """Tell whether nobody can press a notebook's buttons.

    That is so in a script, in an export and in Jupyter.

    Args:
        mode: what `mo.app_meta().mode` says; "edit" or "run" where marimo shows the notebook.
    """
    return mode not in ("edit", "run") or bool(os.environ.get(HEADLESS_VARIABLE))


def connect_notebook(
    *, start_broker: bool = False, retry: str | None = None, button: Any = None
) -> Connection:
    """Connect from a marimo notebook, and show a spinner while the broker does not answer.

    Without a broker the cell stops with a callout that says what to do; nothing that depends on
    the connection runs. A headless notebook waits 10 s instead of 120 s and prints the text too.

    Args:
        start_broker: start an embedded broker where none is set; see `connect_or_start`.
        retry: what to do when the broker is back, a sentence at the end of the callout; by default
            to press the button, or without one to run the cell.
        button: a `mo.ui.button` of another cell, shown with the callout: a press tries again.
    """
    import marimo as mo

    headless = is_headless(mo.app_meta().mode)
    connect_with = connect_or_start if start_broker else connect
    try:
        with mo.status.spinner("Connecting to the broker …", remove_on_exit=True) as spinner:
            return connect_with(
                timeout=_HEADLESS_TIMEOUT_S if headless else _INTERACTIVE_TIMEOUT_S,
                on_wait=lambda text: spinner.update(subtitle=text),
            )
    except NoBroker as error:
        if headless:
            print(error)
        press = "press the button" if button is not None else "run this cell"
        mo.stop(True, _problem(error, retry or f"When it is back, {press} again.", button))
        raise  # not reached: mo.stop raises


def placeholder(text: str) -> Any:
    """Make the quiet line that stands where a result will be, and says what it waits for.

    A cell whose result is not there yet gives an empty one, such as None or {}, instead of
    stopping: marimo's editor would show a box "Ancestor stopped" for every cell that needs it.
    """
    import marimo as mo

    return mo.md(text).style(color="var(--muted-foreground, gray)", font_style="italic")


def grid(items: Iterable[Any], min_width: int = 320) -> Any:
    """Lay items out in columns of equal width, as many as fit; on a phone it is one.

    Args:
        items: what marimo can show.
        min_width: of a column, in pixels.
    """
    import marimo as mo

    columns = f"repeat(auto-fit, minmax(min(100%, {min_width}px), 1fr))"
    cells = "".join(f'<div style="min-width:0">{mo.as_html(item).text}</div>' for item in items)
    return mo.Html(
        f'<div style="display: grid; gap: 1.5rem; grid-template-columns: {columns}">{cells}</div>'
    )


@contextmanager
def busy(label: str) -> Iterator[None]:
    """Show a disabled button with this label while a cell works; progress appears below it.

    The cell's own output replaces it at the end: there the real button comes back.
    """
    import marimo as mo

    if not is_headless(mo.app_meta().mode):
        mo.output.replace(mo.ui.button(label=label, disabled=True))
    yield


@contextmanager
def show_errors(
    *kinds: type[Exception], button: Any = None, retry: str | None = None
) -> Iterator[None]:
    """Stop the cell with a callout on an error of these kinds: an app shows no traceback.

    Where `NoBroker` is among them, a client's own error about a broker that stops answering is
    shown like it.

    Args:
        kinds: exceptions whose text says what went wrong and what to do.
        button: the cell's button, which stays above the callout for another try.
        retry: how to try again, a sentence at the end of the callout; by default to press the
            button, if there is one.
    """
    import marimo as mo

    try:
        yield
    except (*kinds, KafkaError) as error:
        shown: Exception = error
        if not isinstance(error, kinds):
            if NoBroker not in kinds or not error.retriable:
                raise
            shown = NoBroker(f"The broker stopped answering ({type(error).__name__}).")
        if is_headless(mo.app_meta().mode):
            print(shown)
        if retry is None and button is not None:
            when = "When it is back," if isinstance(shown, NoBroker) else "Then"
            retry = f"{when} press the button again."
        mo.stop(True, _problem(shown, retry or "", button))


def _problem(error: Exception, what_to_do: str, button: Any) -> Any:
    """Make a callout of an error, below the button for another try if there is one."""
    import marimo as mo

    title = "The broker is away" if isinstance(error, NoBroker) else None
    callout = mo.callout(f"{error} {what_to_do}".strip(), kind="warn", title=title)
    return callout if button is None else mo.vstack([button, callout])


def show_table(
    frame: pl.DataFrame,
    *,
    formats: Mapping[str, str] | None = None,
    selection: Literal["single", "multi"] | None = None,
    search: bool = False,
    **settings: Any,
) -> Any:
    """Make a plain table for a notebook: without statistics, data types and download button.

    Args:
        frame: the rows to show.
        formats: by column, how to write its values, such as "{:.1%}".
        selection: how many rows can be chosen; the table's `value` has the chosen ones.
        search: whether the table has a search field.
        settings: more of `mo.ui.table`'s own settings.

    Returns:
        The `mo.ui.table`. In a headless notebook `frame` itself where no row can be chosen: an
        export shows its rows, and no rows of a table that needs marimo.
    """
    import marimo as mo

    if selection is None and is_headless(mo.app_meta().mode):
        return frame
    plain = {"show_column_summaries": False, "show_data_types": False, "show_download": False}
    return mo.ui.table(
        frame,
        selection=selection,
        show_search=search,
        format_mapping=dict(formats) if formats else None,
        **{**plain, **settings},
    )


def connect_or_start(
    *, timeout: float = 60.0, on_wait: Callable[[str], object] = print
) -> Connection:
    """Connect to the broker that is set, or to an embedded one where none is set.

    The embedded broker is Apache Kafka on 127.0.0.1. It ends with this process, and its messages
    with it.

    Args:
        timeout: how long to wait for the broker, in seconds.
        on_wait: gets a sentence about every two seconds while the broker does not answer.

    Raises:
        NoBroker: the broker that is set does not answer, or none can be started here; the text
            says why and what to do.
    """
    if os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        return connect(timeout=timeout, on_wait=on_wait)
    return connect(_start_own_broker(on_wait), timeout=timeout, on_wait=on_wait)


def _start_own_broker(on_wait: Callable[[str], object]) -> str:
    """Start this process's own broker unless it runs, and return its address, host:port."""
    global _own_broker
    from embedded_kafka import BrokerError, EmbeddedBroker

    with _own_broker_lock:
        if _own_broker is None:
            on_wait("No broker is set: starting one here (the first time it is fetched, 45 MB) …")
            directory = tempfile.mkdtemp(prefix="imageclass-kafka-")
            atexit.register(shutil.rmtree, directory, ignore_errors=True)
            _own_broker = EmbeddedBroker(directory, port=0)
        try:
            return _own_broker.start().bootstrap_servers
        except ImportError as error:
            raise NoBroker(
                f"No broker is set, and none can be started here ({error}). Install"
                " imageclass[broker], or set KAFKA_BOOTSTRAP_SERVERS to a broker's address."
            ) from error
        except BrokerError as error:
            raise NoBroker(
                f"No broker is set, and none could be started here: {error} Or set"
                " KAFKA_BOOTSTRAP_SERVERS to a broker's address."
            ) from error
