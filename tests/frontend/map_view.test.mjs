import assert from "node:assert/strict";
import { test } from "node:test";

import { byFrequency, CLOSEST, coloursOf, moved, nearest, toPlane, toScreen, WHOLE, zoomed } from "../../frontend/static/js/logic/map_view.js";

const frame = { width: 800, height: 600 };
const close = (one, other) => assert.ok(Math.hypot(one.x - other.x, one.y - other.y) < 1e-9, `${JSON.stringify(one)} ${JSON.stringify(other)}`);

test("the whole plane fits, the middle in the middle, up is up", () => {
  close(toScreen(WHOLE, frame, { x: 0, y: 0 }), { x: 400, y: 300 });
  const corner = toScreen(WHOLE, frame, { x: 1, y: 1 });
  assert.ok(corner.x < 800 && corner.y > 0 && corner.y < 300);
});

test("plane and screen undo each other", () => {
  const view = { x: 0.2, y: -0.4, zoom: 7 };
  close(toPlane(view, frame, toScreen(view, frame, { x: 0.3, y: 0.1 })), { x: 0.3, y: 0.1 });
});

test("what is under the pointer stays there while zooming", () => {
  const pixel = { x: 500, y: 200 };
  const before = toPlane(WHOLE, frame, pixel);
  close(toPlane(zoomed(WHOLE, frame, 3, pixel), frame, pixel), before);
});

test("zoom has an end in both directions, and the plane cannot be lost", () => {
  assert.equal(zoomed(WHOLE, frame, 0.1).zoom, 1);
  assert.equal(zoomed(WHOLE, frame, 1e9).zoom, CLOSEST);
  assert.deepEqual(moved(WHOLE, frame, -1e6, 1e6), { x: 1, y: 1, zoom: 1 });
});

test("moving by pixels moves the plane by as many", () => {
  const before = toScreen(WHOLE, frame, { x: 0, y: 0 });
  close(toScreen(moved(WHOLE, frame, 30, -20), frame, { x: 0, y: 0 }), { x: before.x + 30, y: before.y - 20 });
});

test("the nearest place is found within reach, among those shown", () => {
  const places = [{ x: 0, y: 0 }, { x: 0.02, y: 0 }, { x: 0.9, y: 0.9 }];
  assert.equal(nearest(WHOLE, frame, places, { x: 404, y: 300 }, 20), 1);
  assert.equal(nearest(WHOLE, frame, places, { x: 404, y: 300 }, 20, (index) => index !== 1), 0);
  assert.equal(nearest(WHOLE, frame, places, { x: 100, y: 100 }, 20), -1);
});

test("categories come by frequency, each with a colour of its own", () => {
  const names = byFrequency([{ category: "b" }, { category: "a" }, { category: "b" }, { category: "" }]);
  assert.deepEqual(names, ["b", "", "a"]);
  assert.equal(new Set(coloursOf(names).values()).size, 3);
});
