"""Labels from folders."""

from __future__ import annotations

import pytest
from imageclass.cli import labels
from imageclass.cli.errors import CommandError


def test_labels_of_a_known_data_set_follow_its_classes() -> None:
    names = ["ankle boot/1.png", "t-shirt_TOP/deep/2.png", "Bag/3.png"]
    found, classes = labels.from_folders(names, "fashion-mnist")
    assert found == dict(zip(names, (9, 0, 8), strict=True))
    assert classes[9] == "Ankle boot"
    with pytest.raises(CommandError, match=r"hat, sock is no class of fashion-mnist.*Trouser"):
        labels.from_folders(["sock/1.png", "hat/1.png", "bag/1.png"], "fashion-mnist")


def test_labels_of_any_other_are_the_folders_by_name() -> None:
    found, classes = labels.from_folders(["dog/1.png", "cat/1.png", "dog/2.png"], "")
    assert classes == ("cat", "dog")
    assert found == {"dog/1.png": 1, "cat/1.png": 0, "dog/2.png": 1}
    with pytest.raises(CommandError, match=r"lost\.png is in no folder named after a class"):
        labels.from_folders(["dog/1.png", "lost.png"], "")
