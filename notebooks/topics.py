# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = [
#     "imageclass==0.2.0",
#     "marimo==0.25.2",
#     "polars==2.1.0",
# ]
#
# [tool.uv.sources]
# imageclass = { path = "../shared_lib" }
# ///

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Topics")

with app.setup(hide_code=True):
    import marimo as mo
    import polars as pl
    from imageclass import (
        NoBroker,
        connect_notebook,
        is_headless,
        list_lags,
        list_topics,
        peek,
        placeholder,
        show_errors,
        show_table,
        training_charts,
    )

    headless = is_headless(mo.app_meta().mode)


@app.cell(hide_code=True)
def _():
    mo.md("""
    # Topics

    At the end you see every message that you may read on the team's Kafka broker: the topics, the
    newest messages of each, and how far each consumer group has read. This notebook only reads:
    it changes nothing on the broker.
    """)
    return


@app.cell(hide_code=True)
def _():
    refresh = mo.ui.refresh(options=["2s", "5s", "30s"], label="Refresh every")
    refresh
    return (refresh,)


@app.cell(hide_code=True)
def _():
    retry_button = mo.ui.button(label="Try again")
    return (retry_button,)


@app.cell(hide_code=True)
def _(retry_button):
    retry_button
    connection = connect_notebook(button=retry_button)
    return (connection,)


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## The topics

    A topic is a log: messages are only added at its end. Your own topics begin with your name, the
    team's with `team.`. The broker deletes messages after a week.
    """)
    return


@app.cell(hide_code=True)
def _(connection, refresh):
    refresh
    with show_errors(NoBroker, button=refresh, retry="When it is back, refresh."):
        topics = list_topics(connection)
    if headless:
        print(f"{len(topics)} topics, {topics['messages'].sum()} messages.")
    show_table(
        topics.select(Topic="topic", Messages="messages", MB=pl.col("bytes") / 1e6),
        search=len(topics) > 10,
        formats={"Messages": "{:,.0f}", "MB": "{:,.2f}"},
    )
    return (topics,)


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## The newest messages of a topic

    The newest message comes first. Choose a row to see the whole message.
    """)
    return


@app.cell(hide_code=True)
def _(connection, topics):
    _names = topics["topic"].to_list()
    _own = connection.topics.requests
    topic = mo.ui.dropdown(_names, value=_own if _own in _names else None, label="Topic")
    count = mo.ui.slider(steps=[10, 20, 50, 100, 200], value=20, label="Messages", show_value=True)
    mo.hstack([topic, count], justify="start", wrap=True, gap=2)
    return count, topic


@app.cell(hide_code=True)
def _(connection, count, refresh, topic):
    refresh
    with show_errors(NoBroker, retry="When it is back, refresh above."):
        newest = peek(connection, topic.value, count.value) if topic.value else []
    _rows = [
        {
            "Time (UTC)": _message.time.strftime("%F %T.%f")[:-3],
            "Partition": _message.partition,
            "Offset": _message.offset,
            "Key": (_message.key or b"").decode(errors="replace"),
            "Bytes": len(_message.value or b""),
            "What it is": _message.summary,
        }
        for _message in newest
    ]
    chosen = show_table(pl.DataFrame(_rows), selection="single", search=True)
    _why = "This topic has no messages." if topic.value else "Choose a topic above."
    chosen if newest else placeholder(_why)
    return chosen, newest


@app.cell(hide_code=True)
def _(chosen, newest):
    mo.stop(not len(chosen.value))
    _row = chosen.value.to_dicts()[0]
    _message = next(
        m for m in newest if (m.partition, m.offset) == (_row["Partition"], _row["Offset"])
    )
    # Others wrote this: as text in a table, for in Markdown it could bring a script along.
    _headers = [{"header": name, "text": text} for name, text in _message.headers.items()]
    _parts = [show_table(pl.DataFrame(_headers))] if _headers else []
    if _message.image is not None:
        _parts.insert(0, mo.image(training_charts.image(_message.image, size=160)))
    mo.vstack(
        [mo.plain_text(_message.summary), mo.hstack(_parts, justify="start", wrap=True, gap=2)]
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## The consumer groups

    The members of a *consumer group* read a topic together and commit how far they have read.
    **Lag** is the number of messages that the group has not read yet. It falls to zero while an
    agent keeps up, and grows while none runs.
    """)
    return


@app.cell(hide_code=True)
def _(connection, refresh):
    refresh
    with show_errors(NoBroker, retry="When it is back, refresh above."):
        _lags = list_lags(connection)
    _table = show_table(
        _lags.select(Group="group", State="state", Topic="topic", Partition="partition", Lag="lag"),
        search=len(_lags) > 10,
        formats={"Lag": "{:,.0f}"},
    )
    _table if len(_lags) else placeholder("No group has read anything yet.")
    return


if __name__ == "__main__":
    app.run()
