"""The notebooks as apps: what a customer would see, and two who watch one dashboard."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from embedded_kafka import EmbeddedBroker
from imageclass.agents import registry
from imageclass.data import datasets
from imageclass.kafka.connection import Connection, connect
from imageclass.runs import outcomes, replay
from imageclass.runs.judge import Judge
from PIL import Image
from playwright.sync_api import BrowserContext, Page, expect
from sklearn.linear_model import LogisticRegression

from tests.support.kernels import MarimoServer
from tests.support.paths import NOTEBOOKS
from tests.support.waiting import TIMEOUT_FACTOR, wait_until

MINUTE = 60_000 * TIMEOUT_FACTOR
#: Of each app its title, and words that show that it ran through.
SHOWS = {
    "image_class": ("Image classification over Kafka", "Press Train"),
    "train": ("Train networks", "Press Train"),
    "stream": ("Agents at work", "Train three small networks on digits"),
    "upload": ("Your own images", "No images are chosen yet"),
    "live_dashboard": ("Live dashboard", "Running accuracy"),
    "topics": ("Topics", "ada.agent.resnet"),
}


class Regression:
    """Quick to teach, and about as good as a small network."""

    image_shape = (8, 8, 1)

    def __init__(self, images: int) -> None:
        digits = datasets.load("digits")
        flat = digits.train_images[:images].reshape(images, -1) / 255
        self._model = LogisticRegression(max_iter=500).fit(flat, digits.train_labels[:images])

    def __call__(self, images: np.ndarray) -> np.ndarray:
        return self._model.predict_proba(images.reshape(len(images), -1) / 255).astype(np.float32)


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A broker of this module's own, with two agents at work."""
    with EmbeddedBroker(tmp_path_factory.mktemp("kafka"), port=0, show=print) as broker:
        made = connect(broker.bootstrap_servers, "ada.")
        for name, images in (("cnn", 200), ("resnet", 500)):
            model = Regression(images)
            registry.start_agent(made, name, model, dataset="digits").wait_until_running()
        yield made
        for name in ("cnn", "resnet"):
            registry.stop_agent(made, name)


@pytest.fixture
def app(connection: Connection, tmp_path: Path) -> Iterator[Callable[[str], MarimoServer]]:
    """Publish a notebook as an app."""
    running: list[MarimoServer] = []

    def publish(name: str, prefix: str = "ada.") -> MarimoServer:
        environment = {
            "KAFKA_BOOTSTRAP_SERVERS": connection.bootstrap_servers[0],
            "MOSSHUB_TOPIC_PREFIX": prefix,
            "MOSSHUB_MODELS": str(tmp_path / "models"),
        }
        copy = tmp_path / f"{name}.py"
        copy.write_text((NOTEBOOKS / f"{name}.py").read_text())
        running.append(MarimoServer(copy, "run", environment).__enter__())
        return running[-1]

    yield publish
    for server in running:
        server.__exit__()


def send(connection: Connection, images: int) -> str:
    """Send a run, announce each verdict as soon as it is there; returns the run's id."""
    with Judge(connection, ["cnn", "resnet"]) as judge:
        run = judge.publish(datasets.load("digits"), images, seed=1)
        run = judge.collect(
            run,
            on_complete=lambda part: judge.announce(
                part, outcomes.decide(part, "soft vote"), "soft vote"
            ),
        )
    assert not run.missing
    return run.run_id


def without_errors(page: Page) -> None:
    assert page.locator(".marimo-error").count() == 0
    assert "Traceback" not in page.inner_text("body")
    # An app shows no code.
    assert page.locator(".cm-editor").count() == 0


@pytest.mark.parametrize("name", SHOWS)
def test_as_an_app(
    name: str,
    app: Callable[[str], MarimoServer],
    connection: Connection,
    profile: Callable[..., BrowserContext],
    picture: Callable[[Page, str], None],
) -> None:
    if name in ("live_dashboard", "topics"):
        send(connection, 50)
    page = profile().new_page()
    page.goto(app(name).url)
    title, ready = SHOWS[name]
    page.get_by_role("heading", name=title, exact=True).wait_for(timeout=3 * MINUTE)
    page.get_by_text(ready).first.wait_for(timeout=3 * MINUTE)
    without_errors(page)
    picture(page, f"app-{name}")


def test_two_who_watch_the_dashboard_do_not_disturb_each_other(
    app: Callable[[str], MarimoServer],
    connection: Connection,
    profile: Callable[..., BrowserContext],
    picture: Callable[[Page, str], None],
) -> None:
    earlier = send(connection, 60)
    address = app("live_dashboard").url
    one, other = (profile().new_page() for _ in range(2))
    for page in (one, other):
        page.set_viewport_size({"width": 1280, "height": 1300})
        page.goto(address)
        page.get_by_role("heading", name="Running accuracy").wait_for(timeout=3 * MINUTE)
    choice = 'marimo-dropdown:has-text("Watch") select'
    one.locator(choice).select_option(label=earlier[:8])
    send(connection, 300)
    # One stays with the run that was chosen there, the other follows the newest.
    expect_count(other, "300")
    expect_count(one, "60")
    assert other.locator(choice).evaluate("s => s.selectedOptions[0].label") == "the newest run"
    one.locator(choice).select_option(label="the newest run")
    expect_count(one, "300")
    expect_count(other, "300")
    groups = groups_of(connection)
    assert groups == {"ada.agent.cnn", "ada.agent.resnet"}, "watching joins no group"
    for page in (one, other):
        without_errors(page)
    # The page's last part says how many were answered: all above it is as new.
    answered = next(agent for agent in registry.running_agents() if agent.name == "cnn")
    expect(one.locator("tr", has_text="cnn").last).to_contain_text(
        f"{answered.status.answered:,}", timeout=3 * MINUTE
    )
    picture(one, "dashboard")


