"""`python3 deploy/processes.py 8601 8602`: nginx's lines about processes on these ports, for /etc/nginx/conf.d."""

import sys

# Zone: nginx's own workers deal out in common, else each would begin with the first process.
TEXT = """\
# Written by deploy/processes.py {ports}

# Who comes for the first time is dealt out in turn. Where a process does not answer, the next one does, each request
# anew: with max_fails, one lost connection would send a whole share of the class elsewhere for ten seconds. For the
# same reason no connections are kept: the processes close them after five seconds, and nginx may send into that.
upstream inversion {{
    zone inversion_processes 64k;
{everyone}}}

# Who has a seat is sent to its process, and to the others only while that one does not answer.
{groups}
map $cookie_inversion_seat $inversion_process {{
    default inversion;
{seats}}}
"""
GROUP = """\
upstream inversion_{port} {{
    server 127.0.0.1:{port} max_fails=0;
{others}}}
"""


def processes(ports: list[int]) -> str:
    """A group of all processes, one for the seats at each of them, and the map from seats to groups."""
    return TEXT.format(
        ports=" ".join(map(str, ports)),
        everyone="".join(f"    server 127.0.0.1:{port} max_fails=0;\n" for port in ports),
        groups="\n".join(_group(port, [other for other in ports if other != port]) for port in ports),
        seats="".join(f"    {port} inversion_{port};\n" for port in ports),
    )


def _group(port: int, others: list[int]) -> str:
    lines = "".join(f"    server 127.0.0.1:{other} max_fails=0 backup;\n" for other in others)
    return GROUP.format(port=port, others=lines)


if __name__ == "__main__":
    if not sys.argv[1:] or not all(port.isdecimal() and 0 < int(port) < 65536 for port in sys.argv[1:]):
        sys.exit("Name the processes' ports, each from 1 to 65535: python3 deploy/processes.py 8601 8602")
    print(processes([int(port) for port in sys.argv[1:]]), end="")
