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


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    # My topics

    The broker is the team's, and it knows who is who. Here is what on it is yours, how large it
    has become, how far your agents are, and what happens when somebody reaches for what is not
    theirs.
    """)
    return


@app.cell(hide_code=True)
def _():
    import marimo as mo
    import polars as pl
    from imageclass.kafka import inspect
    from imageclass.kafka.connection import NoBroker, connect
    from kafka.errors import AuthorizationError, KafkaError

    return AuthorizationError, KafkaError, NoBroker, inspect, connect, mo, pl


@app.cell
def _(NoBroker, connect, mo):
    is_script = mo.app_meta().mode == "script"
    try:
        with mo.status.spinner("Looking for the broker …", remove_on_exit=True) as _spinner:
            connection = connect(
                timeout=10 if is_script else 120,
                on_wait=lambda text: _spinner.update(subtitle=text),
            )
    except NoBroker as _error:
        if is_script:
            print(_error)
        mo.stop(True, mo.callout(mo.md(f"{_error} Then run this cell again."), kind="warn"))
    return connection, is_script


@app.cell(hide_code=True)
def _(connection, mo):
    account = connection.account
    _prefix = connection.topics.prefix
    mo.vstack(
        [
            mo.hstack(
                [
                    mo.stat(account.username if account else "nobody", label="you are"),
                    mo.stat(_prefix, label="yours begin with"),
                    mo.stat("team.", label="everybody's begin with"),
                ],
                justify="start",
                gap=2,
            ),
            mo.md(
                f"Everything is allowed on topics and groups whose names begin with `{_prefix}`."
                " On the team's topics you may read and write. Your account came with your server:"
                " there is no password to remember, and none to give away."
                if account
                else "This broker has no accounts: whoever reaches it may do everything on it."
            ),
        ]
    )
    return (account,)


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## What is yours

    **Messages** are those kept now, **MB** is what they take on the broker's disk. Old ones go by
    themselves after a week.
    """)
    return


@app.cell(hide_code=True)
def _(inspect, connection, is_script, mo, pl):
    mine = inspect.list_topics(connection).filter(
        pl.col("topic").str.starts_with(connection.topics.prefix)
    )
    if is_script:
        print(f"{len(mine)} topics of yours, {mine['messages'].sum()} messages.")
    mo.vstack(
        [
            mo.ui.table(
                mine.select("topic", "partitions", "messages", MB=pl.col("bytes") / 1e6),
                selection=None,
                show_column_summaries=False,
                show_data_types=False,
                show_download=False,
                show_search=False,
                format_mapping={"messages": "{:,.0f}", "MB": "{:,.2f}"},
            ),
            mo.md(f"Together **{(mine['bytes'].sum() or 0) / 1e6:,.1f} MB**."),
        ]
    )
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## How far your agents are

    **Lag** is how many messages a group has still before it.
    """)
    return


@app.cell(hide_code=True)
def _(inspect, connection, mo, pl):
    _lags = inspect.list_lags(connection, (connection.topics.prefix,))
    _groups = _lags.group_by("group", "state", "members", "topic", maintain_order=True).agg(
        pl.sum("lag")
    )
    mo.ui.table(
        _groups,
        selection=None,
        show_column_summaries=False,
        show_data_types=False,
        show_download=False,
        show_search=False,
    ) if len(_groups) else mo.callout("No agent of yours has read anything yet.", kind="info")
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## What is not yours

    Try to write to a topic that belongs to somebody else. Nothing can go wrong: the broker looks
    at your account before it looks at the topic.
    """)
    return


@app.cell(hide_code=True)
def _(mo):
    try_button = mo.ui.run_button(label="Write to somebody-else.requests")
    try_button
    return (try_button,)


@app.cell
def _(AuthorizationError, KafkaError, account, connection, is_script, mo, try_button):
    mo.stop(not (try_button.value or is_script) or account is None)
    _topic = "somebody-else.requests"
    try:
        with connection.producer() as _producer:
            _producer.send(_topic, b"hello").get(10)
        denial = "It was taken. That must not be: tell an admin."
    except AuthorizationError as _error:
        denial = (
            f"**Denied** ({type(_error).__name__}). `{_topic}` begins neither with your name nor"
            " with `team.`, and whatever is not allowed is refused, whether it exists or not."
            " To give somebody a message, use a topic of the team's."
        )
    except KafkaError as _error:
        denial = f"The broker did not answer as it should: {type(_error).__name__}."
    if is_script:
        print(denial)
    mo.callout(mo.md(denial), kind="success" if denial.startswith("**") else "danger")
    return


if __name__ == "__main__":
    app.run()
