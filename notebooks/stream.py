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
        busy,
        connect_notebook,
        datasets,
        dead_letters,
        is_headless,
        list_agents,
        list_versions,
        outcomes,
        placeholder,
        run_charts,
        show_errors,
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
    retry_button = mo.ui.button(label="Try again")
    return (retry_button,)


@app.cell(hide_code=True)
def _(retry_button):
    retry_button
    connection = connect_notebook(start_broker=True, button=retry_button)
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


@app.cell(hide_code=True)
def _(quick_button):
    versions = list_versions()
    if quick_button.value or (headless and len({v.name for v in versions}) < 2):
        with busy("Training …"):
            train_small_networks()
        versions = list_versions()
    _hint = (
        "There are fewer than two saved versions. Train some in train.py or image_class.py, or train"
        " these now (about half a minute):"
    )
    _too_few = len(versions) < 2
    versions = [] if _too_few else versions
    mo.vstack([mo.callout(_hint, kind="info"), quick_button]) if _too_few else None
    return (versions,)


@app.cell(hide_code=True)
def _(versions):
    _names = sorted({v.dataset for v in versions})
    _first = "digits" if "digits" in _names else next(iter(_names), None)
    dataset_choice = mo.ui.dropdown(_names, value=_first, label="Data set")
    dataset_choice if versions else None
    return (dataset_choice,)


@app.cell(hide_code=True)
def _(dataset_choice, versions):
    by_label = {
        f"{v.name} {v.id[:6]} · accuracy {v.metrics.accuracy:.1%}": v
        for v in reversed(versions)
        if v.dataset == dataset_choice.value
    }
    _names = list(by_label) or [None]
    _networks = {name: version.name for name, version in by_label.items()}
    _first, _last = _names[0], _names[-1]
    _other = next((n for n in by_label if _networks[n] != _networks[_first]), _last)
    first_choice = mo.ui.dropdown(list(by_label), value=_first, label="Agent *first*")
    second_choice = mo.ui.dropdown(list(by_label), value=_other, label="Agent *second*")
    third_choice = mo.ui.dropdown(
        list(by_label), value=_last, label="Agent *third*, for second opinions"
    )
    mo.vstack([first_choice, second_choice, third_choice]) if by_label else None
    return by_label, first_choice, second_choice, third_choice


@app.cell(hide_code=True)
def agents_at_work(by_label, connection, first_choice, retry_button, second_choice, third_choice):
    agents, _choices = (
        {},
        (
            ("first", first_choice, None),
            ("second", second_choice, None),
            ("third", third_choice, connection.topics.second_opinions),
        ),
    )
    with (
        mo.status.spinner("The agents join their groups …", remove_on_exit=True),
        show_errors(TimeoutError, button=retry_button),
    ):
        for _name, _choice, _topic in _choices if by_label else ():
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
    mo.hstack([batch_size, max_wait, refresh], justify="start", wrap=True, gap=2)
    return batch_size, max_wait, refresh


@app.cell(hide_code=True)
def _(agents, batch_size, max_wait):
    for _agent in agents.values():
        _agent.adjust(batch_size=batch_size.value, max_wait=max_wait.value / 1000)
    return


