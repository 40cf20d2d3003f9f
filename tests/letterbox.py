"""A mail server that is real on the wire: EHLO, STARTTLS or TLS, AUTH PLAIN, one message a time."""

import base64
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from tests.devices.test_link import certify


@dataclass
class Letterbox:
    """What came in; `refuses` answers MAIL with a passing failure."""

    port: int = 0
    ca_file: Path = Path()
    refuses: bool = False
    letters: list[tuple[str, EmailMessage]] = field(default_factory=list)
    signed_in: list[str] = field(default_factory=list)
    in_the_clear: list[str] = field(default_factory=list)
    hung_up: int = 0

    def bodies(self) -> list[str]:
        return [str(letter.get_content()) for _, letter in self.letters]


@contextmanager
def letterbox(folder: Path, *, tls: bool = False) -> Iterator[Letterbox]:
    """Serve on a free port; `tls` from the first byte, else by STARTTLS."""
    kept = Letterbox()
    kept.ca_file, secret = certify(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(kept.ca_file, secret)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            visit = None
            try:
                if tls:
                    self.request = context.wrap_socket(self.request, server_side=True)
                visit = Conversation(self.request, kept, context)
                visit.hold()
            except OSError:
                kept.hung_up += 1  # a client that distrusts us
            finally:
                if visit is not None:
                    visit.close()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        kept.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield kept
        server.shutdown()
        thread.join()


class Conversation:
    """One client's visit."""

    def __init__(self, connection: socket.socket, kept: Letterbox, context: ssl.SSLContext) -> None:
        self._connection, self._kept, self._context = connection, kept, context
        self._to = ""

    def hold(self) -> None:
        """Answer line by line until the client goes."""
        self._say("220 letterbox")
        while line := self._line():
            verb, _, rest = line.partition(" ")
            if not isinstance(self._connection, ssl.SSLSocket):
                self._kept.in_the_clear.append(verb.upper())
            answer = getattr(self, verb.lower(), None)
            self._say(answer(rest) if answer else "250 yes")
            if verb.upper() == "STARTTLS":
                self._connection = self._context.wrap_socket(self._connection, server_side=True)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def ehlo(self, _: str) -> str:
        return "250-letterbox\r\n250-STARTTLS\r\n250 AUTH PLAIN"

    def starttls(self, _: str) -> str:
        return "220 go on"

    def auth(self, rest: str) -> str:
        self._kept.signed_in.append(base64.b64decode(rest.partition(" ")[2]).decode())
        return "235 welcome"

    def mail(self, _: str) -> str:
        return "451 try later" if self._kept.refuses else "250 yes"

    def rcpt(self, rest: str) -> str:
        self._to = rest.partition("<")[2].rstrip(">")
        return "250 yes"

    def data(self, _: str) -> str:
        self._say("354 go on")
        raw = b""
        while not raw.endswith(b"\r\n.\r\n"):
            raw += self._connection.recv(4096)
        letter = message_from_bytes(raw.removesuffix(b".\r\n"), policy=policy.default)
        self._kept.letters.append((self._to, letter))
        return "250 kept"

    def quit(self, _: str) -> str:
        return "221 bye"

    def _say(self, line: str) -> None:
        self._connection.sendall(f"{line}\r\n".encode())

    def _line(self) -> str:
        """A client of SMTP says one line and waits for the answer."""
        return self._connection.recv(4096).decode().strip()
