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

with app.setup(hide_code=True):
    import marimo as mo
    import polars as pl
    from imageclass import (
        CompiledClassifier,
        Judge,
        NoBroker,
        PublishError,
        connect_notebook,
        datasets,
        dead_letters,
        is_headless,
        list_agents,
        list_versions,
        outcomes,
        run_charts,
        show_table,
        start_agent,
        tie_break,
        train_or_load,
    )

    headless = is_headless(mo.app_meta().mode)


@app.cell(hide_code=True)
def _():
    mo.md("""
    # Agents at work

    At the end you have run a small prediction service: three **agents**, each a trained network
    that answers the requests on a Kafka topic. You change them while they run, try a newer version
    as a canary, ask a third agent where two disagree, and send dead letters again.
    """)
    return


@app.cell(hide_code=True)
def _():
    connection = connect_notebook(start_broker=True)
    return (connection,)


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## 1 · Start three agents

    Each agent answers with a saved version of a network, from `train.py` or `image_class.py`. If you
    choose another version, the agent uses it from the next batch on: it does not restart, and no
    request is lost. The third agent only answers requests for a second opinion.
    """)
    return


@app.cell(hide_code=True)
def _():
    quick_button = mo.ui.run_button(label="Train three small networks on digits")
    return (quick_button,)


@app.function(hide_code=True)
def train_small_networks():
    """Train three small versions on the data set digits, which takes about half a minute."""
    for name, images in (("cnn", 300), ("cnn", 1200), ("resnet", 600)):
        title = f"Training a {name} on {images} digits …"
        with mo.status.spinner(title, remove_on_exit=True):
            train_or_load(name, "digits", epochs=3, batch_size=32, num_images=images, seed=1)


@app.cell
def _(quick_button):
    versions = list_versions()
    if quick_button.value or (headless and len({v.name for v in versions}) < 2):
        train_small_networks()
        versions = list_versions()
    _hint = (
        "There are fewer than two saved versions. Train some in train.py or image_class.py, or train"
        " these now (about half a minute):"
    )
    mo.stop(len(versions) < 2, mo.vstack([mo.callout(_hint, kind="info"), quick_button]))
    return (versions,)


@app.cell(hide_code=True)
def _(versions):
    _names = sorted({v.dataset for v in versions})
    dataset_choice = mo.ui.dropdown(
        _names, value="digits" if "digits" in _names else _names[0], label="Data set"
    )
    dataset_choice
    return (dataset_choice,)


@app.cell(hide_code=True)
def _(dataset_choice, versions):
    by_label = {
        f"{v.name} {v.id[:6]} · accuracy {v.metrics.accuracy:.1%}": v
        for v in reversed(versions)
        if v.dataset == dataset_choice.value
    }
    _names = list(by_label)
    _other = next((n for n in _names if by_label[n].name != by_label[_names[0]].name), _names[-1])
    first_choice = mo.ui.dropdown(_names, value=_names[0], label="Agent *first*")
    second_choice = mo.ui.dropdown(_names, value=_other, label="Agent *second*")
    third_choice = mo.ui.dropdown(
        _names, value=_names[-1], label="Agent *third*, for second opinions"
    )
    mo.vstack([first_choice, second_choice, third_choice])
    return by_label, first_choice, second_choice, third_choice


@app.cell
def agents_at_work(by_label, connection, first_choice, second_choice, third_choice):
    agents = {}
    with mo.status.spinner("The agents join their groups …", remove_on_exit=True):
        for _name, _choice, _topic in (
            ("first", first_choice, None),
            ("second", second_choice, None),
            ("third", third_choice, connection.topics.second_opinions),
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
def _():
    mo.md("""
    ## 2 · Change them while they run

    An agent closes a batch when it is full, or when its first request has waited long enough. Large
    batches raise the throughput, short waits lower the latency. Move the sliders during a run and
    watch the latency.
    """)
    return


@app.cell(hide_code=True)
def _():
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
def _(agents, connection, refresh):
    agents, refresh
    try:
        _seen = list_agents(connection).filter(pl.col("alive"))
    except NoBroker as _error:
        mo.stop(True, mo.callout(str(_error), kind="warn"))
    if headless:
        print(f"At work: {', '.join(_seen['name'])}.")
    show_table(
        _seen.select(
            *("name", "state", "model", "answered", "lag", "batch_size", "canary", "last_error"),
            answers_per_s=pl.col("rate").round(0),
            wait_ms=pl.col("max_wait") * 1000,
        )
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## 3 · Send a run

    Watch it here, or in `live_dashboard.py`.
    """)
    return


