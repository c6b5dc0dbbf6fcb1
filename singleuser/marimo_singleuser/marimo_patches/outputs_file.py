"""A notebook's kept outputs are written whole, and again after the disk was full.

WORKAROUND(marimo 0.25.2): on a full disk the outputs that were kept are lost, and no more are kept.
marimo empties the file before it writes it, and its writer ends at the first error. Here the file
is replaced by a whole one, an error is tried again, and nothing is written while the user's files,
or those of the team, take more than they may (`marimo_singleuser.disk`), or into a part of the
team's folder that the user only reads.
Test: test_outputs_that_cannot_be_written_stay_as_they_were
"""

import asyncio
import contextlib
import json
from pathlib import Path

from marimo._session.state import serialize
from mosshub_contract import disk_limit
from mosshub_contract.files import write_atomically

from marimo_singleuser.team.places import is_teams, may_be_written

_AGAIN_S = 30.0


async def run_and_try_again(self: serialize.SessionCacheWriter) -> None:
    """Write the outputs whenever they have changed, until the notebook is closed."""
    unwritten = False
    while self.running:
        if unwritten or self.session_view.needs_export("session"):
            self.session_view.mark_auto_export_session()
            unwritten = not await _write(self)
        await asyncio.sleep(_AGAIN_S if unwritten else self.interval)


async def _write(writer: serialize.SessionCacheWriter) -> bool:
    """Write the outputs; return whether that worked."""
    notebook = str(writer.notebook_path)
    if not may_be_written(notebook):
        return True
    if disk_limit.is_team_reached() if is_teams(notebook) else disk_limit.is_reached():
        return False
    try:
        data = serialize.serialize_session_view(
            writer.session_view,
            cell_ids=writer.document.cell_ids,
            script_metadata_hash=serialize._script_metadata_hash(writer.notebook_path),
            drop_virtual_file_outputs=True,
        )
        text = json.dumps(data, indent=2)
        await asyncio.to_thread(write_atomically, Path(str(writer.path)), text)
    except Exception as error:  # of an output of any kind
        with contextlib.suppress(OSError):  # the log may be full as well
            serialize.LOGGER.error("Outputs are not kept: %s", error)
        return False
    return True


def install() -> None:
    """Make marimo write outputs so, in this process."""
    serialize.SessionCacheWriter.run = run_and_try_again  # type: ignore[method-assign]
