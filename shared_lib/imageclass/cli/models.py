"""`imageclass models`: list the trained versions on this machine."""

import argparse
import warnings

from imageclass.cli import output
from imageclass.models.registry import ROOT_VARIABLE, list_team_versions, list_versions


def run(arguments: argparse.Namespace) -> None:
    """List the user's own versions and the team's, the oldest first of each."""
    with warnings.catch_warnings(record=True) as damaged:
        warnings.simplefilter("always")
        versions = [*list_versions(), *list_team_versions()]
    for warning in damaged:
        output.say(str(warning.message))
    if arguments.json:
        output.document(
            [
                {
                    "name": version.name,
                    "id": version.id,
                    "dataset": version.dataset,
                    "accuracy": version.metrics.accuracy,
                    "parameters": version.parameters,
                    "created": version.created,
                    "path": str(version.path),
                }
                for version in versions
            ]
        )
    elif versions:
        output.table(
            "",
            ("model", "id", "data set", "accuracy", "parameters", "created"),
            (
                (
                    v.name,
                    v.id,
                    v.dataset,
                    f"{v.metrics.accuracy:.2%}",
                    f"{v.parameters:,}",
                    v.created,
                )
                for v in versions
            ),
        )
    else:
        output.say(
            "There are no trained versions here. train.py or imageclass.train_or_load"
            f" makes one; {ROOT_VARIABLE} names the directory to look in (~/models without it)."
        )
