"""What users' pods keep from each other: the cases of containers."""

import pytest

from tests.cases.container import *  # noqa: F403
from tests.cases.other_servers import *  # noqa: F403
from tests.cases.other_sites import *  # noqa: F403
from tests.cases.redirects import *  # noqa: F403
from tests.cases.spawn_options import *  # noqa: F403

pytestmark = pytest.mark.timeout(900)
