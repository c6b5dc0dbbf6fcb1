"""Write kubernetes/chart/values.schema.json: `make settings-docs`.

The values below `settings` come from the class of the settings, with their own descriptions. All
other values have the type of their default in values.yaml.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml
from mosshub_contract.topics import PARTITIONS
from pydantic import SecretStr

from hub.settings import Settings

CHART = Path(__file__).resolve().parent.parent / "kubernetes/chart"
SCHEMA = CHART / "values.schema.json"

#: Settings that the chart sets itself, or that mean nothing in a cluster.
NOT_OFFERED = {
    *("servers", "data_dir", "instance", "port", "kafka_port", "kafka_admin_server"),
    *("hub_port", "proxy_api_port", "node", "process_limit", "shared_data", "kafka_authority"),
}
#: Values that may only be some words or numbers.
_CHOICES: dict[str, list] = {
    "edge.tls": ["secret", "elsewhere", "none"],
    "edge.service.type": ["LoadBalancer", "NodePort", "ClusterIP"],
    "images.pullPolicy": ["IfNotPresent", "Always", "Never"],
    "kafka.replicas": [1, 3],
}
#: Values that Kubernetes itself describes: the chart hands them on.
_HANDED_ON = ("resources", "agentResources", "annotations", "nodeSelector")
_AGENT = {
    "type": "object",
    "required": ["name", "model", "claim", "min", "max", "lag"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$"},
        "model": {"type": "string", "minLength": 1},
        "claim": {"type": "string", "minLength": 1},
        "image": {"type": "string"},
        "min": {"type": "integer", "minimum": 1},
        "max": {"type": "integer", "minimum": 1, "maximum": PARTITIONS},
        "lag": {"type": "integer", "minimum": 1},
    },
}


def offered() -> list[str]:
    """Return the names of the settings that a chart's values may have."""
    secret = {n for n, f in Settings.model_fields.items() if isinstance(f.default, SecretStr)}
    secret -= {"database_url"}  # it has no password in it
    return [name for name in Settings.model_fields if name not in NOT_OFFERED | secret]


def setting(name: str) -> dict[str, Any]:
    """Return the schema of one setting.

    YAML may hold the text that an environment variable has, or a value of the setting's own kind.
    """
    field = Settings.model_fields[name]
    about = _schema_of(name)
    kinds = {part.get("type") for part in about} - {None, "null"}
    found: dict[str, Any] = {"description": field.description}
    if words := [word for part in about for word in part.get("enum", ())]:
        return found | {"enum": words}
    if "array" in kinds:
        return found | {"type": ["array", "string"], "items": {"type": "string"}}
    if "boolean" in kinds:
        return found | {"enum": [True, False, "yes", "no", ""]}
    if kinds & {"integer", "number"}:
        kind = "integer" if "integer" in kinds else "number"
        found |= {"pattern": "^[0-9]*$"} if kind == "integer" else {}
        limits = {k: v for p in about for k, v in p.items() if k in ("minimum", "maximum")}
        return found | {"type": [kind, "string"]} | limits
    patterns = {k: v for p in about for k, v in p.items() if k in ("pattern", "maxLength")}
    if "pattern" in patterns:  # an empty setting takes its default
        patterns["pattern"] = f"^$|{patterns['pattern']}"
    return found | {"type": "string"} | patterns


def _schema_of(name: str) -> list[dict[str, Any]]:
    about = Settings.model_json_schema()["properties"][name]
    return about.get("anyOf", [about])


def value(path: str, default: Any) -> dict[str, Any]:
    """Return the schema of a value that is not a setting.

    Args:
        path: its name with the names above it, such as `kafka.replicas`.
        default: what values.yaml has there.
    """
    name = path.rpartition(".")[2]
    if path in _CHOICES:
        return {"enum": _CHOICES[path]}
    if name in _HANDED_ON:
        return {"type": "object"}
    if isinstance(default, dict):
        below = {key: value(f"{path}.{key}", inner) for key, inner in default.items()}
        return {"type": "object", "additionalProperties": False, "properties": below}
    if isinstance(default, list):
        items = _AGENT if path == "agents" else {"type": "string"}
        return {"type": "array", "items": items}
    if isinstance(default, bool):
        return {"type": "boolean"}
    return {"type": "integer", "minimum": 0} if isinstance(default, int) else {"type": "string"}


def schema() -> str:
    """Return the schema of all values as the text of its file."""
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    properties = {name: value(name, default) for name, default in values.items()}
    properties["settings"] = {
        "type": "object",
        "description": "the settings of the platform: docs/settings.md",
        "additionalProperties": False,
        "properties": {name.upper(): setting(name) for name in offered()},
    }
    properties["global"] = {"type": "object"}  # Helm gives one to a chart below another
    top = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Values of the chart mosshub",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }
    return json.dumps(top, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(schema(), "utf-8")
    sys.exit(0)
