"""No link leads from the platform to another site."""

from urllib.parse import urljoin, urlsplit

import pytest

from tests.cases.redirects import *  # noqa: F403
from tests.cases.redirects import EVIL, FORMS, browsers_reading, is_ours
from tests.support.members import TeamMember

pytestmark = pytest.mark.timeout(1200)


def test_next_after_signing_in_leads_home(stack):
    """The whole way: the form, the provider, and back; a page of the platform is kept."""
    home = urlsplit(stack.url).netloc
    for form in [*FORMS[:12], FORMS[21], FORMS[25]]:
        member = TeamMember(stack, "linus", next=form)
        assert is_ours(browsers_reading(member.landed, stack.url), home), (form, member.landed)
        assert EVIL not in urlsplit(urljoin(stack.url, member.landed)).netloc
    assert TeamMember(stack, "linus", next="/hub/token").landed.endswith("/hub/token")
