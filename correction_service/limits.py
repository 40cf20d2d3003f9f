"""How often one address may try the doors: sign-in, activation, PIN."""

from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

limiter = Limiter(get_remote_address, storage_uri="memory://")
DOOR = "20 per minute"
