"""Every element of marimo's catalogue, one of each, and how it comes back after a restart."""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import marimo as mo
import polars as pl

FRAME = pl.DataFrame({"x": list(range(30)), "y": [i * i for i in range(30)]})


class Returns(Enum):
    """How an element is there again when its editor was restarted."""

    WHOLE = "its saved output shows all; its notebook runs when the user touches it"
    ANSWERED = "the same, with the saved answers to what it asks its kernel by itself"
    ASKS = "what it asks its kernel, by itself or at a press, runs its notebook"
    RUNS = "its output is nothing without its kernel, so its notebook runs at once"
    HIDDEN = "it shows nothing, or not in the output of a cell"


@dataclass(frozen=True)
class Element:
    """One entry of the catalogue.

    Attributes:
        returns: how it comes back.
        make: makes one; None where a package is missing here or there is nothing to make.
        cell: code of a cell that makes one with a package that users may install.
        packages: those packages.
    """

    returns: Returns
    make: Callable[[], Any] | None = None
    cell: str = ""
    packages: tuple[str, ...] = ()


def _whole(make: Callable[[], Any]) -> Element:
    return Element(Returns.WHOLE, make)


def _chart() -> Any:
    import altair as alt

    return mo.ui.altair_chart(alt.Chart(FRAME).mark_point().encode(x="x", y="y"))


def _progress() -> Any:
    """Return what `mo.status.progress_bar` shows while its loop runs."""
    from marimo._plugins.stateless.status._progress import ProgressBar

    return ProgressBar("at work", None, 9, True, True)


_WIDGET = """
import anywidget, traitlets
class Counter(anywidget.AnyWidget):
    _esm = "export default { render({ model, el }) { el.textContent = model.get('count'); } };"
    count = traitlets.Int(0).tag(sync=True)
mo.ui.anywidget(Counter())
"""
_FIGURE = """
import matplotlib.pyplot as plt
figure, axes = plt.subplots()
axes.plot([1, 2, 3])
"""
_PLOTLY = "import plotly.express as px\nmo.ui.plotly(px.scatter(x=[1, 2], y=[3, 4]))"
_PANEL = "import panel as pn\nmo.ui.panel(pn.widgets.IntSlider(name='slid', start=0, end=9))"

