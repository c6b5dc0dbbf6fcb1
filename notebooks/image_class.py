# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = [
#     "altair==6.3.0",
#     "imageclass[broker,tensorflow]==0.2.0",
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

with app.setup(hide_code=True):
    import marimo as mo
    from imageclass import (
        Judge,
        NoBroker,
        PublishError,
        VersionError,
        connect_notebook,
        datasets,
        ensembles,
        export,
        is_headless,
        outcomes,
        run_charts,
        show_table,
        start_agent,
        tables,
        train_or_load,
        training,
        training_charts,
    )

    # In a script and in Jupyter nobody can press buttons: everything runs, with small numbers.
    headless = is_headless(mo.app_meta().mode)


@app.cell(hide_code=True)
def _():
    mo.md("""
    # Image classification over Kafka

    At the end you see a chart that answers one question: do two neural networks together
    recognise more images than each of them alone? To get there you train both networks, start them
    as **agents** that answer requests on a Kafka topic, and send them images that they have never
    seen. A **judge** compares their predictions with the true labels.

    Read from top to bottom. A slider updates everything below it. Steps that take longer wait for
    their button.
    """)
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## 1 · Choose the images

    Every data set has two parts: *training images*, and *test images* that the networks never
    see during training.
    """)
    return


@app.cell(hide_code=True)
def _():
    _known = datasets.available()
    dataset_choice = mo.ui.dropdown(
        [name for name, reason in _known.items() if reason is None],
        value="digits",
        label="Data set",
    )
    _absent = [f"- **{name}** is not available here: {why}" for name, why in _known.items() if why]
    mo.vstack([dataset_choice, mo.md("\n".join(_absent))])
    return (dataset_choice,)


@app.cell
def _(dataset_choice):
    try:
        with mo.status.spinner(f"Loading {dataset_choice.value} …", remove_on_exit=True):
            dataset = datasets.load(dataset_choice.value)
    except datasets.DatasetError as _error:
        mo.stop(True, mo.callout(mo.md(str(_error)), kind="warn"))
    return (dataset,)


@app.cell(hide_code=True)
def _(dataset):
    _samples = [
        mo.image(
            training_charts.image(dataset.train_images[_index], size=64),
            caption=dataset.class_names[dataset.train_labels[_index]],
        )
        for _index in range(10)
    ]
    _height, _width, _channels = dataset.image_shape
    mo.vstack(
        [
            mo.md(
                f"**{dataset.name}**: {len(dataset.train_images):,} training images and"
                f" {len(dataset.test_images):,} test images, {_width} × {_height} pixels,"
                f" {'grey' if _channels == 1 else 'colour'}, {len(dataset.class_names)} classes."
            ),
            mo.hstack(_samples, justify="start", wrap=True),
        ]
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## 2 · Train the networks

    The **CNN** finds small patterns, then patterns of patterns. The **ResNet** is deeper, and each
    of its blocks only corrects the result of the block before it. An **epoch** is one pass over
    all training images. A **batch** is the number of images after which a network adjusts its
    weights. Trained networks are saved: the same settings load them again.
    """)
    return


@app.cell(hide_code=True)
def _(dataset):
    _most = len(dataset.train_images)
    num_images = mo.ui.slider(
        steps=sorted({min(n, _most) for n in (500, 1000, 2000, 5000, 10_000, 20_000, _most)}),
        value=min(1000, _most),
        label="Training images",
        show_value=True,
    )
    epochs = mo.ui.slider(1, 20, value=3 if headless else 6, label="Epochs", show_value=True)
    batch_size = mo.ui.slider(
        steps=[16, 32, 64, 128, 256], value=32, label="Batch size", show_value=True
    )
    train_button = mo.ui.run_button(kind="success", label="Train")
    mo.vstack([num_images, epochs, batch_size, train_button])
    return batch_size, epochs, num_images, train_button


@app.function(hide_code=True)
def train_one(name, dataset, num_images, epochs, batch_size):
    """Train a network with these settings, or load it, behind a progress bar."""
    batches = training.total_batches(num_images, epochs, batch_size)
    with mo.status.progress_bar(
        total=batches, title=f"Training the {name}", remove_on_exit=True
    ) as bar:
        try:
            return train_or_load(
                name,
                dataset,
                num_images=num_images,
                epochs=epochs,
                batch_size=batch_size,
                seed=1,
                on_batch=lambda done, total: bar.update(),
                on_epoch=lambda e: bar.update(0, subtitle=f"epoch {e.epoch}: {e.accuracy:.1%}"),
            )
        except VersionError as error:
            mo.stop(True, mo.callout(str(error), kind="danger"))


