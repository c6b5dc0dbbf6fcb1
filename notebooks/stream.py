# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = [
#     "altair==6.3.0",
#     "imageclass[broker,tensorflow]==0.2.0",
#     "kafka-python[crc32c]==3.0.12",
#     "marimo==0.25.2",
#     "polars==2.1.0",
# ]
#
# [tool.uv.sources]
# imageclass = { path = "../shared_lib" }
# ///

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Agents at work")


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    # Agents at work

    An **agent** is a trained network that answers the requests on a Kafka topic. Here you start
    some, change them while they run, let a newer version answer a share of the requests, ask for
    a second opinion, and look after what could not be answered.
    """)
    return


@app.cell(hide_code=True)
def _():
    from datetime import UTC, datetime

    import marimo as mo
    import polars as pl
    from imageclass.agents.registry import start_agent
    from imageclass.charts import runs as run_charts
    from imageclass.data.datasets import load
    from imageclass.evaluation import ensembles, statistics
    from imageclass.kafka.connection import NoBroker
    from imageclass.kafka.live_agents import list_agents
    from imageclass.models.classifier import CompiledClassifier
    from imageclass.models.registry import list_versions, train_or_load
    from imageclass.notebook import connect_or_start, is_headless
    from imageclass.runs import replay, tie_break
    from imageclass.runs.judge import Judge, PublishError

    return (
        UTC,
        CompiledClassifier,
        Judge,
        NoBroker,
        PublishError,
        list_agents,
        connect_or_start,
        datetime,
        replay,
        list_versions,
        load,
        mo,
        pl,
        tie_break,
        start_agent,
        statistics,
        ensembles,
        train_or_load,
        is_headless,
        run_charts,
    )


@app.cell(hide_code=True)
def _(NoBroker, connect_or_start, mo, is_headless):
    alone = is_headless(mo.app_meta().mode)
    try:
        with mo.status.spinner("Looking for the broker …", remove_on_exit=True) as _spinner:
            connection = connect_or_start(
                timeout=10 if alone else 120,
                on_wait=lambda text: _spinner.update(subtitle=text),
            )
    except NoBroker as _error:
        if alone:
            print(_error)
        mo.stop(True, mo.callout(mo.md(f"{_error} Then run this cell again."), kind="warn"))
    return alone, connection


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 1 · Who shall work

    Agents answer with saved versions of networks, those that `train.py` and `image_class.py`
    keep. Choosing another one for an agent that runs swaps its network from the next batch on:
    no restart, and no request is lost. The third one waits for second opinions only.
    """)
    return


@app.cell(hide_code=True)
def _(mo):
    quick_button = mo.ui.run_button(label="Teach three small networks the digits")
    return (quick_button,)


@app.cell
def _(alone, list_versions, mo, quick_button, train_or_load):
    versions = list_versions()
    if quick_button.value or (alone and len({v.name for v in versions}) < 2):
        for _name, _images in (("cnn", 300), ("cnn", 1200), ("resnet", 600)):
            with mo.status.spinner(f"Teaching a {_name} {_images} digits …", remove_on_exit=True):
                train_or_load(_name, "digits", epochs=3, batch_size=32, num_images=_images, seed=1)
        versions = list_versions()
    mo.stop(
        len(versions) < 2,
        mo.vstack(
            [
                mo.callout(
                    "There are fewer than two saved versions yet. Train some in train.py or"
                    " image_class.py, or let these be taught now (about half a minute):",
                    kind="info",
                ),
                quick_button,
            ]
        ),
    )
    return (versions,)


@app.cell(hide_code=True)
def _(mo, versions):
    _datasets = sorted({v.dataset for v in versions})
    dataset_choice = mo.ui.dropdown(
        _datasets,
        value="digits" if "digits" in _datasets else _datasets[0],
        label="For the images of",
    )
    dataset_choice
    return (dataset_choice,)


