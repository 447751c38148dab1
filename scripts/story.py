"""Tell the whole story against a running storefront: a brand, its files, a collected order, a partial refund, the month's end.

    storefront up                                         # in one terminal
    python scripts/story.py --url http://127.0.0.1:8000   # in another

Every step prints what was asked and what came back. Needs the demonstration and the WeChat simulator that `storefront up` starts;
exits 1 at the first answer that is not what it should be.
"""

import argparse
import asyncio
import sys
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import httpx

from scripts.story_chapters import Cast, Login, Stage, StoryBroken, Told, tell
from storefront.adapters.outbound import open_http_client
from storefront.cli.home import database_url_of, settings_for_command
from storefront.cli.seed import kept_report
from storefront.demo.report import DemoReport
from storefront.embedded.folder import default_home
from storefront.simulators.remote import SimulatorControl
from tenants.directory import tenant_coded
from tenants.kernel.scope import open_database

SIMULATOR_OFFSET = 100


def cast_of(report: DemoReport) -> Cast:
    """The demonstration's first brand as the cast: its store in the mall, where its first guide works."""
    brand = report.brands[0]

    def login(name: str) -> Login:
        found = next(
            each for each in report.logins if each.login == name and each.tenant_code in {brand.code, None}
        )
        return Login(found.login, found.password)

    place = next(
        each.place for each in report.logins if (each.tenant_code, each.login) == (brand.code, "mall-guide")
    )
    return Cast(
        code=brand.code, appid=brand.appid, store_id=brand.stores[place], elsewhere_id=brand.flagship_id,
        scene_code=brand.scene_code, operator=login("operator"), counter=login("mall-guide"),
        other_counter=login("guide"), finance=login("finance"),
    )  # fmt: skip


async def play(url: str, *, simulator: str, home: Path) -> Told:
    """Play against a running storefront, with the cast that its demonstration left in the data folder."""
    report = kept_report(home)
    if report is None:
        raise StoryBroken(
            f"there is no demonstration in {home}: name the data folder of `storefront up` with --data"
        )
    cast = cast_of(report)
    database = open_database(database_url_of(settings_for_command(home)), pool_size=2)
    try:
        async with database.platform() as db:
            tenant_id = await tenant_coded(db, cast.code)
        if tenant_id is None:
            raise StoryBroken(f"the database has no brand {cast.code}")
        async with open_http_client() as http, httpx.AsyncClient(trust_env=False) as vendor:
            return await tell(
                cast,
                stage=Stage(http, url=url, say=print),
                control=SimulatorControl(simulator, vendor),
                tenant=database.tenant(tenant_id),
            )
    finally:
        await database.close()


def main() -> None:
    """Read the arguments and play."""
    parser = argparse.ArgumentParser(description="Tell the whole story against a running storefront.")
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="the API's address")
    parser.add_argument(
        "--simulator", help="the WeChat simulator's address; default: the API's port plus 100"
    )
    parser.add_argument("--data", type=Path, help="the data folder of `storefront up`; default: the system's")
    arguments = parser.parse_args()
    parts = urlsplit(arguments.url)
    simulator = arguments.simulator or f"http://{parts.hostname}:{(parts.port or 80) + SIMULATOR_OFFSET}"
    try:
        told = asyncio.run(
            play(arguments.url, simulator=simulator, home=default_home(configured=arguments.data))
        )
    except (StoryBroken, LookupError, httpx.HTTPError) as error:
        print(f"\nThe story broke: {type(error).__name__} {error}")
        sys.exit(1)
    print(f"\nAll told: order {told.order_id}, {told.paid_fen} fen paid, {told.refunded_fen} fen given back.")


if __name__ == "__main__":
    main()