@app.cell
def _(batch_size, dataset, epochs, num_images, train_button):
    mo.stop(
        not (train_button.value or headless),
        mo.callout(mo.md("Press **Train**. The first time takes a little longer."), kind="info"),
    )
    trained = {}
    for _name in ("cnn", "resnet"):
        trained[_name] = train_one(
            _name, dataset.name, num_images.value, epochs.value, batch_size.value
        )
    return (trained,)


@app.cell(hide_code=True)
def _(dataset, trained):
    _shares = [f"the {_name} gets **{_v.metrics.accuracy:.1%}**" for _name, _v in trained.items()]
    _result = (
        f"Trained. Of all {len(dataset.test_images):,} test images {' and '.join(_shares)} right."
    )
    print(_result.replace("**", "")) if headless else mo.md(_result)
    return


@app.cell(hide_code=True)
def _(trained):
    shown = mo.ui.dropdown(list(trained), value="resnet", label="Show the training of the")
    shown
    return (shown,)


@app.cell(hide_code=True)
def _(shown, trained):
    training_charts.learning_curve(trained[shown.value].history)
    return


@app.cell(hide_code=True)
def _(dataset, shown, trained):
    training_charts.confusion_matrix(trained[shown.value].metrics, dataset.class_names)
    return


@app.cell(hide_code=True)
def _(dataset, shown, trained):
    training_charts.precision_and_recall(trained[shown.value].metrics, dataset.class_names)
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## 3 · Start the agents

    An agent reads the topic of requests, classifies the images in small batches, and writes its
    predictions to the topic of predictions. Both agents run in the background, in this
    notebook's process. Each network has one agent: if you run this cell again, the agents
    take the newest networks. In `stream.py` you can change agents while they run.
    """)
    return


@app.cell
def _(trained):
    trained  # without trained networks there is no need to wait for the broker
    connection = connect_notebook(start_broker=True)
    return (connection,)


@app.cell
def agent_at_work(connection, dataset, trained):
    agents = []
    with mo.status.spinner("The agents join their groups …", remove_on_exit=True):
        for _name, _version in trained.items():
            agents.append(
                start_agent(
                    connection,
                    _name,
                    _version.load(),
                    dataset=dataset.name,
                    version=_version.id,
                )
            )
        for _agent in agents:
            _agent.wait_until_running(timeout=60)
    status_button = mo.ui.button(label="Refresh")
    return agents, status_button


@app.cell(hide_code=True)
def _(agents, status_button):
    status_button
    _now = [_agent.status for _agent in agents]
    _errors = next((_one.last_error for _one in _now if _one.last_error), "")
    mo.hstack(
        [
            mo.stat(
                " · ".join(sorted({_one.state for _one in _now})),
                label="agents " + " and ".join(_one.name for _one in _now),
            ),
            mo.stat(sum(_one.answered for _one in _now), label="answered"),
            mo.stat(sum(_one.rejected for _one in _now), label="rejected"),
            mo.stat(sum(_one.lag for _one in _now), label="lag"),
            mo.stat(sum(_one.errors for _one in _now), label="errors", caption=_errors[:80]),
            status_button,
        ],
        justify="start",
        align="center",
        gap=2,
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## 4 · Send images

    The notebook draws test images at random and sends them as requests. A request has the pixels
    and an id, but no label: only the *judge* knows the labels. It matches each prediction with its
    request and writes a verdict to the topic of verdicts. Open `live_dashboard.py` in a second
    tab to watch.
    """)
    return


@app.cell(hide_code=True)
def _():
    how_many = mo.ui.slider(
        steps=[50, 100, 200, 500, 1000, 2000, 5000],
        value=200 if headless else 500,
        label="Images to send",
        show_value=True,
    )
    send_button = mo.ui.run_button(kind="success", label="Send")
    mo.hstack([how_many, send_button], justify="start", gap=2)
    return how_many, send_button


@app.function(hide_code=True)
def send_images(connection, dataset, how_many, names):
    """Send test images as a run, and announce each verdict once all agents have answered."""
    try:
        with (
            Judge(connection, names) as judge,
            mo.status.progress_bar(
                total=how_many * len(names), title="Predictions", remove_on_exit=True
            ) as bar,
        ):
            return judge.collect(
                judge.publish(dataset, how_many),
                on_prediction=lambda done, total: bar.update(),
                on_complete=lambda part: judge.announce(
                    part, outcomes.decide(part, "soft vote"), "soft vote"
                ),
            )
    except (NoBroker, PublishError) as error:
        mo.stop(True, mo.callout(str(error), kind="danger"))


