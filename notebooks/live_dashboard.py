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


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    # Live dashboard

    What the judge decides while images stream through Kafka. It reads the topics of verdicts
    and of agents, and writes nothing: as many people as like may watch, each for themselves.
    """)
    return


@app.cell(hide_code=True)
def _():
    import marimo as mo
    import polars as pl
    from imageclass.charts import live as live_charts
    from imageclass.kafka.connection import NoBroker, connect
    from imageclass.kafka.live_agents import list_agents
    from imageclass.notebook import is_headless
    from imageclass.runs.live import watch

    return (
        NoBroker,
        list_agents,
        connect,
        live_charts,
        mo,
        pl,
        is_headless,
        watch,
    )


@app.cell(hide_code=True)
def _(NoBroker, connect, mo, is_headless):
    alone = is_headless(mo.app_meta().mode)
    try:
        with mo.status.spinner("Looking for the broker …", remove_on_exit=True) as _spinner:
            connection = connect(
                timeout=10 if alone else 120,
                on_wait=lambda text: _spinner.update(subtitle=text),
            )
    except NoBroker as _error:
        if alone:
            print(_error)
        mo.stop(True, mo.callout(mo.md(f"{_error} Then load this page again."), kind="warn"))
    return alone, connection


@app.cell(hide_code=True)
def _(mo):
    refresh = mo.ui.refresh(
        options=["1s", "2s", "5s", "30s"], default_interval="2s", label="Look again every"
    )
    get_run, set_run = mo.state("newest")
    return get_run, refresh, set_run


@app.cell(hide_code=True)
def _(NoBroker, list_agents, connection, mo, refresh, watch):
    refresh
    try:
        everything, agents = watch(connection), list_agents(connection)
    except NoBroker as _error:
        mo.stop(True, mo.vstack([refresh, mo.callout(str(_error), kind="warn")]))
    return agents, everything


@app.cell(hide_code=True)
def _(everything, get_run, mo, refresh, set_run):
    # Its choice is kept when the next look brings another list of runs.
    _runs = {f"{run[:8]}": run for run in everything.runs[:20]}
    _options = {"the newest run": "newest", "all runs": "all", **_runs}
    _chosen = next((name for name, run in _options.items() if run == get_run()), "the newest run")
    run_choice = mo.ui.dropdown(_options, value=_chosen, label="Watch", on_change=set_run)
    mo.hstack([run_choice, refresh], justify="space-between", align="center")
    return


@app.cell(hide_code=True)
def _(agents, everything, get_run, mo):
    _run = everything.runs[0] if get_run() == "newest" and everything.runs else get_run()
    watched = everything if _run in ("all", "newest") else everything.of_run(_run)
    _work = ", ".join(agents.filter("alive")["name"].unique().sort()) or "nobody"
    mo.stop(
        watched.verdicts.is_empty(),
        mo.callout(
            mo.md(
                f"""
                **No verdicts yet.** At work: {_work}.

                Open `image_class.py` (or `stream.py`), press **Train**, then **Send**: every
                verdict shows here as soon as it is announced, and this page goes on by itself.
                """
            ),
            kind="info",
        ),
    )
    return (watched,)


@app.cell(hide_code=True)
def _(agents, alone, mo, pl, watched):
    _alive = agents.filter("alive")
    _decided = watched.verdicts.drop_nulls("correct")
    _wait = watched.answers["latency_ms"]
    _last = watched.verdicts.filter(
        pl.col("announced") > pl.col("announced").max() - pl.duration(seconds=10)
    )
    _span = (_last["announced"].max() - _last["announced"].min()).total_seconds()
    _accuracy = _decided["correct"].mean()
    _numbers = {
        "verdicts": f"{len(watched.verdicts):,}",
        "right": "–" if _accuracy is None else f"{_accuracy:.1%}",
        "verdicts / s": f"{len(_last) / max(1, _span):.0f}",
        "p50 latency": "–" if _wait.is_empty() else f"{_wait.median():.0f} ms",
        "p99 latency": "–" if _wait.is_empty() else f"{_wait.quantile(0.99):.0f} ms",
        "agents at work": f"{len(_alive)}",
        "waiting (lag)": f"{_alive['lag'].sum():,}",
    }
    if alone:
        print(", ".join(f"{name}: {number}" for name, number in _numbers.items()))
    mo.hstack(
        [mo.stat(number, label=name, bordered=True) for name, number in _numbers.items()],
        widths="equal",
        wrap=True,
    )
    return


@app.cell(hide_code=True)
def _(live_charts, mo, watched):
    def panel(title, what, chart):
        return mo.vstack([mo.md(f"### {title}\n{what}"), chart])

    mo.hstack(
        [
            panel(
                "Running accuracy",
                "The share of right answers so far, of each agent and of the verdict.",
                live_charts.running_accuracy(watched),
            ),
            panel(
                "Class by class",
                "Which classes are hard, and for whom.",
                live_charts.class_heat_map(watched),
            ),
        ],
        widths="equal",
        gap=2,
    )
    return (panel,)


@app.cell(hide_code=True)
def _(live_charts, mo, panel, watched):
    mo.hstack(
        [
            panel("Latency", "How many answers came how soon.", live_charts.latencies(watched)),
            panel("Throughput", "Verdicts in each second.", live_charts.throughput(watched)),
            panel("Agreement", "How often two say the same.", live_charts.agreement(watched)),
        ],
        widths="equal",
        gap=2,
    )
    return


@app.cell(hide_code=True)
def _(agents, mo, pl):
    _columns = ["name", "state", "dataset", "model", "answered", "rate", "lag", "last_error"]
    _alive = agents.filter("alive").select(_columns).rename({"rate": "answers / s"})
    mo.vstack(
        [
            mo.md("### Who is at work"),
            mo.ui.table(
                _alive.with_columns(pl.col("answers / s").round(0)),
                selection=None,
                show_column_summaries=False,
                show_data_types=False,
                show_download=False,
                show_search=False,
            )
            if len(_alive)
            else mo.callout("No agent is at work now.", kind="neutral"),
        ]
    )
    return


if __name__ == "__main__":
    app.run()
