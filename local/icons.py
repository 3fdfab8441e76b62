"""`python -m local.icons`: the icons of the installed page, made of dashboard/public/icon.svg.

A Chromium draws them, as the tests' one does; what it draws is in the repository, so that a build
needs none.
"""

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser, async_playwright

PUBLIC = Path(__file__).parent.parent / "dashboard/public"
SOURCE = PUBLIC / "icon.svg"
GROUND = "#121212"
"""The page's ground: behind icons that a system cuts to its own shape."""
NAMES = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Icon:
    """A picture of the icon."""

    name: str
    size: int
    """Pixels, of both sides."""
    share: float = 1.0
    """The icon's part of a side: of a maskable one, the middle 80 % are never cut off."""
    ground: str = "transparent"
    filter: str = "none"

    def page(self, svg: str) -> str:
        """Return the page that shows it."""
        drawn = svg.replace("<svg ", f'<svg width="{self.size * self.share}" ', 1)
        style = f"margin:0;display:grid;place-items:center;height:100vh;background:{self.ground}"
        return f'<body style="{style}"><div style="filter:{self.filter}">{drawn}</div></body>'


ICONS = (
    Icon("icon-192", 192),
    Icon("icon-512", 512),
    Icon("maskable-192", 192, share=0.66, ground=GROUND),
    Icon("maskable-512", 512, share=0.66, ground=GROUND),
    Icon("apple-touch-icon", 180, share=0.8, ground=GROUND),
    # Android shows its shape alone, in white.
    Icon("badge-96", 96, filter="brightness(0) invert(1)"),
)


async def draw(browser: Browser, icon: Icon, svg: str) -> bytes:
    """Return an icon as a PNG."""
    page = await browser.new_page(viewport={"width": icon.size, "height": icon.size})
    await page.set_content(icon.page(svg))
    picture = await page.screenshot(omit_background=True)
    await page.close()
    return picture


async def main() -> None:
    """Draw all of them."""
    svg = SOURCE.read_text()
    # The shape alone: a ground of the icon's own would be a white patch.
    outline = svg.replace('fill="#1a1a1a"', 'fill="none"')
    chromium = next(filter(None, map(shutil.which, NAMES)), None)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        for icon in ICONS:
            picture = await draw(browser, icon, outline if icon.filter != "none" else svg)
            (PUBLIC / f"{icon.name}.png").write_bytes(picture)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
