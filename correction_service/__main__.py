"""`python -m correction_service` is the command `correction-service`."""

from correction_service.cli import main

main()
