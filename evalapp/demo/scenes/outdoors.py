"""Places out of doors, out of focus behind a person."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from evalapp.demo.palette import RGB, darker, lighter, mix_colours
from evalapp.demo.scenes.texture import mottle_image, pick_one, smooth_noise, vertical_gradient

SMALL = 4
"""What is out of focus is drawn at a quarter of the size and enlarged."""


def _enlarge_image(image: Image.Image, width: int, height: int) -> Image.Image:
    return image.resize((width, height), Image.Resampling.BICUBIC)


def _draw_lights(
    rng: np.random.Generator, width: int, height: int, count: int, colours: tuple[RGB, ...], top: float, low: float
) -> Image.Image:
    """Discs of light as an open lens makes them, on black, to be screened."""
    glow = Image.new("RGB", (width, height))
    drawer = ImageDraw.Draw(glow)
    for _ in range(count):
        x, y, r = rng.uniform(0, width), rng.uniform(top * height, low * height), height * rng.uniform(0.012, 0.045)
        tone = mix_colours((0, 0, 0), pick_one(rng, colours), float(rng.uniform(0.25, 0.75)))
        drawer.ellipse((x - r, y - r, x + r, y + r), fill=tone, outline=lighter(tone, 0.15))
    return glow.filter(ImageFilter.GaussianBlur(1.1))


def _screen_lights(image: Image.Image, glow: Image.Image) -> Image.Image:
    return ImageChops.screen(image, glow)


def draw_city(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """A street by day: houses left and right, sky between, pavement below."""
    w, h = width // SMALL, height // SMALL
    sky = pick_one(
        rng,
        (((206, 224, 238), (244, 238, 226)), ((224, 226, 230), (240, 236, 232)), ((248, 222, 190), (250, 236, 214))),
    )
    image = vertical_gradient(w, h, sky)
    drawer = ImageDraw.Draw(image)
    walls: tuple[RGB, ...] = (
        (206, 170, 144),
        (178, 150, 140),
        (216, 200, 176),
        (160, 162, 170),
        (192, 140, 120),
        (142, 134, 140),
    )
    for side in (0, 1):
        depth = 0.0
        while depth < 0.46:
            thick = float(rng.uniform(0.12, 0.2))
            x1, x2 = sorted(
                ((depth if side == 0 else 1 - depth) * w, ((depth + thick) if side == 0 else 1 - depth - thick) * w)
            )
            roof = h * (0.02 + depth * 0.75 + rng.uniform(-0.04, 0.06))
            house = lighter(pick_one(rng, walls), depth * 0.7)
            drawer.rectangle((x1, roof, x2, h * 0.8), fill=house)
            for y in np.arange(roof + h * 0.05, h * 0.72, h * 0.1):
                drawer.rectangle(
                    (x1 + w * 0.025, y, x1 + w * 0.065, y + h * 0.05), fill=mix_colours(house, (70, 84, 104), 0.5)
                )
            depth += thick
    drawer.rectangle((0, h * 0.78, w, h), fill=(172, 166, 164))
    drawer.polygon([(w * 0.32, h), (w * 0.47, h * 0.76), (w * 0.53, h * 0.76), (w * 0.68, h)], fill=(146, 144, 148))
    image = image.filter(ImageFilter.GaussianBlur(rng.uniform(1.6, 3.6)))
    image = _screen_lights(
        image,
        _draw_lights(
            rng, w, h, int(rng.integers(4, 16)), ((255, 236, 196), (255, 200, 150), (220, 236, 255)), 0.2, 0.75
        ),
    )
    return _enlarge_image(image, width, height)


def draw_night(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """An evening street, all lights."""
    w, h = width // SMALL, height // SMALL
    dusk = pick_one(rng, (((30, 34, 66), (84, 66, 100), (60, 52, 66)), ((26, 40, 58), (58, 82, 104), (52, 54, 62))))
    image = vertical_gradient(w, h, dusk)
    drawer = ImageDraw.Draw(image)
    for x in np.arange(0, w, w * 0.14):
        drawer.rectangle(
            (x, h * rng.uniform(0.05, 0.4), x + w * rng.uniform(0.1, 0.15), h * 0.8),
            fill=darker(dusk[1], float(rng.uniform(0.1, 0.5))),
        )
    image = image.filter(ImageFilter.GaussianBlur(3))
    lights: tuple[RGB, ...] = (
        (255, 206, 120),
        (255, 160, 96),
        (255, 120, 130),
        (150, 210, 255),
        (255, 236, 190),
        (190, 255, 210),
    )
    return _enlarge_image(
        _screen_lights(image, _draw_lights(rng, w, h, int(rng.integers(40, 80)), lights, 0.05, 0.85)), width, height
    )


def draw_park(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    w, h = width // SMALL, height // SMALL
    autumn = rng.random() < 0.3
    leaves: tuple[RGB, ...] = (
        ((206, 150, 76), (186, 112, 66), (220, 184, 104))
        if autumn
        else ((108, 146, 92), (142, 172, 104), (84, 122, 90))
    )
    image = vertical_gradient(w, h, ((222, 234, 238), (236, 238, 220), (176, 196, 138), (150, 176, 112)))
    drawer = ImageDraw.Draw(image)
    for _ in range(70):
        x, y, r = rng.uniform(0, w), h * rng.beta(1.6, 3.0) * 0.72, h * rng.uniform(0.03, 0.11)
        drawer.ellipse(
            (x - r, y - r, x + r, y + r),
            fill=mix_colours(pick_one(rng, leaves), (240, 240, 210), float(rng.uniform(0, 0.45))),
        )
    for x in rng.uniform(0, w, 3):
        drawer.rectangle((x, h * 0.3, x + w * 0.03, h * 0.72), fill=(118, 96, 80))
    drawer.polygon([(w * 0.2, h), (w * 0.46, h * 0.68), (w * 0.54, h * 0.68), (w * 0.9, h)], fill=(222, 206, 178))
    image = image.filter(ImageFilter.GaussianBlur(rng.uniform(1.4, 3.0)))
    image = _screen_lights(
        image, _draw_lights(rng, w, h, int(rng.integers(10, 26)), ((255, 246, 200), (230, 244, 190)), 0.02, 0.6)
    )
    return _enlarge_image(image, width, height)


def draw_seaside(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    w, h = width // SMALL, height // SMALL
    evening = rng.random() < 0.4
    sky: tuple[RGB, ...] = ((250, 196, 150), (252, 226, 190)) if evening else ((164, 206, 232), (226, 238, 240))
    image = vertical_gradient(w, h, sky)
    drawer = ImageDraw.Draw(image)
    horizon, shore = h * rng.uniform(0.38, 0.5), h * rng.uniform(0.66, 0.74)
    for _ in range(5):
        x, y, r = rng.uniform(0, w), rng.uniform(0.05, 0.3) * h, h * rng.uniform(0.03, 0.06)
        for dx in (-1.4, 0, 1.3):
            drawer.ellipse((x + dx * r - r, y - r * 0.6, x + dx * r + r, y + r * 0.6), fill=lighter(sky[1], 0.5))
    image.paste(
        vertical_gradient(w, max(1, int(shore - horizon)), ((92, 146, 176), (136, 192, 198))), (0, int(horizon))
    )
    for y in np.linspace(horizon + 3, shore, 7):
        drawer.line((0, y, w, y + rng.uniform(-1, 1)), fill=(186, 218, 220), width=1)
    image.paste(vertical_gradient(w, h - int(shore), ((240, 224, 196), (222, 198, 160))), (0, int(shore)))
    drawer.line((0, shore, w, shore + 1), fill=(250, 250, 246), width=2)
    return _enlarge_image(
        mottle_image(image.filter(ImageFilter.GaussianBlur(1.0)), smooth_noise(rng, w, h, 30, 8), 0.02), width, height
    )


def draw_cafe(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """A shop front with a striped awning."""
    w, h = width // 2, height // 2
    wall = pick_one(rng, ((120, 142, 128), (178, 120, 104), (92, 108, 132), (226, 208, 184), (160, 132, 150)))
    image = Image.new("RGB", (w, h), wall)
    drawer = ImageDraw.Draw(image)
    lamp = pick_one(rng, ((255, 226, 168), (250, 232, 200), (206, 222, 232)))
    for x1, x2 in ((0.05, 0.46), (0.66, 1.1)):
        drawer.rectangle((w * x1, h * 0.32, w * x2, h * 0.74), fill=darker(wall, 0.3))
        drawer.rectangle((w * (x1 + 0.02), h * 0.34, w * (x2 - 0.02), h * 0.72), fill=mix_colours(lamp, wall, 0.25))
    drawer.rectangle((w * 0.49, h * 0.34, w * 0.63, h * 0.86), fill=darker(wall, 0.38))
    drawer.rectangle((w * 0.515, h * 0.37, w * 0.605, h * 0.66), fill=mix_colours(lamp, wall, 0.35))
    cloth = pick_one(rng, ((196, 74, 66), (60, 112, 104), (54, 78, 124), (222, 160, 76)))
    count = 14
    for i in range(count):
        x1, x2 = w * i / count, w * (i + 1) / count
        fill = cloth if i % 2 else (246, 240, 230)
        drawer.rectangle((x1, h * 0.14, x2, h * 0.27), fill=fill)
        drawer.pieslice((x1, h * 0.245, x2, h * 0.3), 0, 180, fill=fill)
    drawer.rectangle((0, h * 0.86, w, h), fill=(184, 174, 166))
    drawer.rectangle((0, h * 0.845, w, h * 0.86), fill=darker(wall, 0.45))
    image = image.filter(ImageFilter.GaussianBlur(rng.uniform(1.5, 4.0)))
    image = _screen_lights(
        image, _draw_lights(rng, w, h, int(rng.integers(3, 9)), ((255, 226, 160), (255, 206, 150)), 0.32, 0.62)
    )
    return _enlarge_image(image, width, height)
