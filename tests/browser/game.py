"""The play page as a person uses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Locator, Page, expect

from evalapp.voting.models import Vote

TOP = ".card[data-place=top]"


@dataclass(frozen=True, slots=True)
class Game:
    """A tab with the play page in it."""

    page: Page
    address: str

    def start(self) -> None:
        """Open the page and wait for the first pair."""
        self.page.goto(self.address)
        expect(self.card).to_be_visible()

    @property
    def card(self) -> Locator:
        """The card to be judged."""
        return self.page.locator(TOP)

    @property
    def root(self) -> Locator:
        """The game's element, whose attributes say how things stand."""
        return self.page.locator("[data-play]")

    @property
    def token(self) -> str:
        """What the shown pair's vote is sent with."""
        return str(self.card.get_attribute("data-token"))

    def press(self, name: str) -> None:
        """Press a button by its name and wait until the pair is gone from the table."""
        before = self.token
        self.page.get_by_role("button", name=name).click()
        self.await_other_than(before)

    def key(self, key: str) -> None:
        """Press an arrow key and wait until the pair is gone from the table."""
        before = self.token
        self.page.keyboard.press(key)
        self.await_other_than(before)

    def undo(self, expected: str) -> None:
        """Take the last answer back and see its pair again."""
        self.page.keyboard.press("z")
        expect(self.page.locator(f'{TOP}[data-token="{expected}"]')).to_be_visible()

    def await_other_than(self, token: str) -> None:
        """The pair is no longer on top."""
        expect(self.page.locator(f'{TOP}[data-token="{token}"]')).to_have_count(0)

    def drag(self, dx: int, *, dy: int = 0, back: int = 0, rest: bool = True) -> None:
        """Drag the card with the mouse by `dx`, then by `back`; with `rest`, hold it still before letting go."""
        box = self.card.bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 3
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + dx, y + dy, steps=8)
        if back:
            self.page.mouse.move(x + dx + back, y + dy, steps=8)
        if rest:
            self.page.wait_for_timeout(200)
        self.page.mouse.up()

    def lose_network(self, pairs: int = 6) -> None:
        """Go offline once so many pairs are loaded."""
        self.await_loaded(pairs)
        self.page.context.set_offline(True)

    def await_loaded(self, pairs: int = 6) -> None:
        """So many pairs are there: a busy machine brings them late, and then the table is empty."""
        self.page.wait_for_function(
            """pairs => {
                const pictures = performance.getEntriesByType("resource").filter((one) => one.initiatorType === "img");
                return pictures.length >= 2 * pairs;
            }""",
            arg=pairs,
        )

    def expect_sent(self) -> None:
        """Everything has arrived at the server, and the server has said so."""
        expect(self.root).to_have_attribute("data-unsent", "0")

    def expect_count(self, answered: int) -> None:
        """The page says how many were answered."""
        expect(self.page.locator("[data-count]")).to_have_text(str(answered))


def standing_votes() -> dict[str, str]:
    """Verdicts that stand, by the signed token of their exposure."""
    from evalapp.voting.domain.tokens import sign_token

    votes: Any = Vote.objects.exclude(void_reason="undone").select_related("exposure").order_by("pk")
    return {sign_token(vote.exposure.token): vote.verdict for vote in votes}
