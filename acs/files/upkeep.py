"""What the file server does by itself: forget what is old, clear what a crash left."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from acs.files.folder import Folder
from acs.store.files import prune_files_thd, stored_uploads_thd
from acs.store.queues import Queues


async def prune(
    queues: Queues,
    folder: Folder,
    now: float,
    keep_days: float,
    in_thread: Callable[..., Deferred[None]],
) -> None:
    """Forget uploads older than ``keep_days``; ``now`` in epoch seconds.

    Their rows go first: a crash in between leaves files that the next sweep clears.
    """
    gone = await queues.run("prune files", prune_files_thd, now, keep_days)
    known = await queues.run("uploads", stored_uploads_thd)

    def clear() -> None:
        for stored in gone.uploads:
            folder.drop(stored)
        folder.sweep(known, now)

    await in_thread(clear)
