# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = [
#     "altair==6.3.0",
#     "imageclass[tensorflow]==0.2.0",
#     "marimo==0.25.2",
#     "polars==2.1.0",
# ]
#
# [tool.uv.sources]
# imageclass = { path = "../shared_lib" }
# ///

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Train networks")


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    # Train networks

    Choose a network and how it shall learn, and watch it learn. Every result is kept as a
    **version**: weights, settings, history and what it gets right. The same settings again load
    the version instead of training, so nothing here is done twice.
    """)
    return


@app.cell(hide_code=True)
def _():
    import marimo as mo
    import polars as pl
    from imageclass.charts import training as training_charts
    from imageclass.data import datasets
    from imageclass.models import training
    from imageclass.models.architectures import MODELS, ModelError
    from imageclass.models.registry import VersionError, list_versions, train_or_load
    from imageclass.notebook import is_headless

    return (
        MODELS,
        ModelError,
        VersionError,
        training_charts,
        datasets,
        list_versions,
        mo,
        pl,
        train_or_load,
        training,
        is_headless,
    )


@app.cell(hide_code=True)
def _(mo, is_headless):
    # As a script, or in Jupyter, there is nobody to press the buttons: everything runs, small.
    alone = is_headless(mo.app_meta().mode)
    return (alone,)


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 1 · What shall learn what

    | network | what it is | parameters |
    |:---|:---|:---|
    | **cnn** | three convolutions and two dense layers: quick, and good on small images | 0.1 to 0.4 million |
    | **resnet** | three residual blocks: slower, and better where there is much to learn from | 1.3 million |
    | **mobilenet** | MobileNetV2, which has seen a million photographs; only its last layer learns | 2.3 million |

    *mobilenet* fetches its weights from the internet once (9 MB); where that cannot be done it
    says so, and can learn from nothing instead, which takes long.
    """)
    return


@app.cell(hide_code=True)
def _(MODELS, datasets, mo):
    _known = datasets.available()
    model_choice = mo.ui.dropdown(list(MODELS), value="cnn", label="Network")
    dataset_choice = mo.ui.dropdown(
        [name for name, reason in _known.items() if reason is None],
        value="digits",
        label="Data set",
    )
    _absent = [f"- **{name}** cannot be had here: {why}" for name, why in _known.items() if why]
    mo.vstack(
        [
            mo.hstack([model_choice, dataset_choice], justify="start", gap=2),
            mo.md("\n".join(_absent)),
        ]
    )
    return dataset_choice, model_choice


@app.cell
def _(dataset_choice, datasets, mo):
    try:
        with mo.status.spinner(f"Loading {dataset_choice.value} …", remove_on_exit=True):
            dataset = datasets.load(dataset_choice.value)
    except datasets.DatasetError as _error:
        mo.stop(True, mo.callout(mo.md(str(_error)), kind="warn"))
    return (dataset,)


@app.cell(hide_code=True)
def _(alone, dataset, mo):
    _most = len(dataset.train_images)
    _steps = sorted({min(n, _most) for n in (500, 1000, 2000, 5000, 10_000, 20_000, _most)})
    num_images = mo.ui.slider(
        steps=_steps,
        value=500 if alone else min(2000, _most),
        label="Images to learn from",
        show_value=True,
    )
    epochs = mo.ui.slider(1, 30, value=2 if alone else 8, label="Epochs", show_value=True)
    batch_size = mo.ui.slider(
        steps=[16, 32, 64, 128, 256], value=32, label="Batch size", show_value=True
    )
    seed = mo.ui.number(0, 1000, value=1, label="Seed: the same gives the same result")
    augment = mo.ui.checkbox(True, label="Shift (and mirror) the images a little, anew each epoch")
    return augment, batch_size, epochs, num_images, seed


