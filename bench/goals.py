"""What must hold, by the measures of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """A ratio that must hold.

    Attributes:
        measure: what is compared, a key of `catalogue.MEASURES`.
        subject: who must be good.
        limit: the ratio, or the figure itself where there is no reference.
        reference: whose figure is the divisor; empty for none.
        reference_measure: the divisor's measure, if it is another.
        at_least: whether the ratio must be so large, instead of so small.
        percentile: which figure of each is compared.
    """

    measure: str
    subject: str
    limit: float
    reference: str = ""
    reference_measure: str = ""
    at_least: bool = False
    percentile: int = 50


GOALS = (
    Goal("stopped", "mosshub", 0.25, "extension"),
    Goal("running", "mosshub", 0.3, "extension"),
    Goal("notebook", "mosshub", 0.6, "proxy"),
    Goal("slow_home", "mosshub", 2),
    Goal("slow_notebook", "mosshub", 1 / 3, "extension"),
    Goal("idle", "server", 0.65, "extension"),
    Goal("first_call", "mosshub", 0.5, "plain"),
    Goal("crowd", "mosshub", 0.33, "extension", percentile=95),
    Goal("crowd_failed", "mosshub", 0),
    Goal("share", "32x32x3", 0.9, at_least=True),
    Goal("share", "28x28x1", 0.9, at_least=True),
    Goal("agent", "32x32x3", 500, "32x32x3", "one_by_one", at_least=True),
    Goal("agent", "28x28x1", 500, "28x28x1", "one_by_one", at_least=True),
)
