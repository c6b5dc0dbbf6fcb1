"""What the page that waits for a server is told."""

import asyncio

from hub.spawners.progress import ProgressMixin, SpawnError


def test_stages_and_the_remark_on_the_broker_are_each_told_once() -> None:
    async def story() -> list[dict]:
        spawner = ProgressMixin()
        told = []
        async for event in spawner.progress():
            told.append(event)
            if len(told) == 1:
                spawner.stage = (15, "Preparing your container …")
            elif len(told) == 2:
                spawner.broker_note = "The broker is away."
            elif len(told) == 3:
                spawner.stage = (60, "Starting your editor …")
            elif len(told) == 4:
                break
        return told

    assert asyncio.run(asyncio.wait_for(story(), 30)) == [
        {"progress": 0, "message": "Waiting for a place …"},
        {"progress": 15, "message": "Preparing your container …"},
        {"message": "The broker is away."},
        {"progress": 60, "message": "Starting your editor …"},
    ]


def test_a_reason_is_escaped_where_it_has_no_html_of_its_own() -> None:
    error = SpawnError("There is no image '<b>'.", reason="unoffered")
    assert error.jupyterhub_message == "There is no image '<b>'."
    assert error.jupyterhub_html_message == "There is no image &#x27;&lt;b&gt;&#x27;."
