"""Whether the revisions give exactly the tables, CHECKs and grants that the models declare.

Migrates a throw-away database and prints every difference.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from storefront.embedded.servers import start_servers
from storefront.migrations.drift import differences
from storefront.migrations.run import on_connection, upgrade
from storefront.provision import MIGRATOR, provision


async def _compare(superuser_url: str, migrator_url: str) -> list[str]:
    await provision(superuser_url, database="storefront")
    await upgrade(migrator_url)
    return await on_connection(migrator_url, differences)


def main() -> int:
    """Print the differences; 0 if there are none."""
    with tempfile.TemporaryDirectory(prefix="storefront-schema-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        servers = start_servers(home, throwaway=True, with_valkey=False)
        try:
            lines = asyncio.run(_compare(servers.superuser_url, servers.database_url(MIGRATOR)))
        finally:
            servers.stop()
    for line in lines:
        print(line)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
