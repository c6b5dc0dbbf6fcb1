"""What `make smoke` says when it cannot begin. Real installations: tests/local, tests/docker."""

import pytest

from smoke.__main__ import main


def test_an_authority_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOKEN", "any")
    assert main(["https://127.0.0.1:9", "--ca", "nowhere.crt"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("https://127.0.0.1:9 does not work. address: ")
    assert "nowhere.crt" in said
