# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = [
#     "imageclass==0.2.0",
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
app = marimo.App(width="medium", app_title="My topics")

with app.setup(hide_code=True):
    import marimo as mo
    import polars as pl
    from imageclass import (
        NoBroker,
        busy,
        connect_notebook,
        is_headless,
        list_lags,
        list_topics,
        placeholder,
        show_errors,
        show_table,
    )
    from kafka.errors import AuthorizationError, KafkaError

    headless = is_headless(mo.app_meta().mode)


@app.cell(hide_code=True)
def _():
    mo.md("""
    # My topics

    At the end you see your part of the team's Kafka broker: your topics and their size, the
    progress of your agents, and how the broker refuses a message to somebody else's topic.
    """)
    return


@app.cell(hide_code=True)
def _():
    retry_button = mo.ui.button(label="Try again")
    return (retry_button,)


@app.cell(hide_code=True)
def _(retry_button):
    retry_button
    connection = connect_notebook(button=retry_button)
    refresh_button = mo.ui.button(label="Refresh")
    return connection, refresh_button


@app.cell(hide_code=True)
def _(connection):
    account = connection.account
    _prefix = connection.topics.prefix
    _username = account.username if account else "no account"
    _rights = (
        f"You may do everything with topics and groups whose names begin with `{_prefix}`. You may"
        " read and write the team's topics. Your account came with your server: you need no password."
        if account
        else "This broker has no accounts: everybody who reaches it may do everything."
    )
    _facts = {"your account": _username, "your prefix": _prefix, "the team's prefix": "team."}
    mo.vstack(
        [
            mo.hstack(
                [mo.stat(_fact, label=_label) for _label, _fact in _facts.items()],
                justify="start",
                wrap=True,
                gap=2,
            ),
            mo.md(_rights),
        ]
    )
    return (account,)


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Your topics

    **Messages** counts those that the broker still has, **MB** is their size on its disk. The
    broker deletes messages after a week.
    """)
    return


@app.cell(hide_code=True)
def _(connection, refresh_button):
    refresh_button
    with show_errors(NoBroker, button=refresh_button):
        _topics = list_topics(connection)
    mine = _topics.filter(pl.col("topic").str.starts_with(connection.topics.prefix))
    if headless:
        print(f"{len(mine)} topics of yours, {mine['messages'].sum()} messages.")
    mo.vstack(
        [
            show_table(
                mine.select(Topic="topic", Messages="messages", MB=pl.col("bytes") / 1e6),
                formats={"Messages": "{:,.0f}", "MB": "{:,.2f}"},
            ),
            mo.md(f"All together: **{(mine['bytes'].sum() or 0) / 1e6:,.1f} MB**."),
            refresh_button,
        ]
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## The progress of your agents

    **Lag** is the number of messages that a group has not read yet.
    """)
    return


@app.cell(hide_code=True)
def _(connection, refresh_button):
    refresh_button
    with show_errors(NoBroker, retry="When it is back, press Refresh above."):
        _lags = list_lags(connection, (connection.topics.prefix,))
    _groups = _lags.group_by("group", "state", "topic", maintain_order=True).agg(
        pl.max("members"), pl.sum("lag")
    )
    _table = show_table(
        _groups.select(Group="group", State="state", Members="members", Topic="topic", Lag="lag")
    )
    _table if len(_groups) else placeholder("None of your agents has read anything yet.")
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Somebody else's topic

    Try to write to a topic of somebody else. The attempt does no harm: the broker checks your
    account before it accepts anything.
    """)
    return


@app.cell(hide_code=True)
def _():
    try_button = mo.ui.run_button(label="Write to somebody-else.requests")
    try_button
    return (try_button,)


@app.cell(hide_code=True)
def _(account, connection, try_button):
    mo.stop(not (try_button.value or headless) or account is None)
    _topic = "somebody-else.requests"
    try:
        with (
            busy("Writing …"),
            show_errors(NoBroker, retry="When it is back, press the button above again."),
            connection.producer() as _producer,
        ):
            _producer.send(_topic, b"hello").get(10)
        denial = "The broker accepted the message. It must not do that: tell an admin."
    except AuthorizationError as _error:
        denial = (
            f"**Denied** ({type(_error).__name__}). `{_topic}` begins neither with your prefix nor"
            " with `team.`. The broker refuses everything that is not allowed, whether the topic"
            " exists or not. Use a topic of the team to send somebody a message."
        )
    except KafkaError as _error:
        denial = f"The broker answered with another error: {type(_error).__name__}."
    if headless:
        print(denial)
    mo.callout(mo.md(denial), kind="success" if denial.startswith("**") else "danger")
    return


if __name__ == "__main__":
    app.run()