@app.cell(hide_code=True)
def _():
    how_many = mo.ui.slider(
        steps=[100, 200, 500, 1000, 2000, 5000, 10_000],
        value=100 if headless else 1000,
        label="Images to send",
        show_value=True,
    )
    send_button = mo.ui.run_button(kind="success", label="Send")
    mo.hstack([how_many, send_button], justify="start", gap=2)
    return how_many, send_button


@app.function(hide_code=True)
def send_images(connection, dataset, how_many):
    """Send test images as a run to agents first and second, and announce each verdict."""
    try:
        with (
            Judge(connection, ["first", "second"]) as judge,
            mo.status.progress_bar(
                total=2 * how_many, title="Predictions", remove_on_exit=True
            ) as bar,
        ):
            return judge.collect(
                judge.publish(dataset, how_many),
                on_prediction=lambda done, total: bar.update(),
                on_complete=lambda part: judge.announce(
                    part, outcomes.decide(part, "soft vote"), "soft vote"
                ),
            )
    except (NoBroker, PublishError) as error:
        mo.stop(True, mo.callout(str(error), kind="danger"))


@app.cell
def _(connection, dataset_choice, how_many, send_button):
    mo.stop(not (send_button.value or headless), mo.callout(mo.md("Press **Send**."), kind="info"))
    run = send_images(connection, datasets.load(dataset_choice.value), how_many.value)
    return (run,)


@app.cell(hide_code=True)
def _(run):
    summary = run.summary()
    if headless:
        for _row in summary.iter_rows(named=True):
            print(f"{_row['agent']}: {_row['answered']} answered, {_row['correct']} right.")
    show_table(
        summary.rename({"latency_p50_ms": "p50 ms", "latency_p99_ms": "p99 ms"}),
        formats={"accuracy": "{:.1%}", "p50 ms": "{:.0f}", "p99 ms": "{:.0f}"},
    )
    return


@app.cell(hide_code=True)
def _(run):
    run_charts.latencies(run)
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## 4 · Try a newer version as a canary

    A **canary** is a version that answers a share of an agent's requests. The request's id decides
    which ones, so all agents of the same name choose the same. Start the canary, send a run, and
    compare the versions in the table. Then promote the canary, or end it.
    """)
    return


@app.cell(hide_code=True)
def _(by_label):
    canary_choice = mo.ui.dropdown(
        list(by_label), value=list(by_label)[-1], label="Canary of agent *first*"
    )
    share = mo.ui.slider(0, 100, step=5, value=20, label="Share, %", show_value=True)
    canary_button = mo.ui.run_button(label="Start the canary")
    promote_button = mo.ui.run_button(kind="success", label="Promote the canary")
    end_button = mo.ui.run_button(kind="warn", label="End the canary")
    mo.vstack(
        [
            mo.hstack([canary_choice, share], justify="start", gap=2),
            mo.hstack([canary_button, promote_button, end_button], justify="start"),
        ]
    )
    return canary_button, canary_choice, end_button, promote_button, share


@app.cell
def _(agents, by_label, canary_button, canary_choice, share):
    first = agents["first"]
    # A running canary stays the same version when only its share changes.
    _running = next((v for v in by_label.values() if v.id == first.status.canary), None)
    _canary = by_label[canary_choice.value] if canary_button.value or headless else _running
    if _canary:
        first.canary(CompiledClassifier(_canary.load()), share.value / 100, _canary.id)
    mo.md(f"The canary answers {first.status.share:.0%} of the requests.")
    return (first,)


@app.cell
def _(end_button, first, promote_button):
    mo.stop(not (promote_button.value or end_button.value))
    try:
        first.promote() if promote_button.value else first.end_canary()
        _result = f"Agent *first* now answers all requests with {first.status.model}."
    except ValueError as _error:  # there is no canary
        _result = str(_error)
    mo.callout(mo.md(_result), kind="info")
    return


@app.cell(hide_code=True)
def _(run):
    # The accuracy of each version in the run above.
    by_version = (
        run.predictions.group_by("agent", "model")
        .agg(answered=pl.len(), accuracy=pl.col("correct").mean())
        .sort("agent", "answered", descending=[False, True])
    )
    show_table(by_version, formats={"accuracy": "{:.1%}"})
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## 5 · Ask for a second opinion

    Where *first* and *second* disagree, *third* answers too, and the majority decides. It works on
    the hard images only, because the others never reach it.
    """)
    return


