"""Other websites, with a person's cookies."""

import pytest

from tests.cases.other_sites import *  # noqa: F403

pytestmark = pytest.mark.timeout(1200)
