"""Alembic's environment: online only, the address comes from the caller."""

from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import create_engine

import models
from models.base import Base, UtcDateTime

assert models.__all__  # noqa: S101 - importing the package makes every table known


def in_plain_types(kind: str, item: object, _context: AutogenContext) -> str | Literal[False]:
    """Write our own column types as SQLAlchemy's, so that old migrations need no code of ours."""
    return (
        "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False
    )


def run() -> None:
    """Run the migrations in one transaction a revision."""
    engine = create_engine(context.config.attributes["url"])
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=False,
            transaction_per_migration=True,
            compare_type=True,
            render_item=in_plain_types,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
