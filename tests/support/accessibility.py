"""Whether everybody can use a page: axe-core's rules of WCAG 2.2 AA, and the keyboard alone."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.support.paths import ROOT

_AXE = ROOT / "tests" / "browser" / "node_modules" / "axe-core" / "axe.min.js"
#: The rules of WCAG 2.2, levels A and AA.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_RUN = """async ([selector, tags]) => {
  const found = await axe.run(selector ?? document, {runOnly: {type: "tag", values: tags}});
  return {
    passed: found.passes.length,
    violations: found.violations.map(({id, help, nodes}) => ({
      id, help, places: nodes.map(({target, failureSummary}) => [target.join(" "), failureSummary]),
    })),
  };
}"""
# Every element that a person can act on, with a name for it that a failed test can print.
_CONTROLS = """selector => [...document.querySelector(selector).querySelectorAll(
    "a[href], button, input, select, textarea, summary, [tabindex='0']")]
  .filter((element) => element.checkVisibility({checkVisibilityCSS: true}) && !element.disabled
    && element.type !== "hidden" && element.tabIndex >= 0)
  .map((element, number) => {
    element.dataset.control = number;
    return element.outerHTML.slice(0, 120);
  })"""
# The next Tab goes to the first control.
_BEGIN = """() => {
  const start = document.createElement("span");
  start.tabIndex = -1;
  document.body.prepend(start);
  start.focus();
}"""
# Which control has the focus, and whether a person sees that.
_FOCUSED = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const {outlineStyle, outlineWidth, boxShadow} = getComputedStyle(element);
  return {
    control: element.dataset.control ?? null,
    name: element.outerHTML.slice(0, 120),
    seen: (outlineStyle !== "none" && parseFloat(outlineWidth) >= 1) || boxShadow !== "none",
  };
}"""


def violations(page: Page, selector: str | None = None) -> list[str]:
    """Return which rules a page, or the elements of a selector, breaks, and where.

    Args:
        page: the page. Its own policy for scripts does not bind this check.
        selector: a CSS selector of what is checked; None for the whole page.
    """
    assert _AXE.exists(), "axe-core is not installed: run `make .venv/.dev`"
    # As a debugger does: a page's content policy would refuse a script element.
    page.evaluate(_AXE.read_text() + ";undefined")
    found = page.evaluate(_RUN, [selector, TAGS])
    assert found["passed"] > 3, "axe looked at nothing"
    return [
        f"{v['id']} ({v['help']}): {place}: {why}"
        for v in found["violations"]
        for place, why in v["places"]
    ]


def unreachable(page: Page, selector: str = "body") -> list[str]:
    """Return the controls that the Tab key does not reach, or whose focus is not seen.

    Args:
        page: the page; its focus moves.
        selector: a CSS selector of the element whose controls are meant.
    """
    controls = page.evaluate(_CONTROLS, selector)
    assert controls, f"{selector} has no controls"
    page.evaluate(_BEGIN)
    reached: set[int] = set()
    unseen: list[str] = []
    for _ in range(len(controls) + 40):
        page.keyboard.press("Tab")
        focused = page.evaluate(_FOCUSED)
        if focused is None:
            break
        if not focused["seen"]:
            unseen.append(f"the focus is not seen: {focused['name']}")
        if focused["control"] is not None:
            reached.add(int(focused["control"]))
    missed = [html for number, html in enumerate(controls) if number not in reached]
    return [f"Tab does not reach: {html}" for html in missed] + unseen
