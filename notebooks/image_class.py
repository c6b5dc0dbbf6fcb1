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


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    # Image classification over Kafka

    In the next few minutes you teach two neural networks to recognise images, put them to work
    as **agents** that answer requests on a Kafka topic, send them images they have never seen, and
    see what a **judge** makes of their answers: is deciding together better than each alone?

    Read from top to bottom. Moving a slider updates everything below it; what takes a while
    waits for its button.
    """)
    return


@app.cell(hide_code=True)
def _():
    import marimo as mo
    from imageclass.agents.registry import start_agent
    from imageclass.charts import runs as run_charts
    from imageclass.charts import training as training_charts
    from imageclass.data import datasets
    from imageclass.evaluation import ensembles, statistics
    from imageclass.kafka.connection import NoBroker
    from imageclass.models import training
    from imageclass.models.registry import VersionError, train_or_load
    from imageclass.notebook import connect_or_start, is_headless
    from imageclass.runs import export
    from imageclass.runs.judge import Judge, PublishError

    return (
        Judge,
        NoBroker,
        PublishError,
        VersionError,
        training_charts,
        connect_or_start,
        datasets,
        export,
        mo,
        start_agent,
        statistics,
        ensembles,
        train_or_load,
        training,
        is_headless,
        run_charts,
    )


@app.cell(hide_code=True)
def _(mo, is_headless):
    # As a script, or in Jupyter, there is nobody to press the buttons: everything runs, small.
    alone = is_headless(mo.app_meta().mode)
    return (alone,)


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 1 · Choose the images

    Every data set comes in two parts: images to learn from, and *test images* that the networks
    never see while they learn.
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
        with mo.status.spinner(f"Loading {dataset_choice.value} …", remove_on_exit=True):
            dataset = datasets.load(dataset_choice.value)
    except datasets.DatasetError as _error:
        mo.stop(True, mo.callout(mo.md(str(_error)), kind="warn"))
    return (dataset,)


@app.cell(hide_code=True)
def _(training_charts, dataset, mo):
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
    ## 2 · Train the networks

    The **CNN** looks for small patterns, then for patterns of patterns. The **ResNet** goes deeper,
    and each of its blocks only corrects what the one before it found. An **epoch** is one pass
    over all the images to learn from, and a **batch** is how many of them a network looks at
    before it corrects itself. What was trained is kept: the same settings again load it.
    """)
    return


@app.cell(hide_code=True)
def _(alone, dataset, mo):
    _most = len(dataset.train_images)
    num_images = mo.ui.slider(
        steps=sorted({min(n, _most) for n in (500, 1000, 2000, 5000, 10_000, 20_000, _most)}),
        value=min(1000, _most),
        label="Images to learn from",
        show_value=True,
    )
    epochs = mo.ui.slider(1, 20, value=3 if alone else 6, label="Epochs", show_value=True)
    batch_size = mo.ui.slider(
        steps=[16, 32, 64, 128, 256], value=32, label="Batch size", show_value=True
    )
    train_button = mo.ui.run_button(kind="success", label="Train")
    mo.vstack([num_images, epochs, batch_size, train_button])
    return batch_size, epochs, num_images, train_button


@app.cell
def _(alone, dataset, epochs, mo, num_images, train_button, train_one):
    mo.stop(
        not (train_button.value or alone),
        mo.callout(mo.md("Press **Train**. The first time takes a little longer."), kind="info"),
    )
    trained = {}
    for _name in ("cnn", "resnet"):
        trained[_name] = train_one(_name, dataset.name, num_images.value, epochs.value)
    return (trained,)


@app.cell(hide_code=True)
def _(VersionError, batch_size, mo, train_or_load, training):
    def train_one(name, dataset, num_images, epochs):
        """The network trained with these settings, with a bar that shows how far it is."""
        batches = training.total_batches(num_images, epochs, batch_size.value)
        with mo.status.progress_bar(
            total=batches, title=f"Teaching the {name}", remove_on_exit=True
        ) as bar:
            try:
                return train_or_load(
                    name,
                    dataset,
                    num_images=num_images,
                    epochs=epochs,
                    batch_size=batch_size.value,
                    seed=1,
                    on_batch=lambda done, total: bar.update(),
                    on_epoch=lambda e: bar.update(0, subtitle=f"epoch {e.epoch}: {e.accuracy:.1%}"),
                )
            except VersionError as error:
                mo.stop(True, mo.callout(str(error), kind="danger"))

    return (train_one,)


