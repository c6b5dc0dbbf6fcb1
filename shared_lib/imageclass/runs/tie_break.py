"""Break ties: where agents disagree, one more agent predicts, and all of them decide.

Such requests go to the topic `topics.second_opinions` under their own run and request ids. Only an
agent that was made with that topic answers there (`Agent(..., topic=...)`), so it works on the
hard images alone.
"""

from dataclasses import replace

import polars as pl

from imageclass.data.datasets import Dataset
from imageclass.runs.judge import Judge
from imageclass.runs.progress import Progress
from imageclass.runs.run import Run


def disagreements(run: Run) -> list[str]:
    """Return the ids of requests with different predictions, in the order of sending."""
    split = (
        run.predictions.group_by("request_id")
        .agg(pl.col("predicted").n_unique())
        .filter(pl.col("predicted") > 1)
    )
    wanted = set(split["request_id"])
    return [request for request in run.sent if request in wanted]


def ask(
    judge: Judge,
    run: Run,
    dataset: Dataset,
    agent: str,
    *,
    deadline: float | None = None,
    timeout: float = 180.0,
    patience: float = 60.0,
    on_prediction: Progress | None = None,
) -> Run:
    """Send the requests on which the agents of `run` disagree to one more agent.

    Args:
        judge: made for that agent.
        run: the run.
        dataset: the data set whose test images the run is about.
        agent: the name of the additional agent.
        deadline: see `Judge.publish`.
        timeout: see `Judge.publish`.
        patience: see `Judge.collect`.
        on_prediction: see `Judge.collect`.

    Returns:
        The agent's predictions, as a run of its own with the same id; see `merge`.

    Raises:
        ValueError: the agent is one of those of `run`.
        PublishError: the broker did not get all requests in time.
    """
    if agent in run.agents:
        raise ValueError(f"{agent} has answered already; ask an agent of another name.")
    images = {request: run.sent[request].index for request in disagreements(run)}
    topic = judge.connection.topics.second_opinions
    sent = judge.send(run.run_id, dataset, images, topic, deadline=deadline, timeout=timeout)
    opinions = Run(run.run_id, run.dataset, run.class_names, (agent,), sent)
    return judge.collect(opinions, patience=patience, on_prediction=on_prediction)


def merge(run: Run, opinions: Run) -> Run:
    """Return a run with the predictions of both, for a strategy or an announcement.

    Its `missing` also counts the requests on which no second opinion was needed.

    Raises:
        ValueError: the two are not of one run.
    """
    if run.run_id != opinions.run_id or not opinions.sent.keys() <= run.sent.keys():
        raise ValueError("The second opinions are of another run.")
    return replace(
        run,
        agents=run.agents + opinions.agents,
        predictions=pl.concat([run.predictions, opinions.predictions]),
        duplicates={**run.duplicates, **opinions.duplicates},
        invalid=run.invalid + opinions.invalid,
    )
