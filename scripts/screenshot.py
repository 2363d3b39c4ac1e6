"""Takes the README's screenshot from the running demo, and phone and desktop pages for a look by eye.

Usage: python scripts/screenshot.py [FOLDER]   (default: build/screenshots; needs Mosquitto and Chromium)
"""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
from playwright.sync_api import sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
PORT = 18473
README_SHOT = "slot-desktop-en.png"
STORY_S = 75.0  # at 7,200 times real time: six days, a level order, a press order, a refill


def main() -> None:
    """Run the demo, let the story unfold, photograph it, end the demo."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "build/screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("Chromium is not installed. Run: sudo apt-get install chromium")
    demo = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "replenish_server", "demo", "--json", "--port", str(PORT)],
        stdout=subprocess.PIPE,
        text=True,
    )
    base = f"http://127.0.0.1:{PORT}"
    try:
        _wait_for(f"{base}/healthz")
        time.sleep(STORY_S)
        slot = _detergent_slot(base)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            for size, (width, height) in SIZES.items():
                page = browser.new_page(viewport={"width": width, "height": height}, device_scale_factor=1)
                for language in ("en", "ko"):
                    for name, path in (("home", "/"), ("slot", slot)):
                        page.goto(f"{base}{path}?lang={language}")
                        shot = folder / f"{name}-{size}-{language}.png"
                        page.screenshot(path=shot, full_page=size == "phone")
                        sys.stdout.write(f"{shot}\n")
            browser.close()
        shutil.copyfile(folder / README_SHOT, Path("docs/images") / README_SHOT)
    finally:
        demo.send_signal(signal.SIGINT)
        output, _ = demo.communicate(timeout=30)
        sys.stdout.write(json.dumps(json.loads(output)["events"]) + "\n")


def _wait_for(url: str) -> None:
    for _ in range(300):
        try:
            if httpx.get(url, trust_env=False).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    sys.exit(f"{url} did not answer within 30 seconds")


def _detergent_slot(base: str) -> str:
    """The path of the detergent's page, as the home page links to it."""
    text = httpx.get(f"{base}/", trust_env=False).text
    found = re.search(r'href="(/slots/[^"#?]+)">Detergent<', text)
    if found is None:
        sys.exit("the home page links to no slot named Detergent")
    return found[1]


if __name__ == "__main__":
    main()