def expect_count(page: Page, number: str) -> None:
    expect(page.locator("marimo-stat").first).to_have_attribute(
        "data-value", json.dumps(number), timeout=3 * MINUTE
    )


def groups_of(connection: Connection) -> set[str]:
    with connection.admin() as admin:
        return {group["group_id"] for group in admin.list_groups()}


def test_own_pictures_are_answered(
    app: Callable[[str], MarimoServer],
    profile: Callable[..., BrowserContext],
    picture: Callable[[Page, str], None],
) -> None:
    page = profile().new_page()
    page.goto(app("upload").url)
    image = io.BytesIO()
    Image.fromarray(datasets.load("digits").test_images[0, ..., 0]).save(image, "PNG")
    noise = io.BytesIO()
    Image.effect_noise((64, 64), 80).save(noise, "JPEG")
    files = [
        {"name": "mine.png", "mimeType": "image/png", "buffer": image.getvalue()},
        {"name": "broken.png", "mimeType": "image/png", "buffer": b"no picture"},
        {"name": "torn.jpeg", "mimeType": "image/jpeg", "buffer": noise.getvalue()[:1500]},
    ]
    page.locator('input[type="file"]').first.set_input_files(files)  # type: ignore[arg-type]
    page.get_by_role("button", name="Send 3 images").click()
    page.get_by_text("broken.png was not sent").wait_for(timeout=3 * MINUTE)
    for agent in ("cnn", "resnet"):
        page.get_by_text(f"torn.jpeg is a dead letter of {agent}: undecodable").wait_for()
        page.get_by_text(re.compile(rf"{agent}: .*confidence \d+%")).first.wait_for(
            timeout=3 * MINUTE
        )
    without_errors(page)
    picture(page, "app-uploaded")


def test_pictures_are_answered_by_an_agent_started_there(
    app: Callable[..., MarimoServer], profile: Callable[..., BrowserContext]
) -> None:
    page = profile().new_page()
    page.goto(app("upload", prefix="alone.").url)
    page.get_by_text("No agent is at work").wait_for(timeout=3 * MINUTE)
    page.get_by_role("button", name="Start an agent here").click()
    page.get_by_text("cnn, trained on digits").wait_for(timeout=3 * MINUTE)
    page.get_by_text("Add five test images as examples").click()
    page.get_by_role("button", name="Send 5 images").click()
    page.get_by_text(re.compile(r"cnn: .*confidence \d+%")).nth(4).wait_for(timeout=3 * MINUTE)
    without_errors(page)


def test_agents_are_changed_while_they_run(
    app: Callable[[str], MarimoServer],
    connection: Connection,
    profile: Callable[..., BrowserContext],
    picture: Callable[[Page, str], None],
) -> None:
    page = profile().new_page()
    page.goto(app("stream").url)
    page.get_by_role("button", name="Train three small networks on digits").click()
    page.locator("tr", has_text="second").first.wait_for(timeout=3 * MINUTE)
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_text("They disagree on").wait_for(timeout=3 * MINUTE)
    page.get_by_role("button", name="Start the canary").click()
    page.get_by_text("The canary answers 20% of the requests.").wait_for(timeout=3 * MINUTE)
    page.get_by_role("button", name="Promote the canary").click()
    page.get_by_text("now answers all requests with").wait_for(timeout=3 * MINUTE)
    page.get_by_role("button", name="Send three broken messages").click()
    page.get_by_text("are on their way").wait_for(timeout=3 * MINUTE)
    wait_until(
        lambda: {"first", "second"} <= {found.agent for found in replay.read(connection)},
        *(180, "dead letters of both agents"),
    )
    page.get_by_role("button", name="Show the dead letters").click()
    page.locator("tr", has_text="header 'version' is missing").first.wait_for(timeout=3 * MINUTE)
    again = page.get_by_role("button", name="Send the chosen ones again")
    again.click()  # it is answered after the look: from here on the table stays the same
    page.get_by_text("Choose dead letters in the table first").wait_for(timeout=3 * MINUTE)
    row = page.locator("tr", has_text="header 'version' is missing").first
    row.get_by_role("checkbox").first.click()
    again.click()
    page.get_by_text("1 sent again").wait_for(timeout=3 * MINUTE)
    without_errors(page)
    page.get_by_role("heading", name="Change them while they run").scroll_into_view_if_needed()
    picture(page, "stream")
