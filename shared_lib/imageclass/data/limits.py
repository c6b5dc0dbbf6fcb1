"""How large an image may be."""

#: The largest image in a request, in bytes as sent. Kafka's own limit for a whole message is
#: 1 MiB (1,048,576 bytes, in broker and producer); the rest is left for headers and framing.
MAX_IMAGE_BYTES = 1_000_000

#: The most pixels (height x width) that a PNG or JPEG may decode to: a few kilobytes can hold
#: gigapixels, and would take the agent's memory.
MAX_IMAGE_PIXELS = 25_000_000


class ImageTooLarge(ValueError):
    """An image is too large to be sent; the text names its size and the limit."""


def check_size(size: int) -> None:
    """Check that a request may carry an image of `size` bytes.

    Raises:
        ImageTooLarge: it is larger than `MAX_IMAGE_BYTES`.
    """
    if size > MAX_IMAGE_BYTES:
        raise ImageTooLarge(
            f"The image is {size / 1e6:.1f} MB, and a request may carry {MAX_IMAGE_BYTES / 1e6:.1f}"
            " MB. Scale it down or send it as JPEG: agents scale it to their model's size anyway."
        )
