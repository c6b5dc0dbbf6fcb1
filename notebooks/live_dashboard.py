# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = [
#     "altair==6.3.0",
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
app = marimo.App(width="full", app_title="Live dashboard")

with app.setup(hide_code=True):
    import marimo as mo
    import polars as pl
    from imageclass import (
        NoBroker,
        connect_notebook,
        grid,
        is_headless,
        list_agents,
        live_charts,
        placeholder,
        show_errors,
        show_table,
        watch,
    )

    headless = is_headless(mo.app_meta().mode)


@app.cell(hide_code=True)
def _():
    mo.md("""
    # Live dashboard

    While images stream through Kafka you see here how accurate and how fast the agents are, and
    where they disagree. This page reads the topics of verdicts and of agents and writes nothing, so
    any number of people can watch, each with their own choice of run.
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
    return (connection,)


@app.cell(hide_code=True)
def _():
    refresh = mo.ui.refresh(
        options=["1s", "2s", "5s", "30s"], default_interval="2s", label="Refresh every"
    )
    get_run, set_run = mo.state("newest")
    return get_run, refresh, set_run


@app.cell(hide_code=True)
def _(connection, refresh):
    refresh
    with show_errors(NoBroker, button=refresh, retry="This page tries again by itself."):
        snapshot, agents = watch(connection), list_agents(connection)
    return agents, snapshot


@app.cell(hide_code=True)
def _(get_run, refresh, set_run, snapshot):
    # The choice stays when a refresh brings another list of runs.
    _runs = {f"{run[:8]}": run for run in snapshot.runs[:20]}
    _options = {"the newest run": "newest", "all runs": "all", **_runs}
    _chosen = next((name for name, run in _options.items() if run == get_run()), "the newest run")
    run_choice = mo.ui.dropdown(_options, value=_chosen, label="Watch", on_change=set_run)
    mo.hstack([run_choice, refresh], justify="space-between", align="center", wrap=True)
    return


@app.cell(hide_code=True)
def _(agents, connection, get_run, snapshot):
    _run = snapshot.runs[0] if get_run() == "newest" and snapshot.runs else get_run()
    watched = snapshot if _run in ("all", "newest") else snapshot.of_run(_run)
    _names = ", ".join(agents.filter("alive")["name"].unique().sort()) or "none"
    _is_team = connection.topics.prefix == "team."
    _first = (
        'Use `connect(prefix="team.")` in a notebook that sends images and judges the answers'
        if _is_team
        else "Open `image_class.py` (or `stream.py`), press **Train**, then **Send**"
    )
    _nothing = mo.md(
        f"""
        **No verdicts yet** on `{connection.topics.verdicts}`. Agents at work: {_names}.

        {_first}. This page shows every verdict as soon as the judge announces it.
        """
    )
    _is_empty = watched.verdicts.is_empty()
    watched = None if _is_empty else watched
    mo.callout(_nothing, kind="info") if _is_empty else None
    return (watched,)


@app.cell(hide_code=True)
def _(agents, watched):
    mo.stop(watched is None)
    _alive = agents.filter("alive")
    _latency = watched.answers["latency_ms"]
    _accuracy = watched.verdicts.drop_nulls("correct")["correct"].mean()
    _last = watched.verdicts.filter(
        pl.col("announced") > pl.col("announced").max() - pl.duration(seconds=10)
    )
    _span = (_last["announced"].max() - _last["announced"].min()).total_seconds()
    _numbers = {
        "verdicts": f"{len(watched.verdicts):,}",
        "accuracy": "–" if _accuracy is None else f"{_accuracy:.1%}",
        "verdicts / s": f"{len(_last) / max(1, _span):.0f}",
        "p50 latency": "–" if _latency.is_empty() else f"{_latency.median():.0f} ms",
        "p99 latency": "–" if _latency.is_empty() else f"{_latency.quantile(0.99):.0f} ms",
        "agents at work": f"{len(_alive)}",
        "lag": f"{_alive['lag'].sum():,}",
    }
    if headless:
        print(", ".join(f"{name}: {number}" for name, number in _numbers.items()))
    _stats = [mo.stat(number, label=name) for name, number in _numbers.items()]
    grid(_stats, min_width=110)
    return


@app.function(hide_code=True)
def panel(title, text, chart):
    """Put a heading and a sentence above a chart."""
    return mo.vstack([mo.md(f"### {title}\n{text}"), chart])


@app.cell(hide_code=True)
def _(watched):
    mo.stop(watched is None)
    _panels = [
        panel(
            "Running accuracy",
            "The share of right predictions so far, of each agent and of the verdict.",
            live_charts.running_accuracy(watched),
        ),
        panel(
            "Accuracy by class",
            "Which classes are hard for which agent.",
            live_charts.class_heat_map(watched),
        ),
    ]
    grid(_panels, min_width=420)
    return


@app.cell(hide_code=True)
def _(watched):
    mo.stop(watched is None)
    _panels = [
        panel("Latency", "How long the predictions took.", live_charts.latencies(watched)),
        panel("Throughput", "Verdicts in each second.", live_charts.throughput(watched)),
        panel(
            "Agreement",
            "How often two agents predict the same class.",
            live_charts.agreement(watched),
        ),
    ]
    grid(_panels)
    return


@app.cell(hide_code=True)
def _(agents):
    _alive = agents.filter("alive").select(
        Agent="name",
        State="state",
        dataset="dataset",
        Model=pl.col("model").str.slice(0, 6),
        Answered="answered",
        rate=pl.col("rate").round(0),
        Lag="lag",
    )
    _errors = [
        f"{name}: {text}" for name, text in agents.select("name", "last_error").rows() if text
    ]
    _table = show_table(_alive.rename({"dataset": "Data set", "rate": "Per second"}))
    _parts = [_table, *[mo.plain_text(text) for text in _errors]]
    _none = [placeholder("No agent is at work now.")]
    mo.vstack([mo.md("### Agents at work"), *(_parts if len(_alive) else _none)])
    return


if __name__ == "__main__":
    app.run()
