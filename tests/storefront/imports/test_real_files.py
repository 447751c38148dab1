"""The public catalogues and stores give exactly the totals that were counted from the files by others."""

import importlib
from pathlib import Path

import pytest

from scripts.real_sets.context import Context
from storefront.settings import Settings
from tenants.kernel.ids import new_id
from tenants.kernel.scope import Database

DATA = Path(__file__).parents[4] / "shared/data"


@pytest.mark.parametrize(
    "name", ["catalogue_litemall", "catalogue_mall", "catalogue_barcode_cn", "catalogue_shopify", "stores_cn"]
)
async def test_every_figure_agrees(name: str, database: Database, settings: Settings, tmp_path: Path) -> None:
    module = importlib.import_module(f"scripts.real_sets.{name}")
    if not (DATA / module.FOLDER).is_dir():
        pytest.skip(f"{module.FOLDER} is not here")
    context = Context(
        database=database,
        folder=DATA,
        keys=settings.key_ring(),
        reports=tmp_path,
        prefix=f"real-{new_id().hex[-8:]}",
    )
    figures = await module.run(context)
    assert [figure.name for figure in figures if not figure.agrees] == []
    assert len(figures) > 5
