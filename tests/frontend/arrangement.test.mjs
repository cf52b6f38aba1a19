import assert from "node:assert/strict";
import { test } from "node:test";
import { arrangement, fittedArea } from "../../frontend/static/js/logic/arrangement.js";

const size = (width, height) => ({ width, height });

test("a fitted picture covers as much of the box as its shape allows", () => {
  assert.equal(fittedArea(size(10, 10), size(100, 50)), 2500);
  assert.equal(fittedArea(size(20, 10), size(100, 50)), 5000);
});

test("on a wide card pictures stand beside each other", () => {
  assert.equal(arrangement(size(1100, 560), [size(3, 4), size(3, 4)]), "row");
});

test("on a phone wide pictures lie above each other, very tall ones stand side by side", () => {
  assert.equal(arrangement(size(366, 500), [size(4, 3), size(1, 1)]), "column");
  assert.equal(arrangement(size(366, 500), [size(1, 3), size(1, 3)]), "row");
});

test("the way chosen never shows the smaller picture clearly smaller than the other way would", () => {
  const shapes = [size(1, 2), size(2, 3), size(3, 4), size(1, 1), size(4, 3), size(16, 9)];
  const cards = [size(300, 400), size(366, 480), size(500, 500), size(800, 300), size(1200, 600)];
  for (const card of cards) {
    for (const one of shapes) {
      for (const other of shapes) {
        const row = Math.min(...[one, other].map((shape) => fittedArea(shape, size(card.width / 2, card.height))));
        const column = Math.min(...[one, other].map((shape) => fittedArea(shape, size(card.width, card.height / 2))));
        const [chosen, rest] = arrangement(card, [one, other]) === "row" ? [row, column] : [column, row];
        assert.ok(chosen * 1.08 >= rest - 1e-6);
      }
    }
  }
});
