"""Stand-ins: images with the name and contract of official ones, built from packages on the spot.

Tests run the compose file as a user would, also where no image can be pulled. `ensure(tag)` builds
what is missing, from Debian's and Maven's packages, and leaves alone what is there: an image of the
same recipe, or the official image itself. On a machine that cannot build them (not root, no
debootstrap) it pulls the official ones, so the same tests hold against both.
"""

from .build import ensure
from .recipes import RECIPES

__all__ = ["RECIPES", "ensure"]
