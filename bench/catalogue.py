"""What is measured: titles, units, tables, and the goals."""

from __future__ import annotations

from dataclasses import dataclass

#: Who is measured, by key: how the report calls it.
SUBJECTS = {
    "extension": "JupyterLab's server with marimo's extension",
    "proxy": "marimo behind the standalone proxy",
    "marimo": "marimo alone, nobody signs in",
    "server": "Mosshub's server, JupyterHub as it comes",
    "mosshub": "Mosshub, server and hub",
    "plain": "plain `import tensorflow`",
    "process": "the same in a new process",
    "1": "1 person",
    "20": "20 people",
    "100": "100 people",
    "up to 4": "up to 4 run",
    "5 to 9": "5 to 9 run",
    "10 to 14": "10 to 14 run",
    "15 to 19": "15 to 19 run",
    "warm": "again",
    "cold": "the first time",
    "32x32x3": "CIFAR-10's 32×32×3",
    "28x28x1": "MNIST's 28×28×1",
    "0 active": "no server runs",
    "100 active": "100 run",
    "300 active": "300 run",
    "0 stream": "nobody",
    "50 stream": "50 people",
    "100 stream": "100 people",
    "200 stream": "200 people",
}


@dataclass(frozen=True)
class Measure:
    """One thing that is measured.

    Attributes:
        title: as the report calls it.
        unit: of its figures.
        digits: after the decimal point.
    """

    title: str
    unit: str
    digits: int = 2


MEASURES = {
    "stopped": Measure("click on sign-in → the notebooks, server stopped", "s"),
    "running": Measure("click on sign-in → the notebooks, server running", "s"),
    "notebook": Measure("opening a notebook → its first output", "s"),
    "slow_home": Measure("slow network: click on sign-in → the notebooks, server running", "s", 1),
    "slow_notebook": Measure("slow network: opening a notebook → its first output", "s", 1),
    "requests": Measure("requests from the click to the notebooks, server running", "", 0),
    "megabytes": Measure("received by then", "MB"),
    "idle": Measure("memory of an idle server (control group)", "MB", 0),
    "first_call": Measure("a kernel's first use", "s"),
    "requests_per_s": Measure("pages of the hub", "/s", 0),
    "page_p50": Measure("half of the pages come within", "ms", 0),
    "page_p95": Measure("95 % of the pages come within", "ms", 0),
    "start": Measure("a start, asked for → ready", "s"),
    "crowd": Measure("20 people at once: sign-in → the notebooks", "s", 1),
    "crowd_failed": Measure("20 people at once: had to try again", "people", 0),
    "crowd_processor": Measure("20 people at once: a processor's time for each", "s", 1),
    "crowd_busy": Measure("20 people at once: the processors were busy", "%", 0),
    "make_run": Measure("`make run` → the platform's address is printed", "s", 1),
    "sign_in_page": Measure("`make run` → the sign-in page answers", "s", 1),
    "alone": Measure("the model alone, in full batches", "images/s", 0),
    "agent": Measure("an agent through Kafka, 32 images a message", "images/s", 0),
    "share": Measure("the agent, of the model alone", "×"),
    "alone_one": Measure("the model alone, again", "images/s", 0),
    "agent_one": Measure("an agent through Kafka, one image a message", "images/s", 0),
    "share_one": Measure("that agent, of the model alone", "×"),
    "one_by_one": Measure("`predict` and JSON for each message", "images/s", 1),
    "answer_p50": Measure("sending → answer at a tenth of the agent's rate, half within", "ms", 0),
    "answer_p99": Measure("the same, 99 % within", "ms", 0),
    "load": Measure("load of the machine, of 2 processors", "", 1),
    "spawn_rate": Measure("starts, asked for at once", "/min", 0),
    "spawn_p50": Measure("asked for → ready, half within", "s", 1),
    "spawn_p95": Measure("asked for → ready, 95 % within", "s", 1),
    "spawn_failed": Measure("starts that failed", "", 0),
    "spawn_cpu": Measure("the hub's processor meanwhile", "%", 0),
    "spawn_requests": Measure("requests to the API server for a start", "", 1),
    "sign_in_p50": Measure("sign-in → Home, half within", "ms", 0),
    "sign_in_p95": Measure("sign-in → Home, 95 % within", "ms", 0),
    "people_p50": Measure("*People and editors*, half within", "ms", 0),
    "people_p95": Measure("*People and editors*, 95 % within", "ms", 0),
    "people_data_p95": Measure("its figures, asked for every 3 s, 95 % within", "ms", 0),
    "panel_p95": Measure("the panel's list of 50 people, 95 % within", "ms", 0),
    "home_p50": Measure("Home, half within", "ms", 0),
    "home_p95": Measure("Home, 95 % within", "ms", 0),
    "editors_requests": Measure("requests of all servers to the hub", "/s", 1),
    "editors_p50": Measure("one of them, half within", "ms", 0),
    "editors_p95": Measure("one of them, 95 % within", "ms", 0),
    "editors_refused": Measure("refused in a minute", "", 0),
    "hub_cpu": Measure("the hub's processor when nobody comes", "%", 1),
    "helpers_cpu": Measure("the culler's processor", "%", 1),
    "hub_memory": Measure("the hub's memory", "MB", 0),
    "proxy_memory": Measure("the proxy's memory", "MB", 0),
    "api_requests": Measure("the hub's requests to the API server", "/s", 2),
    "database": Measure("the hub's database", "MB", 1),
    "topics_made": Measure("a person's topics are made within", "s", 1),
    "broker_memory": Measure("memory of a broker", "MB", 0),
    "broker_cpu": Measure("a broker's processor at rest", "%", 1),
    "broker_ended": Measure("a broker that is ended in order is ready again after", "s", 0),
    "broker_killed": Measure("one that is killed is ready again after", "s", 0),
}


