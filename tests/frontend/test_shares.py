"""A share is told by one rule: its twins in Python and in the browser agree, and neither rounds a part to the whole."""

from __future__ import annotations

import json
import subprocess
from fractions import Fraction

from evalapp.plots.plot_texts import rounded_share
from tests import system
from tests.conftest import REPOSITORY

SCRIPT = REPOSITORY / "frontend" / "static" / "js" / "lib" / "shares.js"
PARTS = [
    (part, whole) for whole in (*range(1, 130), 200, 999, 4_760, 10**6) for part in {*range(min(whole, 130)), whole}
]
PARTS += [(whole - part, whole) for part, whole in PARTS]


def told_by_the_browser(shares: list[float]) -> list[tuple[str, float]]:
    code = f"import {{ roundedShare }} from {json.dumps(SCRIPT.as_uri())};"
    code += "let all = ''; process.stdin.on('data', (data) => (all += data)).on('end', () =>"
    code += "console.log(JSON.stringify(JSON.parse(all).map(roundedShare))));"
    words = [system.need("node"), "--input-type=module", "-e", code]
    done = subprocess.run(words, input=json.dumps(shares), capture_output=True, text=True, timeout=120, check=True)
    return [(mark, percent) for mark, percent in json.loads(done.stdout)]


def test_twins_tell_the_same_of_every_share() -> None:
    shares = [part / whole for part, whole in PARTS] + [1 - 1e-15, 1e-17, -0.25, 1.5]
    here = [(mark, round(percent)) for mark, percent in map(rounded_share, shares)]
    assert here == told_by_the_browser(shares)


def test_what_sums_of_floats_leave_is_no_share() -> None:
    assert [rounded_share(share, digits)[0] for share in (1 - 1e-15, 1e-17) for digits in (0, 1)] == [""] * 4


def test_only_the_whole_is_all_and_only_nothing_is_none() -> None:
    for digits in (0, 1, 2):
        for part, whole in PARTS:
            mark, percent = rounded_share(part / whole, digits)
            written = f"{percent:.{digits}f}"
            assert (float(written) == 100) == (part == whole)
            assert (float(written) == 0) == (part == 0)
            off = abs(Fraction(written) - Fraction(100 * part, whole))
            assert off <= Fraction(1, 10**digits) if mark else off <= Fraction(501, 1000 * 10**digits)
