"""The verdicts about a run, as messages."""

from __future__ import annotations

from dataclasses import fields

import polars as pl

from imageclass.messages.verdicts import AgentAnswer, Verdict, encode_verdict
from imageclass.runs.run import Run


def encode_verdicts(verdicts: Run, outcomes: pl.DataFrame, strategy: str) -> dict[str, bytes]:
    """Return the verdict message about each request of a run.

    Args:
        verdicts: the run.
        outcomes: a row for each decided request; see `ensembles`.
        strategy: name of the way it was decided.

    Returns:
        The messages' values by request id.
    """
    names = verdicts.dataset.class_names
    chosen = {row["request_id"]: row for row in outcomes.to_dicts()}
    answers: dict[str, list[AgentAnswer]] = {}
    columns = [field.name for field in fields(AgentAnswer)]
    for request, *values in verdicts.frame.select("request_id", *columns).iter_rows():
        answers.setdefault(request, []).append(AgentAnswer(*values))
    messages = {}
    for request, asked in verdicts.asked.items():
        choice = chosen.get(request, {})
        predicted = choice.get("predicted")
        verdict = Verdict(
            run=verdicts.run_id,
            request=request,
            dataset=verdicts.dataset.name,
            strategy=strategy,
            index=asked.index,
            sent_ms=asked.sent_ms,
            label=asked.label,
            label_name=names[asked.label],
            predicted=predicted,
            predicted_name=None if predicted is None else names[predicted],
            confidence=choice.get("confidence"),
            correct=choice.get("correct"),
            answers=tuple(answers.get(request, ())),
        )
        messages[request] = encode_verdict(verdict)
    return messages
