"""A real Prometheus that asks the parts of conftest.py."""

from __future__ import annotations

import subprocess
from pathlib import Path

import requests
import yaml
from mosshub_contract.ports import free_port
from mosshub_contract.processes import die_with_parent

from tests.local.watch.conftest import TOKEN, Watched
from tests.support.paths import DOCKER


class RunningPrometheus:
    """Debian's Prometheus with our configuration; only addresses and the interval differ."""

    def __init__(self, directory: Path, parts: Watched) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        (directory / "token").write_text(TOKEN)
        settings = yaml.safe_load((DOCKER / "monitoring/prometheus.yaml").read_text())
        settings["global"] = {"scrape_interval": "2s", "evaluation_interval": "2s"}
        settings["rule_files"] = [str(DOCKER / "monitoring/rules.yaml")]
        targets = {
            "hub": f"127.0.0.1:{parts.hub.hub_port}",
            "proxy": f"127.0.0.1:{parts.proxy_port}",
            "watch": f"127.0.0.1:{parts.watch_port}",
        }
        for job in settings["scrape_configs"]:
            job["static_configs"] = [{"targets": [targets.pop(job["job_name"])]}]
            if "authorization" in job:
                job["authorization"]["credentials_file"] = str(directory / "token")
        assert not targets
        (directory / "prometheus.yaml").write_text(yaml.safe_dump(settings))
        self.log = directory / "prometheus.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={directory / 'prometheus.yaml'}",
                    f"--storage.tsdb.path={directory / 'tsdb'}",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                ],
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent(),
            )

    def query(self, expression: str) -> list[dict]:
        """Return the result of a query now."""
        answer = requests.get(
            f"{self.url}/api/v1/query", params={"query": expression}, timeout=30
        ).json()
        assert answer["status"] == "success", (expression, answer)
        return answer["data"]["result"]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()
