"""Tables in saved outputs are complete without a kernel.

WORKAROUND(marimo 0.25.2): saved outputs lack what a page asks the kernel when it shows them.
A table asks for its first rows and its columns' summaries whenever it appears. A saved table would
wake its notebook by that. Here the first answer to each of its questions is saved in its output.
What a table answers depends only on its rows, so the answer stays right. Elements that are no
tables may look at the world again: their questions wake the notebook (`deferred_run`).
Test: test_a_saved_table_is_whole_and_wakes_the_notebook_at_the_next_page
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from weakref import WeakKeyDictionary

from marimo._messaging.notification import FunctionCallResultNotification
from marimo._messaging.serde import deserialize_kernel_message
from marimo._runtime.commands import InvokeFunctionCommand
from marimo._session.state.session_view import SessionView

_TABLE = re.compile(r"object-id='([^']+)' random-id='[^']*'><marimo-table ")
_COMMENT = re.compile(r"<!--mosshub-answers (.*?)-->", re.DOTALL)
_RESULT, _RESULT_WITHIN = b'"function-call-result"', 64  # bytes of a message
_MAX_ANSWER_BYTES = 256 * 1024

_answers: WeakKeyDictionary[SessionView, "Answers"] = WeakKeyDictionary()


class Answers:
    """What the kernel answered to the tables in a notebook's outputs."""

    def __init__(self) -> None:
        self._asked: dict[str, InvokeFunctionCommand] = {}  # by the call's id
        # Arguments and answer, by the table's id and the name of its function.
        self._given: dict[tuple[str, str], tuple[dict[str, Any], Any]] = {}

    def note_call(self, call: InvokeFunctionCommand) -> None:
        """Note that a table asks the kernel; only its first question of a kind is kept."""
        if (call.namespace, call.function_name) not in self._given:
            self._asked[call.function_call_id] = call

    def note_result(self, result: FunctionCallResultNotification) -> None:
        """Note what the kernel answered."""
        call = self._asked.pop(result.function_call_id, None)
        if call is None or not result.found or result.status.code != "ok":
            return
        if _is_small(result.return_value):
            key = (call.namespace, call.function_name)
            self._given.setdefault(key, (call.args, result.return_value))

    def forget(self, table: str) -> None:
        """Drop the answers of a table that its cell has created again."""
        self._given = {key: given for key, given in self._given.items() if key[0] != table}
        self._asked = {i: call for i, call in self._asked.items() if call.namespace != table}

    def of(self, tables: set[str]) -> list[tuple[str, str, dict[str, Any], Any]]:
        """Return table, function, arguments and answer of what these tables asked."""
        return [(*key, *given) for key, given in self._given.items() if key[0] in tables]


def html_outputs(view: SessionView) -> Iterator[str]:
    """Yield those of a notebook's outputs that are text."""
    for cell in view.cell_notifications.values():
        if cell.output is not None and isinstance(cell.output.data, str):
            yield cell.output.data


def note_call(view: SessionView, call: InvokeFunctionCommand) -> None:
    """Note that a page asks the kernel something, if it is a table that asks."""
    if is_of_table(view, call):
        _answers.setdefault(view, Answers()).note_call(call)


def note_result(view: SessionView, notification: bytes) -> None:
    """Note what the kernel answers, if this is an answer to a table."""
    answers = _answers.get(view)
    if answers is not None and _RESULT in notification[:_RESULT_WITHIN]:
        message = deserialize_kernel_message(notification)  # type: ignore[arg-type]
        if isinstance(message, FunctionCallResultNotification):
            answers.note_result(message)


def forget(view: SessionView, table: str) -> None:
    """Drop the answers of a table that its cell has created again."""
    if view in _answers:
        _answers[view].forget(table)


def is_of_table(view: SessionView, call: InvokeFunctionCommand) -> bool:
    """Return whether a call comes from a table in a notebook's outputs."""
    return any(call.namespace in table_ids(html) for html in html_outputs(view))


def table_ids(html: str) -> set[str]:
    """Return the ids of the tables in an output."""
    return set(_TABLE.findall(html))


def with_answers(html: str, view: SessionView, complete: Callable[[Any], Any]) -> str:
    """Return an output with the answers to its tables, in a comment.

    Args:
        html: the output.
        view: the notebook's outputs.
        complete: puts files of the kernel into an answer; returns None if one is missing.
    """
    if _COMMENT.search(html):
        return html  # it was saved before, and has not run since
    given = [
        (table, function, args, completed)
        for table, function, args, value in _given(view, html)
        if (completed := complete(value)) is not None and _is_small(completed)
    ]
    if not given:
        return html
    text = json.dumps(given).replace("<", "\\u003c").replace(">", "\\u003e")
    return f"{html}<!--mosshub-answers {text}-->"


def _is_small(answer: Any) -> bool:
    return len(json.dumps(answer)) <= _MAX_ANSWER_BYTES


def _given(view: SessionView, html: str) -> list[tuple[str, str, dict[str, Any], Any]]:
    return _answers[view].of(table_ids(html)) if view in _answers else []


def saved_answers(html: str) -> dict[tuple[str, str], tuple[dict[str, Any], Any]]:
    """Return the answers in a saved output.

    Returns:
        Arguments and answer, by the table's id and the name of its function.
    """
    return {
        (table, function): (args, value)
        for comment in _COMMENT.findall(html)
        for table, function, args, value in json.loads(comment)
    }
