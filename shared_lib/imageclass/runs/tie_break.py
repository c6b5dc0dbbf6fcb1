"""A second opinion: where agents disagree, one more agent is asked, and the majority counts.

The disputed requests go to the topic `topics.second_opinions` under their own run and request
ids. Only an agent that was made with that topic answers there (`Agent(..., topic=...)`), so it
works for the hard images alone.
"""

from dataclasses import replace

import polars as pl

from imageclass.evaluation.ensembles import majority_vote
from imageclass.runs.judge import Judge, Progress
from imageclass.runs.run import Run


def disagreements(verdicts: Run) -> list[str]:
    """The requests to which the agents have given different answers, in the order of asking."""
    split = (
        verdicts.frame.group_by("request_id")
        .agg(pl.col("predicted").n_unique())
        .filter(pl.col("predicted") > 1)
    )
    wanted = set(split["request_id"])
    return [request for request in verdicts.asked if request in wanted]


def ask(
    judge: Judge,
    verdicts: Run,
    third: str,
    *,
    deadline: float | None = None,
    timeout: float = 180.0,
    patience: float = 60.0,
    on_reply: Progress | None = None,
) -> Run:
    """What the agent `third` says to the disputed requests of `verdicts`, as `Verdicts` of its
    own with the same run id; see `Judge.publish` and `Judge.collect` for the settings.

    Raises `ValueError` if `third` is one of those who disagree, `PublishError` if the requests
    cannot be sent.
    """
    if third in verdicts.agents:
        raise ValueError(f"{third} has answered already; ask an agent of another name.")
    opinions = Run(verdicts.run_id, verdicts.dataset, (third,), {})
    images = {request: verdicts.asked[request].index for request in disagreements(verdicts)}
    topic = judge.connection.topics.second_opinions
    judge.send(opinions, images, topic, deadline=deadline, timeout=timeout)
    return judge.collect(opinions, patience=patience, on_reply=on_reply)


def decide(verdicts: Run, opinions: Run) -> pl.DataFrame:
    """An outcome for each request as in `strategies`: `agreement` of all who were asked.

    Raises `ValueError` if the two are not of one run.
    """
    return majority_vote(merge(verdicts, opinions))


def merge(verdicts: Run, opinions: Run) -> Run:
    """Both as one, for a strategy or an announcement. `missing` of it counts the requests too that
    needed no second opinion. Raises `ValueError` if the two are not of one run."""
    if verdicts.run_id != opinions.run_id or not opinions.asked.keys() <= verdicts.asked.keys():
        raise ValueError("The second opinions are of another run.")
    return replace(
        verdicts,
        agents=verdicts.agents + opinions.agents,
        frame=pl.concat([verdicts.frame, opinions.frame]),
        duplicates=verdicts.duplicates | opinions.duplicates,
        invalid=verdicts.invalid + opinions.invalid,
    )
