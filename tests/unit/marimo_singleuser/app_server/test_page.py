"""The bar above an app: its scripts read it, so it names the viewer to no app that is not told."""

from dataclasses import replace
from pathlib import Path

import pytest
from marimo_singleuser.app_server.page import add_frame, viewer_mark
from mosshub_contract.apps import AppCard

from tests.support.singleuser_settings import settings_in

MARIMOS = b"<html><head></head><body><div id='root'></div></body></html>"
CARD = AppCard("peek", "Peek", "peek.py", audience=("linus",))


@pytest.mark.parametrize("tells", [False, True])
def test_the_page_names_its_viewer_only_if_the_app_is_told(tmp_path: Path, tells: bool) -> None:
    settings = settings_in(tmp_path, MOSSHUB_APP="peek")
    card = replace(CARD, tells_viewer=tells)
    page = add_frame(MARIMOS, settings, card, "linus").decode()
    assert ("linus" in page) is tells
    assert f'data-mark="{viewer_mark(settings, "linus")}"' in page


def test_a_mark_is_each_viewers_own_and_a_servers(tmp_path: Path) -> None:
    one, other = (
        settings_in(tmp_path, MOSSHUB_APP="peek", JUPYTERHUB_API_TOKEN=token) for token in "ab"
    )
    marks = {viewer_mark(one, "linus"), viewer_mark(one, "grace"), viewer_mark(other, "linus")}
    assert len(marks) == 3
    assert viewer_mark(one, "linus") in marks