@dataclass(frozen=True)
class Table:
    """One table of the report: a row for each measure, a column for each subject that has figures.

    Attributes:
        part: the part that measures it.
        title: its heading.
        measures: keys of `MEASURES`.
        note: what a reader must know, Markdown.
    """

    part: str
    title: str
    measures: tuple[str, ...]
    note: str


TABLES = (
    Table(
        "pages",
        "From the click to the work",
        ("stopped", "running", "notebook", "requests", "megabytes"),
        "A browser with an empty cache. *The notebooks*: the name of a notebook is on the page, the"
        " list of marimo or Mosshub's Home. A notebook is opened 3 s after that. Where marimo waits"
        " for a press on *Run*, the bench presses it as soon as it can. The rivals run under"
        " JupyterHub as it comes (DummyAuthenticator, DockerSpawner), and so does Mosshub's server"
        " once, then once under the hub that belongs to it, with an origin for each user.",
    ),
    Table(
        "pages",
        "On a slow network",
        ("slow_home", "slow_notebook"),
        "300 ms of latency and 1.6 Mbit/s in both directions (Chromium's emulation).",
    ),
    Table(
        "memory",
        "Memory and imports",
        ("idle", "first_call"),
        "*Idle*: what the control group has, without the file cache that the kernel may drop, after"
        " the list was visited and left. Under Mosshub's hub a kernel waits for the first notebook,"
        " and imports TensorFlow; the goal counts without it. *A kernel's first use*: a cell with"
        " `import imageclass` and a compiled CNN's answer for one image, in the first notebook that"
        " is opened 15 s after a server was started.",
    ),
    Table(
        "hub",
        "The hub under load",
        ("requests_per_s", "page_p50", "page_p95"),
        "Each signed-in person loads the hub's Home page again and again, through the proxy.",
    ),
    Table(
        "hub",
        "Starts",
        ("start", "crowd", "crowd_processor", "crowd_busy", "crowd_failed"),
        "One start after another, by how many servers run already. *At once*: 20 programs sign in"
        " and ask until their list is there, as a browser would.",
    ),
    Table(
        "start",
        "`make run`",
        ("sign_in_page", "make_run"),
        "With Kafka. *The first time* (COLD=1) it also installs everything, from the package caches"
        " of the machine if it has some.",
    ),
    Table(
        "streaming",
        "An agent through Kafka",
        (
            *("alone", "agent", "share", "alone_one", "agent_one", "share_one"),
            *("one_by_one", "answer_p50", "answer_p99"),
        ),
        "A CNN in batches of 256 with 20 ms of wait; model, agent, broker and sender share the"
        " machine. *The agent, of the model alone* is taken within each round.",
    ),
    Table(
        "cluster",
        "1,000 people on a cluster",
        (
            *("load", "spawn_rate", "spawn_p50", "spawn_p95", "spawn_failed", "spawn_cpu"),
            "spawn_requests",
            *("sign_in_p50", "sign_in_p95", "people_p50", "people_p95", "people_data_p95"),
            *("panel_p95", "home_p50", "home_p95", "hub_cpu", "helpers_cpu", "hub_memory"),
            *("editors_requests", "editors_p50", "editors_p95", "editors_refused"),
            *("proxy_memory", "api_requests", "database"),
        ),
        "Real hub, KubeSpawner, proxy, provider and API server; simulated nodes and servers"
        " (`bench/scale`). A simulated pod takes 4 to 6 s until it runs. Four people at a time sign"
        " in; an admin loads pages one after another. Everything shares the machine."
        " [docs/scale.md](../../docs/scale.md) says what follows from it.",
    ),
    Table(
        "brokers",
        "The topics of many people on three brokers",
        ("topics_made", "broker_memory", "broker_cpu", "broker_ended", "broker_killed"),
        "Three brokers of the chart, as pods on three nodes of one machine, with the chart's own"
        " memory (1 GiB, of which Java has 512 MiB). Each person has six topics with 21 partitions,"
        " and three copies of each: 21 on each broker. Nobody sends anything.",
    ),
)
