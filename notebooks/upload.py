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
        classify,
        connect_notebook,
        datasets,
        find_version,
        is_headless,
        list_agents,
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
    connection = connect_notebook(start_broker=True)
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
    at_work = list_agents(connection).filter(
        pl.col("alive") & (pl.col("topic") == connection.topics.requests)
    )
    _lines = [
        f"- **{_row['name']}**, trained on {_row['dataset'] or 'an unknown data set'}"
        for _row in at_work.unique(["name", "dataset"]).sort("name").iter_rows(named=True)
    ]
    _none = "No agent is at work. Start one with your newest cnn:"
    mo.stop(
        at_work.is_empty() and not headless,
        mo.vstack(
            [
                mo.callout(_none, kind="info"),
                mo.hstack([start_button, refresh_button], justify="start"),
            ]
        ),
    )
    mo.vstack([mo.md("\n".join(_lines)), refresh_button])
    return (at_work,)


@app.cell
def agent_at_work(connection, set_started, start_button):
    # Only on request: otherwise the images go to the agents that are at work already.
    if start_button.value or headless:
        with mo.status.spinner("The agent starts …", remove_on_exit=True):
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
    uploads = mo.ui.file(
        filetypes=[".png", ".jpg", ".jpeg"],
        multiple=True,
        kind="area",
        label="Drop images here, or click to choose. Up to 1 MB each.",
    )
    examples = mo.ui.checkbox(headless, label="Add five test images as examples")
    mo.vstack([dataset_choice, uploads, examples])
    return dataset_choice, examples, uploads


@app.function(hide_code=True)
def as_png(image):
    """Encode an image, uint8 (height, width, channels), as the bytes of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(image.squeeze()).resize((112, 112)).save(file, "PNG")
    return file.getvalue()


@app.cell
def _(dataset_choice, examples, uploads):
    images = {file.name: file.contents for file in uploads.value}
    if examples.value:
        _data = datasets.load(dataset_choice.value)
        for _i in range(5):
            _label = _data.class_names[_data.test_labels[_i]]
            images[f"test image {_i} ({_label})"] = as_png(_data.test_images[_i])
    _noun = "image" if len(images) == 1 else "images"
    send_button = mo.ui.run_button(kind="success", label=f"Send {len(images)} {_noun}")
    mo.stop(not images, mo.callout("No images are chosen yet.", kind="info"))
    send_button
    return images, send_button


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## 3 · The predictions
    """)
    return


@app.cell
def _(connection, dataset_choice, images, ready, send_button):
    ready
    mo.stop(not (send_button.value or headless), mo.md("Press **Send**."))
    dead_lettered = {}
    try:
        with mo.status.spinner("The agents classify the images …", remove_on_exit=True):
            sent = classify.submit(connection, images, dataset=dataset_choice.value)
            answers = classify.collect(connection, sent, patience=20, dead_lettered=dead_lettered)
    except (NoBroker, PublishError) as _error:
        mo.stop(True, mo.callout(str(_error), kind="danger"))
    return answers, dead_lettered, sent


@app.cell(hide_code=True)
def _(answers, dead_lettered, sent):
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
def _(answers, dataset_choice):
    _names = datasets.CLASS_NAMES[dataset_choice.value]
    _classes = pl.col("predicted").replace_strict(
        range(len(_names)), _names, default="?", return_dtype=pl.String
    )
    predictions = answers.select(
        "name", "agent", "confidence", prediction=_classes, ms="latency_ms"
    )
    return (predictions,)


@app.cell(hide_code=True)
def _(images, predictions):
    _cards = []
    for _name, _image in images.items():
        _card = [
            mo.image(_image, width=112, height=112, style={"object-fit": "contain"}),
            mo.md(f"`{_name}`"),
        ]
        for _row in predictions.filter(name=_name).iter_rows(named=True):
            _text = (
                f"{_row['agent']}: **{_row['prediction']}**, confidence {_row['confidence']:.0%}"
            )
            _card.append(mo.md(_text))
        _cards.append(mo.vstack(_card, gap=0.2).style(width="180px"))
    show_table(predictions) if headless else mo.hstack(_cards, justify="start", wrap=True)
    return


if __name__ == "__main__":
    app.run()
