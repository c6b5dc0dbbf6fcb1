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
        busy,
        connect_notebook,
        datasets,
        ensembles,
        export,
        grid,
        is_headless,
        outcomes,
        placeholder,
        run_charts,
        show_errors,
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
    recognise more images than each of them alone, and which ones? Two buttons lead there.
    **Train** teaches two networks to recognise clothes, which takes two to three minutes. **Send**
    streams images that they have never seen through Kafka, to both of them as **agents**. A
    **judge** then compares their predictions with the true labels.
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
    _there = [name for name, reason in _known.items() if reason is None]
    _first = "fashion-mnist" if "fashion-mnist" in _there and not headless else "digits"
    dataset_choice = mo.ui.dropdown(_there, value=_first, label="Data set")
    _absent = [f"*{name}* is not available here: {why}" for name, why in _known.items() if why]
    mo.vstack([dataset_choice, placeholder("\n\n".join(_absent))])
    return (dataset_choice,)


@app.cell(hide_code=True)
def _(dataset_choice):
    with (
        show_errors(datasets.DatasetError),
        mo.status.spinner(f"Loading {dataset_choice.value} …", remove_on_exit=True),
    ):
        dataset = datasets.load(dataset_choice.value)
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
            grid(_samples, min_width=72),
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

    A vote helps where networks make *different* mistakes. So the CNN learns from images that are
    shifted and mirrored a little in each epoch (*data augmentation*), the ResNet from the images
    as they are.
    """)
    return


@app.cell(hide_code=True)
def _(dataset):
    _most = len(dataset.train_images)
    num_images = mo.ui.slider(
        steps=sorted({min(n, _most) for n in (500, 1000, 2000, 5000, 10_000, 20_000, _most)}),
        value=min(1000 if headless else 5000, _most),
        label="Training images",
        show_value=True,
    )
    epochs = mo.ui.slider(1, 20, value=3 if headless else 6, label="Epochs", show_value=True)
    batch_size = mo.ui.slider(
        steps=[16, 32, 64, 128, 256], value=32, label="Batch size", show_value=True
    )
    train_button = mo.ui.run_button(kind="success", label="Train")
    mo.vstack([num_images, epochs, batch_size])
    return batch_size, epochs, num_images, train_button


@app.function(hide_code=True)
def train_one(name, dataset, num_images, epochs, batch_size):
    """Train a network with these settings, or load it, behind a progress bar."""
    batches = training.total_batches(num_images, epochs, batch_size)
    with mo.status.progress_bar(
        total=batches,
        title=f"Training the {name}",
        subtitle="TensorFlow starts …",
        remove_on_exit=True,
    ) as bar:
        return train_or_load(
            name,
            dataset,
            num_images=num_images,
            epochs=epochs,
            batch_size=batch_size,
            seed=1,
            augment=name == "cnn",
            on_batch=lambda done, total: bar.update(
                subtitle=f"epoch {(done - 1) * epochs // total + 1} of {epochs}"
            ),
        )


@app.cell(hide_code=True)
def _(batch_size, dataset, epochs, num_images, train_button):
    trained = {}
    if train_button.value or headless:
        with busy("Training …"), show_errors(VersionError, button=train_button):
            for _name in ("cnn", "resnet"):
                trained[_name] = train_one(
                    _name, dataset.name, num_images.value, epochs.value, batch_size.value
                )
    _shares = [f"the {_name} gets **{_v.metrics.accuracy:.1%}**" for _name, _v in trained.items()]
    _result = (
        f"Trained. Of all {len(dataset.test_images):,} test images {' and '.join(_shares)} right."
    )
    if headless:
        print(_result.replace("**", ""))
    _hint = placeholder("Press **Train**. The suggested settings take two to three minutes.")
    mo.vstack([train_button, mo.md(_result) if trained else _hint])
    return (trained,)


@app.cell(hide_code=True)
def _(trained):
    mo.stop(not trained)
    training_charts.compared_curves(list(trained.values()))
    return


@app.cell(hide_code=True)
def _(trained):
    shown = mo.ui.dropdown(
        list(trained), value="resnet" if trained else None, label="Show what is confused by the"
    )
    shown if trained else None
    return (shown,)


@app.cell(hide_code=True)
def _(dataset, shown, trained):
    mo.stop(shown.value is None)
    training_charts.confusion_matrix(trained[shown.value].metrics, dataset.class_names)
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## 3 · Start the agents

    An agent reads the topic of requests, classifies the images in small batches, and writes its
    predictions to the topic of predictions. Both agents run in the background, in this
    notebook's process. Each network has one agent; after another training it takes the newest
    network. In `stream.py` you can change agents while they run.
    """)
    return


@app.cell(hide_code=True)
def _():
    retry_button = mo.ui.button(label="Try again")
    return (retry_button,)


@app.cell(hide_code=True)
def _(retry_button, trained):
    retry_button
    # Without trained networks there is no need to wait for the broker.
    connection = connect_notebook(start_broker=True, button=retry_button) if trained else None
    None if trained else placeholder(
        "The agents start by themselves when both networks are trained."
    )
    return (connection,)


