"""The alerts fire when they should: promtool from Debian's package prometheus says so."""

import json
import re
import runpy
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.local.watch.expressions import left_out, selectors, with_labels
from tests.support.paths import DOCKER

RULES = DOCKER / "monitoring/rules.yaml"
CASES = Path(__file__).with_name("rules_test.yaml")


def promtool(*arguments: str) -> str:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def alerts() -> set[str]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"] for group in groups for rule in group["rules"]}


def test_what_an_expression_reads_is_found() -> None:
    """`test_watch.py` looks for each of them in a Prometheus that runs."""
    quantile = 'histogram_quantile(0.95, sum by (le) (rate(a_bucket{b="c", d!~".*(E|F).*"}[5m])))'
    (found,) = selectors(f"{quantile} > 2")
    assert found == 'a_bucket{b="c", d!~".*(E|F).*"}'
    assert left_out(found) == ['a_bucket{d=~".*E.*"}', 'a_bucket{d=~".*F.*"}']
    rule = {"annotations": {"summary": "{{ $labels.user }}"}}
    assert with_labels(found, rule) == f'{found[:-1]}, d!="", user!=""}}'
    assert selectors("a - time() < 14 * 86400 unless on (x) b:c == 1") == ["a", "b:c"]


@pytest.mark.prometheus
def test_the_rules_are_well_formed() -> None:
    promtool("check", "rules", str(RULES))


@pytest.mark.prometheus
def test_each_alert_fires_when_it_should(tmp_path: Path) -> None:
    cases = tmp_path / "rules_test.yaml"
    cases.write_text(CASES.read_text().replace("RULES", str(RULES)))
    promtool("test", "rules", str(cases))


def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    tests = yaml.safe_load(CASES.read_text())["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == alerts()
    quiet = {case["alertname"] for case in cases if not case["exp_alerts"]}
    assert alerts() - quiet == {"LagGrows"}, "bob's group is in its case, and does not fire"


def test_the_manual_says_what_to_do_about_each_alert() -> None:
    page = (DOCKER.parent / "docs/watching.md").read_text()
    assert set(re.findall(r"(?m)^\| `([A-Z]\w+)` \|", page)) == alerts()


def test_the_dashboard_is_what_its_program_writes() -> None:
    folder = DOCKER / "monitoring/grafana/dashboards"
    written = runpy.run_path(str(folder / "write.py"))["text"]()
    assert (folder / "mosshub.json").read_text("utf-8") == written
    ids = [panel["id"] for panel in json.loads(written)["panels"]]
    assert len(set(ids)) == len(ids)


def test_grafana_finds_the_files_and_the_prometheus_that_it_is_told_of() -> None:
    folder = DOCKER / "monitoring/grafana"
    services = yaml.safe_load((DOCKER / "monitoring.yaml").read_text())["services"]
    grafana = services["grafana"]
    mounts = dict(volume.split(":")[:2][::-1] for volume in grafana["volumes"])
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    for place in (home, "/etc/grafana/provisioning/dashboards/provider.yaml"):
        assert (DOCKER / mounts[place]).is_file()
    assert (DOCKER / mounts["/etc/grafana/provisioning/datasources"]).samefile(
        folder / "datasources"
    )
    (provider,) = yaml.safe_load((folder / "dashboards/provider.yaml").read_text())["providers"]
    assert provider["options"]["path"] == str(Path(home).parent)
    (source,) = yaml.safe_load((folder / "datasources/prometheus.yaml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090" and "prometheus" in services
    assert set(grafana["networks"]) & set(services["prometheus"]["networks"])
    panels = json.loads((folder / "dashboards/mosshub.json").read_text())["panels"]
    for part in [p for panel in panels for p in (panel, *panel.get("targets", ()))]:
        if part.get("type") != "row":
            assert part["datasource"]["uid"] == source["uid"], part
    for panel in panels:
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