@app.cell(hide_code=True)
def _(run):
    hard = tie_break.disagreements(run)
    ask_button = mo.ui.run_button(label="Ask the third agent")
    mo.vstack([mo.md(f"They disagree on {len(hard)} of {len(run.sent)} images."), ask_button])
    return ask_button, hard


@app.cell
def _(ask_button, connection, dataset_choice, hard, run):
    mo.stop(not hard or not (ask_button.value or headless))
    with (
        Judge(connection, ["third"]) as _judge,
        mo.status.spinner("The third agent classifies the images …", remove_on_exit=True),
    ):
        opinions = tie_break.ask(_judge, run, datasets.load(dataset_choice.value), "third")
    return (opinions,)


@app.cell(hide_code=True)
def _(opinions, run):
    _before = outcomes.decide(run, "highest confidence")
    _after = outcomes.decide(tie_break.merge(run, opinions), "majority vote")
    _test = outcomes.compare(_after, _before)
    _result = (
        f"The third agent answered {len(opinions.predictions)} of {len(opinions.sent)} requests."
        f" With its answers {_after['correct'].mean():.1%} of the images are right. Without them,"
        f" by the highest confidence, it is {_before['correct'].mean():.1%}: p = {_test.p:.2g}."
    )
    print(_result) if headless else mo.md(_result)
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## 6 · Send dead letters again

    A message that no agent can read, or that comes too late, goes to the topic of **dead letters**
    with the reason. Remove the cause, then send it again. Every message is sent again only once,
    however often and by whomever the button is pressed.
    """)
    return


@app.cell(hide_code=True)
def _():
    break_button = mo.ui.run_button(label="Send three broken messages")
    show_button = mo.ui.button(label="Show the dead letters")
    mo.hstack([break_button, show_button], justify="start")
    return break_button, show_button


@app.cell
def _(agents, break_button, connection):
    agents
    if break_button.value or headless:
        with connection.producer() as _producer:
            for _value in (b"no image at all", b"\x89PNG, but cut off", b"{}"):
                _producer.send(connection.topics.requests, value=_value)
            _producer.flush()
    broken = break_button.value
    mo.md(
        "Three messages that no agent can read are on their way. Press *Show the dead letters*."
    ) if broken else None
    return (broken,)


@app.cell(hide_code=True)
def _(broken, connection, show_button):
    broken, show_button
    found = dead_letters.read(connection, limit=200)
    _rows = {
        "when (UTC)": [_one.time_ms for _one in found],
        "agent": [_one.agent for _one in found],
        "reason": [_one.reason for _one in found],
        "bytes": [_one.size for _one in found],
        "sent again": ["yes" if _one.replayed else "" for _one in found],
        "origin": [_one.origin for _one in found],
    }
    _table = pl.DataFrame(_rows, schema_overrides={"when (UTC)": pl.Int64}).with_columns(
        pl.from_epoch("when (UTC)", "ms").dt.strftime("%F %T")
    )
    chosen = show_table(_table, selection="multi", search=True)
    chosen if found else mo.md("There are no dead letters.")
    return chosen, found


@app.cell(hide_code=True)
def _():
    replay_button = mo.ui.run_button(label="Send the chosen ones again")
    replay_button
    return (replay_button,)


@app.cell
def _(chosen, connection, found, replay_button):
    mo.stop(not replay_button.value)
    _origins = set(chosen.value["origin"])
    mo.stop(not _origins, mo.callout("Choose dead letters in the table first.", kind="warn"))
    try:
        _done = dead_letters.replay(connection, [_one for _one in found if _one.origin in _origins])
        _refused = "".join(f"\n- {_origin}: {_why}" for _origin, _why in _done.refused.items())
        _result = f"{len(_done.sent)} sent again, {len(_done.already)} sent before.{_refused}"
    except dead_letters.ReplayError as _error:
        _result = str(_error)
    mo.callout(mo.md(_result), kind="info")
    return


if __name__ == "__main__":
    app.run()