@app.cell(hide_code=True)
def _(augment, batch_size, epochs, mo, model_choice, num_images, seed):
    from_nothing = mo.ui.checkbox(False, label="Let mobilenet learn from nothing")
    train_button = mo.ui.run_button(kind="success", label="Train")
    _more = [from_nothing] if model_choice.value == "mobilenet" else []
    mo.vstack([num_images, epochs, batch_size, augment, seed, *_more, train_button])
    return from_nothing, train_button


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 2 · Watch it learn

    *Learned* are the images it learns from, *held back* a tenth of them that it never sees: where
    the two curves part, it learns by heart.
    """)
    return


@app.cell
def _(alone, training_charts, learn, mo, train_button):
    mo.stop(
        not (train_button.value or alone),
        mo.callout(mo.md("Press **Train**. The first time takes a little longer."), kind="info"),
    )
    seen = []

    def show(epoch):
        """Draw the curve anew after each epoch."""
        seen.append(epoch)
        if not alone:
            mo.output.replace(training_charts.learning_curve(seen))

    version = learn(show)
    mo.output.replace(training_charts.learning_curve(version.history))
    return seen, version


@app.cell(hide_code=True)
def _(
    ModelError,
    VersionError,
    augment,
    batch_size,
    dataset,
    epochs,
    from_nothing,
    mo,
    model_choice,
    num_images,
    seed,
    train_or_load,
    training,
):
    _options = {"weights": None} if from_nothing.value and model_choice.value == "mobilenet" else {}
    _total = training.total_batches(num_images.value, epochs.value, batch_size.value)
    _title = f"Teaching the {model_choice.value}"

    def learn(on_epoch):
        """The version with these settings; its curve is drawn by `on_epoch`."""
        with mo.status.progress_bar(total=_total, title=_title, remove_on_exit=True) as bar:
            try:
                return train_or_load(
                    model_choice.value,
                    dataset.name,
                    **_options,
                    epochs=epochs.value,
                    batch_size=batch_size.value,
                    num_images=num_images.value,
                    seed=seed.value,
                    augment=augment.value,
                    on_batch=lambda done, total: bar.update(),
                    on_epoch=on_epoch,
                )
            except (ModelError, VersionError) as error:
                mo.stop(True, mo.callout(str(error), kind="warn"))

    return (learn,)


@app.cell(hide_code=True)
def _(alone, mo, seen, version):
    _how = (
        f"trained in {version.seconds:.0f} s"
        if seen
        else f"loaded: these settings were trained before, {version.created[:10]}"
    )
    _said = (
        f"The {version.name} **{version.id}** ({_how}) gets **{version.metrics.accuracy:.1%}**"
        f" of all {version.metrics.images:,} test images right, with {version.parameters:,}"
        " parameters."
    )
    print(_said.replace("**", "")) if alone else mo.md(_said)
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 3 · All that was trained

    Choose one or more to look closer and to compare; the first chosen is shown in detail. The
    files lie in `~/models`, one directory each, and `stream.py` puts them to work.
    """)
    return


@app.cell(hide_code=True)
def _(dataset, list_versions, mo, pl, version):
    mine = [v for v in reversed(list_versions()) if v.dataset == dataset.name]
    table = pl.DataFrame(
        {
            "version": [v.id for v in mine],
            "network": [v.name for v in mine],
            "right": [v.metrics.accuracy for v in mine],
            "loss": [v.metrics.loss for v in mine],
            "images": [v.settings["num_images"] for v in mine],
            "epochs": [v.settings["epochs"] for v in mine],
            "batch": [v.settings["batch_size"] for v in mine],
            "seed": [v.settings["seed"] for v in mine],
            "seconds": [v.seconds for v in mine],
            "trained (UTC)": [v.created[:16].replace("T", " ") for v in mine],
        }
    )
    chosen = mo.ui.table(
        table,
        selection="multi",
        initial_selection=[[v.id for v in mine].index(version.id)],
        show_column_summaries=False,
        show_data_types=False,
        format_mapping={"right": "{:.1%}", "loss": "{:.3f}"},
    )
    return chosen, mine, table


@app.cell(hide_code=True)
def _(alone, chosen, table):
    table if alone else chosen
    return


@app.cell(hide_code=True)
def _(chosen, mine, mo, version):
    _ids = list(chosen.value["version"]) or [version.id]
    compared = [v for v in mine if v.id in _ids]
    one = compared[0]
    mo.md(f"""
    ## 4 · Looking closer: {one.name} {one.id}

    Below, what it took each class for, on all {one.metrics.images:,} test images. *Precision*:
    how many of those it took for the class are of it. *Recall*: how many of the class it found.
    """)
    return compared, one


@app.cell(hide_code=True)
def _(training_charts, one):
    training_charts.confusion_matrix(one.metrics, one.class_names)
    return


@app.cell(hide_code=True)
def _(training_charts, one):
    training_charts.precision_and_recall(one.metrics, one.class_names)
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 5 · Side by side

    How the chosen versions learned, on the images held back, and which classes each finds.
    """)
    return


@app.cell(hide_code=True)
def _(training_charts, compared):
    training_charts.compared_curves(compared)
    return


@app.cell(hide_code=True)
def _(training_charts, compared):
    training_charts.compared_recall(compared)
    return


if __name__ == "__main__":
    app.run()
