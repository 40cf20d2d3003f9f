"""A listener in a process of its own, to be killed: it prints what it handled, then may hang."""

import sys
import threading

from devices.link import MqttSettings
from devices.mqtt import Inbound, Outcome, listen
from devices.topics import uplink


def main(port: int, hang_after: int, name: str = "listener", share: str = "") -> None:
    """Handle messages; once `hang_after` were seen, never return from a batch again."""
    seen = 0

    def handle(batch: list[Inbound]) -> Outcome:
        nonlocal seen
        seen += len(batch)
        for message in batch:
            sys.stdout.write(message.payload.decode() + "\n")
        sys.stdout.flush()
        if seen >= hang_after:
            threading.Event().wait()
        return Outcome()

    settings = MqttSettings(host="127.0.0.1", port=port, client_id=name)
    listen(settings, handle, stop=threading.Event(), subscriptions=uplink(share=share))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
