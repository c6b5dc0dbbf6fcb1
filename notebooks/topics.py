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


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    # Topics

    What lies on the team's Kafka: the topics you may read, their newest messages, and how far
    each consumer group is. Looking changes nothing, so look as often as you like.
    """)
    return


@app.cell(hide_code=True)
def _():
    import marimo as mo
    import polars as pl
    from imageclass.charts import training as training_charts
    from imageclass.kafka import inspect
    from imageclass.kafka.connection import NoBroker, connect

    return NoBroker, inspect, training_charts, connect, mo, pl


@app.cell(hide_code=True)
def _(mo):
    refresh = mo.ui.refresh(options=["2s", "5s", "30s"], label="Look again every")
    refresh
    return (refresh,)


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
def _(mo):
    mo.md("""
    ## What there is

    A topic is a log that is only added to. Yours begin with your name, the team's with `team.`;
    old messages go by themselves after a week.
    """)
    return


@app.cell(hide_code=True)
def _(inspect, connection, is_script, mo, refresh):
    refresh
    there = inspect.list_topics(connection)
    if is_script:
        print(f"{len(there)} topics, {there['messages'].sum()} messages.")
    mo.ui.table(
        there,
        selection=None,
        show_column_summaries=False,
        show_data_types=False,
        show_download=False,
        format_mapping={"messages": "{:,.0f}", "bytes": "{:,.0f}"},
    )
    return (there,)


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## What is in it

    The newest messages of one topic, the newest first. Choose a row to see all of it.
    """)
    return


@app.cell(hide_code=True)
def _(connection, mo, there):
    _names = there["topic"].to_list()
    _own = connection.topics.requests
    topic = mo.ui.dropdown(_names, value=_own if _own in _names else None, label="Topic")
    count = mo.ui.slider(steps=[10, 20, 50, 100, 200], value=20, label="newest", show_value=True)
    mo.hstack([topic, count], justify="start", gap=2)
    return count, topic


@app.cell(hide_code=True)
def _(inspect, connection, count, mo, pl, refresh, topic):
    refresh
    mo.stop(topic.value is None, mo.callout("Choose a topic above.", kind="info"))
    newest = inspect.peek(connection, topic.value, count.value)
    _rows = [
        {
            "time (UTC)": _message.time.strftime("%F %T.%f")[:-3],
            "partition": _message.partition,
            "offset": _message.offset,
            "key": (_message.key or b"").decode(errors="replace"),
            "bytes": len(_message.value or b""),
            "what it is": _message.summary,
        }
        for _message in newest
    ]
    chosen = mo.ui.table(
        pl.DataFrame(_rows),
        selection="single",
        show_column_summaries=False,
        show_data_types=False,
        show_download=False,
    )
    mo.stop(not newest, mo.callout("Nothing lies on this topic.", kind="info"))
    chosen
    return chosen, newest


@app.cell(hide_code=True)
def _(training_charts, chosen, mo, newest):
    mo.stop(not len(chosen.value))
    _row = chosen.value.to_dicts()[0]
    _message = next(
        m for m in newest if (m.partition, m.offset) == (_row["partition"], _row["offset"])
    )
    _headers = "\n".join(f"| `{name}` | {text} |" for name, text in _message.headers.items())
    _parts = [mo.md(f"| header | |\n|---|---|\n{_headers}")] if _headers else []
    if _message.image is not None:
        _parts.insert(0, mo.image(training_charts.image(_message.image, size=160)))
    mo.vstack([mo.md(f"**{_message.summary}**"), mo.hstack(_parts, justify="start", gap=2)])
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## Who is how far

    A *consumer group* reads a topic together and notes down how far it is. **Lag** is what it
    has not done yet: it falls to zero where an agent keeps up, and grows where none works.
    """)
    return


@app.cell(hide_code=True)
def _(inspect, connection, mo, refresh):
    refresh
    lags = inspect.list_lags(connection)
    mo.ui.table(
        lags,
        selection=None,
        show_column_summaries=False,
        show_data_types=False,
        show_download=False,
        format_mapping={"committed": "{:,.0f}", "end": "{:,.0f}", "lag": "{:,.0f}"},
    ) if len(lags) else mo.callout("No group has read anything yet.", kind="info")
    return


if __name__ == "__main__":
    app.run()
