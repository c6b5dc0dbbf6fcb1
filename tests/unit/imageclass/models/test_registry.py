"""Saved models: trained once, loaded ever after, and never half of one."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from imageclass.data import augmentation, datasets
from imageclass.models import architectures, registry, saved_model, training
from imageclass.models.classifier import CompiledClassifier
from imageclass.models.registry import ModelVersion, VersionError
from mosshub_contract import disk_limit

DIGITS = datasets.load("digits")
NUMBERS = {"epochs": 1, "batch_size": 64, "num_images": 400}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def version(root: Path) -> ModelVersion:
    return registry.train_or_load("cnn", "digits", seed=1, root=root, **NUMBERS)


@pytest.fixture
def copy(version: ModelVersion, tmp_path: Path) -> Path:
    """The version's directory under another root, `tmp_path`, to damage it."""
    place = tmp_path / "digits" / "cnn" / version.id
    place.mkdir(parents=True)
    for file in version.path.iterdir():
        (place / file.name).write_bytes(file.read_bytes())
    return place


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks are built, measured, saved and read, and learn nothing: a training takes seconds."""
    # The code's hash is that of the functions as they are.
    code = registry.code_version(architectures.build_cnn)

    def train(
        *_: object, on_epoch: Callable[[training.Epoch], object] | None, **__: object
    ) -> list[training.Epoch]:
        epoch = training.Epoch(1, 2.3, 0.1, 2.3, 0.1)
        if on_epoch:
            on_epoch(epoch)
        return [epoch]

    monkeypatch.setattr(registry, "code_version", lambda _: code)
    monkeypatch.setattr(training, "train", train)


def never(*_: object) -> None:
    pytest.fail("it was trained again")


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


@pytest.mark.slow
def test_what_is_loaded_answers_as_what_was_trained(version: ModelVersion) -> None:
    model = architectures.build_cnn(DIGITS.image_shape, 10, seed=1)
    history = training.train(model, DIGITS, seed=1, **NUMBERS)
    loaded = version.load()
    for one, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert version.history == tuple(history)
    assert version.metrics == training.evaluate(loaded, DIGITS)
    assert version.parameters == model.count_params()
    assert version.class_names == DIGITS.class_names
    probabilities, labels = version.validation()
    _, held_back = training.split(DIGITS, 400, 1)
    np.testing.assert_array_equal(labels, DIGITS.train_labels[held_back])
    assert (probabilities.dtype, probabilities.shape) == (np.float32, (40, 10))
    np.testing.assert_allclose(
        probabilities, CompiledClassifier(model)(DIGITS.train_images[held_back]), atol=1e-6
    )


def test_the_same_settings_are_loaded_not_trained(version: ModelVersion, root: Path) -> None:
    again = registry.train_or_load(
        "cnn", "digits", seed=1, root=root, on_batch=never, on_epoch=never, **NUMBERS
    )
    assert again == version
    assert len(version.id) == 12
    assert int(version.id, 16) > 0
    assert [path.name for path in version.path.parent.iterdir()] == [version.id]


@pytest.mark.parametrize(
    "change",
    [{"seed": 2}, {"epochs": 2}, {"batch_size": 32}, {"num_images": 300}, {"augment": False}],
)
def test_other_settings_are_another_version(
    version: ModelVersion, root: Path, change: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert trains(root, monkeypatch, **change)


def test_other_code_is_another_version(
    version: ModelVersion, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not trains(root, monkeypatch)

    def other_augmentation(*_: object, **__: object) -> None: ...

    monkeypatch.setattr(augmentation, "augmented", other_augmentation)
    assert trains(root, monkeypatch)


def test_other_images_under_the_same_name_are_another_version(
    version: ModelVersion, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = DIGITS.train_images.copy()
    pixels[0, 0, 0, 0] ^= 1
    monkeypatch.setattr(datasets, "load", lambda name: replace(DIGITS, train_images=pixels))
    assert trains(root, monkeypatch)


def trains(root: Path, monkeypatch: pytest.MonkeyPatch, **change: object) -> bool:
    """Whether these settings would be trained, seed 1 and `NUMBERS` unless changed."""

    class Trained(Exception):
        pass

    def train(*_: object, **__: object) -> None:
        raise Trained

    with monkeypatch.context() as patch:
        # The code's hash is that of the functions as they are.
        code = registry.code_version(architectures.build_cnn)
        patch.setattr(registry, "code_version", lambda _: code)
        patch.setattr(training, "train", train)
        try:
            registry.train_or_load("cnn", "digits", root=root, **{"seed": 1, **NUMBERS, **change})
        except Trained:
            return True
        return False


@pytest.mark.parametrize("name", ["model.keras", "history.json", "validation.npz", "version.json"])
def test_a_version_that_lacks_a_file_says_which(copy: Path, tmp_path: Path, name: str) -> None:
    (copy / name).unlink()
    for ask in (
        lambda: registry.train_or_load("cnn", "digits", seed=1, root=tmp_path, **NUMBERS),
        lambda: registry.find_version(copy.name, root=tmp_path),
    ):
        with pytest.raises(VersionError) as raised:
            ask()
        assert f"{copy} is damaged: {name} is missing" in str(raised.value)
        assert "Delete that directory and train again" in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"metrics": 3}', b"\xff\xfe"])
def test_a_version_that_cannot_be_read_says_so(copy: Path, tmp_path: Path, content: bytes) -> None:
    (copy / "version.json").write_bytes(content)
    with pytest.raises(VersionError, match=r"damaged: version\.json or history\.json cannot be"):
        registry.find_version(copy.name, root=tmp_path)
    with pytest.warns(UserWarning, match="is damaged"):
        assert registry.list_versions(tmp_path) == []


def test_changed_weights_are_not_loaded(copy: Path, tmp_path: Path) -> None:
    found = registry.find_version("cnn", root=tmp_path)
    weights = bytearray((copy / "model.keras").read_bytes())
    weights[len(weights) // 2] ^= 1
    (copy / "model.keras").write_bytes(weights)
    with pytest.raises(VersionError, match=r"model\.keras is not what was saved"):
        found.load()
    arrays = (copy / "validation.npz").read_bytes()
    (copy / "validation.npz").write_bytes(arrays[:-10])
    with pytest.raises(VersionError, match=r"validation\.npz is not what was saved"):
        found.validation()


def test_a_version_under_anothers_name_is_not_taken_for_it(copy: Path, tmp_path: Path) -> None:
    copy.rename(copy.with_name("0" * 12))
    with pytest.raises(VersionError, match=r"version\.json is that of"):
        registry.find_version("0" * 12, root=tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("untrained")
def test_a_save_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(saved_model.np, "savez", full)
    with pytest.raises(OSError, match="No space left"):
        registry.train_or_load("cnn", "digits", root=tmp_path, **NUMBERS)
    assert files(tmp_path) == []


@pytest.mark.slow
@pytest.mark.filterwarnings("error:The model version:UserWarning")
def test_what_an_ended_process_left_half_written_is_no_version(
    version: ModelVersion, tmp_path: Path
) -> None:
    """A process that is killed while it saves."""
    program = (
        "import os, sys\n"
        "from imageclass.models import architectures, registry, saved_model, training\n"
        "code = registry.code_version(architectures.build_cnn)\n"
        "registry.code_version = lambda _: code\n"
        "training.train = lambda *a, **k: []\n"  # it does not live long enough to need one
        "saved_model.np.savez = lambda *a, **k: os._exit(9)\n"
        f"registry.train_or_load('cnn', 'digits', seed=1, root=sys.argv[1], **{NUMBERS})\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], timeout=120)
    assert done.returncode == 9
    assert any(name.endswith("model.keras") for name in files(tmp_path))
    assert registry.list_versions(tmp_path) == []
    with pytest.raises(VersionError, match="There are: none"):
        registry.find_version("cnn", root=tmp_path)
    # And it is in nobody's way; what another process trains is the same.
    made = registry.train_or_load("cnn", "digits", seed=1, root=tmp_path, **NUMBERS)
    assert made.id == version.id
    assert made.hashes["history.json"] == version.hashes["history.json"]


@pytest.mark.slow
@pytest.mark.usefixtures("untrained")
def test_two_who_train_the_same_leave_one_version(tmp_path: Path) -> None:
    inner: list[ModelVersion] = []

    def somebody_else_is_faster(_: training.Epoch) -> None:
        inner.append(registry.train_or_load("cnn", "digits", root=tmp_path, **NUMBERS))

    outer = registry.train_or_load(
        "cnn", "digits", root=tmp_path, on_epoch=somebody_else_is_faster, **NUMBERS
    )
    assert inner == [outer]
    assert registry.list_versions(tmp_path) == [outer]
    assert len(files(tmp_path)) == 4
    assert [path.name for path in outer.path.parent.iterdir()] == [outer.id]


def test_versions_are_found_by_id_and_by_name_the_newest_first(
    version: ModelVersion, copy: Path, tmp_path: Path
) -> None:
    newer = copy.with_name("f" * 12)
    newer.mkdir()
    for file in copy.iterdir():
        (newer / file.name).write_bytes(file.read_bytes())
    about = json.loads((newer / "version.json").read_text())
    about |= {"id": newer.name, "created": "2999-01-01T00:00:00+00:00"}
    (newer / "version.json").write_text(json.dumps(about))
    assert [found.id for found in registry.list_versions(tmp_path)] == [version.id, newer.name]
    assert registry.find_version("cnn", root=tmp_path).id == newer.name
    assert registry.find_version("cnn", "digits", tmp_path).id == newer.name
    assert registry.find_version(version.id, root=tmp_path).path == copy
    with pytest.raises(VersionError) as raised:
        registry.find_version("cnn", "fashion-mnist", tmp_path)
    assert f"cnn {version.id} (digits)" in str(raised.value)


def test_the_place_is_the_persons_or_the_environments(
    version: ModelVersion, copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOSSHUB_MODELS", str(tmp_path))
    assert registry.find_version("cnn").path == copy
    monkeypatch.delenv("MOSSHUB_MODELS")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert registry.list_versions() == []
    with pytest.raises(VersionError, match=str(tmp_path / "home" / "models")):
        registry.find_version("cnn")


def test_nothing_is_trained_that_the_disk_limit_leaves_no_room_for(
    version: ModelVersion, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = tmp_path / "full"
    monkeypatch.setenv("MOSSHUB_DISK_FULL", str(full))
    monkeypatch.setattr(registry, "_train_and_save", never)
    full.touch()
    with pytest.raises(OSError, match=r"cnn is not trained.*Delete what you no longer need"):
        registry.train_or_load("cnn", "digits", seed=2, root=root, **NUMBERS)
    loaded = registry.train_or_load("cnn", "digits", seed=1, root=root, **NUMBERS)
    assert loaded.id == version.id  # it is there already


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The team's folder, and an own directory without a version."""
    (tmp_path / "team" / "everybody").mkdir(parents=True)
    monkeypatch.setenv("MOSSHUB_TEAM", str(tmp_path / "team"))
    monkeypatch.setenv(registry.ROOT_VARIABLE, str(tmp_path / "own"))
    return tmp_path / "team"


