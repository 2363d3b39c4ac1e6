"""Somebody who has only a keyboard: Tab, Enter, Space, arrows and characters."""

from typing import Any

# What has the focus: whether it is wanted, whether one sees that it has it, whether it can be seen at all.
FOCUS = """(wanted) => {
  const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
  const all = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")];
  const html = e.outerHTML.slice(0, 90);
  return {
    wanted: e.matches(wanted), body: e === document.body, place: all.indexOf(e), html,
    marked: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    seen: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight && box.left < innerWidth,
  };
}"""
MOST = 160
"""Presses of Tab after which somebody has given up."""


class Keyboard:
    """Keys on a page, and everything that is in their way.

    Args:
        tab: of Playwright.
    """

    def __init__(self, tab: Any) -> None:
        self.tab = tab
        self.wrong: list[tuple[str, str]] = []

    def reach(self, wanted: str) -> None:
        """Press Tab until what a selector finds has the focus; each stop on the way must be visible, marked,
        and no further up in the document."""
        before = -1
        for _ in range(MOST):
            self.tab.keyboard.press("Tab")
            at = self.tab.evaluate(FOCUS, wanted)
            if at["body"]:
                before = -1
                continue
            for what in ("marked", "seen"):
                if not at[what]:
                    self.wrong.append((f"not {what}", at["html"]))
            if at["place"] < before:
                self.wrong.append(("out of order", at["html"]))
            before = at["place"]
            if at["wanted"]:
                return
        raise AssertionError(f"no way to {wanted} by Tab on {self.tab.url}")

    def press(self, wanted: str, key: str = "Enter") -> None:
        """Go to a button or link, press it, and see where that leads."""
        self.reach(wanted)
        with self.tab.expect_navigation():
            self.tab.keyboard.press(key)

    def type(self, wanted: str, text: str) -> None:
        """Go to a field and replace what is in it."""
        self.reach(wanted)
        self.tab.keyboard.press("Control+A")
        self.tab.keyboard.type(text)
