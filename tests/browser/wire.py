"""A network between a browser and the app that can be cut and mended: a port that passes on all bytes, both ways."""

import contextlib
import socket
import threading


class Wire:
    """Listens on `url`'s port and connects to the app's. Close it: it owns threads and sockets."""

    def __init__(self, port: int) -> None:
        self._to, self._ends = port, set()
        self._guard, self._up = threading.Lock(), True
        self._listener = socket.create_server(("localhost", 0))
        self.url = f"http://localhost:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Every connection breaks, and none can be made."""
        with self._guard:
            self._up = False
            ends = list(self._ends)
        for end in ends:
            _shut(end)

    def mend(self) -> None:
        """New connections are possible again."""
        with self._guard:
            self._up = True

    def close(self) -> None:
        _shut(self._listener)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                with self._guard:
                    up = self._up
                    if up:
                        far = socket.create_connection(("localhost", self._to))
                        self._ends |= {near, far}
                if not up:
                    near.close()
                    continue
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := one.recv(65536):
                other.sendall(piece)
        for end in (one, other):
            _shut(end)
        with self._guard:
            self._ends.discard(one)
        one.close()


def _shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