@app.cell(hide_code=True)
def _(agents, connection, refresh):
    agents, refresh
    with show_errors(NoBroker, retry="This table tries again by itself."):
        _seen = list_agents(connection).filter(pl.col("alive"))
    if headless:
        print(f"At work: {', '.join(_seen['name'])}.")
    _table = _seen.select(
        Agent="name",
        State="state",
        Model=pl.col("model").str.slice(0, 6),
        Answered="answered",
        per_second=pl.col("rate").round(0),
        Lag="lag",
        Canary=pl.col("canary").str.slice(0, 6),
    ).rename({"per_second": "Per second"})
    _errors = [
        f"{name}: {text}" for name, text in _seen.select("name", "last_error").rows() if text
    ]
    _parts = [show_table(_table), *[mo.plain_text(text) for text in _errors]]
    mo.vstack(_parts) if len(_seen) else placeholder("No agent is at work yet.")
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## 3 · Send a run

    Watch it here, or in `live_dashboard.py`.
    """)
    return


@app.cell(hide_code=True)
def _(agents):
    how_many = mo.ui.slider(
        steps=[100, 200, 500, 1000, 2000, 5000, 10_000],
        value=100 if headless else 1000,
        label="Images to send",
        show_value=True,
    )
    send_button = mo.ui.run_button(kind="success", label="Send", disabled=not agents)
    how_many if agents else None
    return how_many, send_button


@app.function(hide_code=True)
def send_images(connection, dataset, how_many):
    """Send test images as a run to agents first and second, and announce each verdict."""
    right = total = 0

    def announce(part):
        """Announce the verdicts that are complete, and count them below the progress bar."""
        nonlocal right, total
        verdicts = outcomes.decide(part, "soft vote")
        judge.announce(part, verdicts, "soft vote")
        right, total = right + verdicts["correct"].sum(), total + len(verdicts)
        bar.update(0, subtitle=f"{total:,} verdicts, {right / total:.1%} right so far")

    with (
        Judge(connection, ["first", "second"]) as judge,
        mo.status.progress_bar(total=2 * how_many, title="Predictions", remove_on_exit=True) as bar,
    ):
        return judge.collect(
            judge.publish(dataset, how_many),
            on_prediction=lambda done, total: bar.update(),
            on_complete=announce,
        )


@app.cell(hide_code=True)
def _(agents, connection, dataset_choice, how_many, send_button):
    run = None
    if agents and (send_button.value or headless):
        with busy("Sending …"), show_errors(NoBroker, PublishError, button=send_button):
            run = send_images(connection, datasets.load(dataset_choice.value), how_many.value)
    _hint = "Press **Send**." if agents else "Train networks in section 1 first."
    mo.vstack([send_button, placeholder(_hint)]) if run is None else send_button
    return (run,)


@app.cell(hide_code=True)
def _(run):
    mo.stop(run is None)
    _summary = run.summary()
    if headless:
        for _row in _summary.iter_rows(named=True):
            print(f"{_row['agent']}: {_row['answered']} answered, {_row['correct']} right.")
    show_table(
        _summary.select("agent", "answered", "missing", "correct", "accuracy"),
        formats={"accuracy": "{:.1%}"},
    )
    return


@app.cell(hide_code=True)
def _(run):
    mo.stop(run is None)
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
        list(by_label),
        value=next(reversed(by_label), None),
        label="Canary of agent *first*",
    )
    share = mo.ui.slider(0, 100, step=5, value=20, label="Share, %", show_value=True)
    canary_button = mo.ui.run_button(label="Start the canary")
    promote_button = mo.ui.run_button(kind="success", label="Promote the canary")
    end_button = mo.ui.run_button(kind="warn", label="End the canary")
    _controls = [
        mo.hstack([canary_choice, share], justify="start", wrap=True, gap=2),
        mo.hstack([canary_button, promote_button, end_button], justify="start", wrap=True),
    ]
    mo.vstack(_controls) if by_label else placeholder("Train networks in section 1 first.")
    return canary_button, canary_choice, end_button, promote_button, share


@app.cell(hide_code=True)
def _(agents, by_label, canary_button, canary_choice, share):
    first = agents.get("first")
    if first:
        # A running canary stays the same version when only its share changes.
        _running = next((v for v in by_label.values() if v.id == first.status.canary), None)
        _canary = by_label[canary_choice.value] if canary_button.value or headless else _running
        if _canary:
            first.canary(CompiledClassifier(_canary.load()), share.value / 100, _canary.id)
    mo.md(f"The canary answers {first.status.share:.0%} of the requests.") if first else None
    return (first,)


@app.cell(hide_code=True)
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
    mo.stop(run is None)
    # The accuracy of each version in the run above.
    _by_version = (
        run.predictions.group_by("agent", "model")
        .agg(answered=pl.len(), accuracy=pl.col("correct").mean())
        .sort("agent", "answered", descending=[False, True])
    )
    show_table(_by_version, formats={"accuracy": "{:.1%}"})
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
    hard = [] if run is None else tie_break.disagreements(run)
    ask_button = mo.ui.run_button(label="Ask the third agent", disabled=not hard)
    _text = (
        placeholder("This needs a run: press **Send** above.")
        if run is None
        else mo.md(f"They disagree on {len(hard)} of {len(run.sent)} images.")
    )
    _text
    return ask_button, hard


@app.cell(hide_code=True)
def _(ask_button, connection, dataset_choice, hard, run):
    opinions = None
    if hard and (ask_button.value or headless):
        with (
            busy("The third agent classifies the images …"),
            show_errors(NoBroker, PublishError, button=ask_button),
            Judge(connection, ["third"]) as _judge,
        ):
            opinions = tie_break.ask(_judge, run, datasets.load(dataset_choice.value), "third")
    ask_button if hard else None
    return (opinions,)


@app.cell(hide_code=True)
def _(opinions, run):
    mo.stop(opinions is None)
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
    mo.hstack([break_button, show_button], justify="start", wrap=True)
    return break_button, show_button


@app.cell(hide_code=True)
def _(agents, break_button, connection):
    broken = bool(agents) and (break_button.value or headless)
    if broken:
        with (
            show_errors(NoBroker, retry="When it is back, send the messages again."),
            connection.producer() as _producer,
        ):
            for _value in (b"no image at all", b"\x89PNG, but cut off", b"{}"):
                _producer.send(connection.topics.requests, value=_value)
            _producer.flush(timeout=30)
    _result = (
        "Three messages that no agent can read are on their way. Press *Show the dead letters*."
        if broken
        else "Nothing was sent: without agents nobody reads it. Start them in section 1."
    )
    mo.md(_result) if broken or break_button.value else None
    return (broken,)


@app.cell(hide_code=True)
def _(broken, connection, show_button):
    broken, show_button
    with show_errors(NoBroker, retry="When it is back, press Show the dead letters again."):
        found = dead_letters.read(connection, limit=200)
    _rows = {
        "When (UTC)": [_one.time_ms for _one in found],
        "Agent": [_one.agent for _one in found],
        "Reason": [_one.reason for _one in found],
        "Sent again": ["yes" if _one.replayed else "" for _one in found],
        "Origin": [_one.origin for _one in found],
    }
    _table = pl.DataFrame(_rows, schema_overrides={"When (UTC)": pl.Int64}).with_columns(
        pl.from_epoch("When (UTC)", "ms").dt.strftime("%F %T")
    )
    chosen = show_table(
        _table, selection="multi", search=len(found) > 10, wrapped_columns=["Reason"]
    )
    chosen if found else placeholder("There are no dead letters.")
    return chosen, found


@app.cell(hide_code=True)
def _():
    replay_button = mo.ui.run_button(label="Send the chosen ones again")
    replay_button
    return (replay_button,)


@app.cell(hide_code=True)
def _(chosen, connection, found, replay_button):
    mo.stop(not replay_button.value)
    _origins = set(chosen.value["Origin"])
    mo.stop(not _origins, mo.callout("Choose dead letters in the table first.", kind="warn"))
    _again = "When the broker is back, send the chosen ones again."
    with busy("Sending …"), show_errors(NoBroker, dead_letters.ReplayError, retry=_again):
        _done = dead_letters.replay(connection, [_one for _one in found if _one.origin in _origins])
    _refused = "".join(f"\n- {_origin}: {_why}" for _origin, _why in _done.refused.items())
    _result = f"{len(_done.sent)} sent again, {len(_done.already)} sent before.{_refused}"
    mo.callout(mo.md(_result), kind="info")
    return


if __name__ == "__main__":
    app.run()
