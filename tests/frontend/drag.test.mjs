import assert from "node:assert/strict";
import { test } from "node:test";
import { isAtRest, isTap, leaning, springBack, threshold, tilt, velocity, verdictOf } from "../../frontend/static/js/logic/drag.js";

const WIDTH = 360;
const still = (x) => ({ x, y: 0, vx: 0, vy: 0 });

test("far enough to a side is an answer", () => {
  assert.equal(verdictOf(still(threshold(WIDTH)), WIDTH), "dope");
  assert.equal(verdictOf(still(-threshold(WIDTH)), WIDTH), "nope");
  assert.equal(verdictOf(still(threshold(WIDTH) - 1), WIDTH), null);
});

test("a short flick is an answer, a tremble is none", () => {
  assert.equal(verdictOf({ x: 30, y: 0, vx: 900, vy: 0 }, WIDTH), "dope");
  assert.equal(verdictOf({ x: 4, y: 0, vx: 900, vy: 0 }, WIDTH), null);
});

test("a card thrown back over the middle is no answer of the other side", () => {
  assert.equal(verdictOf({ x: 60, y: 0, vx: -2000, vy: 0 }, WIDTH), null);
});

test("how far is far depends on the card, within what a thumb and a mouse can do", () => {
  assert.equal(threshold(100), 56);
  assert.equal(threshold(2000), 150);
  assert.ok(threshold(300) < threshold(400));
});

test("leaning is full exactly where letting go becomes an answer", () => {
  for (const dx of [-400, -94, -93, -1, 0, 1, 93, 94, 400]) {
    assert.equal(Math.abs(leaning(dx, WIDTH)) === 1, verdictOf(still(dx), WIDTH) !== null, `${dx}`);
  }
});

test("a card tilts with the hand, the other way if held at the bottom, and never far", () => {
  assert.equal(tilt(0, WIDTH, 0), 0);
  assert.ok(tilt(80, WIDTH, 0.1) > 0);
  assert.ok(tilt(80, WIDTH, 0.9) < 0);
  assert.ok(Math.abs(tilt(5000, WIDTH, 0.1)) <= 14);
});

test("speed is that of the last tenth of a second", () => {
  const samples = [0, 0.02, 0.04, 0.5, 0.52, 0.54].map((t) => ({ t, x: t < 0.1 ? 1000 * t : 500 * (t - 0.5), y: 0 }));
  assert.ok(Math.abs(velocity(samples, 0.54).vx - 500) < 1e-6);
});

test("a pointer that rested has no speed", () => {
  assert.deepEqual(velocity([{ t: 0, x: 0, y: 0 }, { t: 0.01, x: 50, y: 0 }], 1), { vx: 0, vy: 0 });
  assert.deepEqual(velocity([], 1), { vx: 0, vy: 0 });
});

test("the spring brings any card home within two seconds, at any frame rate", () => {
  for (const frame of [1 / 240, 1 / 60, 1 / 30, 1 / 10]) {
    let motion = { x: 140, y: -60, vx: 3000, vy: -800 };
    let time = 0;
    while (!isAtRest(motion) && time < 3) {
      motion = springBack(motion, frame);
      time += frame;
    }
    assert.ok(time < 2, `${frame}: ${time}`);
  }
});

test("the spring moves alike at different frame rates", () => {
  const after = (frame) => {
    let motion = { x: 100, y: 0, vx: 0, vy: 0 };
    for (let step = 0; step < Math.round(0.2 / frame); step += 1) motion = springBack(motion, frame);
    return motion.x;
  };
  assert.ok(Math.abs(after(1 / 120) - after(1 / 30)) < 2);
});

test("a tab that slept does not make the card explode", () => {
  const motion = springBack({ x: 140, y: 0, vx: 3000, vy: 0 }, 3600);
  assert.ok(Math.abs(motion.x) < 1000);
});

test("a short touch without moving is a tap", () => {
  assert.equal(isTap(still(2), 120), true);
  assert.equal(isTap(still(20), 120), false);
  assert.equal(isTap(still(0), 800), false);
});
