"""Two people on different nodes, in real browsers, through one address."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.cluster.cluster import Cluster
from tests.cluster.platform import DOMAIN, ClusterPlatform, PodPerson
from tests.cluster.pods import others_closed
from tests.support.image_class import open_notebooks, train_and_stream
from tests.support.team_pages import MINUTE, wait_for_files

pytestmark = [pytest.mark.timeout(1800), pytest.mark.browser]


def enter(browser: Browser, platform: ClusterPlatform, name: str) -> Page:
    """Sign in through the provider; return the page where the person lands."""
    context = browser.new_context(ignore_https_errors=True, reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{platform.url}/hub/oauth_login")
    page.fill("[name=login]", name)
    page.fill("[name=password]", "any")
    page.click("[type=submit]")
    page.click("[type=submit]")  # the provider asks whether the platform may know who signs in
    expect(page).to_have_url(re.compile(f"//{name}.{DOMAIN}/user/{name}/"), timeout=3 * MINUTE)
    return wait_for_files(page)


def test_two_people_on_different_nodes_train_and_stream_through_one_address(
    cluster: Cluster, platform: ClusterPlatform, launch: Callable[..., Browser]
) -> None:
    browser = launch(names={DOMAIN: cluster.address("service/edge", platform.namespace)})
    people: dict[str, PodPerson] = {}
    homes: dict[str, Page] = {}
    for name, node in (("ada", "n1"), ("linus", "n2")):
        people[name] = platform.person(name)
        people[name].stop()
        with others_closed(cluster, node):
            homes[name] = enter(browser, platform, name)
        assert people[name].node == node
    notebooks = open_notebooks(homes)
    train_and_stream(list(notebooks.values()))
    browser.close()
