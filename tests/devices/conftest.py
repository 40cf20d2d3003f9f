"""Every test of this room that speaks MQTT gets a real broker."""

from tests.broker import broker

__all__ = ["broker"]