UI: dict[str, Element] = {
    "altair_chart": _whole(_chart),
    "anywidget": Element(Returns.RUNS, cell=_WIDGET, packages=("anywidget",)),
    "array": _whole(lambda: mo.ui.array([mo.ui.slider(0, 9)])),
    "batch": _whole(lambda: mo.md("{a}").batch(a=mo.ui.slider(0, 9))),
    "button": _whole(lambda: mo.ui.button(label="press")),
    "chat": Element(Returns.ASKS, lambda: mo.ui.chat(lambda messages: "answer")),
    "checkbox": _whole(lambda: mo.ui.checkbox()),
    "code_editor": _whole(lambda: mo.ui.code_editor("x = 1")),
    "data_editor": _whole(lambda: mo.ui.data_editor(FRAME)),
    "data_explorer": _whole(lambda: mo.ui.data_explorer(FRAME)),
    "dataframe": Element(Returns.ASKS, lambda: mo.ui.dataframe(FRAME)),
    "date": _whole(lambda: mo.ui.date(value="2026-01-01")),
    "date_range": _whole(lambda: mo.ui.date_range(value=("2026-01-01", "2026-01-02"))),
    "datetime": _whole(lambda: mo.ui.datetime(value="2026-01-01T00:00")),
    "dictionary": _whole(lambda: mo.ui.dictionary({"a": mo.ui.slider(0, 9)})),
    "dropdown": _whole(lambda: mo.ui.dropdown(["a", "b"])),
    "experimental_data_editor": _whole(lambda: mo.ui.experimental_data_editor(FRAME)),
    "file": _whole(lambda: mo.ui.file()),
    "file_browser": Element(Returns.ASKS, lambda: mo.ui.file_browser("/tmp")),  # noqa: S108
    "form": Element(Returns.ASKS, lambda: mo.ui.text().form(validate=lambda value: None)),
    "matplotlib": Element(
        Returns.WHOLE, cell=f"{_FIGURE}mo.ui.matplotlib(axes)", packages=("matplotlib",)
    ),
    "matrix": _whole(lambda: mo.ui.matrix([[1, 2], [3, 4]])),
    "microphone": _whole(lambda: mo.ui.microphone()),
    "multiselect": _whole(lambda: mo.ui.multiselect(["a", "b"])),
    "number": _whole(lambda: mo.ui.number(0, 9)),
    "panel": Element(Returns.ASKS, cell=_PANEL, packages=("panel",)),
    "plotly": Element(Returns.WHOLE, cell=_PLOTLY, packages=("plotly", "pandas")),
    "radio": _whole(lambda: mo.ui.radio(["a", "b"])),
    "range_slider": _whole(lambda: mo.ui.range_slider(0, 9)),
    "refresh": _whole(lambda: mo.ui.refresh()),
    "run_button": _whole(lambda: mo.ui.run_button()),
    "slider": _whole(lambda: mo.ui.slider(0, 9)),
    "switch": _whole(lambda: mo.ui.switch()),
    "table": Element(Returns.ANSWERED, lambda: mo.ui.table(FRAME)),
    "tabs": _whole(lambda: mo.ui.tabs({"a": mo.md("1"), "b": mo.md("2")})),
    "text": _whole(lambda: mo.ui.text()),
    "text_area": _whole(lambda: mo.ui.text_area()),
}
_PNG = bytes.fromhex("89504e470d0a1a0a")
STATELESS: dict[str, Element] = {
    "Html": _whole(lambda: mo.Html("<b>bold</b>")),
    "accordion": _whole(lambda: mo.accordion({"a": "1"})),
    "as_html": Element(Returns.ANSWERED, lambda: mo.as_html(mo.ui.table(FRAME))),
    "audio": _whole(lambda: mo.audio(b"RIFF")),
    "callout": _whole(lambda: mo.callout("note")),
    "carousel": _whole(lambda: mo.carousel(["a", "b"])),
    "center": _whole(lambda: mo.center("a")),
    "doc": Element(Returns.HIDDEN),
    "download": Element(Returns.ASKS, lambda: mo.download(lambda: b"made", filename="a.txt")),
    "hstack": _whole(lambda: mo.hstack(["a", "b"])),
    "icon": _whole(lambda: mo.icon("lucide:leaf")),
    "iframe": _whole(lambda: mo.iframe("<b>a</b>")),
    "image": _whole(lambda: mo.image(_PNG)),
    "image_compare": _whole(lambda: mo.image_compare(_PNG, _PNG)),
    "inspect": _whole(lambda: mo.inspect(FRAME)),
    "json": _whole(lambda: mo.json({"a": 1})),
    "latex": Element(Returns.HIDDEN),  # it loads macros, and shows nothing itself
    "lazy": Element(Returns.ASKS, lambda: mo.lazy(lambda: "late"), cell="mo.lazy(lambda: 'late')"),
    "left": _whole(lambda: mo.left("a")),
    "md": _whole(lambda: mo.md("# a")),
    "mermaid": _whole(lambda: mo.mermaid("graph LR; A-->B")),
    "mpl": Element(
        Returns.RUNS, cell=f"{_FIGURE}mo.mpl.interactive(axes)", packages=("matplotlib",)
    ),
    "nav_menu": _whole(lambda: mo.nav_menu({"/a": "a"})),
    "outline": _whole(lambda: mo.outline()),
    "pdf": _whole(lambda: mo.pdf(io.BytesIO(b"%PDF-1.4"))),
    "plain": _whole(lambda: mo.as_html(mo.plain(FRAME))),
    "plain_text": _whole(lambda: mo.plain_text("a")),
    "progress_bar": _whole(_progress),
    "right": _whole(lambda: mo.right("a")),
    "routes": _whole(lambda: mo.routes({"#/": mo.md("a")})),
    "show_code": _whole(lambda: mo.show_code("a")),
    "sidebar": _whole(lambda: mo.sidebar(mo.md("a"))),
    "spinner": _whole(lambda: mo.status.spinner("at work")),
    "sql": Element(Returns.ANSWERED, lambda: mo.ui.table(FRAME)),  # its result is a table
    "stat": _whole(lambda: mo.stat("1")),
    "style": _whole(lambda: mo.style("a", color="red")),
    "tabs": _whole(lambda: mo.tabs({"a": "1"})),
    "toast": Element(Returns.HIDDEN),
    "tree": _whole(lambda: mo.tree({"a": [1]})),
    "video": _whole(lambda: mo.video(_PNG)),
    "vstack": _whole(lambda: mo.vstack(["a", "b"])),
}

#: Where marimo keeps what a cell can show.
_SHOWN = ("marimo._output", "marimo._plugins", "marimo._sql")


def catalogue() -> tuple[set[str], set[str]]:
    """Return the names of marimo's controls and of its other elements, as marimo lists them."""
    others = {
        name
        for name in mo.__all__
        if str(getattr(getattr(mo, name), "__module__", "")).startswith(_SHOWN)
        or (inspect.ismodule(getattr(mo, name)) and getattr(mo, name).__name__.startswith(_SHOWN))
    }
    return set(mo.ui.__all__), (others - {"ui", "status"}) | set(mo.status.__all__)
