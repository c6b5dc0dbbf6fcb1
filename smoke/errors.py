"""What failed, as a sentence."""


class SmokeError(Exception):
    """An installation does not do what it is for.

    Args:
        part: what is broken: address, provider, sign-in, spawner, editor, disk, kernel, broker or
            app.
        sentence: what was seen.
    """

    def __init__(self, part: str, sentence: str) -> None:
        super().__init__(f"{part}: {' '.join(sentence.split())}")
        self.part = part
