"""Find the browser that the tests drive, or bring one: run as a script, it makes sure that there is one.

Order: the program named by CHROMIUM, the system's Chromium or Chrome, Playwright's own build. Bringing one:
Debian's package where we may install packages, else `playwright install chromium`. None at all is an error.
"""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_APPS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
REMEDY = "Install Chromium or Chrome, or name one with CHROMIUM=/path/to/it, or run `playwright install chromium`."

# Chromium refuses its sandbox to root; only pages of this machine are opened.
AS_ROOT = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []


def starts(program: str) -> bool:
    """Whether the program runs at all: some systems ship a `chromium` that only says where to get one."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and b"Chrom" in done.stdout


def find() -> str | None:
    """Path of a browser that starts, or None. Raises RuntimeError if CHROMIUM names one that does not."""
    named = os.environ.get("CHROMIUM")
    if named:
        if not starts(named):
            raise RuntimeError(f"CHROMIUM={named} does not start. {REMEDY}")
        return named
    installed = [path for name in NAMES if (path := shutil.which(name))]
    for program in [*installed, *filter(os.path.exists, MAC_APPS), *_playwrights_own()]:
        if starts(program):
            return program
    return None


def _playwrights_own() -> list[str]:
    # Asked in a process of its own: the caller may have a Playwright loop running already.
    ask = "import playwright.sync_api as p\nwith p.sync_playwright() as q: print(q.chromium.executable_path)"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True)
    return [path for path in done.stdout.splitlines() if os.path.exists(path)]


def bring() -> None:
    """Install a browser, by the system's packages if we may, else by Playwright."""
    quiet = {"stdin": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        print("No Chromium or Chrome found: installing Debian's package chromium.", flush=True)
        subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], check=False, **quiet)
        if find():
            return
    print("No Chromium or Chrome found: fetching Playwright's build of it.", flush=True)
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False, **quiet)


def main() -> None:
    try:
        if not find():
            bring()
        program = find()
    except RuntimeError as error:
        sys.exit(str(error))
    if not program:
        sys.exit(f"The tests need a browser and none could be installed. {REMEDY}")
    print(f"Browser for the tests: {program}")


if __name__ == "__main__":
    main()
