"""What lies in deploy/: it names what exists, nginx accepts it, a seat holds for all that a page asks for."""

import configparser
import http.client
import http.server
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from benchmarks import cluster
from deploy.processes import processes
from pages.ui import stream
from pages.ui.stage.assets import ASSETS

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
needs_nginx = pytest.mark.skipif(cluster.nginx() is None, reason="no nginx here")


def locations() -> dict[str, str]:
    """Address or pattern -> the lines of its block."""
    text = cluster.SITE.read_text(encoding="utf-8")
    return dict(re.findall(r"^ +location (?:[=~] )?(\S+) \{\n(.*?)^ +\}", text, re.MULTILINE | re.DOTALL))


def unit() -> configparser.ConfigParser:
    found = configparser.ConfigParser(strict=False, interpolation=None)
    found.optionxform = str
    found.read(DEPLOY / "inversion@.service")
    return found


def test_the_session_may_become_a_websocket_of_its_own_origin():
    block = locations()["/_stcore/stream"]
    for line in ("Host $http_host", "Upgrade $http_upgrade", 'Connection "upgrade"'):
        assert f"proxy_set_header {line};" in block
    assert "proxy_read_timeout 2m;" in block  # Streamlit's ping comes every 30 s


def test_a_jobs_pictures_are_held_back_by_nothing():
    (route,) = stream.routes()
    block = next(block for place, block in locations().items() if route.path.startswith(place) and place != "/")
    assert "proxy_buffering off;" in block and "gzip off;" in block and "proxy_read_timeout 2m;" in block
    assert stream.SILENCE < 60


def test_what_may_be_kept_for_a_year_is_kept_and_nothing_else():
    (pattern,) = [place for place, block in locations().items() if "proxy_cache " in block]
    assert all(re.match(pattern, asset.url) for asset in ASSETS.values())
    assert re.match(pattern, "/static/js/index.js")
    assert not any(re.match(pattern, path) for path in ("/", "/crux", "/job/x/events", "/_stcore/health", "/sweep/x"))


def test_every_place_asks_the_process_of_the_seat():
    assert all("proxy_pass http://$inversion_process;" in block for block in locations().values())
    given = [place for place, block in locations().items() if "add_header Set-Cookie $inversion_new_seat" in block]
    assert given == ["/", "/_stcore/stream"]  # what a session begins with, and never what all share


def test_the_readme_starts_what_nginx_asks():
    service = unit()["Service"]
    readme = (DEPLOY / "README.md").read_text(encoding="utf-8")
    ports = re.search(r"python3 deploy/processes.py ([\d ]+) \|", readme)[1].split()
    assert len(ports) >= 2 and all(f"inversion@{port}" in readme for port in ports)
    folder = Path(service["WorkingDirectory"])
    program, script = service["ExecStart"].split()
    assert (ROOT / script).exists() and Path(program).is_relative_to(folder)