def test_a_shared_version_is_found_by_everybody(version: ModelVersion, team: Path) -> None:
    with pytest.raises(VersionError, match="There are: none"):
        registry.find_version("cnn")
    place = registry.share_version(version)
    assert place == team / "everybody" / "models" / "digits" / "cnn" / version.id
    assert registry.share_version(version) == place, "it is there already"
    assert [found.path for found in registry.list_team_versions()] == [place]
    assert registry.list_versions() == []
    for sought in ("cnn", version.id):
        found = registry.find_version(sought, "digits")
        assert found.path == place
        assert found.load().count_params() == version.parameters
    with pytest.raises(VersionError):  # whoever names a directory means no other
        registry.find_version("cnn", root=team.parent / "own")


def test_nothing_is_shared_while_the_teams_folder_is_full(
    version: ModelVersion, team: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = tmp_path / "team-full"
    full.touch()
    monkeypatch.setenv(disk_limit.TEAM_VARIABLE, str(full))
    with pytest.raises(OSError, match="cnn is not shared: the team's folder"):
        registry.share_version(version)
    full.unlink()
    assert registry.share_version(version).is_dir()


def test_nothing_is_shared_through_a_link(version: ModelVersion, team: Path) -> None:
    (team / "everybody" / "models").symlink_to(team.parent)
    for part, why in (("everybody", "leads out"), ("nobody", "no part"), ("..", "no part")):
        with pytest.raises(VersionError, match=why):
            registry.share_version(version, part)
    assert not (team.parent / "digits").exists()


def test_a_pipe_among_the_teams_versions_holds_nobody_up(team: Path) -> None:
    place = team / "everybody" / "models" / "digits" / "cnn" / "0"
    place.mkdir(parents=True)
    os.mkfifo(place / "version.json")
    with pytest.warns(UserWarning, match=r"version\.json is missing"):
        assert registry.list_team_versions() == []


def test_a_shared_model_runs_no_code(version: ModelVersion, team: Path) -> None:
    import keras

    place = registry.share_version(version)
    about = json.loads((place / "version.json").read_text())

    def becomes(model: keras.Model, kind: str) -> ModelVersion:
        model.save(place / f"model{kind}")
        (place / f"model{kind}").rename(place / "model.keras")
        about["hashes"]["model.keras"] = saved_model._hash_of_file(place / "model.keras")
        (place / "version.json").write_text(json.dumps(about))
        return registry.find_version(version.id)

    runs = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x + 1)])
    with pytest.raises(ValueError, match=r"safe_mode|Lambda"):
        becomes(runs, ".keras").load()
    with pytest.raises(VersionError, match="not Keras' format"):
        becomes(runs, ".h5").load()
