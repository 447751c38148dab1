"""The demonstration's pages: each brand's own, and the pop-up's and the mall store's own touches on it."""

from datetime import datetime

from storefront.demo.shapes import DemoBrand
from tenants.kernel.scope import Writing


async def decorate(db: Writing, brand: DemoBrand, *, created_by: str, now: datetime) -> None:
    """Publish the brand's home page and the stores' layers on it."""