def test_the_others_are_only_asked_where_a_seats_own_process_is_silent():
    text = processes([8601, 8602, 8603])
    groups = dict(re.findall(r"^upstream (\w+) \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL))
    assert groups["inversion"].count("server ") == 3 and "backup" not in groups["inversion"]
    assert "zone inversion_processes" in groups["inversion"]
    for port in (8601, 8602, 8603):
        first, *others = re.findall(r"server 127\.0\.0\.1:(\d+) max_fails=0( backup)?;", groups[f"inversion_{port}"])
        assert first == (str(port), "")
        assert others == [(str(other), " backup") for other in (8601, 8602, 8603) if other != port]
        assert f"    {port} inversion_{port};\n" in text


@pytest.mark.parametrize("ports", [[], ["8601", "none"], ["0"], ["65536"]])
def test_a_port_that_is_none_is_refused(ports):
    script = [sys.executable, str(DEPLOY / "processes.py")]
    refused = subprocess.run([*script, *ports], capture_output=True, text=True)
    assert refused.returncode == 1 and "1 to 65535" in refused.stderr and not refused.stdout
    assert subprocess.run([*script, "8601", "8602"], capture_output=True, text=True).stdout == processes([8601, 8602])


def test_the_unit_starts_what_make_run_starts():
    text = (DEPLOY / "inversion@.service").read_text(encoding="utf-8")
    assert "Environment=HOST=127.0.0.1 PORT=%i HEADLESS=1" in text
    serve = (ROOT / "tools" / "serve.py").read_text(encoding="utf-8")
    assert all(f'environ.get("{name}"' in serve for name in ("HOST", "PORT", "HEADLESS"))
    assert "tools/serve.py" in (ROOT / "Makefile").read_text(encoding="utf-8")
    cache = re.search(r"XDG_CACHE_HOME=(\S+)", text)[1]
    assert cache == f"/var/cache/{unit()['Service']['CacheDirectory']}"


@needs_nginx
def test_nginx_accepts_it(tmp_path):
    main = cluster.prepare(tmp_path, 18080, [18601, 18602, 18603])
    said = subprocess.run([cluster.nginx(), "-t", "-p", str(tmp_path), "-c", str(main)], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    assert "warn" not in said.stderr


class Named(http.server.ThreadingHTTPServer):
    """A server that says its port, and on a job's address streams one frame, and the next once it is allowed to."""

    daemon_threads = True

    def __init__(self, port=0):
        super().__init__(("127.0.0.1", port), Answer)
        self.go_on, self.asked = threading.Event(), []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path == "/_stcore/stream" and "Upgrade" in self.headers:
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            self.end_headers()
            self.close_connection = True
            return
        self.send_response(404 if self.path == "/nowhere" else 200)
        if not self.path.startswith("/job/"):
            body = str(self.server.server_port).encode()
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"data: one\n\n")
        self.server.go_on.wait(20)
        self.wfile.write(b"data: two\n\n")
        self.close_connection = True

    def log_message(self, *_):
        """Silence."""


@pytest.fixture
def front(tmp_path):
    """deploy's nginx before two servers: its address, and they."""
    servers = [Named(), Named()]
    balancer = cluster.balancer([server.server_port for server in servers], tmp_path)
    yield balancer.url, servers
    balancer.close()
    for server in servers:
        server.shutdown()
        server.server_close()


def ask(url, path, seat=None, **headers):
    """Which process answers, and the seat that it gives, if any."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    connection.request("GET", path, headers=headers | ({"Cookie": f"inversion_seat={seat}"} if seat else {}))
    answer = connection.getresponse()
    given = answer.headers.get("Set-Cookie")
    said = answer.read().decode()
    connection.close()
    return said, given and re.fullmatch(r"inversion_seat=(\w+); Path=/; HttpOnly; SameSite=Lax", given)[1]


@needs_nginx
def test_who_comes_is_dealt_out_in_turn_and_a_seat_names_the_process(front):
    url, servers = front
    found = [ask(url, "/crux") for _ in range(20)]
    assert all(port == seat for port, seat in found)
    assert {found.count((str(server.server_port),) * 2) for server in servers} == {10}


@needs_nginx
def test_a_seat_leads_to_the_same_process_for_all_that_a_page_asks_for(front):
    url, servers = front
    for seat in (str(server.server_port) for server in servers):
        for _ in range(3):
            # Who has a seat keeps it.
            assert {ask(url, path, seat) for path in ("/", "/_stcore/health", "/_stcore/stream", "/sweep/x")} == {
                (seat, None)
            }
    known = {str(server.server_port) for server in servers}
    for stranger in ("1", "0123456789abcdef", known.pop() + "0"):
        _, seat = ask(url, "/", stranger)  # a cookie of an earlier installation
        assert seat in {str(server.server_port) for server in servers}


@needs_nginx
def test_who_has_no_process_gets_the_seat_where_the_session_is_then(front):
    url, servers = front
    first, second = (str(server.server_port) for server in servers)
    servers[0].shutdown()
    servers[0].server_close()
    for path in ("/", "/nowhere", "/_stcore/health", "/sweep/x", "/_stcore/stream"):
        assert ask(url, path, first) == (
            second,
            None,
        )  # no session yet: the lost process may be back before there is one
    assert ask(url, "/_stcore/stream", first, Upgrade="websocket", Connection="Upgrade")[1] == second
    servers[0] = Named(int(first))
    assert {ask(url, "/", second) for _ in range(3)} == {(second, None)}  # the session stays where it is
    assert ask(url, "/_stcore/stream", second, Upgrade="websocket", Connection="Upgrade")[1] is None
    assert ask(url, "/", first) == (first, None)


@needs_nginx
def test_a_file_named_after_its_content_is_asked_for_once_by_all(front):
    url, servers = front
    place = ASSETS["stage.js"].url
    assert len({ask(url, place, str(servers[i % 2].server_port)) for i in range(10)}) == 1
    assert sum(server.asked.count(place) for server in servers) == 1


@needs_nginx
def test_a_jobs_picture_is_there_before_the_next_one_is_made(front):
    url, servers = front
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    connection.request("GET", "/job/token/events", headers={"Accept-Encoding": "gzip"})
    answer = connection.getresponse()
    assert answer.readline() == b"data: one\n"
    for server in servers:
        server.go_on.set()
    assert answer.read() == b"\ndata: two\n\n"
    assert answer.headers.get("Content-Encoding") is None
    connection.close()