@app.cell(hide_code=True)
def _(dataset_choice, mo, versions):
    by_label = {
        f"{v.name} {v.id[:6]} · {v.metrics.accuracy:.1%} right": v
        for v in reversed(versions)
        if v.dataset == dataset_choice.value
    }
    _names = list(by_label)
    _other = next((n for n in _names if by_label[n].name != by_label[_names[0]].name), _names[-1])
    first_choice = mo.ui.dropdown(_names, value=_names[0], label="Agent *first*")
    second_choice = mo.ui.dropdown(_names, value=_other, label="Agent *second*")
    third_choice = mo.ui.dropdown(_names, value=_names[-1], label="Agent *third*, when asked")
    mo.vstack([first_choice, second_choice, third_choice])
    return by_label, first_choice, second_choice, third_choice


@app.cell
def agents_at_work(
    by_label,
    connection,
    first_choice,
    mo,
    second_choice,
    start_agent,
    third_choice,
):
    _asked_only = connection.topics.second_opinions
    agents = {}
    with mo.status.spinner("The agents join their groups …", remove_on_exit=True):
        for _name, _choice, _topic in (
            ("first", first_choice, None),
            ("second", second_choice, None),
            ("third", third_choice, _asked_only),
        ):
            _version = by_label[_choice.value]
            agents[_name] = start_agent(
                connection,
                _name,
                _version.load(),
                dataset=_version.dataset,
                version=_version.id,
                topic=_topic,
            )
        for _agent in agents.values():
            _agent.wait_until_running(timeout=60)
    return (agents,)


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 2 · Change them while they run

    A batch is closed when it is full, or when its first request has waited long enough. Large
    batches answer more images in a second, short waits answer each one sooner: move the sliders
    while a run is under way and watch the latency.
    """)
    return


@app.cell(hide_code=True)
def _(mo):
    batch_size = mo.ui.slider(
        steps=[1, 4, 16, 64, 128, 256], value=64, label="Batch size", show_value=True
    )
    max_wait = mo.ui.slider(
        steps=[0, 1, 5, 10, 20, 50, 100, 500, 1000], value=20, label="Wait, ms", show_value=True
    )
    refresh = mo.ui.refresh(options=["1s", "2s", "5s"], default_interval="2s")
    mo.hstack([batch_size, max_wait, refresh], justify="start", gap=2)
    return batch_size, max_wait, refresh


@app.cell
def _(agents, batch_size, max_wait):
    for _agent in agents.values():
        _agent.adjust(batch_size=batch_size.value, max_wait=max_wait.value / 1000)
    return


@app.cell(hide_code=True)
def _(NoBroker, agents, list_agents, alone, connection, mo, pl, refresh):
    agents, refresh
    try:
        _seen = list_agents(connection).filter(pl.col("alive"))
    except NoBroker as _error:
        mo.stop(True, mo.callout(str(_error), kind="warn"))
    _seen = _seen.select(
        *("name", "state", "model", "answered", "lag", "batch_size", "canary", "last_error"),
        answers_per_s=pl.col("rate").round(0),
        wait_ms=pl.col("max_wait") * 1000,
    )
    if alone:
        print(f"At work: {', '.join(_seen['name'])}.")
    mo.ui.table(
        _seen,
        selection=None,
        show_column_summaries=False,
        show_data_types=False,
        show_download=False,
        show_search=False,
    )
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 3 · Send a run

    Watch it here, or in `live_dashboard.py` for as many as like to look on.
    """)
    return


@app.cell(hide_code=True)
def _(alone, mo):
    how_many = mo.ui.slider(
        steps=[100, 200, 500, 1000, 2000, 5000, 10_000],
        value=100 if alone else 1000,
        label="Images to send",
        show_value=True,
    )
    send_button = mo.ui.run_button(kind="success", label="Send")
    mo.hstack([how_many, send_button], justify="start", gap=2)
    return how_many, send_button


