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

with app.setup(hide_code=True):
    import marimo as mo
    import polars as pl
    from imageclass import (
        MODELS,
        ModelError,
        VersionError,
        busy,
        datasets,
        is_headless,
        list_versions,
        placeholder,
        show_errors,
        show_table,
        train_or_load,
        training,
        training_charts,
    )

    # In a script and in Jupyter nobody can press buttons: everything runs, with small numbers.
    headless = is_headless(mo.app_meta().mode)


@app.cell(hide_code=True)
def _():
    mo.md("""
    # Train networks

    At the end you see which of your networks is the most accurate, and which classes each of them
    confuses. Choose a network and its settings, and watch the training. Every result is saved as a
    **version**: weights, settings, history and metrics. The same settings load the version
    instead of training again. Versions that are saved already stand in sections 3 to 5 at once.
    """)
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## 1 · Choose a network and its settings

    | network | what it is | parameters |
    |:---|:---|:---|
    | **cnn** | three convolutions and two dense layers: fast, and good on small images | 0.1 to 0.4 million |
    | **resnet** | three residual blocks: slower, and better with many training images | 1.3 million |
    | **mobilenet** | MobileNetV2, pre-trained on a million photographs; only its last layer is trained | 2.3 million |

    *mobilenet* downloads its weights from the internet once (9 MB). If that is not possible, it
    says so. You can train it from scratch instead, which takes long.
    """)
    return


@app.cell(hide_code=True)
def _():
    _known = datasets.available()
    model_choice = mo.ui.dropdown(list(MODELS), value="cnn", label="Network")
    dataset_choice = mo.ui.dropdown(
        [name for name, reason in _known.items() if reason is None],
        value="digits",
        label="Data set",
    )
    _absent = [f"*{name}* is not available here: {why}" for name, why in _known.items() if why]
    mo.vstack(
        [
            mo.hstack([model_choice, dataset_choice], justify="start", wrap=True, gap=2),
            placeholder("\n\n".join(_absent)),
        ]
    )
    return dataset_choice, model_choice


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
    _most = len(dataset.train_images)
    num_images = mo.ui.slider(
        steps=sorted({min(n, _most) for n in (500, 1000, 2000, 5000, 10_000, 20_000, _most)}),
        value=500 if headless else min(2000, _most),
        label="Training images",
        show_value=True,
    )
    epochs = mo.ui.slider(1, 30, value=2 if headless else 8, label="Epochs", show_value=True)
    batch_size = mo.ui.slider(
        steps=[16, 32, 64, 128, 256], value=32, label="Batch size", show_value=True
    )
    seed = mo.ui.number(0, 1000, value=1, label="Seed: the same one gives the same result on a CPU")
    augment = mo.ui.checkbox(
        True, label="Data augmentation: shift (and mirror) the training images a little"
    )
    return augment, batch_size, epochs, num_images, seed


@app.cell(hide_code=True)
def _(augment, batch_size, epochs, model_choice, num_images, seed):
    from_scratch = mo.ui.checkbox(False, label="Train mobilenet from scratch")
    train_button = mo.ui.run_button(kind="success", label="Train")
    _more = [from_scratch] if model_choice.value == "mobilenet" else []
    mo.vstack([num_images, epochs, batch_size, augment, seed, *_more])
    return from_scratch, train_button


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## 2 · Watch the training

    A tenth of the training images is held back for *validation*: the network does not train on
    them. It overfits where its validation curve stays behind its training curve.
    """)
    return


@app.cell(hide_code=True)
def _(augment, batch_size, epochs, from_scratch, model_choice, num_images, seed):
    settings = {
        "epochs": epochs.value,
        "batch_size": batch_size.value,
        "num_images": num_images.value,
        "seed": seed.value,
        "augment": augment.value,
    }
    if from_scratch.value and model_choice.value == "mobilenet":
        settings["weights"] = None
    return (settings,)


@app.function(hide_code=True)
def train_one(name, dataset, settings):
    """Train a network, or load its version, and draw its curve again after each epoch."""
    epochs_done = []
    batches = training.total_batches(
        settings["num_images"], settings["epochs"], settings["batch_size"]
    )

    def draw(epoch):
        """Draw the curve below the button and the progress bar."""
        epochs_done.append(epoch)
        bar.update(0, subtitle=f"epoch {epoch.epoch} of {settings['epochs']} is done")
        if not headless:
            curve = training_charts.learning_curve(epochs_done)
            (mo.output.append(curve) if epoch.epoch == 1 else mo.output.replace_at_index(curve, 2))

    with mo.status.progress_bar(
        total=batches,
        title=f"Training the {name}",
        subtitle="TensorFlow starts …",
        remove_on_exit=True,
    ) as bar:
        version = train_or_load(
            name, dataset, **settings, on_batch=lambda done, total: bar.update(), on_epoch=draw
        )
    return version, bool(epochs_done)