@app.cell
def _(agents, connection, dataset, how_many, send_button):
    mo.stop(
        not (send_button.value or headless),
        mo.callout(mo.md("Press **Send** when the agents are running."), kind="info"),
    )
    run = send_images(connection, dataset, how_many.value, [_agent.name for _agent in agents])
    return (run,)


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## 5 · Compare the results

    The table shows each agent, then what the agents decide together by each **strategy**. The
    interval from `low` to `high` (Wilson's) contains the true accuracy in 95 of 100 such runs. It
    is narrower with more images.
    """)
    return


@app.cell(hide_code=True)
def _(run, trained):
    # Some strategies weight the agents by their predictions on the validation images.
    _validation = {_name: _version.validation() for _name, _version in trained.items()}
    decided = {_name: outcomes.decide(run, _name, _validation) for _name in ensembles.STRATEGIES}
    return (decided,)


@app.cell(hide_code=True)
def _(decided, run):
    _table = tables.accuracy_table(run, decided)
    if headless:
        _row = _table.row(0, named=True)
        print(
            f"Sent {_row['requests']} images through Kafka: {_row['requests'] - _row['undecided']}"
            f" answered, {run.missing} predictions missing."
        )
    show_table(_table, formats=dict.fromkeys(("accuracy", "low", "high"), "{:.1%}"))
    return


@app.cell(hide_code=True)
def _(decided, run):
    run_charts.accuracies(run, decided)
    return


@app.cell(hide_code=True)
def _(decided):
    brokered = mo.ui.dropdown(list(decided), value="soft vote", label="Strategy")
    brokered
    return (brokered,)


@app.cell(hide_code=True)
def _(brokered, decided, run):
    _lines = []
    for _name, _own in outcomes.by_agent(run).items():
        _test = outcomes.compare(decided[brokered.value], _own)
        _beats = _test.p < 0.05 and _test.only_first > _test.only_second
        _lines.append(
            f"- The {brokered.value} **{'beats' if _beats else 'does not beat'}** the {_name},"
            f" p = {_test.p:.2g}. It alone is right on {_test.only_first} images, the {_name}"
            f" alone on {_test.only_second}."
        )
    _lines.append(
        "\nMcNemar's exact test gives p: the probability of a difference at least as large if both"
        " are equally good. Below 0.05 the strategy counts as better."
    )
    print("\n".join(_lines).replace("**", "")) if headless else mo.md("\n".join(_lines))
    return


@app.cell(hide_code=True)
def _(brokered, decided, run):
    run_charts.class_heat_map(run, {brokered.value: decided[brokered.value]})
    return


@app.cell(hide_code=True)
def _(run):
    run_charts.correct_and_wrong(run)
    return


@app.cell(hide_code=True)
def _(run):
    run_charts.latencies(run)
    return


@app.cell(hide_code=True)
def _(brokered, dataset, decided):
    _wrong = decided[brokered.value].remove("correct").unique("index")
    _names, _images = dataset.class_names, dataset.test_images
    _cards = [
        mo.vstack(
            [
                mo.image(training_charts.image(_images[_row["index"]], size=88)),
                mo.md(f"**{_names[_row['label']]}**, predicted: {_names[_row['predicted']]}"),
                mo.md(f"confidence {_row['confidence']:.0%}"),
            ],
            gap=0.2,
        ).style(width="128px")
        for _row in _wrong.sort("confidence", descending=True).head(12).to_dicts()
    ]
    _title = "The mistakes with the highest confidence:" if _cards else "This run has no mistakes."
    mo.vstack([mo.md(_title), mo.hstack(_cards, justify="start", wrap=True)])
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## 6 · Download the run

    Both files have every request with every prediction and all probabilities. CSV opens in a
    spreadsheet; JSON has everything that is known about the run.
    """)
    return


@app.cell(hide_code=True)
def _(run):
    _name = f"run-{run.run_id[:8]}"
    mo.hstack(
        [
            mo.download(export.csv_text(run).encode(), f"{_name}.csv", label="CSV"),
            mo.download(export.json_text(run).encode(), f"{_name}.json", label="JSON"),
        ],
        justify="start",
    )
    return


if __name__ == "__main__":
    app.run()
