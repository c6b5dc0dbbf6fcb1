# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = [
#     "altair==6.3.0",
#     "imageclass[tensorflow]==0.1.0",
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
app = marimo.App(width="medium", app_title="Image classification over Kafka")


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    # Image classification over Kafka

    In the next few minutes you teach a small neural network to recognise images, put it to work
    as an **agent** that answers requests on a Kafka topic, send it images it has never seen, and
    look at what it got right and wrong.

    Read from top to bottom. Moving a slider updates everything below it; what takes a while
    waits for its button.
    """)
    return


@app.cell(hide_code=True)
def _():
    import marimo as mo
    from imageclass import charts, datasets, models, training, verdict_charts
    from imageclass.agents import start_agent
    from imageclass.connection import NoBroker, connect
    from imageclass.judge import Judge, PublishError

    return (
        Judge,
        NoBroker,
        PublishError,
        charts,
        connect,
        datasets,
        mo,
        models,
        start_agent,
        training,
        verdict_charts,
    )


@app.cell(hide_code=True)
def _(mo):
    # As a script there is nobody to press the buttons: everything runs, with small numbers.
    is_script = mo.app_meta().mode == "script"
    return (is_script,)


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 1 · Choose the images

    Every data set comes in two parts: images to learn from, and *test images* that the network
    never sees while it learns.
    """)
    return


@app.cell(hide_code=True)
def _(datasets, mo):
    _known = datasets.available()
    dataset_choice = mo.ui.dropdown(
        [name for name, reason in _known.items() if reason is None],
        value="digits",
        label="Data set",
    )
    _absent = [f"- **{name}** cannot be had here: {why}" for name, why in _known.items() if why]
    mo.vstack([dataset_choice, mo.md("\n".join(_absent))])
    return (dataset_choice,)


@app.cell
def _(dataset_choice, datasets, mo):
    try:
        with mo.status.spinner(f"Loading {dataset_choice.value} …"):
            dataset = datasets.load(dataset_choice.value)
    except datasets.DatasetError as _error:
        mo.stop(True, mo.callout(mo.md(str(_error)), kind="warn"))
    return (dataset,)


@app.cell(hide_code=True)
def _(charts, dataset, mo):
    _samples = [
        mo.image(
            charts.picture(dataset.train_images[_index], size=64),
            caption=dataset.class_names[dataset.train_labels[_index]],
        )
        for _index in range(10)
    ]
    _height, _width, _channels = dataset.image_shape
    mo.vstack(
        [
            mo.md(
                f"**{dataset.name}**: {len(dataset.train_images):,} images to learn from and"
                f" {len(dataset.test_images):,} to test, {_width} × {_height} pixels,"
                f" {'grey' if _channels == 1 else 'colour'}, {len(dataset.class_names)} classes."
            ),
            mo.hstack(_samples, justify="start", wrap=True),
        ]
    )
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 2 · Train the network

    It is a *convolutional* network (a CNN): two layers that look for small patterns, two that
    weigh them up. An **epoch** is one pass over all the images to learn from, and a **batch** is
    how many of them it looks at before it corrects itself.
    """)
    return


@app.cell(hide_code=True)
def _(dataset, is_script, mo):
    _most = len(dataset.train_images)
    train_images = mo.ui.slider(
        steps=sorted({min(n, _most) for n in (500, 1000, 2000, 5000, 10_000, 20_000, _most)}),
        value=min(2000 if is_script else 5000, _most),
        label="Images to learn from",
        show_value=True,
    )
    epochs = mo.ui.slider(1, 20, value=3 if is_script else 6, label="Epochs", show_value=True)
    batch_size = mo.ui.slider(
        steps=[16, 32, 64, 128, 256], value=32, label="Batch size", show_value=True
    )
    train_button = mo.ui.run_button(kind="success", label="Train")
    mo.vstack([train_images, epochs, batch_size, train_button])
    return batch_size, epochs, train_button, train_images


@app.cell
def _(batch_size, dataset, epochs, is_script, mo, models, train_button, train_images, training):
    mo.stop(
        not (train_button.value or is_script),
        mo.callout(mo.md("Press **Train**. The first time takes a little longer."), kind="info"),
    )
    with mo.status.spinner("Getting TensorFlow ready …", remove_on_exit=True):
        model = models.build_cnn(dataset.image_shape, len(dataset.class_names), seed=1)
    _batches = training.total_batches(train_images.value, epochs.value, batch_size.value)
    with mo.status.progress_bar(total=_batches, title="Training", remove_on_exit=True) as _bar:
        history = training.train(
            model,
            dataset,
            epochs=epochs.value,
            batch_size=batch_size.value,
            num_images=train_images.value,
            seed=1,
            on_batch=lambda done, total: _bar.update(),
            on_epoch=lambda e: _bar.update(0, subtitle=f"epoch {e.epoch}: {e.accuracy:.1%} right"),
        )
    test_accuracy = training.evaluate(model, dataset).accuracy
    return history, model, test_accuracy


@app.cell(hide_code=True)
def _(charts, dataset, history, is_script, mo, test_accuracy):
    _result = (
        f"Trained. Of all {len(dataset.test_images):,} test images the network gets"
        f" **{test_accuracy:.1%}** right."
    )
    if is_script:
        print(_result.replace("**", ""))
    mo.vstack([mo.md(_result), charts.learning_curve(history)])
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 3 · Put it to work

    The agent waits on the topic of requests, answers in small batches, and writes what it thinks
    to the topic of predictions. It works in the background, in this notebook's own process, and
    there is only ever one: running this cell again gives the same agent the newest network.
    """)
    return


