"""Several processes of the course, as deploy/ starts them, and deploy's nginx before them, all on loopback ports."""

import contextlib
import getpass
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.servers import ROOT, Course, Process, free_port
from deploy.processes import processes

SITE = ROOT / "deploy" / "nginx.conf"
WARM_WITHIN = 400.0  # seconds: several processes warm up on the same cores
# What Debian's own nginx.conf says around a site, in a folder that needs no rights.
AROUND = """{user}
daemon off;
worker_processes auto;
pid {folder}/pid;
error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    default_type application/octet-stream;
    sendfile on;
    tcp_nopush on;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/processes.conf;
    include {folder}/site.conf;
}}
"""


def site(port: int, cache: str) -> str:
    """deploy's site, listening on this port of the loopback, with this folder for its cache."""
    text = SITE.read_text(encoding="utf-8")
    text = re.sub(r"^ *listen \[::\].*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"listen 80;", f"listen 127.0.0.1:{port};", text)
    return text.replace("/var/cache/nginx/inversion", cache)


def nginx() -> str | None:
    """The program, which Debian keeps out of the path of ordinary users."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def prepare(folder: Path, port: int, servers: list[int]) -> Path:
    """Write a configuration of which everything lies in `folder`."""
    # Started by root, the workers would become a user who may not write here.
    user = f"user {getpass.getuser()};" if hasattr(os, "geteuid") and os.geteuid() == 0 else ""
    (folder / "processes.conf").write_text(processes(servers), encoding="utf-8")
    (folder / "site.conf").write_text(site(port, f"{folder}/cache"), encoding="utf-8")
    main = folder / "nginx.conf"
    main.write_text(AROUND.format(user=user, folder=folder), encoding="utf-8")
    return main


def balancer(servers: list[int], folder: Path) -> Process:
    """nginx before the servers on these ports. Raises RuntimeError where there is none."""
    program = nginx()
    if program is None:
        raise RuntimeError("no nginx here; on Debian: apt install nginx-light")
    port = free_port()
    main = prepare(folder, port, servers)
    return Process([program, "-p", str(folder), "-c", str(main)], f"http://127.0.0.1:{port}").wait()


@contextlib.contextmanager
def cluster(count: int, behind: bool) -> Iterator[tuple[list[str], list[Process], Process | None]]:
    """So many warm processes: the addresses that students use, the processes, and the balancer or None."""
    with contextlib.ExitStack() as stack:
        servers = []
        for _ in range(count):
            server = Course()
            stack.callback(server.close)
            servers.append(server)
        print(f"warming up {count} server{'s' if count > 1 else ''} …", file=sys.stderr, flush=True)
        for server in servers:
            server.wait()
        for server in servers:
            server.settle(WARM_WITHIN)
        if not behind:
            yield [server.url for server in servers], servers, None
            return
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        front = balancer([int(server.url.rpartition(":")[2]) for server in servers], folder)
        stack.callback(front.close)
        yield [front.url], servers, front
