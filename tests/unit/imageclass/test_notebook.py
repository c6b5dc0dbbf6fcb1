"""The help for notebooks: the connection cell and the plain table."""

import marimo
import polars as pl
import pytest
from imageclass import notebook
from imageclass.kafka.connection import NoBroker
from imageclass.models.saved_model import VersionError
from imageclass.notebook import connect_notebook, grid, is_headless, placeholder, show_table
from kafka.errors import KafkaTimeoutError, TopicAuthorizationFailedError

FRAME = pl.DataFrame({"name": ["cnn"], "accuracy": [0.5]})


@pytest.fixture
def edited(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in marimo's editor: somebody is there to press buttons."""
    monkeypatch.setattr(notebook, "is_headless", lambda mode: False)


@pytest.mark.parametrize(
    ("mode", "variable", "expected"),
    [
        ("edit", "", False),
        ("run", "", False),
        ("script", "", True),
        (None, "", True),
        ("edit", "1", True),
    ],
)
def test_headless_is_all_but_an_open_page(
    monkeypatch: pytest.MonkeyPatch, mode: str | None, variable: str, expected: bool
) -> None:
    monkeypatch.setenv("IMAGECLASS_HEADLESS", variable)
    assert is_headless(mode) is expected


def connecting_app() -> marimo.App:
    app = marimo.App()

    @app.cell
    def _():
        from imageclass.notebook import connect_notebook

        connection = connect_notebook(retry="Then load this page.")
        return (connection,)

    @app.cell
    def _(connection):
        used = connection
        return (used,)

    return app


def test_without_a_broker_the_cell_stops_with_a_callout(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setattr(notebook, "_HEADLESS_TIMEOUT_S", 0.1)
    monkeypatch.setattr(notebook, "_INTERACTIVE_TIMEOUT_S", 0.1)
    outputs, definitions = connecting_app().run()
    shown = outputs[0].text
    assert "The broker at 127.0.0.1:1 does not answer." in shown
    assert "Then load this page." in shown
    assert not {"connection", "used"} & definitions.keys()
    assert "127.0.0.1:1 does not answer" in capsys.readouterr().out, "a script says so too"

    monkeypatch.setattr(notebook, "is_headless", lambda mode: False)
    outputs, _ = connecting_app().run()
    assert "Then load this page." in outputs[0].text
    assert "The broker is away" in outputs[0].text
    assert "does not answer" not in capsys.readouterr().out


def failing_app(monkeypatch: pytest.MonkeyPatch, error: Exception) -> marimo.App:
    """Return an app whose cell fails in this way when it connects."""

    def connect() -> None:
        raise error

    monkeypatch.setattr(notebook, "connect", connect)
    app = marimo.App()

    @app.cell
    def _():
        import marimo as mo
        from imageclass import notebook
        from imageclass.kafka.connection import NoBroker
        from imageclass.models.saved_model import VersionError
        from imageclass.notebook import busy, show_errors

        with (
            busy("Sending …"),
            show_errors(NoBroker, VersionError, button=mo.ui.button(label="Go")),
        ):
            notebook.connect()

    return app


def test_an_error_is_shown_below_the_button_for_another_try(
    edited: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    (shown,) = (
        output.text
        for output in failing_app(monkeypatch, NoBroker("<b>Nobody</b> is there.")).run()[0]
    )
    assert shown.index("Go") < min(shown.index("The broker is away"), shown.index("Nobody"))
    assert "When it is back, press the button again." in shown
    assert "<b>" not in shown, "an error is text, whoever wrote it"
    (shown,) = (
        output.text for output in failing_app(monkeypatch, VersionError("It is damaged.")).run()[0]
    )
    assert "It is damaged. Then press the button again." in shown
    assert "away" not in shown
    # A client notices by itself that the broker is gone, between two connections.
    (shown,) = (output.text for output in failing_app(monkeypatch, KafkaTimeoutError()).run()[0])
    assert "The broker is away" in shown
    assert "stopped answering (KafkaTimeoutError). When it is back, press the button" in shown
    with pytest.raises(TopicAuthorizationFailedError):
        failing_app(monkeypatch, TopicAuthorizationFailedError()).run()
    with pytest.raises(ZeroDivisionError):
        failing_app(monkeypatch, ZeroDivisionError()).run()
    assert not capsys.readouterr().out


def test_a_script_prints_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    failing_app(monkeypatch, NoBroker("Nobody is there.")).run()
    assert "Nobody is there." in capsys.readouterr().out


def test_a_grid_keeps_what_is_in_it_and_columns_that_fit_a_phone(edited: None) -> None:
    text = grid([placeholder("Not **yet**."), marimo.ui.slider(0, 9)], min_width=420).text
    assert "minmax(min(100%, 420px), 1fr)" in text
    assert "<strong>yet</strong>" in text
    assert "marimo-slider" in text


@pytest.mark.parametrize("start_broker", [False, True])
def test_a_broker_is_started_only_where_that_was_said(
    monkeypatch: pytest.MonkeyPatch, edited: None, start_broker: bool
) -> None:
    called = []
    monkeypatch.setattr(notebook, "connect", lambda **options: called.append(("set", options)))
    monkeypatch.setattr(
        notebook, "connect_or_start", lambda **options: called.append(("started", options))
    )
    connect_notebook(start_broker=start_broker)
    [(how, options)] = called
    assert how == ("started" if start_broker else "set")
    assert options["timeout"] == 120


def test_a_table_is_plain(edited: None) -> None:
    table = show_table(FRAME, formats={"accuracy": "{:.1%}"})
    arguments = table._component_args
    assert arguments["selection"] is None
    off = ("show-column-summaries", "show-data-types", "show-download", "show-search")
    assert {name: arguments[name] for name in off} == dict.fromkeys(off, False)
    assert "50.0%" in str(arguments["data"])


def test_its_rows_can_be_chosen_and_its_settings_changed(edited: None) -> None:
    table = show_table(FRAME, selection="multi", search=True, initial_selection=[0])
    assert table._component_args["show-search"] is True
    assert table.value.rows() == FRAME.rows()
    shown = show_table(FRAME, show_download=True)
    assert shown._component_args["show-download"] is True


def test_headless_shows_the_rows_themselves_unless_they_can_be_chosen() -> None:
    assert show_table(FRAME) is FRAME
    assert show_table(FRAME, selection="single").value.is_empty()
