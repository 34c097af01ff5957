"""Start the course on one port, say where it is, and open the browser once it answers.

`streamlit run` opens no browser for an `st.App`, and asks another host for this machine's public address when
it listens on every interface: so both are settled here. Reads HOST (localhost), PORT (8501, or the next free
one) and HEADLESS (any value but empty or 0: no browser) from the environment.
"""

import contextlib
import errno
import gc
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser
from pathlib import Path

APP = Path(__file__).resolve().parent.parent / "app.py"
FIRST_PORT, TRIES = 8501, 20
ASKING, PATIENCE = 0.05, 120.0  # seconds between two looks at whether the server answers, and how long it is asked
WILDCARDS = {"0.0.0.0", "::"}


def is_free(host: str, port: int) -> bool:
    """Whether `host:port` can be listened on. Raises OSError where `host` is no address of this machine."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
        return True


def choose_port(host: str, wanted: str) -> int:
    """The port asked for, or the first free one from 8501 on. Exits with the reason where there is none."""
    if wanted:
        if not wanted.isdecimal() or not 0 < int(wanted) < 65536:
            sys.exit(f"PORT={wanted} is no port: give a number from 1 to 65535.")
        if not is_free(host, int(wanted)):
            sys.exit(f"Port {wanted} is taken or not allowed. Stop what runs there, or try PORT=8600 make run.")
        return int(wanted)
    for port in range(FIRST_PORT, FIRST_PORT + TRIES):
        if is_free(host, port):
            if port != FIRST_PORT:
                print(f"Port {FIRST_PORT} is taken, perhaps by this course in another window: using {port}.")
            return port
    sys.exit(f"Ports {FIRST_PORT} to {FIRST_PORT + TRIES - 1} are all taken. Name a free one with PORT=...")


def shown_host(host: str) -> str:
    """What others type in their browser: for "every interface", this machine's address in its network."""
    if host not in WILDCARDS:
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Connecting a datagram socket sends nothing: it only asks the system which address it would use.
            probe.connect(("192.0.2.1", 9))
            return probe.getsockname()[0]
        except OSError:
            return socket.gethostname()


def open_when_ready(url: str) -> None:
    """Open `url` in the user's browser as soon as the server answers; give up after two minutes."""
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
                webbrowser.open(url)
                return
        except (urllib.error.URLError, OSError):
            time.sleep(ASKING)


def has_screen() -> bool:
    """Whether a browser window can appear: on Linux a text browser would take over the terminal instead."""
    return sys.platform != "linux" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def main() -> None:
    host = os.environ.get("HOST") or "localhost"
    try:
        port = choose_port(host, os.environ.get("PORT", ""))
    except OSError as error:
        sys.exit(f"Cannot listen on HOST={host}: {error.strerror or error}.")
    address = shown_host(host)
    if os.environ.get("HEADLESS", "") in ("", "0") and has_screen():
        local = "localhost" if host in WILDCARDS else host
        subprocess.Popen([sys.executable, __file__, f"http://{local}:{port}"])
    # Streamlit reads its settings from the folder it runs in, and the app imports its packages from there.
    os.chdir(APP.parent)
    sys.path[0] = str(APP.parent)
    options = {"server.address": host, "server.port": str(port), "browser.serverAddress": address}
    serve([part for name, value in options.items() for part in (f"--{name}", value)])


def serve(flags: list[str]) -> None:
    """Run Streamlit until Ctrl-C."""
    # There is no garbage among what is imported, and looking for it costs a tenth of the time. pages/ui/startup.py
    # goes on with the import and enables the search at its end.
    gc.disable()
    # Ctrl-C is how the course is meant to be ended, so it is no error, in the first second neither.
    with contextlib.suppress(KeyboardInterrupt):
        # Not at the top: this takes a second, and the process that waits to open the browser has no use for it.
        import click
        from streamlit.web import cli

        with contextlib.suppress(click.Abort):
            cli.main(["run", APP.name, *flags], prog_name="streamlit", standalone_mode=False)


if __name__ == "__main__":
    open_when_ready(sys.argv[1]) if sys.argv[1:] else main()
