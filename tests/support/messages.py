"""Messages that follow the format."""

ANSWER = {
    "agent": "a", "model": "", "predicted": 0, "confidence": 0.5, "correct": True, "latency_ms": 1,
}  # fmt: skip


VERDICT = {
    "version": 1, "run": "r", "request": "q", "dataset": "d", "strategy": "s", "index": 0,
    "sent_ms": 1000.5, "label": 0, "label_name": "ant", "predicted": 0, "predicted_name": "ant",
    "confidence": 1, "correct": True, "answers": [ANSWER],
}  # fmt: skip