@app.cell(hide_code=True)
def _(alone, dataset, mo, trained):
    _shares = [f"the {_name} gets **{_v.metrics.accuracy:.1%}**" for _name, _v in trained.items()]
    _result = (
        f"Trained. Of all {len(dataset.test_images):,} test images {' and '.join(_shares)} right."
    )
    print(_result.replace("**", "")) if alone else mo.md(_result)
    return


@app.cell(hide_code=True)
def _(mo, trained):
    look_at = mo.ui.dropdown(list(trained), value="resnet", label="Look at the")
    look_at
    return (look_at,)


@app.cell(hide_code=True)
def _(training_charts, look_at, trained):
    training_charts.learning_curve(trained[look_at.value].history)
    return


@app.cell(hide_code=True)
def _(training_charts, dataset, look_at, trained):
    training_charts.confusion_matrix(trained[look_at.value].metrics, dataset.class_names)
    return


@app.cell(hide_code=True)
def _(training_charts, dataset, look_at, trained):
    training_charts.precision_and_recall(trained[look_at.value].metrics, dataset.class_names)
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 3 · Put them to work

    An agent waits on the topic of requests, answers in small batches, and writes what it thinks
    to the topic of predictions. Both work in the background, in this notebook's own process, and
    there is only ever one of each: running this cell again gives them the newest networks.
    `stream.py` lets you play with them while they run.
    """)
    return


@app.cell
def _(NoBroker, alone, connect_or_start, mo, trained):
    trained  # not before there is something to put to work: looking may take a while
    try:
        with mo.status.spinner("Looking for the broker …", remove_on_exit=True) as _spinner:
            connection = connect_or_start(
                timeout=10 if alone else 120,
                on_wait=lambda text: _spinner.update(subtitle=text),
            )
    except NoBroker as _error:
        if alone:
            print(f"No images were sent. {_error}")
        mo.stop(True, mo.callout(mo.md(f"{_error} Then run this cell again."), kind="warn"))
    return (connection,)


@app.cell
def agent_at_work(connection, dataset, mo, start_agent, trained):
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
def _(agents, mo, status_button):
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
            mo.stat(sum(_one.rejected for _one in _now), label="refused"),
            mo.stat(sum(_one.lag for _one in _now), label="waiting"),
            mo.stat(sum(_one.errors for _one in _now), label="errors", caption=_errors[:80]),
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
    ## 4 · Send them images

    Test images are drawn by lot and sent as requests. A request holds the pixels and an id,
    never the answer: the labels stay with the *judge*, who joins each reply to its request and
    announces a verdict on the topic of verdicts. Open `live_dashboard.py` beside this to watch.
    """)
    return


@app.cell(hide_code=True)
def _(alone, mo):
    how_many = mo.ui.slider(
        steps=[50, 100, 200, 500, 1000, 2000, 5000],
        value=200 if alone else 500,
        label="Images to send",
        show_value=True,
    )
    send_button = mo.ui.run_button(kind="success", label="Send")
    mo.hstack([how_many, send_button], justify="start", gap=2)
    return how_many, send_button


@app.cell
def _(alone, ask_agents, how_many, mo, send_button):
    mo.stop(
        not (send_button.value or alone),
        mo.callout(mo.md("Press **Send** when the agents are running."), kind="info"),
    )
    verdicts = ask_agents(how_many.value)
    return (verdicts,)