@app.cell(hide_code=True)
def _(dataset, model_choice, settings, train_button):
    version, _is_new = None, False
    if train_button.value or headless:
        with busy("Training …"), show_errors(ModelError, VersionError, button=train_button):
            version, _is_new = train_one(model_choice.value, dataset.name, settings)
    _result = "Press **Train**. The curves appear here and grow with each epoch."
    if version:
        _how = "trained" if _is_new else f"loaded: trained on {version.created[:10]}"
        _result = (
            f"The {version.name} **{version.id}** ({_how} in {version.seconds:.0f} s) gets"
            f" **{version.metrics.accuracy:.1%}** of all {version.metrics.images:,} test images"
            f" right. It has {version.parameters:,} parameters."
        )
    if headless:
        print(_result.replace("**", ""))
    mo.vstack([train_button, mo.md(_result) if version else placeholder(_result)])
    return (version,)


@app.cell(hide_code=True)
def _(version):
    mo.stop(version is None)
    training_charts.learning_curve(version.history)
    return


@app.cell(hide_code=True)
def _(version):
    mo.stop(version is None)
    training_charts.loss_curve(version.history)
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## 3 · Choose versions to compare

    The table has all versions for this data set, the newest first. Choose one or more: sections 4
    and 5 show them. Each version is a directory in `~/models`, and `stream.py` starts agents with
    them.
    """)
    return


@app.cell(hide_code=True)
def _(dataset, version):
    mine = [v for v in reversed(list_versions()) if v.dataset == dataset.name]
    _columns = {
        "Version": [v.id for v in mine],
        "Network": [v.name for v in mine],
        "Accuracy": [v.metrics.accuracy for v in mine],
        "Images": [v.settings["num_images"] for v in mine],
        "Epochs": [v.settings["epochs"] for v in mine],
        "Seed": [v.settings["seed"] for v in mine],
        "Trained (UTC)": [v.created[:16].replace("T", " ") for v in mine],
    }
    table = pl.DataFrame(_columns)
    _ids = [v.id for v in mine]
    chosen = show_table(
        table,
        selection="multi",
        search=len(mine) > 10,
        initial_selection=[_ids.index(version.id) if version else 0] if mine else None,
        formats={"Accuracy": "{:.1%}", "Images": "{:,}"},
    )
    return chosen, mine, table


@app.cell(hide_code=True)
def _(chosen, mine, table):
    _none = placeholder("No version for this data set is saved yet. **Train** makes the first.")
    (table if headless else chosen) if mine else _none
    return


@app.cell(hide_code=True)
def _(chosen, mine):
    _ids = list(chosen.value["Version"]) if mine else []
    compared = [v for v in mine if v.id in _ids] or mine[:1]
    one = compared[0] if compared else None
    mo.md(f"""
    ## 4 · The first chosen version: {one.name} {one.id}

    The first chart shows which class the network predicts for the {one.metrics.images:,} test
    images of each class. *Precision* is the share of a class's predictions that are right.
    *Recall* is the share of a class's images that the network finds.
    """) if one else None
    return compared, one


@app.cell(hide_code=True)
def _(one):
    mo.stop(one is None)
    training_charts.confusion_matrix(one.metrics, one.class_names)
    return


@app.cell(hide_code=True)
def _(one):
    mo.stop(one is None)
    training_charts.precision_and_recall(one.metrics, one.class_names)
    return


@app.cell(hide_code=True)
def _(compared):
    mo.md("""
    ## 5 · All chosen versions

    The first chart shows the accuracy on the validation images after each epoch, the second the
    recall of each class.
    """) if compared else None
    return


@app.cell(hide_code=True)
def _(compared):
    mo.stop(not compared)
    training_charts.compared_curves(compared)
    return


@app.cell(hide_code=True)
def _(compared):
    mo.stop(not compared)
    training_charts.compared_recall(compared)
    return


if __name__ == "__main__":
    app.run()
