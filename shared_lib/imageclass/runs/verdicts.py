"""The verdicts that the judge announces for a run."""

from dataclasses import fields

import polars as pl

from imageclass.messages.verdicts import AgentAnswer, Verdict, encode_verdict
from imageclass.runs.run import Run


def encode_verdicts(run: Run, outcomes: pl.DataFrame, strategy: str) -> dict[str, bytes]:
    """Encode a verdict for each request.

    Args:
        run: the run, or a part of it.
        outcomes: what the strategy decided, see `outcomes.decide`; a request that is not in it is
            undecided.
        strategy: the strategy's name.

    Returns:
        By request id, the value of the Kafka message.
    """
    names = run.class_names
    decided = {row["request_id"]: row for row in outcomes.to_dicts()}
    answers: dict[str, list[AgentAnswer]] = {}
    columns = [field.name for field in fields(AgentAnswer)]
    for request, *values in run.predictions.select("request_id", *columns).iter_rows():
        answers.setdefault(request, []).append(AgentAnswer(*values))
    messages = {}
    for request, sent in run.sent.items():
        outcome = decided.get(request, {})
        predicted = outcome.get("predicted")
        verdict = Verdict(
            run=run.run_id,
            request=request,
            dataset=run.dataset,
            strategy=strategy,
            index=sent.index,
            sent_ms=sent.sent_ms,
            label=sent.label,
            label_name=names[sent.label],
            predicted=predicted,
            predicted_name=None if predicted is None else names[predicted],
            confidence=outcome.get("confidence"),
            correct=outcome.get("correct"),
            answers=tuple(answers.get(request, ())),
        )
        messages[request] = encode_verdict(verdict)
    return messages
