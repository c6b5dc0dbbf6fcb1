"""Outcomes of a run: what a strategy needs, and what it leaves alone."""

import pytest
from imageclass.evaluation.ensembles import NEED_VALIDATION, STRATEGIES
from imageclass.runs import outcomes

from tests.support.runs import ANT, BEE, make_run

RUN = make_run([0, 1], {"a": [ANT, BEE], "b": [BEE, None]})


def test_an_unknown_strategy_is_named_with_those_there_are() -> None:
    outcomes.decide(RUN, "soft vote")  # the near miss
    with pytest.raises(ValueError, match=r"no strategy 'softvote'\. There are: .*soft vote"):
        outcomes.decide(RUN, "softvote")


@pytest.mark.parametrize("strategy", sorted(set(STRATEGIES) - NEED_VALIDATION))
def test_validation_data_are_looked_at_only_where_needed(strategy: str) -> None:
    broken = {"a": (ANT, ANT)}
    assert outcomes.decide(RUN, strategy, broken).equals(outcomes.decide(RUN, strategy))


def test_each_agents_predictions_are_an_outcome_too() -> None:
    found = outcomes.by_agent(RUN)
    assert found["a"].columns == outcomes.decide(RUN, "soft vote").columns
    assert {agent: frame["predicted"].to_list() for agent, frame in found.items()} == {
        "a": [0, 1],
        "b": [1],
    }
    assert outcomes.compare(found["a"], found["b"]).only_first == 1  # only q0 is in both
