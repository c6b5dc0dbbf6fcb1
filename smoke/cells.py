"""The code of the cells that run in the user's kernel. What they print begins with `MARK`."""

#: What a cell prints before its result, so that nothing else is taken for it.
MARK = "mosshub-smoke:"

CALCULATE = f"print('{MARK}', 6 * 7)"

#: The notebook: as an app it shows this.
NOTEBOOK = f"""import marimo

app = marimo.App()


@app.cell
def _():
    "{MARK}" + str(6 * 7)
    return


if __name__ == "__main__":
    app.run()
"""

#: One message to a topic of its own and back, through the user's account.
STREAM = f"""
def _smoke_stream():
    import logging
    import time
    import uuid

    from imageclass import connect
    from kafka import TopicPartition

    logging.disable(logging.CRITICAL)
    connection = connect(timeout=20, on_wait=lambda sentence: None)
    topic = f"{{connection.topics.prefix}}smoke-{{uuid.uuid4().hex[:8]}}"
    with connection.admin() as admin:
        admin.create_topics({{topic: {{"num_partitions": 1}}}})
        try:
            admin.wait_for_topics([topic], timeout_ms=10_000)
            with connection.producer() as producer:
                producer.send(topic, b"smoke").get(20)
            with connection.consumer() as consumer:
                consumer.assign([TopicPartition(topic, 0)])
                consumer.seek_to_beginning()
                deadline = time.monotonic() + 20
                while time.monotonic() < deadline:
                    for records in consumer.poll(500).values():
                        return records[0].value.decode()
            return "the message did not come back within 20 s"
        finally:
            admin.delete_topics([topic])

try:
    print("{MARK}", _smoke_stream())
except Exception as _smoke_error:
    print("{MARK}", type(_smoke_error).__name__, str(_smoke_error).replace(chr(10), " "))
"""


def publish(notebook: str, slug: str, name: str) -> str:
    """Return the code that publishes a notebook for its author alone; it prints `done`, or why not.

    Args:
        notebook: its path.
        slug: the app's name in addresses.
        name: the author.
    """
    return _command("publish", notebook, "--to", name, "--title", slug)


def unpublish(slug: str) -> str:
    """Return the code that ends an app; it prints `done`, or why not."""
    return _command("unpublish", slug)


def _command(*arguments: str) -> str:
    return f"""
def _smoke_mosshub():
    import subprocess

    done = subprocess.run(["mosshub", *{arguments!r}], capture_output=True, text=True)
    return (done.stderr or "it failed").replace(chr(10), " ") if done.returncode else "done"

print("{MARK}", _smoke_mosshub())
"""