@app.cell(hide_code=True)
def _(
    Judge,
    NoBroker,
    PublishError,
    agents,
    connection,
    dataset,
    mo,
    ensembles,
):
    def ask_agents(how_many):
        """The verdicts on so many images; each is announced as soon as both have answered."""
        names = [agent.name for agent in agents]
        try:
            with (
                Judge(connection, names) as judge,
                mo.status.progress_bar(
                    total=how_many * len(names), title="Replies", remove_on_exit=True
                ) as bar,
            ):

                def announce(part):
                    judge.announce(part, ensembles.soft_vote(part), "soft vote")

                run = judge.publish(dataset, how_many)
                return judge.collect(
                    run, on_reply=lambda done, total: bar.update(), on_complete=announce
                )
        except (NoBroker, PublishError) as error:
            mo.stop(True, mo.callout(str(error), kind="danger"))

    return (ask_agents,)


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 5 · What was right and what was wrong

    First each agent, then what they decide together by each **strategy**. The interval says where
    the true accuracy lies in 95 of 100 such runs (Wilson's): the more images, the narrower.
    """)
    return


@app.cell(hide_code=True)
def _(ensembles, trained, verdicts):
    # How far an agent is to be trusted is learned from images held back from its training.
    _validation = {_name: _version.validation() for _name, _version in trained.items()}
    decided = {
        _name: _strategy(verdicts, _validation) for _name, _strategy in ensembles.STRATEGIES.items()
    }
    return (decided,)


@app.cell(hide_code=True)
def _(alone, decided, mo, statistics, run_charts, verdicts):
    _table = statistics.accuracy_table(verdicts, decided)
    if alone:
        _row = _table.row(0, named=True)
        print(
            f"Sent {_row['requests']} images through Kafka: {_row['requests'] - _row['undecided']}"
            f" answered, {verdicts.missing} answers missing."
        )
    accuracies = run_charts.accuracies(verdicts, decided)
    _shares = dict.fromkeys(("accuracy", "low", "high"), "{:.1%}")
    _table if alone else mo.ui.table(
        _table,
        selection=None,
        show_column_summaries=False,
        show_data_types=False,
        show_download=False,
        show_search=False,
        format_mapping=_shares,
    )
    return (accuracies,)


@app.cell(hide_code=True)
def _(accuracies):
    accuracies
    return


@app.cell(hide_code=True)
def _(decided, mo):
    brokered = mo.ui.dropdown(list(decided), value="soft vote", label="Decide together by")
    brokered
    return (brokered,)


@app.cell(hide_code=True)
def _(alone, brokered, decided, mo, statistics, verdicts):
    _lines = []
    for _name, _own in statistics.outcomes_of(verdicts).items():
        _test = statistics.mcnemar(decided[brokered.value], _own)
        _beats = _test.p < 0.05 and _test.only_first > _test.only_second
        _lines.append(
            f"- The {brokered.value} **{'beats' if _beats else 'does not beat'}** the {_name},"
            f" p = {_test.p:.2g}: {_test.only_first} images only it has right,"
            f" {_test.only_second} only the {_name}."
        )
    _lines.append(
        "\nThe p is that of McNemar's exact test: how likely a difference as large is"
        " if the two are equally good. Below 0.05 it counts as better."
    )
    print("\n".join(_lines).replace("**", "")) if alone else mo.md("\n".join(_lines))
    return


@app.cell(hide_code=True)
def _(brokered, decided, run_charts, verdicts):
    run_charts.class_heat_map(verdicts, {brokered.value: decided[brokered.value]})
    return


@app.cell(hide_code=True)
def _(run_charts, verdicts):
    run_charts.right_and_wrong(verdicts)
    return


@app.cell(hide_code=True)
def _(run_charts, verdicts):
    run_charts.latencies(verdicts)
    return


@app.cell(hide_code=True)
def _(brokered, training_charts, decided, mo, verdicts):
    _wrong = decided[brokered.value].remove("correct").unique("index")
    _names, _images = verdicts.dataset.class_names, verdicts.dataset.test_images
    _cards = [
        mo.vstack(
            [
                mo.image(training_charts.image(_images[_row["index"]], size=88)),
                mo.md(f"**{_names[_row['label']]}**, taken for {_names[_row['predicted']]}"),
                mo.md(f"{_row['confidence']:.0%} sure"),
            ],
            gap=0.2,
        ).style(width="128px")
        for _row in _wrong.sort("confidence", descending=True).head(12).to_dicts()
    ]
    _title = "The mistakes it was most sure of:" if _cards else "It made no mistake this time."
    mo.vstack([mo.md(_title), mo.hstack(_cards, justify="start", wrap=True)])
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 6 · Take it with you

    Every request with every answer and all probabilities: CSV for tables, JSON for everything.
    """)
    return


@app.cell(hide_code=True)
def _(export, mo, verdicts):
    mo.hstack(
        [
            mo.download(
                export.csv_text(verdicts).encode(), f"run-{verdicts.run_id[:8]}.csv", label="CSV"
            ),
            mo.download(
                export.json_text(verdicts).encode(),
                f"run-{verdicts.run_id[:8]}.json",
                label="JSON",
            ),
        ],
        justify="start",
    )
    return


if __name__ == "__main__":
    app.run()
