"""A TCP relay in front of a server on this machine, which a test cuts and opens again."""

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Relay:
    """Passes bytes between clients of its own port and `target`; `cut` drops all connections."""

    def __init__(self, target: tuple[str, int]):
        self._target, self._connections = target, set[socket.socket]()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._listener: socket.socket | None = None
        self.open()

    def open(self) -> None:
        """Listen, again after `cut` on the same port."""
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """Drop every connection; new ones are refused."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._pass, args=(client,), daemon=True).start()

    def _pass(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(self._target) as server:
            self._connections |= {client, server}
            try:
                with selectors.DefaultSelector() as selector:
                    selector.register(client, selectors.EVENT_READ, server)
                    selector.register(server, selectors.EVENT_READ, client)
                    while True:
                        for key, _ in selector.select():
                            data = key.fileobj.recv(1 << 16)
                            if not data:
                                return
                            key.data.sendall(data)
            finally:
                self._connections -= {client, server}


@contextmanager
def relayed(address: str) -> Iterator[tuple[str, Relay]]:
    """Give the address of a relay in front of `address` ("http://host:port/"), and the relay."""
    host, _, port = address.removeprefix("http://").rstrip("/").partition(":")
    relay = Relay((host, int(port)))
    try:
        yield f"http://127.0.0.1:{relay.port}/", relay
    finally:
        relay.cut()
