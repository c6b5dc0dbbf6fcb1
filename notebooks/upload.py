# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = [
#     "imageclass[tensorflow]==0.2.0",
#     "kafka-python[crc32c]==3.0.12",
#     "marimo==0.25.2",
#     "pillow==13.0.0",
#     "polars==2.1.0",
# ]
#
# [tool.uv.sources]
# imageclass = { path = "../shared_lib" }
# ///

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Your own pictures")


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    # Your own pictures

    Send pictures of your own, PNG or JPEG, through the same topics to the same agents, and see
    what each takes them for. An agent scales a picture to the size that its network learned
    from, and always answers with one of its own classes: it cannot say that it has never seen
    such a thing.
    """)
    return


@app.cell(hide_code=True)
def _():
    import io

    import marimo as mo
    import polars as pl
    from imageclass.agents.registry import start_agent
    from imageclass.data.datasets import CLASS_NAMES, load
    from imageclass.kafka.connection import NoBroker
    from imageclass.kafka.live_agents import list_agents, wait_until_seen
    from imageclass.models.registry import VersionError, find_version, train_or_load
    from imageclass.notebook import connect_or_start, is_headless
    from imageclass.runs import classify
    from imageclass.runs.judge import PublishError
    from PIL import Image

    return (
        CLASS_NAMES,
        Image,
        NoBroker,
        PublishError,
        VersionError,
        list_agents,
        classify,
        connect_or_start,
        find_version,
        io,
        load,
        mo,
        pl,
        start_agent,
        train_or_load,
        is_headless,
        wait_until_seen,
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
    ## 1 · Who is at work

    The agents that `image_class.py` or `stream.py` started, in whatever window. If there are
    none, one can be started here.
    """)
    return


@app.cell(hide_code=True)
def _(mo):
    look_button = mo.ui.button(label="Look again")
    start_button = mo.ui.run_button(kind="success", label="Start an agent here")
    get_started, set_started = mo.state(0)
    return get_started, look_button, set_started, start_button


@app.cell(hide_code=True)
def _(list_agents, alone, connection, get_started, look_button, mo, pl, start_button):
    get_started(), look_button
    at_work = list_agents(connection).filter(
        pl.col("alive") & (pl.col("topic") == connection.topics.requests)
    )
    _lines = [
        f"- **{_row['name']}**, taught {_row['dataset'] or 'something unknown'}"
        for _row in at_work.unique(["name", "dataset"]).sort("name").iter_rows(named=True)
    ]
    _none = "No agent is at work. The newest saved network can be, from here:"
    mo.stop(
        at_work.is_empty() and not alone,
        mo.vstack(
            [
                mo.callout(_none, kind="info"),
                mo.hstack([start_button, look_button], justify="start"),
            ]
        ),
    )
    mo.vstack([mo.md("\n".join(_lines)), look_button])
    return (at_work,)


@app.cell
def agent_at_work(
    VersionError,
    alone,
    connection,
    find_version,
    mo,
    set_started,
    start_agent,
    start_button,
    train_or_load,
    wait_until_seen,
):
    # Only when asked: otherwise the pictures go to those who are at work already.
    if start_button.value or alone:
        with mo.status.spinner("A network gets ready …", remove_on_exit=True):
            try:
                _version = find_version("cnn")
            except VersionError:
                _version = train_or_load("cnn", "digits", epochs=3, batch_size=32, seed=1)
            start_agent(
                connection, "cnn", _version.load(), dataset=_version.dataset, version=_version.id
            ).wait_until_running(timeout=60)
            wait_until_seen(connection, "cnn")
        if not alone:
            set_started(lambda times: times + 1)
    ready = True
    return (ready,)


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 2 · Choose pictures
    """)
    return


@app.cell(hide_code=True)
def _(CLASS_NAMES, alone, at_work, mo):
    _taught = sorted({name for name in at_work["dataset"] if name in CLASS_NAMES}) or ["digits"]
    ask_about = mo.ui.dropdown(
        _taught, value="digits" if alone or "digits" in _taught else _taught[0], label="Ask about"
    )
    uploads = mo.ui.file(
        filetypes=[".png", ".jpg", ".jpeg"],
        multiple=True,
        kind="area",
        label="Drop pictures here, or click to choose. Up to 1 MB each.",
    )
    examples = mo.ui.checkbox(alone, label="Or take five test images as an example")
    mo.vstack([ask_about, uploads, examples])
    return ask_about, examples, uploads


@app.cell
def _(Image, ask_about, examples, io, load, mo, uploads):
    def as_png(image):
        """The bytes of a PNG file with this image."""
        file = io.BytesIO()
        Image.fromarray(image.squeeze()).resize((112, 112)).save(file, "PNG")
        return file.getvalue()

    pictures = {file.name: file.contents for file in uploads.value}
    if examples.value:
        _data = load(ask_about.value)
        for _i in range(5):
            pictures[f"test image {_i} ({_data.class_names[_data.test_labels[_i]]})"] = as_png(
                _data.test_images[_i]
            )
    _what = "picture" if len(pictures) == 1 else "pictures"
    send_button = mo.ui.run_button(kind="success", label=f"Send {len(pictures)} {_what}")
    mo.stop(not pictures, mo.callout("No pictures are chosen yet.", kind="info"))
    send_button
    return pictures, send_button


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 3 · What they take them for
    """)
    return


@app.cell
def _(
    NoBroker, PublishError, alone, ask_about, classify, connection, mo, pictures, ready, send_button
):
    ready
    mo.stop(not (send_button.value or alone), mo.md("Press **Send**."))
    try:
        with mo.status.spinner("The agents look at them …", remove_on_exit=True):
            sent = classify.submit(connection, pictures, dataset=ask_about.value)
            set_aside = {}
            answers = classify.collect(connection, sent, timeout=20, set_aside=set_aside)
    except (NoBroker, PublishError) as _error:
        mo.stop(True, mo.callout(str(_error), kind="danger"))
    return answers, sent, set_aside


@app.cell(hide_code=True)
def _(CLASS_NAMES, alone, answers, ask_about, mo, pl, sent, set_aside):
    _names = CLASS_NAMES[ask_about.value]
    _classes = pl.col("predicted").replace_strict(
        range(len(_names)), _names, default="?", return_dtype=pl.String
    )
    said = answers.select("name", "agent", taken_for=_classes, sure="confidence", ms="latency_ms")
    if alone:
        print(f"{len(sent.requests)} pictures sent, {len(answers)} answers came.")
    _lines = [f"Pictures sent: {len(sent.requests)}. Answers: {len(answers)}.\n"]
    _lines += [f"- **{name}** was not sent: {why}" for name, why in sent.refused.items()]
    _lines += [
        f"- **{name}** was set aside by {agent}: {why}" for (name, agent), why in set_aside.items()
    ]
    mo.callout(mo.md("\n".join(_lines)), kind="warn") if _lines[1:] else mo.md(_lines[0])
    return (said,)


@app.cell(hide_code=True)
def _(alone, mo, pictures, said):
    _cards = [
        mo.vstack(
            [
                mo.image(_picture, width=112, height=112, style={"object-fit": "contain"}),
                mo.md(f"`{_name}`"),
                *(
                    mo.md(f"{_row['agent']}: **{_row['taken_for']}**, {_row['sure']:.0%} sure")
                    for _row in said.filter(name=_name).iter_rows(named=True)
                ),
            ],
            gap=0.2,
        ).style(width="180px")
        for _name, _picture in pictures.items()
    ]
    said if alone else mo.hstack(_cards, justify="start", wrap=True)
    return


if __name__ == "__main__":
    app.run()