@app.cell
def _(
    Judge,
    NoBroker,
    PublishError,
    alone,
    connection,
    dataset_choice,
    how_many,
    load,
    mo,
    send_button,
    ensembles,
):
    mo.stop(not (send_button.value or alone), mo.callout(mo.md("Press **Send**."), kind="info"))
    try:
        with (
            Judge(connection, ["first", "second"]) as _judge,
            mo.status.progress_bar(
                total=2 * how_many.value, title="Replies", remove_on_exit=True
            ) as _bar,
        ):
            verdicts = _judge.collect(
                _judge.publish(load(dataset_choice.value), how_many.value),
                on_reply=lambda done, total: _bar.update(),
                on_complete=lambda part: _judge.announce(
                    part, ensembles.soft_vote(part), "soft vote"
                ),
            )
    except (NoBroker, PublishError) as _error:
        mo.stop(True, mo.callout(str(_error), kind="danger"))
    return (verdicts,)


@app.cell(hide_code=True)
def _(alone, mo, verdicts):
    summary = verdicts.summary()
    if alone:
        for _row in summary.iter_rows(named=True):
            print(f"{_row['agent']}: {_row['answered']} answered, {_row['correct']} right.")
    summary if alone else mo.ui.table(
        summary.rename({"latency_p50_ms": "p50 ms", "latency_p99_ms": "p99 ms"}),
        selection=None,
        show_column_summaries=False,
        show_data_types=False,
        show_download=False,
        show_search=False,
        format_mapping={"accuracy": "{:.1%}", "p50 ms": "{:.0f}", "p99 ms": "{:.0f}"},
    )
    return


@app.cell(hide_code=True)
def _(run_charts, verdicts):
    run_charts.latencies(verdicts)
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 4 · Try a newer version on a share

    A **canary** is a version that answers a share of the requests in the agent's name. Which
    ones is a matter of the request's id, so all agents of that name decide alike. Send a run and
    compare; then let the canary answer everything, or end it.
    """)
    return


@app.cell(hide_code=True)
def _(by_label, mo):
    canary_choice = mo.ui.dropdown(
        list(by_label), value=list(by_label)[-1], label="Canary of agent *first*"
    )
    share = mo.ui.slider(0, 100, step=5, value=20, label="Share, %", show_value=True)
    try_button = mo.ui.run_button(label="Try it out")
    promote_button = mo.ui.run_button(kind="success", label="Let it answer everything")
    end_button = mo.ui.run_button(kind="warn", label="End it")
    mo.vstack(
        [
            mo.hstack([canary_choice, share], justify="start", gap=2),
            mo.hstack([try_button, promote_button, end_button], justify="start"),
        ]
    )
    return canary_choice, end_button, promote_button, share, try_button


@app.cell
def _(
    CompiledClassifier,
    agents,
    alone,
    by_label,
    canary_choice,
    mo,
    share,
    try_button,
):
    first = agents["first"]
    _now = first.serving.canary
    if try_button.value or alone:
        _version = by_label[canary_choice.value]
        first.canary(CompiledClassifier(_version.load()), share.value / 100, _version.id)
    elif _now:  # the slider was moved
        first.canary(_now.classifier, share.value / 100, _now.model)
    mo.md(f"The canary answers {first.status.share:.0%} of the requests.")
    return (first,)


@app.cell
def _(end_button, first, mo, promote_button):
    mo.stop(not (promote_button.value or end_button.value))
    try:
        first.promote() if promote_button.value else first.end_canary()
        _said = f"Agent *first* answers everything with {first.status.model} now."
    except ValueError as _error:  # there is none
        _said = str(_error)
    mo.callout(mo.md(_said), kind="info")
    return


@app.cell(hide_code=True)
def _(alone, mo, pl, verdicts):
    # What each version had right in the run above.
    by_version = (
        verdicts.frame.group_by("agent", "model")
        .agg(answered=pl.len(), right=pl.col("correct").mean())
        .sort("agent", "answered", descending=[False, True])
    )
    by_version if alone else mo.ui.table(
        by_version,
        selection=None,
        show_column_summaries=False,
        show_data_types=False,
        show_download=False,
        show_search=False,
        format_mapping={"right": "{:.1%}"},
    )
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 5 · Ask for a second opinion

    Where *first* and *second* disagree, *third* is asked as well, and the majority counts. It
    works for the hard images only: the others never reach it.
    """)
    return


