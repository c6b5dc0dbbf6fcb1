"""Image classification streamed through Apache Kafka.

The names below are the public face of this package: they stay when the modules behind them move,
so notebooks and people import from here. Each is loaded at its first use, so `import imageclass`
takes no time and no TensorFlow.

    from imageclass import Judge, connect_or_start, start_agent, train_or_load
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imageclass.agents.agent import Agent
    from imageclass.agents.registry import running_agents, start_agent, stop_agent
    from imageclass.charts import live as live_charts
    from imageclass.charts import runs as run_charts
    from imageclass.charts import training as training_charts
    from imageclass.data import datasets
    from imageclass.evaluation import calibration, ensembles, statistics
    from imageclass.kafka.connection import Connection, NoBroker, connect
    from imageclass.kafka.credentials import read_account
    from imageclass.kafka.inspect import list_lags, list_topics, peek, tail
    from imageclass.kafka.live_agents import list_agents, wait_until_seen
    from imageclass.kafka.publisher import PublishError
    from imageclass.models import training
    from imageclass.models.architectures import MODELS, ModelError
    from imageclass.models.classifier import Classifier, CompiledClassifier
    from imageclass.models.registry import (
        ModelVersion,
        VersionError,
        find_version,
        list_team_versions,
        list_versions,
        share_version,
        train_or_load,
    )
    from imageclass.notebook import (
        busy,
        connect_notebook,
        connect_or_start,
        grid,
        is_headless,
        placeholder,
        show_errors,
        show_table,
    )
    from imageclass.runs import classify, export, outcomes, tables, tie_break
    from imageclass.runs import replay as dead_letters
    from imageclass.runs.calibrate import calibrate
    from imageclass.runs.judge import Judge
    from imageclass.runs.live import watch
    from imageclass.runs.run import Run

# Public name: (module, name in it); without a name it is the module itself.
_FACE: dict[str, tuple[str, str]] = {
    "Agent": ("agents.agent", "Agent"),
    "Classifier": ("models.classifier", "Classifier"),
    "CompiledClassifier": ("models.classifier", "CompiledClassifier"),
    "Connection": ("kafka.connection", "Connection"),
    "Judge": ("runs.judge", "Judge"),
    "MODELS": ("models.architectures", "MODELS"),
    "ModelError": ("models.architectures", "ModelError"),
    "ModelVersion": ("models.registry", "ModelVersion"),
    "NoBroker": ("kafka.connection", "NoBroker"),
    "PublishError": ("kafka.publisher", "PublishError"),
    "Run": ("runs.run", "Run"),
    "VersionError": ("models.registry", "VersionError"),
    "busy": ("notebook", "busy"),
    "calibrate": ("runs.calibrate", "calibrate"),
    "calibration": ("evaluation.calibration", ""),
    "classify": ("runs.classify", ""),
    "connect": ("kafka.connection", "connect"),
    "connect_notebook": ("notebook", "connect_notebook"),
    "connect_or_start": ("notebook", "connect_or_start"),
    "datasets": ("data.datasets", ""),
    "dead_letters": ("runs.replay", ""),
    "ensembles": ("evaluation.ensembles", ""),
    "export": ("runs.export", ""),
    "find_version": ("models.registry", "find_version"),
    "grid": ("notebook", "grid"),
    "is_headless": ("notebook", "is_headless"),
    "list_agents": ("kafka.live_agents", "list_agents"),
    "list_lags": ("kafka.inspect", "list_lags"),
    "list_topics": ("kafka.inspect", "list_topics"),
    "list_team_versions": ("models.registry", "list_team_versions"),
    "list_versions": ("models.registry", "list_versions"),
    "live_charts": ("charts.live", ""),
    "outcomes": ("runs.outcomes", ""),
    "peek": ("kafka.inspect", "peek"),
    "placeholder": ("notebook", "placeholder"),
    "read_account": ("kafka.credentials", "read_account"),
    "run_charts": ("charts.runs", ""),
    "running_agents": ("agents.registry", "running_agents"),
    "share_version": ("models.registry", "share_version"),
    "show_errors": ("notebook", "show_errors"),
    "show_table": ("notebook", "show_table"),
    "start_agent": ("agents.registry", "start_agent"),
    "statistics": ("evaluation.statistics", ""),
    "stop_agent": ("agents.registry", "stop_agent"),
    "tables": ("runs.tables", ""),
    "tail": ("kafka.inspect", "tail"),
    "tie_break": ("runs.tie_break", ""),
    "train_or_load": ("models.registry", "train_or_load"),
    "training": ("models.training", ""),
    "training_charts": ("charts.training", ""),
    "wait_until_seen": ("kafka.live_agents", "wait_until_seen"),
    "watch": ("runs.live", "watch"),
}

__all__ = sorted(_FACE)


def __getattr__(name: str) -> Any:
    try:
        module_name, attribute = _FACE[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    module = importlib.import_module(f"{__name__}.{module_name}")
    value = getattr(module, attribute) if attribute else module
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_FACE})
