import assert from "node:assert/strict";
import { test } from "node:test";
import { between, inPixels, inShares, isWhole, LEAST, moved, resized, scaled, shrunk, step, whole } from "../../frontend/static/js/logic/crop.js";

const box = { x1: 0.2, y1: 0.3, x2: 0.6, y2: 0.7 };
const near = (a, b) => Object.keys(b).forEach((key) => assert.ok(Math.abs(a[key] - b[key]) < 1e-9, `${key}: ${a[key]} is not ${b[key]}`));

test("a box that is moved keeps its size and stays in the photo", () => {
  near(moved(box, 0.1, -0.1), { x1: 0.3, y1: 0.2, x2: 0.7, y2: 0.6 });
  near(moved(box, 9, -9), { x1: 0.6, y1: 0, x2: 1, y2: 0.4 });
});

test("a handle moves its own edges only, and never turns the box inside out", () => {
  near(resized(box, "nw", -0.1, 0.1), { x1: 0.1, y1: 0.4, x2: 0.6, y2: 0.7 });
  near(resized(box, "e", 9, 9), { x1: 0.2, y1: 0.3, x2: 1, y2: 0.7 });
  near(resized(box, "w", 9, 0), { x1: 0.6 - LEAST, y1: 0.3, x2: 0.6, y2: 0.7 });
  near(resized(box, "s", 0, -9), { x1: 0.2, y1: 0.3, x2: 0.6, y2: 0.3 + LEAST });
});

test("a box may be drawn in any direction, and is never too small to be held", () => {
  near(between({ x: 0.8, y: 0.9 }, { x: 0.1, y: 0.2 }), { x1: 0.1, y1: 0.2, x2: 0.8, y2: 0.9 });
  near(between({ x: 0.99, y: 0.99 }, { x: 1, y: 1 }), { x1: 1 - LEAST, y1: 1 - LEAST, x2: 1, y2: 1 });
});

test("two fingers scale it around its middle", () => {
  near(scaled(box, 0.5), { x1: 0.3, y1: 0.4, x2: 0.5, y2: 0.6 });
  near(scaled(box, 9), whole());
});

test("arrow keys go a little, with shift far, and other keys nowhere", () => {
  assert.deepEqual(step("ArrowLeft", false), { x: -0.02, y: 0 });
  assert.deepEqual(step("ArrowDown", true), { x: 0, y: 0.1 });
  assert.equal(step("a", false), null);
});

test("pixels are those of the photo, and the whole photo needs no box", () => {
  assert.equal(inPixels(whole(), 640, 480), "");
  assert.equal(inPixels(box, 100, 50), "20,15,60,35");
  assert.ok(isWhole(whole()) && !isWhole(box));
});

test("a suggested box in pixels is one in shares", () => {
  near(inShares([20, 10, 80, 40], 100, 50), { x1: 0.2, y1: 0.2, x2: 0.8, y2: 0.8 });
});

test("a photo is made small, never large", () => {
  assert.deepEqual(shrunk(4000, 3000, 1024), { width: 1024, height: 768 });
  assert.deepEqual(shrunk(200, 100, 1024), { width: 200, height: 100 });
  assert.deepEqual(shrunk(9000, 1, 1024), { width: 1024, height: 1 });
});