@app.cell(hide_code=True)
def agent_at_work(connection, dataset, retry_button, trained):
    agents = []
    if connection:
        with (
            mo.status.spinner("The agents join their groups …", remove_on_exit=True),
            show_errors(TimeoutError, button=retry_button),
        ):
            for _name, _version in trained.items():
                _model = _version.load()
                agents.append(
                    start_agent(
                        connection, _name, _model, dataset=dataset.name, version=_version.id
                    )
                )
            for _agent in agents:
                _agent.wait_until_running(timeout=60)
    refresh = mo.ui.refresh(options=["2s", "10s"], default_interval="2s")
    return agents, refresh


@app.cell(hide_code=True)
def _(agents, refresh):
    mo.stop(not agents)
    refresh
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
            mo.stat(sum(_one.lag for _one in _now), label="waiting (lag)"),
            mo.stat(sum(_one.errors for _one in _now), label="errors", caption=_errors[:80]),
            refresh,
        ],
        justify="start",
        align="center",
        wrap=True,
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
def _(agents):
    how_many = mo.ui.slider(
        steps=[50, 100, 200, 500, 1000, 2000, 5000],
        value=200 if headless else 5000,
        label="Images to send",
        show_value=True,
    )
    send_button = mo.ui.run_button(kind="success", label="Send", disabled=not agents)
    how_many if agents else None
    return how_many, send_button


@app.function(hide_code=True)
def send_images(connection, dataset, how_many, names):
    """Send test images as a run, and announce each verdict once all agents have answered."""
    right = total = 0

    def announce(part):
        """Announce the verdicts that are complete, and count them below the progress bar."""
        nonlocal right, total
        verdicts = outcomes.decide(part, "soft vote")
        judge.announce(part, verdicts, "soft vote")
        right, total = right + verdicts["correct"].sum(), total + len(verdicts)
        bar.update(0, subtitle=f"{total:,} verdicts, {right / total:.1%} right so far")

    predictions = how_many * len(names)
    with (
        Judge(connection, names) as judge,
        mo.status.progress_bar(total=predictions, title="Predictions", remove_on_exit=True) as bar,
    ):
        return judge.collect(
            judge.publish(dataset, how_many),
            on_prediction=lambda done, total: bar.update(),
            on_complete=announce,
        )


@app.cell(hide_code=True)
def _(agents, connection, dataset, how_many, send_button):
    run = None
    if agents and (send_button.value or headless):
        with busy("Sending …"), show_errors(NoBroker, PublishError, button=send_button):
            run = send_images(connection, dataset, how_many.value, [a.name for a in agents])
    _hint = "Press **Send**." if agents else "Train the networks first: agents answer the images."
    mo.vstack([send_button, placeholder(_hint)]) if run is None else send_button
    return (run,)


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## 5 · Compare the results

    The table shows each agent, then what the agents decide together by each **strategy**. The
    interval from *low* to *high* (Wilson's) contains the true accuracy in 95 of 100 such runs. It
    is narrower with more images.
    """)
    return


@app.cell(hide_code=True)
def _(run, trained):
    # Some strategies weight the agents by their predictions on the validation images.
    _validation = {_name: _version.validation() for _name, _version in trained.items()}
    _strategies = () if run is None else ensembles.STRATEGIES
    decided = {_name: outcomes.decide(run, _name, _validation) for _name in _strategies}
    None if decided else placeholder("The results appear here after **Send**.")
    return (decided,)


@app.cell(hide_code=True)
def _(decided, run):
    mo.stop(run is None)
    _table = tables.accuracy_table(run, decided)
    if headless:
        _row = _table.row(0, named=True)
        print(
            f"Sent {_row['requests']} images through Kafka: {_row['requests'] - _row['undecided']}"
            f" answered, {run.missing} predictions missing."
        )
    show_table(
        _table.select("name", "accuracy", "low", "high", "correct", "requests"),
        formats=dict.fromkeys(("accuracy", "low", "high"), "{:.1%}"),
    )
    return


@app.cell(hide_code=True)
def _(decided, run):
    mo.stop(run is None)
    run_charts.accuracies(run, decided)
    return


@app.cell(hide_code=True)
def _(decided):
    brokered = mo.ui.dropdown(
        list(decided), value="soft vote" if decided else None, label="Strategy"
    )
    brokered if decided else None
    return (brokered,)


@app.cell(hide_code=True)
def _(brokered, decided, run):
    mo.stop(brokered.value is None)
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
def _(run):
    mo.md("""
    ### Where the vote helps

    Each row is a class with its number of images. A long green line means that the vote gets many
    more of them right than the best agent alone. On an orange one it gets fewer.
    """) if run else None
    return


@app.cell(hide_code=True)
def _(brokered, decided, run):
    mo.stop(brokered.value is None)
    run_charts.vote_gains(run, decided[brokered.value])
    return


@app.cell(hide_code=True)
def _(brokered, decided, run):
    mo.stop(brokered.value is None)
    run_charts.class_heat_map(run, {brokered.value: decided[brokered.value]})
    return


@app.cell(hide_code=True)
def _(run):
    mo.stop(run is None)
    run_charts.latencies(run)
    return


@app.cell(hide_code=True)
def _(brokered, dataset, decided):
    mo.stop(brokered.value is None)
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
        )
        for _row in _wrong.sort("confidence", descending=True).head(12).to_dicts()
    ]
    _title = "The mistakes with the highest confidence:" if _cards else "This run has no mistakes."
    mo.vstack([mo.md(_title), grid(_cards, min_width=128)])
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
    mo.stop(run is None, placeholder("The files are ready after **Send**."))
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
