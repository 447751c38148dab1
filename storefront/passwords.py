"""Password hashing with argon2id, in threads of its own and few at a time: one hash takes 64 MiB and a tenth of a second."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

AT_ONCE = 2
Result = TypeVar("Result")


class Argon2Passwords:
    """Answers the ground floor's `PasswordHasher`."""

    def __init__(self, *, memory_kib: int = 65_536, rounds: int = 3, lanes: int = 4) -> None:
        """Take the library's defaults (RFC 9106's second choice) unless told otherwise; tests take less memory."""
        self._hasher = PasswordHasher(time_cost=rounds, memory_cost=memory_kib, parallelism=lanes)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="passwords")
        # In a thread: it takes a tenth of a second, which a starting process has better uses for.
        self._decoy = self._threads.submit(self._hasher.hash, "nobody has this password")

    async def hash(self, password: str) -> str:
        """Hash a new password."""
        return await self._run(partial(self._hasher.hash, password))

    async def verify(self, password: str, *, against: str | None) -> bool:
        """Whether the password belongs to the hash; with no hash it takes just as long and says no."""
        decoy = await asyncio.wrap_future(self._decoy)
        right = await self._run(partial(self._matches, password, against or decoy))
        return right and against is not None

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False)

    def _matches(self, password: str, stored: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: partial[Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
