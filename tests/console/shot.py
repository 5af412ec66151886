"""`python -m tests.console.shot SIZE FILE.svg KEY`: the console on a fake node after these keys, as SVG, with cairosvg as PNG."""

import asyncio
import sys
from pathlib import Path

from sitescope_fo.console.app import Console
from tests.console.fakes import NOW, FakeNode


class StillConsole(Console):
    """Its clock stands."""

    @staticmethod
    def now():
        return NOW


def picture(app):
    """The screen as it is, as SVG."""
    return app.export_screenshot(title="sitescope-fo").replace("Fira Code", "DejaVu Sans Mono")


async def shot(size, keys=(), *, client=None, **console):
    """The screen after these keys, as SVG."""
    app = StillConsole(client or FakeNode(), **console)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
        return picture(app)


def main(size, file, *keys):
    width, height = map(int, size.split("x"))
    svg = asyncio.run(shot((width, height), keys))
    Path(file).write_text(svg, "utf-8")
    try:
        import cairosvg
    except ImportError:
        return
    cairosvg.svg2png(bytestring=svg.encode(), write_to=str(Path(file).with_suffix(".png")), output_width=10 * width)


if __name__ == "__main__":
    main(*sys.argv[1:])
