"""The images that a user may choose from, and the form that offers them."""

from collections.abc import Iterable
from html import escape
from typing import Any

from docker.errors import DockerException
from requests import RequestException

from hub.settings import Settings


def allowed_images(settings: Settings) -> dict[str, str]:
    """Return the images a user may choose from, by the names that the form shows."""
    return {image.rpartition(":")[2] or image: image for image in settings.user_images}


async def has_newer_image(spawner: Any) -> bool:
    """Return whether the name of a container's image stands for another image by now.

    It is False without a container, and while the engine does not answer.

    Args:
        spawner: the container's.
    """
    try:
        container = await spawner.get_object()
        if not container:
            return False
        image = await spawner.docker("inspect_image", container["Config"]["Image"])
    except (DockerException, RequestException):
        return False
    return image["Id"] != container["Image"]


def image_form(names: Iterable[str]) -> str:
    """Return the HTML form to choose an image, or nothing if there is no choice."""
    options = [f"<option>{escape(name)}</option>" for name in names]
    if len(options) < 2:
        return ""
    return (
        '<label for="image">Image</label>'
        f'<select class="form-select" id="image" name="image">{"".join(options)}</select>'
    )


def parse_form(form_data: dict[str, list]) -> dict:
    """Return everything that a submitted form holds.

    Options that the form does not offer are kept, so that the spawner refuses them by name.

    Args:
        form_data: the form's values by field, as JupyterHub's `options_from_form` gets them.

    Returns:
        The start's options: one value, or a list of several, by field.
    """
    data = {key: values for key, values in form_data.items() if key != "_xsrf"}
    return {key: values[0] if len(values) == 1 else values for key, values in data.items()}