@app.cell
def _(NoBroker, connect, is_script, mo, model):
    model  # not before there is something to put to work: looking may take a while
    try:
        with mo.status.spinner("Looking for the broker …", remove_on_exit=True) as _spinner:
            connection = connect(
                timeout=10 if is_script else 120,
                on_wait=lambda text: _spinner.update(subtitle=text),
            )
    except NoBroker as _error:
        if is_script:
            print(f"No images were sent. {_error}")
        mo.stop(True, mo.callout(mo.md(f"{_error} Then run this cell again."), kind="warn"))
    return (connection,)


@app.cell
def agent_at_work(connection, dataset, mo, model, start_agent):
    agent = start_agent(connection, "cnn", model, dataset=dataset.name)
    with mo.status.spinner("The agent joins its group …", remove_on_exit=True):
        agent.wait_until_running(timeout=60)
    status_button = mo.ui.button(label="Refresh")
    return agent, status_button


@app.cell(hide_code=True)
def _(agent, mo, status_button):
    status_button
    _now = agent.status
    mo.hstack(
        [
            mo.stat(_now.state, label="agent cnn"),
            mo.stat(_now.answered, label="answered"),
            mo.stat(_now.rejected, label="refused"),
            mo.stat(_now.lag, label="waiting"),
            mo.stat(_now.errors, label="errors", caption=_now.last_error[:80]),
            status_button,
        ],
        justify="start",
        align="center",
        gap=2,
    )
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 4 · Send it images

    Test images are drawn by lot and sent as requests. A request holds the pixels and an id,
    never the answer: the labels stay with the *judge*, who joins each reply to its request.
    """)
    return


@app.cell(hide_code=True)
def _(is_script, mo):
    num_images = mo.ui.slider(
        steps=[50, 100, 200, 500, 1000, 2000, 5000],
        value=100 if is_script else 500,
        label="Images to send",
        show_value=True,
    )
    send_button = mo.ui.run_button(kind="success", label="Send")
    mo.hstack([num_images, send_button], justify="start", gap=2)
    return num_images, send_button


@app.cell
def _(
    Judge,
    NoBroker,
    PublishError,
    agent,
    connection,
    dataset,
    is_script,
    mo,
    num_images,
    send_button,
):
    mo.stop(
        not (send_button.value or is_script),
        mo.callout(mo.md("Press **Send** when the agent is running."), kind="info"),
    )
    try:
        with (
            Judge(connection, [agent.name]) as _judge,
            mo.status.progress_bar(
                total=num_images.value, title="Replies", remove_on_exit=True
            ) as _bar,
        ):
            _run = _judge.publish(dataset, num_images.value)
            verdicts = _judge.collect(_run, on_reply=lambda done, total: _bar.update())
    except (NoBroker, PublishError) as _error:
        mo.stop(True, mo.callout(str(_error), kind="danger"))
    return (verdicts,)


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 5 · What was right and what was wrong
    """)
    return


@app.cell(hide_code=True)
def _(is_script, mo, verdict_charts, verdicts):
    summary = verdicts.summary()
    if is_script:
        _row = summary.row(0, named=True)
        print(
            f"Sent {_row['requests']} images through Kafka: {_row['answered']} answered,"
            f" {_row['missing']} missing, {_row['correct']} right ({_row['accuracy'] or 0:.1%}),"
            f" half of them within {_row['latency_p50_ms'] or 0:.0f} ms."
        )
    mo.vstack(
        [
            verdict_charts.right_and_wrong(verdicts),
            mo.ui.table(
                summary.rename({"latency_p50_ms": "p50 ms", "latency_p99_ms": "p99 ms"}),
                selection=None,
                show_column_summaries=False,
                show_data_types=False,
                show_download=False,
                show_search=False,
                format_mapping={"accuracy": "{:.1%}", "p50 ms": "{:.0f}", "p99 ms": "{:.0f}"},
            ),
        ]
    )
    return


@app.cell(hide_code=True)
def _(charts, mo, verdicts):
    _wrong = verdicts.frame.remove("correct").unique("index").sort("confidence", descending=True)
    _names, _images = verdicts.dataset.class_names, verdicts.dataset.test_images
    _cards = [
        mo.vstack(
            [
                mo.image(charts.picture(_images[_row["index"]], size=88)),
                mo.md(f"**{_names[_row['label']]}**, taken for {_names[_row['predicted']]}"),
                mo.md(f"{_row['confidence']:.0%} sure"),
            ],
            gap=0.2,
        ).style(width="128px")
        for _row in _wrong.head(12).to_dicts()
    ]
    _title = "The mistakes it was most sure of:" if _cards else "It made no mistake this time."
    mo.vstack([mo.md(_title), mo.hstack(_cards, justify="start", wrap=True)])
    return


if __name__ == "__main__":
    app.run()
