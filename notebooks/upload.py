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
app = marimo.App(width="medium", app_title="Your own images")

with app.setup(hide_code=True):
    import io

    import marimo as mo
    import polars as pl
    from imageclass import (
        NoBroker,
        PublishError,
        VersionError,
        busy,
        classify,
        connect_notebook,
        datasets,
        find_version,
        grid,
        is_headless,
        list_agents,
        placeholder,
        show_errors,
        show_table,
        start_agent,
        train_or_load,
        wait_until_seen,
    )
    from PIL import Image

    headless = is_headless(mo.app_meta().mode)


@app.cell(hide_code=True)
def _():
    mo.md("""
    # Your own images

    At the end you see your own images, and below each what every agent predicts and with which
    confidence. Upload PNG or JPEG files, and send them through the same topics to the same agents as
    the test images. An agent scales an image to the size that its network was trained on. It
    always predicts one of its own classes: it cannot say that it does not know.
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
    ## 1 · Check the agents

    Your images go to all agents that `image_class.py` or `stream.py` started, in any tab. If
    there are none, start one here.
    """)
    return


@app.cell(hide_code=True)
def _():
    refresh_button = mo.ui.button(label="Refresh")
    start_button = mo.ui.run_button(kind="success", label="Start an agent here")
    get_started, set_started = mo.state(0)
    return get_started, refresh_button, set_started, start_button


@app.cell(hide_code=True)
def _(connection, get_started, refresh_button, start_button):
    get_started(), refresh_button
    with show_errors(NoBroker, button=refresh_button):
        _seen = list_agents(connection)
    at_work = _seen.filter(pl.col("alive") & (pl.col("topic") == connection.topics.requests))
    _lines = [
        f"- **{_row['name']}**, trained on {_row['dataset'] or 'an unknown data set'}"
        for _row in at_work.unique(["name", "dataset"]).sort("name").iter_rows(named=True)
    ]
    _none = mo.callout("No agent is at work. Start one with your newest cnn:", kind="info")
    _buttons = [refresh_button] if _lines else [start_button, refresh_button]
    mo.vstack(
        [
            mo.md("\n".join(_lines)) if _lines else _none,
            mo.hstack(_buttons, justify="start", wrap=True),
        ]
    )
    return (at_work,)


@app.cell(hide_code=True)
def agent_at_work(connection, set_started, start_button):
    # Only on request: otherwise the images go to the agents that are at work already.
    if start_button.value or headless:
        with (
            busy("The agent starts …"),
            show_errors(NoBroker, TimeoutError, VersionError, retry="Then start it again above."),
        ):
            try:
                _version = find_version("cnn")
            except VersionError:
                _version = train_or_load("cnn", "digits", epochs=3, batch_size=32, seed=1)
            start_agent(
                connection, "cnn", _version.load(), dataset=_version.dataset, version=_version.id
            ).wait_until_running(timeout=60)
            wait_until_seen(connection, "cnn")
        if not headless:
            set_started(lambda times: times + 1)
    ready = True
    return (ready,)


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## 2 · Choose images
    """)
    return


@app.cell(hide_code=True)
def _(at_work):
    _known = sorted({name for name in at_work["dataset"] if name in datasets.CLASS_NAMES})
    _names = _known or ["digits"]
    dataset_choice = mo.ui.dropdown(
        _names, value="digits" if headless or "digits" in _names else _names[0], label="Data set"
    )
    dataset_choice
    return (dataset_choice,)


@app.cell(hide_code=True)
def _():
    uploads = mo.ui.file(
        filetypes=[".png", ".jpg", ".jpeg"],
        multiple=True,
        kind="area",
        label="Drop images here, or click to choose. Up to 1 MB each.",
    )
    examples = mo.ui.checkbox(headless, label="Add five test images as examples")
    mo.vstack([uploads, examples])
    return examples, uploads


@app.function(hide_code=True)
def as_png(image):
    """Encode an image, uint8 (height, width, channels), as the bytes of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(image.squeeze()).resize((112, 112)).save(file, "PNG")
    return file.getvalue()


@app.cell(hide_code=True)
def _(at_work, dataset_choice, examples, uploads):
    images = {file.name: file.contents for file in uploads.value}
    if examples.value:
        _data = datasets.load(dataset_choice.value)
        for _i in range(5):
            _label = _data.class_names[_data.test_labels[_i]]
            images[f"test image {_i} ({_label})"] = as_png(_data.test_images[_i])
    _noun = "image" if len(images) == 1 else "images"
    _why = "No images are chosen yet." if not images else ""
    if images and at_work.is_empty() and not headless:
        _why = "No agent is at work: start one above, or press **Refresh** there."
    _label = f"Send {len(images)} {_noun}" if images else "Send"
    send_button = mo.ui.run_button(kind="success", label=_label, disabled=bool(_why))
    placeholder(_why) if _why else None
    return images, send_button


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## 3 · The predictions
    """)
    return


@app.cell(hide_code=True)
def _(connection, dataset_choice, images, ready, send_button):
    ready
    sent, answers, dead_lettered = None, None, {}
    if images and (send_button.value or headless):
        with busy("The agents classify …"), show_errors(NoBroker, PublishError, button=send_button):
            sent = classify.submit(connection, images, dataset=dataset_choice.value)
            answers = classify.collect(connection, sent, patience=20, dead_lettered=dead_lettered)
    _hint = placeholder("The predictions appear here after **Send**.")
    mo.vstack([send_button, _hint]) if sent is None else send_button
    return answers, dead_lettered, sent


@app.cell(hide_code=True)
def _(answers, dead_lettered, sent):
    mo.stop(sent is None)
    if headless:
        print(f"{len(sent.requests)} images sent, {len(answers)} predictions received.")
    _lines = [f"Images sent: {len(sent.requests)}. Predictions: {len(answers)}.\n"]
    _lines += [f"- **{name}** was not sent: {why}" for name, why in sent.refused.items()]
    _lines += [
        f"- **{name}** is a dead letter of {agent}: {why}"
        for (name, agent), why in dead_lettered.items()
    ]
    mo.callout(mo.md("\n".join(_lines)), kind="warn") if _lines[1:] else mo.md(_lines[0])
    return


@app.cell(hide_code=True)
def _(answers, dataset_choice, images):
    mo.stop(answers is None)
    _names = datasets.CLASS_NAMES[dataset_choice.value]
    _classes = pl.col("predicted").replace_strict(
        range(len(_names)), _names, default="?", return_dtype=pl.String
    )
    _predictions = answers.select(
        "name", "agent", "confidence", prediction=_classes, ms="latency_ms"
    )
    _cards = []
    for _name, _image in images.items():
        _card = [
            mo.image(_image, width=112, height=112, style={"object-fit": "contain"}),
            mo.md(f"`{_name}`"),
        ]
        for _row in _predictions.filter(name=_name).iter_rows(named=True):
            _text = (
                f"{_row['agent']}: **{_row['prediction']}**, confidence {_row['confidence']:.0%}"
            )
            _card.append(mo.md(_text))
        _cards.append(mo.vstack(_card, gap=0.2))
    show_table(_predictions) if headless else grid(_cards, min_width=180)
    return


if __name__ == "__main__":
    app.run()