@app.cell(hide_code=True)
def _(mo, tie_break, verdicts):
    hard = tie_break.disagreements(verdicts)
    ask_button = mo.ui.run_button(label="Ask the third agent")
    mo.vstack([mo.md(f"They disagree on {len(hard)} of {len(verdicts.asked)} images."), ask_button])
    return ask_button, hard


@app.cell
def _(
    Judge,
    alone,
    ask_button,
    connection,
    hard,
    mo,
    tie_break,
    verdicts,
):
    mo.stop(not hard or not (ask_button.value or alone))
    with (
        Judge(connection, ["third"]) as _judge,
        mo.status.spinner("The third agent thinks …", remove_on_exit=True),
    ):
        opinions = tie_break.ask(_judge, verdicts, "third")
    return (opinions,)


@app.cell(hide_code=True)
def _(alone, mo, opinions, tie_break, statistics, ensembles, verdicts):
    _before = ensembles.highest_confidence(verdicts)
    _after = tie_break.decide(verdicts, opinions)
    _test = statistics.mcnemar(_after, _before)
    _said = (
        f"Asked about {len(opinions.asked)} images, the third agent answered"
        f" {len(opinions.frame)}. With it {_after['correct'].mean():.1%} are right, without it"
        f" {_before['correct'].mean():.1%} (the surer of the two decides): p = {_test.p:.2g}."
    )
    print(_said) if alone else mo.md(_said)
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 6 · What could not be answered

    A message that no agent can read, or that comes too late, goes to the topic of **dead
    letters** with the reason. When the reason is gone send it again: each goes out once, whoever
    presses the button, and however often.
    """)
    return


@app.cell(hide_code=True)
def _(mo):
    break_button = mo.ui.run_button(label="Send three broken messages")
    look_button = mo.ui.button(label="Look")
    mo.hstack([break_button, look_button], justify="start")
    return break_button, look_button


@app.cell
def _(agents, alone, break_button, connection, mo):
    agents
    if break_button.value or alone:
        with connection.producer() as _producer:
            for _value in (b"no image at all", b"\x89PNG, but cut off", b"{}"):
                _producer.send(connection.topics.requests, value=_value)
            _producer.flush()
    broken = break_button.value
    mo.md(
        "Three messages that no agent can read are on their way: press *Look*."
    ) if broken else None
    return (broken,)


@app.cell(hide_code=True)
def _(UTC, broken, connection, datetime, replay, look_button, mo, pl):
    broken, look_button
    letters = replay.read(connection, limit=200)
    _rows = {
        "when (UTC)": [f"{datetime.fromtimestamp(_l.time_ms / 1000, UTC):%F %T}" for _l in letters],
        "agent": [_letter.agent for _letter in letters],
        "reason": [_letter.reason for _letter in letters],
        "bytes": [_letter.size for _letter in letters],
        "sent again": ["yes" if _letter.replayed else "" for _letter in letters],
        "origin": [_letter.origin for _letter in letters],
    }
    chosen_letters = mo.ui.table(
        pl.DataFrame(_rows),
        selection="multi",
        show_column_summaries=False,
        show_data_types=False,
        show_download=False,
    )
    chosen_letters if letters else mo.md("No letter lies there.")
    return chosen_letters, letters


@app.cell(hide_code=True)
def _(mo):
    replay_button = mo.ui.run_button(label="Send the chosen ones again")
    replay_button
    return (replay_button,)


@app.cell
def _(chosen_letters, connection, replay, letters, mo, replay_button):
    mo.stop(not replay_button.value)
    _chosen = set(chosen_letters.value["origin"])
    mo.stop(not _chosen, mo.callout("Choose letters in the table first.", kind="warn"))
    try:
        _done = replay.replay(connection, [_l for _l in letters if _l.origin in _chosen])
        _refused = "".join(f"\n- {_origin}: {_why}" for _origin, _why in _done.refused.items())
        _said = f"{len(_done.sent)} sent again, {len(_done.already)} had been before.{_refused}"
    except replay.ReplayError as _error:
        _said = str(_error)
    mo.callout(mo.md(_said), kind="info")
    return


if __name__ == "__main__":
    app.run()
